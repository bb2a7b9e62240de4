"""What `await` and `cancel` share: their `jobs`, and where each of them is to be asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.actions.base import ActionContext, Result
from weft.connection.api import Target
from weft.jobs.handles import ALL, Handle, read_handles
from weft.jobs.results import status_result, strand_result
from weft.jobs.strands import Strand
from weft.jobs.waiting import together
from weft.model.errors import TaskFailed, WeftError


def wanted(context: ActionContext, value: Any) -> list[Handle]:
    """The jobs that the argument `jobs` means. Raises TaskFailed."""
    if value == ALL:
        return [Handle(jid) for jid in _all(context)]
    try:
        handles = read_handles(value)
    except WeftError as error:
        raise TaskFailed(error.message, origin=context.task.origin) from None
    return [_rehearsed(context, handle) for handle in handles]


def _rehearsed(context: ActionContext, handle: Handle) -> Handle:
    """With its result, if check mode has done the job's work in the foreground."""
    jobs = context.services.jobs
    result = jobs.rehearsal(handle.jid) if jobs is not None and handle.ended is None else None
    return handle if result is None else Handle(handle.jid, result)


def _all(context: ActionContext) -> list[str]:
    """Ids of the jobs and strands of this host that were not seen to end, in the order of their start."""
    jobs, strands = context.services.jobs, context.services.strands
    rows = [(strand.started, strand.jid) for strand in strands.of_host(context.host)] if strands is not None else []
    for jid in jobs.of_host(context.host) if jobs is not None else ():
        job = jobs.find(jid) if jobs is not None else None
        rows.append((job.started if job is not None else 0.0, jid))
    return [jid for _, jid in sorted(rows)]


def strand_of(context: ActionContext, jid: str) -> Strand | None:
    """The strand that the id means on this host; None: it is a job's, or nobody's."""
    strands = context.services.strands
    return strands.find(context.host, jid) if strands is not None else None


def place(context: ActionContext, jid: str) -> Target:
    """Where and as whom a job of this run was started; for any other, where the task runs."""
    jobs = context.services.jobs
    job = jobs.find(jid) if jobs is not None else None
    return job.target if job is not None else context.target


def places(context: ActionContext, jids: Sequence[str]) -> dict[Target, list[str]]:
    """Jobs by where they are asked about."""
    found: dict[Target, list[str]] = {}
    for jid in jids:
        found.setdefault(place(context, jid), []).append(jid)
    return found


async def states_of(context: ActionContext, jids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """How each job stands now. Raises Unreachable."""

    async def ask(target: Target, some: Sequence[str]) -> Mapping[str, Any]:
        session = await context.services.sessions.open(target)
        reply = await session.request("job.status", {"jids": list(some), "async_dir": target.async_dir})
        states: Mapping[str, Any] = reply.result.get("jobs") or {}
        return states

    found = {jid: strand.state() for jid in jids if (strand := strand_of(context, jid)) is not None}
    asked = [jid for jid in jids if jid not in found]
    answers = await together(ask(target, some) for target, some in places(context, asked).items())
    return {**found, **{jid: state for answer in answers for jid, state in answer.items()}}


def row(context: ActionContext, handle: Handle, state: Mapping[str, Any] | None) -> Result:
    """A job in `results`: its own result, with how it stands. With that the end of a strand was told."""
    if handle.ended is not None:
        return dict(handle.ended)
    strands = context.services.strands
    told = strands.status(context.host, handle.jid) if strands is not None else None
    if told is not None:
        return strand_result(handle.jid, told)
    folder = place(context, handle.jid).async_dir.rstrip("/")
    return status_result(
        handle.jid, f"{folder}/{handle.jid}", state, context.warn, strict=context.settings.module_strict_utf8
    )
