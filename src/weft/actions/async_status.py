"""``async_status``: what has become of jobs, of this run or any other, and of strands of this run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.actions.args import Arg, validate
from weft.actions.base import ActionContext, Result
from weft.actions.host import expand_user
from weft.connection.results import FAILURE, MODULE_FAILED, NO_TRACEBACK, Failure
from weft.jobs.results import NO_JOB, status_result
from weft.model.errors import TaskFailed


def _jid(value: Any) -> Any:
    """One id, or a list of them."""
    return [str(item) for item in value] if isinstance(value, list | tuple) else str(value)


_jid.__name__ = "str"
_SPEC = {
    "jid": Arg(kind=_jid, required=True),
    "mode": Arg(choices=("status", "cleanup"), default="status"),
}


async def async_status(context: ActionContext) -> Result:
    """The job's result with ``started`` and ``finished``. A list of ids gives ``results``, finished when all are."""
    params = validate(context, _SPEC)
    jids = params["jid"] if isinstance(params["jid"], list) else [params["jid"]]
    if any("/" in jid or not jid for jid in jids):
        raise TaskFailed(f"{NO_JOB}: a job id has no slashes", origin=context.task.origin)
    async_dir = await expand_user(context, context.target.async_dir)
    if params["mode"] == "cleanup":
        results = await _cleanup(context, jids, async_dir)
    else:
        results = await _status(context, jids, async_dir)
    return _together(jids, results) if isinstance(params["jid"], list) else results[0]


async def _status(context: ActionContext, jids: Sequence[str], async_dir: str) -> list[Result]:
    strands = context.services.strands
    known = {jid: strands.status(context.host, jid) for jid in jids} if strands is not None else {}
    asked = [jid for jid in jids if known.get(jid) is None]
    jobs: Mapping[str, Any] = {}
    if asked:
        session = await context.session()
        reply = await session.request("job.status", {"jids": asked, "async_dir": async_dir})
        jobs = reply.result.get("jobs") or {}
    results = []
    for jid in jids:
        strand = known.get(jid)
        place = "" if strand is not None else f"{async_dir}/{jid}"
        results.append(status_result(jid, place, strand if strand is not None else jobs.get(jid), context.warn))
    return results


async def _cleanup(context: ActionContext, jids: Sequence[str], async_dir: str) -> list[Result]:
    strands = context.services.strands
    of_host = [jid for jid in jids if strands is None or not strands.forget(context.host, jid)]
    if of_host:
        session = await context.session()
        await session.request("job.cleanup", {"jids": of_host, "async_dir": async_dir})
    return [
        {
            "ansible_job_id": jid,
            "started": False,
            "finished": False,
            "stdout": "",
            "stderr": "",
            "stdout_lines": [],
            "stderr_lines": [],
            "erased": f"{async_dir}/{jid}",
        }
        for jid in jids
    ]


def _together(jids: Sequence[str], results: Sequence[Result]) -> Result:
    """Several jobs as one result, in the order that was asked for."""
    joined: Result = {
        "ansible_job_ids": list(jids),
        "results": [{key: value for key, value in result.items() if key != FAILURE} for result in results],
        "started": all(result["started"] for result in results),
        "finished": all(result["finished"] for result in results),
        "changed": any(result.get("changed") for result in results),
    }
    failed = [jid for jid, result in zip(jids, results, strict=True) if result.get("failed")]
    if failed and joined["finished"]:
        message = f"These jobs failed: {', '.join(failed)}"
        failure = Failure(source=MODULE_FAILED, message=message)
        joined.update({"failed": True, "msg": message, "exception": NO_TRACEBACK, FAILURE: failure})
    return joined
