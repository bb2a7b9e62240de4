"""What a dynamic include brings, on one host: its files and roles one after the other, or side by side.

Comes after ``includes``, which loads them. The include's own limits hold round all that it brings (`lock`, `serial`,
`throttle`), or for each item of its loop (`until`, `retries`, `timeout`, `async`).
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from weft.engine.blocks import section
from weft.engine.group import Body, Group, run_group
from weft.engine.includes import expand
from weft.engine.lockstep import Position, Round
from weft.engine.parallel import Child, children_of, run_children
from weft.engine.signals import HostFailed
from weft.engine.state import Expansion, Shared
from weft.model.nodes import LoopControl, Parallel, Retry, Task, TaskKind

if TYPE_CHECKING:
    from weft.engine.walk import Walk


async def go_into(walk: Walk, task: Task, turn: Round, position: Position) -> None:
    """What a round's includes bring for this host; all hosts see the same expansions, in the same order.

    Raises HostSignal.
    """
    expansions = await expand(walk.batch, walk.lane, task, turn)
    if turn.shared.get(Shared.FATAL) and any(expansion.error is not None for expansion in expansions):
        raise HostFailed(task)
    await _run(walk, task, expansions, position)


async def _run(walk: Walk, task: Task, expansions: Sequence[Expansion], position: Position) -> None:
    host = walk.host.name
    mine = [(number, one) for number, one in enumerate(expansions) if host in one.hosts]

    async def one_by_one(inner: Walk, place: Position) -> None:
        handles: list[dict[str, Any]] = []
        for number, expansion in mine:
            if expansion.error is not None:
                raise HostFailed(task)
            await _one(inner, task, expansion, (*place, number), handles)
        _register(inner, task, handles)

    async def side_by_side(inner: Walk, place: Position) -> None:
        if any(expansion.error is not None for _, expansion in mine):
            raise HostFailed(task)
        handles: list[dict[str, Any]] = []
        children = [_item(task, expansion, handles) for expansion in expansions]
        limit = Parallel(limit=task.loop_control.parallel)
        await run_children(inner, children, limit, whole, (*place, 0))
        _register(inner, task, handles)

    whole = replace(spoken_for(task), retry=Retry(), async_seconds=None)
    whole = replace(whole, common=replace(whole.common, throttle=task.throttle, timeout=None))
    body = one_by_one if task.loop_control.parallel is None else side_by_side
    if whole.lock is None and whole.serial is None and task.throttle is None:
        await body(walk, position)
    else:
        await run_group(walk, Group(task=whole, body=body, nodes=None), (*position, 0))


async def _one(walk: Walk, task: Task, expansion: Expansion, position: Position, handles: list[dict[str, Any]]) -> None:
    """One item's tasks. ``handles`` gets that of the strand that an async item becomes."""
    retry = task.retry
    if task.async_seconds is None and task.timeout is None and not retry.until and retry.retries is None:
        await _tasks_of(task, expansion)(walk, position)
    else:
        await run_group(walk, _item_group(task, expansion, handles), position)


def _item_group(task: Task, expansion: Expansion, handles: list[dict[str, Any]]) -> Group:
    looped = task.loop is not None or task.loop_with is not None
    single = replace(spoken_for(task), lock=None, serial=None)
    if looped:
        single = replace(single, register=None)  # the handles of all items are registered together

    def on_handle(handle: Mapping[str, Any]) -> None:
        handles.append({**handle, **expansion.variables})

    return Group(
        task=single,
        body=_tasks_of(task, expansion),
        nodes=None,
        item=str(expansion.label) if looped else None,
        on_handle=on_handle if looped else None,
    )


def _register(walk: Walk, task: Task, handles: list[dict[str, Any]]) -> None:
    """The handles of an async loop, as the loop of a job has them."""
    if handles and task.register:
        result = {"results": handles, "changed": True, "skipped": False, "msg": "All items completed"}
        walk.run.variables.register(walk.host.name, task.register, result, branch=walk.host.branch)


def _tasks_of(task: Task, expansion: Expansion) -> Body:
    # a role's children stand in a parallel block among its tasks
    parallel = task.parallel if task.kind is TaskKind.INCLUDE_TASKS else None

    async def body(walk: Walk, position: Position) -> None:
        if parallel is None:
            await _within(walk, expansion, walk.nodes(expansion.nodes, position))
        else:
            children = children_of(walk, expansion.nodes)
            await _within(walk, expansion, run_children(walk, children, parallel, task, (*position, 0)))

    return body


async def _within(walk: Walk, expansion: Expansion, work: Coroutine[Any, Any, None]) -> None:
    """``work`` with the variables of an include."""
    outer, items = walk.host.local, walk.host.items
    if expansion.variables:
        walk.host.local = {**outer, **expansion.variables}
        if expansion.role is not None:
            walk.host.items = {**items, expansion.role: expansion.item}
    try:
        with section(walk):
            await work
    except HostFailed as failed:
        if failed.at is None:
            failed.again = 0
        raise
    finally:
        walk.host.local, walk.host.items = outer, items


def _item(task: Task, expansion: Expansion, handles: list[dict[str, Any]]) -> Child:
    label = f"{task.name or task.action} (item={expansion.label})"

    async def body(walk: Walk, position: Position) -> None:
        await _one(walk, task, expansion, position, handles)

    return Child(body=body, label=label, name=None, hosts=frozenset(expansion.hosts))


def spoken_for(task: Task) -> Task:
    """The include as it speaks for what it brings: its condition has been met, its loop is done with."""
    common = replace(task.common, when=(), throttle=None, timeout=task.timeout)
    return replace(
        task,
        id=f"{task.id}-group",
        common=common,
        loop=None,
        loop_with=None,
        loop_control=LoopControl(),
        register=task.register if task.async_seconds is not None else None,
    )
