"""The jobs that this run started: as whom, so that any task finds them, and which still run when the run ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from weft.connection.api import Sessions, Target
from weft.events import JobsLeft
from weft.model.errors import WeftError

_ASK_SECONDS = 5.0  # the recap doesn't wait longer than this for a host that no longer answers


class StartedJob(Struct, frozen=True):
    """One job of this run. ``host`` is the inventory name of the machine it runs on, ``target`` says as whom."""

    host: str
    jid: str
    target: Target
    starter: str = ""  # inventory name of the host whose task started it: another one, where it was delegated
    started: float = field(default_factory=time.monotonic)  # seconds, to be compared only


class JobRegistry:
    """Knows every job of the run, and which of them have not been seen to end."""

    def __init__(self, sessions: Sessions, on_ended: Callable[[str], None] = lambda jid: None) -> None:
        """``on_ended`` is told of each job that is seen to have ended."""
        self._sessions = sessions
        self._on_ended = on_ended
        self._known: dict[str, StartedJob] = {}
        self._open: set[str] = set()
        self._by_starter: dict[str, dict[str, None]] = {}  # host -> those of its jobs that are open, in order
        self._rehearsed: dict[str, tuple[str, Mapping[str, Any]]] = {}

    def started(self, host: str, jid: str, target: Target, starter: str | None = None) -> None:
        """``starter`` is the host whose task it was, if that is not the ``host`` that it runs on."""
        self._known[jid] = StartedJob(host, jid, target, starter or host)
        self._open.add(jid)
        self._by_starter.setdefault(starter or host, {})[jid] = None

    def ended(self, jid: str) -> None:
        self._open.discard(jid)
        if jid in self._known:
            self._by_starter[self._known[jid].starter].pop(jid, None)
        self._on_ended(jid)

    def rehearsed(self, host: str, jid: str, result: Mapping[str, Any]) -> None:
        """Check mode has done a job's work in the foreground: its result is kept for those who ask about the job."""
        self._rehearsed[jid] = host, result

    def rehearsal(self, jid: str, host: str | None = None) -> Mapping[str, Any] | None:
        """The result of a job that was only rehearsed, on that host if one is given; None: there is no such job."""
        where, result = self._rehearsed.get(jid, (None, None))
        return result if host is None or host == where else None

    def forget_rehearsal(self, host: str, jid: str) -> bool:
        """``mode: cleanup``. False: there is no such job."""
        return self.rehearsal(jid, host) is not None and self._rehearsed.pop(jid) is not None

    def target(self, host: str, jid: str, asked: Target) -> Target:
        """Where and as whom to ask for a job: as it was started, if this run started it on that host.

        ``asked`` is where the task would ask. A folder for jobs that it was given counts, as in Ansible.
        """
        job = self._known.get(jid)
        return job.target if job is not None and job.host == host and job.target.async_dir == asked.async_dir else asked

    def find(self, jid: str) -> StartedJob | None:
        """A job of this run, wherever it was started; None: of another."""
        return self._known.get(jid)

    def of_host(self, host: str) -> tuple[str, ...]:
        """The jobs that this host's tasks have started, and that were not seen to end, in the order of their start."""
        return tuple(self._by_starter.get(host, ()))

    def observe(self, result: Mapping[str, Any]) -> None:
        """Learn from any task's result which jobs have ended: from a status, or from several."""
        if not self._open:
            return
        rows = result.get("results")
        for row in rows if isinstance(rows, list) else [result]:
            if isinstance(row, Mapping) and row.get("finished"):
                self.ended(str(row.get("ansible_job_id")))

    async def look(self, jids: Sequence[str]) -> None:
        """Ask the hosts which of these jobs still run: the others count as ended from now on."""
        groups: dict[Target, list[str]] = {}
        for job in (self._known[jid] for jid in jids if jid in self._open):
            groups.setdefault(job.target, []).append(job.jid)
        for target, asked in groups.items():
            alive = await self._alive(target, asked)
            for jid in asked:
                if jid not in alive:
                    self.ended(jid)

    async def left(self) -> tuple[JobsLeft, ...]:
        """Jobs that still run, by host and user. A host that doesn't answer counts with all its jobs."""
        groups: dict[tuple[str, Target], list[str]] = {}
        for job in map(self._known.__getitem__, self._open):
            groups.setdefault((job.host, job.target), []).append(job.jid)
        alive = await asyncio.gather(*(self._alive(target, jids) for (_, target), jids in groups.items()))
        left = [
            JobsLeft(host=host, jids=tuple(jids), become_user=target.become.user if target.become else None)
            for (host, target), jids in zip(groups, alive, strict=True)
            if jids
        ]
        return tuple(sorted(left, key=lambda entry: (entry.host, entry.become_user or "")))

    async def _alive(self, target: Target, jids: list[str]) -> list[str]:
        jids = sorted(jids)
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                session = await self._sessions.open(target)
                reply = await session.request("job.status", {"jids": jids, "async_dir": target.async_dir})
        except (TimeoutError, WeftError):
            return jids
        states = reply.result["jobs"]
        return [jid for jid in jids if jid in states and not states[jid].get("finished")]
