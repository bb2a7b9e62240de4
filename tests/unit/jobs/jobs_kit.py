"""Hosts with jobs, without hosts: what agents would say of them, and `weft jobs` over them on a virtual clock."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from tests.support.fake_session import Call, FakeSession, FakeSessions
from tests.support.virtual_time import run_virtual
from weft.connection.api import Target
from weft.jobs.admin import JobsAdmin
from weft.jobs.asking import HostJobs
from weft.jobs.console import Console
from weft.model.run_options import JobsRequest

NOW = 1000.0  # the hosts' clock when they are asked


def listed(jid: str, **more: Any) -> dict[str, Any]:
    """One entry of `job.list`."""
    entry = {"ansible_job_id": jid, "started": 1, "finished": 0, "alive": True, "lost": False, "name": "command"}
    return {**entry, "user": "root", "started_at": NOW - 5, "limit": 60, "foreign": False, "changed_at": NOW, **more}


def ended(jid: str, **more: Any) -> dict[str, Any]:
    """What `job.status` says of a job that has ended."""
    return {"ansible_job_id": jid, "started": 1, "finished": 1, "alive": False, "lost": False, "rc": 0, **more}


@dataclass
class Shown:
    """What the command did."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


class Fleet:
    """Hosts, and the command over all of them."""

    def __init__(self, *names: str) -> None:
        self.sessions = FakeSessions()
        self.names = names
        self.at_once = 2
        for name in names:
            self.has(name)

    def has(self, host: str, *entries: dict[str, Any], async_dir: str = "/root/.ansible_async") -> None:
        """The jobs that a host lists."""
        self.sessions.host(host).answers("job.list", {"jobs": list(entries), "async_dir": async_dir, "now": NOW})

    def ends(self, host: str, after: float, status: dict[str, Any]) -> None:
        """A job ends so many seconds after it is waited for."""
        jid = status["ansible_job_id"]

        def about(call: Call) -> bool:
            return call.arguments["jids"] == [jid]

        self.sessions.host(host).answers("job.wait", {"jobs": {jid: status}}, when=about, after=after)
        self.sessions.host(host).answers("job.status", {"jobs": {jid: status}}, when=about)

    async def session(self, host: str) -> FakeSession:
        return await self.sessions.open(Target(host=host))

    def run(self, action: str, **request: Any) -> Shown:
        out, err = io.StringIO(), io.StringIO()

        async def main() -> tuple[int, float]:
            import asyncio

            console = Console(out, err)
            jobs = HostJobs(self.names, self, console.err)
            code = await JobsAdmin(JobsRequest(action=action, **request), jobs, console).run()
            return code, asyncio.get_running_loop().time()

        code, seconds = run_virtual(main())
        return Shown(code, out.getvalue(), err.getvalue(), seconds)
