"""What users hear of a group of tasks as a whole: that it failed before its first task, that it is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from weft.engine.lockstep import Round
from weft.engine.settle import settle, take_in
from weft.events import Retrying, TaskInfo, TaskStarted
from weft.executor.report import Report
from weft.executor.task import Call
from weft.model.errors import Unreachable, WeftError
from weft.model.nodes import Task, TaskKind

if TYPE_CHECKING:
    from weft.engine.walk import Walk


def info_of(walk: Walk, task: Task) -> TaskInfo:
    """The group as the views show it."""
    return TaskInfo(
        id=f"{task.id}@{walk.lane.strand or ''}",
        name=walk.batch.title(task, walk.host),
        action=task.action,
        origin=task.origin,
        play=walk.batch.play.id,
        no_log=bool(task.common.no_log),
        role=task.role.name if task.role is not None else None,
        tags=task.common.tags,
        strand=walk.lane.strand or walk.batch.title(task, walk.host),
    )


async def fail_by_itself(walk: Walk, task: Task, error: WeftError) -> None:
    """The group can't be begun, or is not what its `until` wants: that is the host's failure.

    Raises HostFailed, HostUnreachable; returns where it is ignored.
    """
    call = _call(walk, task)
    report = walk.run.executor.broken(call, error, unreachable=isinstance(error, Unreachable))
    await _settle(walk, call, report)


async def tell_started(walk: Walk, task: Task, handle: Mapping[str, Any]) -> None:
    """The group runs beside the rest from now on: that is a change, and `register` has its handle."""
    call = _call(walk, task)
    await _settle(walk, call, walk.run.executor.done(call, handle))


def _call(walk: Walk, task: Task) -> Call:
    return Call(
        task=task,
        info=info_of(walk, task),
        host=walk.host.name,
        scope=walk.names(task),
        environment=walk.batch.environment,
        take_in=partial(take_in, walk.batch, walk.host, everywhere=False),
    )


async def _settle(walk: Walk, call: Call, report: Report) -> None:
    if call.task.kind is TaskKind.PLAIN or report.outcome.failed or report.outcome.unreachable:
        # of an include that goes well the views have heard already
        walk.run.bus.publish(TaskStarted(task=call.info))
    # nobody is in step with it: what comes of it is its own
    turn = Round((), (walk.host.name,), call.task)
    await settle(walk.batch, walk.host, call.task, turn, report, call.info, everywhere=False)


def tell_retry(walk: Walk, task: Task, result: Mapping[str, Any], left: int) -> None:
    """The group failed, and is tried again."""
    walk.run.bus.publish(Retrying(task=info_of(walk, task), host=walk.host.name, left=left, result=result))
