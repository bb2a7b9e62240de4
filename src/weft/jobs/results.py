"""What `async_status`, and a task that polls, say of a job: the content of its result file in Ansible's shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weft.connection.modules import job_result
from weft.connection.results import FAILURE, MODULE_FAILED, NO_TRACEBACK, Failure

NO_JOB = "could not find job"
_NOTES = frozenset({"alive", "missing"})  # what the agent says of a job beside its result


def status_result(
    jid: str, results_file: str, found: Mapping[str, Any] | None, warn: Callable[[str], None], *, strict: bool = True
) -> dict[str, Any]:
    """The result for one job from what the agent says of it; None, or `missing`: there is no such job.

    Raises NotUtf8 for text that is no UTF-8, if ``strict``.
    """
    base: dict[str, Any] = {"ansible_job_id": jid, "started": True, "finished": True, "stdout": "", "stderr": ""}
    base.update(stdout_lines=[], stderr_lines=[], results_file=results_file)
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
