"""Background jobs on hosts that are not there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.support.builder import Project
from tests.support.fake_session import Call


class Jobs:
    """The jobs of one host: `sleep N; exit RC` ends after N virtual seconds."""

    def __init__(self, project: Project, host: str, numbers: Any) -> None:
        self._numbers = numbers
        self.ends: dict[str, asyncio.Event] = {}
        self.results: dict[str, dict[str, Any]] = {}
        self.users: dict[str, str | None] = {}
        fake = project.hosts.host(host)
        fake.answers("job.start", self.start).answers("job.status", self.status).answers("job.wait", self.wait)
        fake.answers("job.cancel", self.cancel).answers("job.cleanup", {"erased": []})

    def start(self, call: Call) -> dict[str, Any]:
        request = call.arguments["request"]
        words = (request.get("shell") or " ".join(request.get("argv") or ())).replace(";", "").split()
        jid = f"j{next(self._numbers)}.1"
        self.ends[jid] = asyncio.Event()
        self.users[jid] = call.user
        code = int(words[3]) if len(words) > 3 else 0
        asyncio.get_running_loop().call_later(float(words[1]), self.end, jid, {"rc": code, "failed": bool(code)})
        return {"ansible_job_id": jid, "results_file": f"/x/{jid}", "started": 1, "finished": 0, "pid": 1}

    def end(self, jid: str, result: dict[str, Any]) -> None:
        if not self.ends[jid].is_set():
            self.results[jid] = {"changed": True, **result}
            self.ends[jid].set()

    def state(self, jid: str, user: str | None) -> dict[str, Any]:
        base = {"ansible_job_id": jid, "results_file": f"/x/{jid}"}
        if jid not in self.ends or self.users[jid] != user:
            return {**base, "started": 1, "finished": 1, "failed": True, "missing": True, "alive": False}
        over = self.ends[jid].is_set()
        return {**base, "started": 1, "finished": int(over), "alive": not over, **self.results.get(jid, {})}

    def status(self, call: Call) -> dict[str, Any]:
        return {"jobs": {jid: self.state(jid, call.user) for jid in call.arguments["jids"]}}

    async def wait(self, call: Call) -> Mapping[str, Any]:
        for jid in call.arguments["jids"]:
            if jid in self.ends:
                await self.ends[jid].wait()
        return self.status(call)

    def cancel(self, call: Call) -> dict[str, Any]:
        done = [jid for jid in call.arguments["jids"] if not self.state(jid, call.user)["finished"]]
        for jid in done:
            self.end(jid, {"failed": True, "cancelled": True, "msg": "The job was cancelled"})
        return {"cancelled": sorted(done)}
