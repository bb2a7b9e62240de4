"""``await``: waits until jobs have ended: all of them, any one, or a number of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.actions.args import Arg, validate
from weft.actions.base import ActionContext, Result
from weft.actions.job_places import place, row, states_of, strand_of, wanted
from weft.connection.results import FAILURE, MODULE_FAILED, NO_TRACEBACK, Failure
from weft.jobs.awaiting import await_jobs
from weft.jobs.handles import Handle
from weft.jobs.results import has_failed, together_with
from weft.jobs.waiting import wait_through_losses
from weft.model.convert import to_int
from weft.model.errors import TaskFailed, WeftError


def _jobs(value: Any) -> Any:
    """Whatever ``wanted`` understands."""
    return value


_SPEC = {
    "jobs": Arg(kind=_jobs, required=True),
    "for": Arg(kind=_jobs, default="all"),
    "timeout": Arg(kind="float"),
}


async def await_(context: ActionContext) -> Result:
    """``results`` of the jobs that ended, in the order given; ``running``: ids of those that still run.

    Fails where one of them failed, and where ``timeout`` seconds were not enough.
    """
    params = validate(context, _SPEC)
    handles = wanted(context, params["jobs"])
    count = _count(context, params["for"], len(handles))
    states = await _wait(context, handles, count, params["timeout"])
    ended = [handle for handle in handles if handle.ended is not None or handle.jid in states]
    over = {handle.jid for handle in ended}
    running = [handle.jid for handle in handles if handle.jid not in over]
    late = len(ended) < count
    if late:
        # those that run are told of too, each in its place
        states.update(await states_of(context, running))
    shown = handles if late else ended
    rows = [row(context, handle, states.get(handle.jid)) for handle in shown]
    for result in rows:
        if result.get("finished") and context.services.jobs is not None:
            context.services.jobs.ended(str(result.get("ansible_job_id")))
    return _joined(shown, rows, running, params["timeout"] if late else None)


def _count(context: ActionContext, value: Any, jobs: int) -> int:
    """How many must have ended. Raises TaskFailed."""
    if value == "all":
        return jobs
    if value == "any":
        return min(1, jobs)
    try:
        number = to_int(value)
    except (ValueError, TypeError):
        number = 0
    if number < 1:
        message = f"'for' must be all, any or a number of at least 1, not {value!r}."
        raise TaskFailed(message, origin=context.task.origin)
    return min(number, jobs)


async def _wait(
    context: ActionContext, handles: Sequence[Handle], count: int, seconds: float | None
) -> dict[str, Mapping[str, Any]]:
    """The states of those that ended. Raises Unreachable where too few can still be asked about."""
    asked = [handle for handle in handles if handle.ended is None]
    count -= len(handles) - len(asked)
    if count <= 0:
        return {}

    async def wait(handle: Handle) -> Mapping[str, Any]:
        strand, strands = strand_of(context, handle.jid), context.services.strands
        if strand is not None and strands is not None:
            await strands.wait(strand.jid)
            return strand.state()
        target = place(context, handle.jid)
        states = await wait_through_losses(
            lambda: context.services.sessions.open(target), [handle.jid], target.async_dir, None
        )
        return states[handle.jid]

    async def on_end(handle: Handle, outcome: Mapping[str, Any] | WeftError) -> None:
        """Nothing to tell."""

    outcomes = await await_jobs(asked, wait, wanted=count, seconds=seconds, on_end=on_end)
    found = {h.jid: o for h, o in zip(asked, outcomes, strict=True) if o is not None and not isinstance(o, WeftError)}
    errors = [outcome for outcome in outcomes if isinstance(outcome, WeftError)]
    if errors and len(found) < count:
        raise errors[0]
    return found


def _joined(handles: Sequence[Handle], rows: Sequence[Result], running: list[str], late: float | None) -> Result:
    result: Result = {
        "ansible_job_ids": [handle.jid for handle in handles],
        **together_with(rows),
        "running": running,
        "finished": not running,
        "changed": any(one.get("changed") for one in rows),
    }
    failed = [handle.jid or "a job" for handle, one in zip(handles, rows, strict=True) if has_failed(one)]
    message = ""
    if late is not None:
        still = "1 job still runs" if len(running) == 1 else f"{len(running)} jobs still run"
        message = f"{still} after {late:g} seconds: {', '.join(running)}"
    elif failed:
        message = f"These jobs failed: {', '.join(failed)}"
    if message:
        failure = Failure(source=MODULE_FAILED, message=message)
        result.update({"failed": True, "msg": message, "exception": NO_TRACEBACK, FAILURE: failure})
    return result
