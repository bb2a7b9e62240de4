"""Async tasks in check mode: done in the foreground, with a handle that finds their result afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from weft.executor.conditions import Skipped
from weft.executor.keywords import Keywords
from weft.jobs.registry import JobRegistry
from weft.jobs.results import new_job_id

Act = Callable[[], Awaitable[dict[str, Any]]]


async def rehearsed(act: Act, keywords: Keywords, jobs: JobRegistry, host: str) -> dict[str, Any]:
    """What ``act`` gives; in check mode, with `async` and `poll: 0`, a handle of a job that has ended too.

    ``host`` is where the job would run. A task that has nothing to do (Skipped) has a handle as well, since what waits
    for the job is not skipped. Raises what ``act`` raises.
    """
    if not keywords.check or keywords.async_seconds <= 0 or keywords.poll > 0:
        return await act()

    def with_handle(result: dict[str, Any]) -> dict[str, Any]:
        if result.get("failed"):
            return result
        jid = new_job_id()
        result = {**result, "ansible_job_id": jid, "started": True, "finished": True, "results_file": ""}
        jobs.rehearsed(host, jid, result)
        return result

    try:
        return with_handle(await act())
    except Skipped as skipped:
        raise Skipped(with_handle(skipped.result)) from None
