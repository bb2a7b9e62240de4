"""Waiting for jobs: ends when they do, never by asking again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.connection.api import Session

#: Keys that say how a job stands, beside its module's result.
STATE_KEYS = ("started", "finished", "ansible_job_id", "results_file")


async def wait_for_jobs(
    session: Session, jids: Sequence[str], async_dir: str, seconds: float | None
) -> Mapping[str, Mapping[str, Any]]:
    """Status of each job once all have ended, or once ``seconds`` are over. Raises Unreachable, RequestFailed."""
    arguments: dict[str, Any] = {"jids": list(jids), "async_dir": async_dir}
    if seconds is not None:
        arguments["timeout"] = seconds
    reply = await session.request("job.wait", arguments)
    jobs: Mapping[str, Mapping[str, Any]] = reply.result["jobs"]
    return jobs


def unfinished_jobs(result: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of jobs that, as an `async_status` result says, still run (a list in `jid` gives several)."""
    rows = result.get("results")
    if isinstance(rows, Sequence) and not isinstance(rows, str):
        return tuple(jid for row in rows if isinstance(row, Mapping) for jid in unfinished_jobs(row))
    jid = result.get("ansible_job_id")
    return (jid,) if isinstance(jid, str) and not result.get("finished") else ()
