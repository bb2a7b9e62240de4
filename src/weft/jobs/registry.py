"""The jobs that this run started, and which of them still run when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weft.connection.api import RequestFailed, Session
from weft.events import JobsLeft
from weft.model.errors import Unreachable

_ASK_SECONDS = 5.0  # the recap doesn't wait longer than this for a host that no longer answers


@dataclass(frozen=True, slots=True)
class StartedJob:
    """One job of this run. ``host`` is the inventory name of the machine it runs on."""

    host: str
    jid: str
    async_dir: str


class JobRegistry:
    """Knows every job that was started and not yet seen to have ended."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[StartedJob, Session]] = {}

    def started(self, host: str, jid: str, async_dir: str, session: Session) -> None:
        self._open[jid] = (StartedJob(host, jid, async_dir), session)

    def ended(self, jid: str) -> None:
        self._open.pop(jid, None)

    def observe(self, result: Mapping[str, Any]) -> None:
        """Learn from a status result that a job has ended."""
        jid = result.get("ansible_job_id")
        if isinstance(jid, str) and result.get("finished"):
            self.ended(jid)

    async def left(self) -> tuple[JobsLeft, ...]:
        """Jobs that still run, by host. A host that doesn't answer counts with all its jobs."""
        groups: dict[tuple[int, str], list[tuple[StartedJob, Session]]] = {}
        for job, session in self._open.values():
            groups.setdefault((id(session), job.async_dir), []).append((job, session))
        alive = await asyncio.gather(*(self._alive(rows) for rows in groups.values()))
        hosts: dict[str, list[str]] = {}
        for jobs in alive:
            for job in jobs:
                hosts.setdefault(job.host, []).append(job.jid)
        return tuple(JobsLeft(host=host, jids=tuple(jids)) for host, jids in sorted(hosts.items()))

    async def _alive(self, rows: list[tuple[StartedJob, Session]]) -> list[StartedJob]:
        jobs = [job for job, _ in rows]
        session = rows[0][1]
        arguments = {"jids": [job.jid for job in jobs], "async_dir": jobs[0].async_dir}
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                reply = await session.request("job.status", arguments)
        except (TimeoutError, Unreachable, RequestFailed):
            return jobs
        states = reply.result["jobs"]
        return [job for job in jobs if job.jid in states and not states[job.jid].get("finished")]
