"""A stand-in for ``weft.run`` that notes what the command line asks of it."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass, field
from typing import Any

from weft.check.findings import Checked, Finding
from weft.cli.main import main
from weft.events import types as ev


@dataclass
class Asked:
    """What ``weft.run`` was called with."""

    calls: list[str] = field(default_factory=list)
    options: Any = None
    settings: Any = None
    request: Any = None
    code: int = 0
    error: BaseException | None = None
    text: str = "\nplaybook: site.yml"
    findings: list[Finding] = field(default_factory=list)

    def module(self) -> types.ModuleType:
        module = types.ModuleType("weft.run")
        module.run_playbooks = self._run("run_playbooks")
        module.run_adhoc = self._run("run_adhoc")
        module.list_playbooks = self._list
        module.jobs_command = self._jobs
        module.check_playbooks = self._check
        return module

    def _note(self, name, options, settings):
        self.calls.append(name)
        self.options, self.settings = options, settings
        if self.error is not None:
            raise self.error

    def _run(self, name):
        async def run(options, settings, sinks):
            self._note(name, options, settings)
            for sink in sinks:
                sink.handle(ev.RunFinished(recap={"h1": ev.HostRecap(ok=1)}))
            return self.code

        return run

    def _list(self, options, settings, bus):
        self._note("list_playbooks", options, settings)
        return self.text

    def _check(self, options, settings):
        self._note("check_playbooks", options, settings)
        return [Checked(path=path, findings=self.findings) for path in options.playbooks]

    async def _jobs(self, request, options, settings, sinks):
        self._note("jobs_command", options, settings)
        self.request = request
        return self.code


def run_cli(*args: str) -> int:
    return main(list(args))


def install(monkeypatch) -> Asked:
    asked = Asked()
    monkeypatch.setitem(sys.modules, "weft.run", asked.module())
    return asked
