"""``cancel``: ends jobs with all their processes: TERM, and KILL for what is left of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.actions.args import Arg, validate
from weft.actions.base import ActionContext, Result
from weft.actions.job_places import places, row, states_of, strand_of, wanted
from weft.connection.api import Target
from weft.connection.results import FAILURE, MODULE_FAILED, NO_TRACEBACK, Failure
from weft.jobs.results import together_with
from weft.jobs.waiting import together


def _jobs(value: Any) -> Any:
    """Whatever ``wanted`` understands."""
    return value


_SPEC = {"jobs": Arg(kind=_jobs, required=True)}


async def cancel(context: ActionContext) -> Result:
    """``cancelled``: ids of the jobs that this has ended; ``results``: how each stands, in the order given.

    A job that was over before, or is not there any more, is no error.
    """
    handles = wanted(context, validate(context, _SPEC)["jobs"])
    asked = [handle.jid for handle in handles if handle.ended is None]
    if context.check:
        states = await states_of(context, asked)
        cancelled = [jid for jid in asked if _at_work(states.get(jid, {}))]
    else:
        ended = await _end(context, asked)
        cancelled = [jid for jid in asked if jid in ended]
        states = await states_of(context, asked)
    rows = [row(context, handle, states.get(handle.jid)) for handle in handles]
    result: Result = {
        "ansible_job_ids": [handle.jid for handle in handles],
        "cancelled": cancelled,
        **together_with(rows),
        "changed": bool(cancelled),
    }
    left = [handle.jid for handle, one in zip(handles, rows, strict=True) if _at_work(one) and handle.jid]
    if context.services.jobs is not None:
        for jid in cancelled if not context.check else ():
            context.services.jobs.ended(jid)
    if left and not context.check:
        message = f"These jobs can't be ended from here: {', '.join(left)}"
        failure = Failure(source=MODULE_FAILED, message=message)
        result.update({"failed": True, "msg": message, "exception": NO_TRACEBACK, FAILURE: failure})
    return result


async def _end(context: ActionContext, jids: Sequence[str]) -> set[str]:
    """End jobs on hosts and strands of this run, side by side. Returns the ids of those that this has ended."""
    strands = [jid for jid in jids if strand_of(context, jid) is not None]
    jobs = places(context, [jid for jid in jids if strand_of(context, jid) is None])
    answers = await together(
        [
            *(_cancel(context, target, some) for target, some in jobs.items()),
            *(_cancel_strand(context, jid) for jid in strands),
        ]
    )
    return {jid for answer in answers for jid in answer}


async def _cancel_strand(context: ActionContext, jid: str) -> list[str]:
    strands = context.services.strands
    return [jid] if strands is not None and await strands.cancel(jid) else []


def _at_work(state: Mapping[str, Any]) -> bool:
    """Whether processes of a job run: its own, or those that a lost one left behind."""
    return not state.get("finished", True) or bool(state.get("orphans"))


async def _cancel(context: ActionContext, target: Target, jids: Sequence[str]) -> list[str]:
    session = await context.services.sessions.open(target)
    reply = await session.request("job.cancel", {"jids": list(jids), "async_dir": target.async_dir})
    return list(reply.result.get("cancelled") or ())
