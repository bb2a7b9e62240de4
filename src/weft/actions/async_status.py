"""``async_status``: what has become of jobs, of this run or any other, and of strands of this run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.actions.args import Arg, validate
from weft.actions.base import ActionContext, Result
from weft.actions.host import expand_user
from weft.connection.api import Target
from weft.connection.results import FAILURE, MODULE_FAILED, NO_TRACEBACK, Failure
from weft.jobs.results import NO_JOB, has_failed, status_result, strand_result, together_with
from weft.jobs.waiting import together
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
    if params["mode"] == "cleanup":
        results = await _cleanup(context, jids)
    else:
        results = await _status(context, jids)
    return _together(jids, results) if isinstance(params["jid"], list) else results[0]


async def _status(context: ActionContext, jids: Sequence[str]) -> list[Result]:
    known = {jid: _known_here(context, jid) for jid in jids}
    asked = [jid for jid in jids if known.get(jid) is None]
    places = _places(context, asked)
    found: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    for answer in await together(_ask(context, "job.status", target, names) for target, names in places.items()):
        found.update(answer.get("jobs") or {})
        facts.update(answer.get("ansible_facts") or {})  # the interpreter, where it was looked for
    async_dir = await _folder(context) if any(_missing(found.get(jid)) for jid in asked) else ""
    results = []
    for jid in jids:
        strand = known.get(jid)
        if strand is not None:
            results.append(strand_result(jid, strand))
            continue
        place = f"{async_dir}/{jid}" if async_dir else ""
        strict = context.settings.module_strict_utf8
        results.append(status_result(jid, place, found.get(jid), context.warn, strict=strict))
    if facts and len(results) == 1:
        results[0]["ansible_facts"] = {**(results[0].get("ansible_facts") or {}), **facts}
    return results


def _known_here(context: ActionContext, jid: str) -> Mapping[str, Any] | None:
    """The state of what no host knows of: strands, and jobs that check mode has rehearsed."""
    strands, jobs = context.services.strands, context.services.jobs
    found = strands.status(context.host, jid) if strands is not None else None
    if found is None and jobs is not None:
        return jobs.rehearsal(jid, context.delegate_to or context.host)
    return found


def _forgotten(context: ActionContext, jid: str) -> bool:
    strands, jobs = context.services.strands, context.services.jobs
    if strands is not None and strands.forget(context.host, jid):
        return True
    return jobs is not None and jobs.forget_rehearsal(context.delegate_to or context.host, jid)


async def _cleanup(context: ActionContext, jids: Sequence[str]) -> list[Result]:
    of_host = [jid for jid in jids if not _forgotten(context, jid)]
    places = _places(context, of_host)
    erased: dict[str, str] = {}
    for answer in await together(_ask(context, "job.cleanup", target, names) for target, names in places.items()):
        erased.update((path.rpartition("/")[2], path) for path in answer.get("erased") or ())
    async_dir = await _folder(context) if len(erased) < len(of_host) else ""
    return [
        {
            "ansible_job_id": jid,
            "started": False,
            "finished": False,
            "stdout": "",
            "stderr": "",
            "stdout_lines": [],
            "stderr_lines": [],
            "erased": erased.get(jid) or (f"{async_dir}/{jid}" if jid in of_host else ""),
        }
        for jid in jids
    ]


def _places(context: ActionContext, jids: Sequence[str]) -> dict[Target, list[str]]:
    """As whom to ask for which: jobs of this run lie with the user who started them."""
    jobs, host = context.services.jobs, context.delegate_to or context.host
    places: dict[Target, list[str]] = {}
    for jid in jids:
        target = jobs.target(host, jid, context.target) if jobs is not None else context.target
        places.setdefault(target, []).append(jid)
    return places


async def _ask(context: ActionContext, op: str, target: Target, jids: Sequence[str]) -> Mapping[str, Any]:
    session = await context.services.sessions.open(target)
    answer = (await session.request(op, {"jids": list(jids), "async_dir": target.async_dir})).result
    return context.with_interpreter(dict(answer), session)


async def _folder(context: ActionContext) -> str:
    return (await expand_user(context, context.target.async_dir)).rstrip("/")


def _missing(found: Mapping[str, Any] | None) -> bool:
    return not found or bool(found.get("missing"))


def _together(jids: Sequence[str], results: Sequence[Result]) -> Result:
    """Several jobs as one result, in the order that was asked for."""
    joined: Result = {
        "ansible_job_ids": list(jids),
        **together_with(results),
        "started": all(result["started"] for result in results),
        "finished": all(result["finished"] for result in results),
        "changed": any(result.get("changed") for result in results),
    }
    failed = [jid for jid, result in zip(jids, results, strict=True) if has_failed(result)]
    if failed and joined["finished"]:
        message = f"These jobs failed: {', '.join(failed)}"
        failure = Failure(source=MODULE_FAILED, message=message)
        joined.update({"failed": True, "msg": message, "exception": NO_TRACEBACK, FAILURE: failure})
    return joined
