"""What waiting costs: the CPU of weft, and of whatever it has started on this side, while jobs run on lab hosts.

100 jobs of 10 seconds are awaited in each of the ways in which a playbook can wait. Measured twice: over the whole of
the task that waits, with all that it asks before the wait and is told after it; and over what lies between, when all of
the jobs run and none has ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.tools import clean_environment
from weft.lab.hosts import LabHost, inventory_text

HOSTS = 10
JOBS = 100
SECONDS = 10
WAIT = "wait"
_BETWEEN = (2.0, 9.0)  # seconds from the start of the task that waits: every job runs
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Waited:
    """One way to wait. ``cpu``: seconds, over so many ``seconds`` of the whole task; ``between``: share of a core."""

    way: str
    seconds: float
    cpu: float
    between: float

    @property
    def share(self) -> float:
        """Of one core, over the whole task."""
        return self.cpu / self.seconds


_JOB = {"ansible.builtin.command": f"sleep {SECONDS}", "async": 60, "loop": list(range(JOBS // HOSTS))}
_START = {"name": "start", **_JOB, "poll": 0, "register": "started"}
_STATUS = {
    "ansible.builtin.async_status": {"jid": "{{ item.ansible_job_id }}"},
    "loop": "{{ started.results }}",
    "register": "job",
    "until": "job.finished",
    "retries": 60,
    "delay": 1,
}

#: The tasks of each way; the one that waits is called so.
WAYS: dict[str, list[dict[str, Any]]] = {
    "await": [_START, {"name": WAIT, "weft.builtin.await": {"jobs": "{{ started }}"}}],
    "async_status, until finished": [_START, {"name": WAIT, **_STATUS}],
    "poll: 5 in a parallel loop": [{"name": WAIT, **_JOB, "poll": 5, "loop_control": {"parallel": JOBS // HOSTS}}],
}


def measure(hosts: Sequence[LabHost], scratch: Path) -> list[Waited]:
    """Each way once. Raises RuntimeError where a run fails."""
    inventory = scratch / "waiting.ini"
    inventory.write_text(inventory_text(hosts))
    return [_measured(way, tasks, inventory, scratch) for way, tasks in WAYS.items()]


def _measured(way: str, tasks: list[dict[str, Any]], inventory: Path, scratch: Path) -> Waited:
    playbook = scratch / "waiting.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))  # JSON is YAML
    argv = [sys.executable, "-m", "weft", "play", "--json", "-f", str(HOSTS), "-i", str(inventory), str(playbook)]
    # a session of its own, by which everything that it starts is found
    with subprocess.Popen(
        argv, env=clean_environment(), cwd=scratch, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        meter = _Meter(process.pid)
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event.get("task", {}).get("name") == WAIT:
                if event["event"] == "task_started":
                    meter.start()
                elif event["event"] == "task_finished":
                    meter.read()
    if process.returncode or len(meter.readings) < 1 + len(_BETWEEN) + HOSTS:
        raise RuntimeError(f"waiting by {way}: exit code {process.returncode}")
    first, one, other, last = (meter.readings[number] for number in (0, 1, 2, -1))
    between = (other.cpu - one.cpu) / (other.at - one.at)
    return Waited(way, last.at - first.at, last.cpu - first.cpu, between)


@dataclass(frozen=True, slots=True)
class _Reading:
    at: float
    cpu: float


class _Meter:
    """Reads the CPU of a session."""

    def __init__(self, session: int) -> None:
        self._session = session
        self.readings: list[_Reading] = []

    def start(self) -> None:
        """Read now, and at the times between."""
        self.read()
        for seconds in _BETWEEN:
            threading.Timer(seconds, self.read).start()

    def read(self) -> None:
        self.readings.append(_Reading(time.monotonic(), cpu_of_session(self._session)))


def cpu_of_session(session: int) -> float:
    """Seconds of CPU of the processes of a session, and of those children of theirs that have ended."""
    ticks = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile
            if int(fields[3]) == session:  # proc(5): state ppid pgrp session ... utime stime cutime cstime
                ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


def waiting_text(rows: Sequence[Waited]) -> str:
    return "\n".join(
        f"{row.way:<30} {row.cpu:6.2f} s of CPU in {row.seconds:5.1f} s   {row.share:6.2%} of a core, "
        f"{row.between:6.2%} while all of them run"
        for row in rows
    )
