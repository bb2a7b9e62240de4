"""Plays over lab hosts: writes playbooks, runs them, reads their results, looks at what is on the hosts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.command import Done, ansible, environment, inventory, weft
from weft.lab import LabHost

SOON = 60.0  # seconds: longer than anything here takes
JID = re.compile(r"j\d+\.\d+")


@dataclass(frozen=True)
class Events:
    """A run with `--json`."""

    done: Done
    events: list[dict[str, Any]]

    def named(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]

    def finished(self, task: str, host: str | None = None) -> dict[str, Any]:
        """The end of a task (on a host)."""
        for event in self.named("task_finished"):
            if event["task"]["name"] == task and host in (None, event["host"]):
                return event
        raise AssertionError(f"no task {task!r}: {self.done}")

    def result(self, task: str, host: str | None = None) -> dict[str, Any]:
        result: dict[str, Any] = self.finished(task, host)["result"]
        return result


class Site:
    """A folder with an inventory of lab hosts under their names, and weft run in it."""

    def __init__(self, folder: Path, hosts: Sequence[LabHost]) -> None:
        self.folder = folder
        self.hosts = {host.name: host for host in hosts}
        self._begun: list[subprocess.Popen[str]] = []
        inventory(folder / "hosts", self.hosts)

    def play(self, text: str, *arguments: str, code: int = 0, env: Mapping[str, str] | None = None) -> Events:
        """Run a playbook; its exit code must be ``code``."""
        (self.folder / "play.yml").write_text(text)
        done = weft("play", "-i", "hosts", "play.yml", "--json", *arguments, cwd=self.folder, env=env)
        assert done.code == code, done
        return Events(done, [json.loads(line) for line in done.out.splitlines() if line.startswith("{")])

    def screen(self, text: str, *arguments: str, code: int = 0, env: Mapping[str, str] | None = None) -> Done:
        """Run a playbook in the classic view."""
        (self.folder / "play.yml").write_text(text)
        done = weft("play", "-i", "hosts", "play.yml", *arguments, cwd=self.folder, env=env)
        assert done.code == code, done
        return done

    def core(self, text: str) -> Done:
        """Run a playbook with ansible-core."""
        (self.folder / "core.yml").write_text(text)
        done = ansible("-i", "hosts", "core.yml", cwd=self.folder)
        assert done.code == 0, done
        return done

    def jobs(self, *arguments: str, code: int = 0, env: Mapping[str, str] | None = None) -> Done:
        """Run `weft jobs`."""
        done = weft("jobs", *arguments, "-i", "hosts", cwd=self.folder, env=env)
        assert done.code == code, done
        return done

    def jobs_json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.jobs(*arguments, "--json", code=code).out)
        return document

    def start(self, host: str, shell: str, *arguments: str, limit: int = 30) -> str:
        """Start a job ad hoc; its id."""
        done = weft(
            "run", host, "-i", "hosts", "-B", str(limit), "-P", "0", "-m", "shell", "-a", shell, *arguments,
            cwd=self.folder,
        )  # fmt: skip
        assert done.code == 0, done
        return jid_in(done.out)

    def begin(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `weft` and don't wait for it."""
        begun = subprocess.Popen(
            [sys.executable, "-m", "weft", *arguments],
            cwd=self.folder,
            env=environment(self.folder, env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # a run in the background of a shell has Ctrl-C switched off, and hands that on
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        )
        self._begun.append(begun)
        return begun

    def close(self) -> None:
        """Nothing that was begun goes on."""
        for process in self._begun:
            process.kill()
            process.communicate()

    def on(self, host: str, command: str, *, user: str | None = None) -> str:
        """What a shell command on the host prints, whether or not it succeeds."""
        argv = self.hosts[host].ssh_argv(command, user=user)
        return subprocess.run(argv, capture_output=True, text=True, timeout=SOON, check=False).stdout

    def files(self, host: str, folder: str = "/root/.ansible_async") -> set[str]:
        return set(self.on(host, f"ls -A {folder}").split())

    def processes(self, host: str, text: str) -> list[str]:
        """Command lines on the host with this text in them, but for the one that looks."""
        listed = self.on(host, "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done")
        return [line for line in listed.splitlines() if text in line]


def gate(name: str) -> str:
    """Shell that goes on once ``touch /tmp/NAME`` was done on the host."""
    return f"until [ -e /tmp/{name} ]; do sleep 0.1; done; rm /tmp/{name}"


def jid_in(text: str) -> str:
    found = JID.search(text)
    assert found, text
    return found[0]


def shown(done: Done) -> Any:
    """What the last `debug` of a classic view shows."""
    text = done.out[done.out.rindex("=> {") + 3 :]
    return next(iter(json.JSONDecoder().raw_decode(text)[0].values()))


def until(condition: Callable[[], Any], what: str = "it") -> None:
    """Wait until something holds."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    return not os.path.exists(f"/proc/{pid}")
