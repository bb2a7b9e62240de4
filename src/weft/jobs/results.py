"""What `async_status`, and a task that polls, say of a job: the content of its result file in Ansible's shape."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weft.connection.modules import job_result
from weft.connection.results import FAILURE, MODULE_FAILED, NO_LOG, NO_TRACEBACK, TAKEN_IN, Failure, add_lines

NO_JOB = "could not find job"
INTERNAL = "_ansible_"  # keys that begin so are not for users
_TELLING = frozenset({FAILURE, NO_LOG})  # but these count for whoever tells of a strand
_NOTES = frozenset({"alive", "missing"})  # what the agent says of a job beside its result


def new_job_id() -> str:
    """For a job that no host knows of; hosts make theirs in the same shape."""
    return f"j{secrets.randbelow(10**12)}.{os.getpid()}"


def status_result(
    jid: str, results_file: str, found: Mapping[str, Any] | None, warn: Callable[[str], None], *, strict: bool = True
) -> dict[str, Any]:
    """The result for one job from what the agent says of it; None, or `missing`: there is no such job.

    Raises NotUtf8 for text that is no UTF-8, if ``strict``.
    """
    base = _base(jid, results_file)
    if not found or found.get("missing"):
        failure = Failure(source=MODULE_FAILED, message=NO_JOB)
        return {**base, "failed": True, "msg": NO_JOB, "exception": NO_TRACEBACK, FAILURE: failure}
    content = job_result({key: value for key, value in found.items() if key not in _NOTES}, warn, strict=strict)
    content.setdefault("finished", False)
    merged = {**base, **content, "ansible_job_id": jid}
    merged["results_file"] = content.get("results_file") or results_file
    for key in ("started", "finished"):
        merged[key] = bool(merged[key])
    if not merged.get("lost"):
        merged.pop("lost", None)
    return merged


def strand_result(jid: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a strand, which has no file: what it brings has had its effect when its end is told."""
    result = {key: value for key, value in state.items() if key in _TELLING or not key.startswith(INTERNAL)}
    merged = {**_base(jid, ""), **add_lines(result)}
    if merged["finished"]:
        merged[TAKEN_IN] = True
    return merged


def has_failed(result: Mapping[str, Any]) -> bool:
    """Whether a job has ended badly; a strand may also have lost its host."""
    return bool(result.get("failed") or result.get("unreachable"))


def together_with(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What several jobs' results are within one: without internal keys, and hidden if one of them is to be."""
    results = [{key: value for key, value in row.items() if not key.startswith(INTERNAL)} for row in rows]
    hidden = {NO_LOG: True} if any(row.get(NO_LOG) for row in rows) else {}
    return {"results": results, **hidden}


def _base(jid: str, results_file: str) -> dict[str, Any]:
    return {
        "ansible_job_id": jid,
        "started": True,
        "finished": True,
        "stdout": "",
        "stderr": "",
        "stdout_lines": [],
        "stderr_lines": [],
        "results_file": results_file,
    }
