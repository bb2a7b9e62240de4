"""A task whose turn has come: done on this host, or with `run_once` by one host for all of them.

Comes after ``walk``, which waits for the turn and goes where the outcome leads.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from weft.engine.ahead import ahead_of
from weft.engine.handlers import notify
from weft.engine.lockstep import Round
from weft.engine.ownpace import check_own_pace
from weft.engine.settle import settle, settle_others, take_in, take_over
from weft.engine.signals import HostFailed
from weft.engine.state import Shared
from weft.events import HostStarted, TaskCancelled, TaskInfo
from weft.executor.report import Report
from weft.executor.task import Call
from weft.model.errors import WeftError
from weft.model.nodes import Task
from weft.templating.blocking import evaluate

if TYPE_CHECKING:
    from weft.engine.walk import Walk


async def do(walk: Walk, task: Task, turn: Round) -> None:
    """The task on this host, or for `run_once` on the round's first host for all of them.

    Raises HostFailed, HostUnreachable, and WeftError for what ends the run.
    """
    if walk.batch.lanes.free:
        await check_own_pace(walk.batch, task, walk.names(task))
    elif task.common.run_once is not None or walk.run.find_action(task.fqcn).once:
        await _do_once(walk, task, turn)
        return
    await _execute(walk, task, turn, everywhere=False)


async def _do_once(walk: Walk, task: Task, turn: Round) -> None:
    """Where hosts go their own pace the first to come does it, and the others take what came of it."""
    lane, host = walk.lane, walk.host
    shared = turn.shared if lane.together else lane.once.setdefault(turn.position, {})
    leader = shared.setdefault(Shared.LEADER, turn.hosts[0]) == host.name
    if not await _once(walk, task, shared, leader):
        await _execute(walk, task, turn, everywhere=False)
    elif leader:
        if not task.common.ignore_errors:
            turn.shared[Shared.FATAL] = True
        report_future = _future(shared, Shared.REPORT)
        try:
            everywhere = Shared.EVERYWHERE in shared and lane.strand is None
            report_future.set_result(await _execute(walk, task, turn, everywhere=everywhere))
        except BaseException as error:
            if not report_future.done():
                report_future.set_result(None)
            if isinstance(error, HostFailed):
                error.fatal = True
            raise
    else:
        settle_others(walk.batch, host, task)
        report: Report | None = await asyncio.shield(_future(shared, Shared.REPORT))
        if report is None and (not lane.together or turn.hosts[0] not in turn.failed):
            raise HostFailed(fatal=True)
        if report is not None and Shared.EVERYWHERE in shared and lane.strand is not None:
            take_over(walk.batch, host, task, report, (host.name,))


async def _once(walk: Walk, task: Task, shared: dict[str, object], leader: bool) -> bool:
    """Whether one does it for all: the leader's variables say so."""
    future = _future(shared, Shared.ONCE)
    if leader:
        names = walk.names(task)
        try:
            asked = bool(await evaluate(lambda: walk.run.keywords.one(task, "run_once", names)))
            if asked:
                shared[Shared.EVERYWHERE] = True
            future.set_result(asked or walk.run.find_action(task.fqcn).once)
        except WeftError:
            # the task itself will say what is wrong with its keyword
            future.set_result(False)
        finally:
            if not future.done():
                future.set_result(False)
    value: bool = await asyncio.shield(future)
    return value


async def _execute(walk: Walk, task: Task, turn: Round, *, everywhere: bool) -> Report:
    batch, host = walk.batch, walk.host
    info: TaskInfo = turn.shared[Shared.INFO]  # type: ignore[assignment]
    walk.run.bus.publish(HostStarted(task=info, host=host.name))
    call = Call(
        task=task,
        info=info,
        host=host.name,
        scope=walk.names(task),
        environment=batch.environment,
        take_in=partial(take_in, batch, host, everywhere=everywhere),
        held=host.held,
        deadline=host.deadline,
        ahead=ahead_of(walk, task, *walk.place) if batch.own_ways else None,
    )
    report, shown = await _report(walk, call), False
    if batch.debugs or task.common.debugger is not None:
        from weft.engine.debugger import debugged

        report, shown = await debugged(batch, host, call, report)
    if report.outcome.changed and report.outcome.notify:
        notify(batch, host, report.outcome.notify, task)
    await settle(batch, host, task, turn, report, info, everywhere=everywhere, shown=shown)
    return report


async def _report(walk: Walk, call: Call) -> Report:
    try:
        return await walk.run.executor.run(call)
    except asyncio.CancelledError:
        # when the whole run is, everything that was under way is cut off
        if walk.lane.strand is not None and not walk.run.stopping:
            walk.run.bus.publish(TaskCancelled(task=call.info, host=call.host))
        raise


def _future(shared: dict[str, object], key: str) -> asyncio.Future[Any]:
    future = shared.get(key)
    if future is None:
        future = shared[key] = asyncio.get_running_loop().create_future()
    return future  # type: ignore[return-value]
