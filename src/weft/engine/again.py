"""Attempts at a group of tasks: `until`, `retries`, `delay`, `timeout` on blocks, includes and roles.

Each attempt begins with the group's first task; `ansible_block_attempt` counts them from 1.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from weft.engine.groupreport import fail_by_itself, tell_retry
from weft.engine.lockstep import Position
from weft.engine.signals import HostFailed
from weft.engine.state import Watch
from weft.executor.conditions import holds
from weft.executor.task import Deadline
from weft.executor.terms import Terms
from weft.model.errors import WeftError
from weft.model.values import origin_of
from weft.templating.blocking import evaluate

if TYPE_CHECKING:
    from weft.engine.group import Group
    from weft.engine.walk import Walk

_DEFAULT_RETRIES = 3  # with `until` and without `retries`, as for tasks
_COUNTER = "ansible_block_attempt"


async def attempts(walk: Walk, group: Group, terms: Terms, position: Position) -> None:
    """The group, as often as it takes. Raises HostSignal: the last attempt's."""
    task, host = group.task, walk.host
    most = _most(group, terms)
    outer, host.watch = host.watch, Watch(host.watch)
    number, failure, done = 0, None, False
    try:
        while not done and number < most:
            number += 1
            failure = await _attempt(walk, group, terms, (*position, number), number, most)
            done = failure is None and await _enough(walk, group, number, most)
            if not done and number < most:
                tell_retry(walk, task, _result(host.watch, failure, number), most - number)
                await asyncio.sleep(terms.keywords.delay_after(number))
        result = _result(host.watch, failure, number)
    finally:
        host.watch = outer
    if not done and failure is None:
        result.update(failed=True)
    if task.register and not group.detached:
        walk.run.variables.register(host.name, task.register, result, branch=host.branch)
    if failure is not None:
        raise failure
    if not done:
        where = origin_of(task.retry.until[0]) if task.retry.until else None
        message = f"The 'until' of the block was not met in {most} attempt{'s' if most > 1 else ''}."
        await fail_by_itself(walk, task, WeftError(message, where or task.origin))


def _most(group: Group, terms: Terms) -> int:
    if terms.keywords.retries is not None:
        return 1 + max(0, terms.keywords.retries)
    return 1 + _DEFAULT_RETRIES if group.task.retry.until else 1


async def _attempt(
    walk: Walk, group: Group, terms: Terms, position: Position, number: int, most: int
) -> HostFailed | None:
    """One attempt; the failure that is left behind its own rescue."""
    host = walk.host
    outside, deadline = host.local, host.deadline
    repeated = most > 1
    if repeated:
        host.local = {**outside, _COUNTER: number}
    if group.task.common.timeout is not None and terms.keywords.timeout > 0:
        at = asyncio.get_running_loop().time() + terms.keywords.timeout
        mine = Deadline(at, terms.keywords.timeout, deadline, group.task.id)
        if deadline is None or mine.at < deadline.at:
            host.deadline = mine
    # a failure that is tried again is as good as rescued
    host.rescue_depth += number < most
    try:
        await group.body(walk, position)
    except HostFailed as failed:
        return failed
    finally:
        host.rescue_depth -= number < most
        host.local, host.deadline = outside, deadline
    return None


async def _enough(walk: Walk, group: Group, number: int, most: int) -> bool:
    task = group.task
    if not task.retry.until:
        return True
    names = walk.names(task)
    if most > 1:
        names = names.child({_COUNTER: number})
    try:
        return await evaluate(lambda: holds(task.retry.until, names, walk.run.services.templar))
    except WeftError as error:
        await fail_by_itself(walk, task, error)
        return True


def _result(watch: Watch, failure: HostFailed | None, number: int) -> dict[str, Any]:
    result: dict[str, Any] = {"changed": watch.changed, "failed": failure is not None, "attempts": number}
    if failure is not None and failure.outcome is not None:
        result["msg"] = failure.outcome.result.get("msg", "")
    return result
