"""Async groups: a block, an include or a role that runs as a strand, beside what comes behind it.

Comes after ``group``. The strand has lanes of its own; what it sets is seen by its own tasks, and by everything once
its end is told (`await`, `async_status`) or it is joined at the end of the play.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.engine.groupreport import fail_by_itself, tell_started
from weft.engine.settle import count_failure
from weft.engine.signals import HostFailed, HostSignal, HostUnreachable
from weft.events import AsyncEnded
from weft.executor.following import wait_with_lines
from weft.jobs.strands import Strand
from weft.model.errors import TaskFailed, Unreachable
from weft.model.nodes import Task

if TYPE_CHECKING:
    from weft.engine.group import Group, Meeting
    from weft.engine.walk import Walk
    from weft.executor.terms import Terms

Inside = Callable[["Walk", "Meeting"], Awaitable[None]]


class GroupStrand(Struct, eq=False):
    """What a strand has to do with a group: its ``owner``."""

    walk: Walk  # of the host where the group was started
    task: Task  # speaks for the group
    failure: HostFailed | None = None
    lost: HostUnreachable | None = None


async def detach(walk: Walk, group: Group, terms: Terms, meeting: Meeting, inside: Inside) -> None:
    """Start the group on this host; with `poll` above 0 wait for its end. Raises HostSignal."""
    host, task = walk.host, group.task
    lane = meeting.shared.get("lane")
    if lane is None:
        together = meeting.together and not group.own_pace
        lane = walk.batch.lanes.make(meeting.hosts, group.label(walk), together=together, background=True)
        meeting.shared["lane"] = lane
    branch = walk.run.variables.branch(host.name, parent=host.branch)
    owner = GroupStrand(walk, task)
    detached = host.detached(branch, followed=terms.keywords.poll > 0)
    inner = walk.along(lane, detached)

    def on_join() -> None:
        branch.merge()
        detached.hand_on_notifications()

    strand = walk.run.strands.start(
        host.name,
        walk.batch.title(task, host),
        partial(_work, owner, inner, meeting, inside),
        limit=float(terms.keywords.async_seconds),
        on_join=on_join,
        on_end=partial(walk.batch.lanes.gone, lane, host.name),
        owner=owner,
    )
    if terms.keywords.poll <= 0:
        handle = {**_marks(strand), "failed": False, "changed": True}
        if group.on_handle is not None:
            group.on_handle(handle)
        await tell_started(walk, task, handle)
        return
    await _follow(walk, owner, strand, terms.keywords.poll)


async def _work(owner: GroupStrand, walk: Walk, meeting: Meeting, inside: Inside) -> Mapping[str, Any]:
    """The group to its end; its result."""
    changed = walk.host.watch
    assert changed is not None
    try:
        await inside(walk, meeting)
    except HostFailed as failed:
        owner.failure = failed
        message = failed.outcome.result.get("msg") if failed.outcome is not None else None
        text = message or "A task failed on another host, which is every host's failure."
        return {"changed": changed.changed, "failed": True, "msg": text}
    except HostUnreachable as lost:
        owner.lost = lost
        raise Unreachable("The host can't be reached any more.") from None
    except HostSignal:
        return {"changed": changed.changed, "failed": False, "msg": "It was left before its end."}
    return {"changed": changed.changed, "failed": False}


async def _follow(walk: Walk, owner: GroupStrand, strand: Strand, poll: float) -> None:
    run, host, task = walk.run, walk.host, owner.task
    try:
        await wait_with_lines(run.bus.publish, host.name, strand.jid, poll, run.strands.wait(strand.jid))
    except BaseException:
        await run.strands.cancel(strand.jid)
        raise
    run.strands.status(host.name, strand.jid)
    run.bus.publish(AsyncEnded(host=host.name, jid=strand.jid, ok=not strand.failed))
    result = {**(strand.result or {}), **_marks(strand)}
    if task.register:
        run.variables.register(host.name, task.register, result, branch=host.branch)
    if host.watch is not None:
        host.watch.note(changed=bool(result.get("changed")))
    await settle_group(walk, owner, strand)


async def settle_group(walk: Walk, owner: GroupStrand, strand: Strand) -> None:
    """A strand has ended, and its failure is the host's now. Raises HostFailed, HostUnreachable.

    Its tasks have told what failed; that its limit is over, or that it was cancelled, is told here.
    """
    if not strand.failed:
        return
    if owner.failure is not None:
        count_failure(walk.batch, walk.host, owner.failure)
        raise owner.failure
    if isinstance(strand.error, Unreachable):
        raise owner.lost or HostUnreachable
    message = str((strand.result or {}).get("msg", ""))
    await fail_by_itself(walk, owner.task, TaskFailed(message, owner.task.origin))


def _marks(strand: Strand) -> dict[str, Any]:
    return {"ansible_job_id": strand.jid, "started": True, "finished": strand.done, "results_file": ""}
