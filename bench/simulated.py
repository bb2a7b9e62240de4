"""One run of weft on hosts that are not there, so that it is the controller that is measured.

Everything is real but the wire: sessions are weft's own, with frames in and out; at their other end nothing takes time,
and each command succeeds. The classic view writes to /dev/null.

Run as ``python -m bench.simulated CASE SIZE``; prints one JSON object: ``units`` (how much work it was), ``cpu``
(seconds, without imports), ``memory`` (KiB at its peak). With ``--count`` it counts the bytecode instructions of the
main thread in place of seconds: a figure that is the same on every machine, for the same Python.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from weft.cli.loop import run as run_loop
from weft.cli.play import play
from weft.cli.request import playbook_request
from weft.connection.api import Target
from weft.connection.channel import Receiver
from weft.connection.frames import FrameReader, encode
from weft.connection.session import AgentSession
from weft.parts import Parts
from weft.run import run_playbooks
from weft.sinks import Streams, build

TASKS = 20
_LENGTHS = struct.Struct(">II")
_HELLO = encode(
    {
        "push": "hello", "protocol": 1, "python": "/usr/bin/python3", "version": [3, 11, 2], "pid": 1, "uid": 0,
        "user": "root", "home": "/root", "token": "t", "boot_id": "b", "hostname": "h", "blobs": [],
    }
)  # fmt: skip
_COMMAND = (
    b'"result":{"changed":true,"cmd":["/bin/true"],"rc":0,"stdout":"","stderr":"","msg":"",'
    b'"start":"2000-01-01 00:00:00.000000","end":"2000-01-01 00:00:00.001000","delta":"0:00:00.001000",'
    b'"invocation":{"module_args":{}}}}'
)
_JOB_STARTED = (
    b'"result":{"ansible_job_id":"j%.1","results_file":"/root/.ansible_async/j%.1","started":1,"finished":0}}'
)
_JOB_ENDED = (
    b'"%":{"ansible_job_id":"%","results_file":"/root/.ansible_async/%","started":1,"finished":1,"alive":false,'
    b'"changed":true,"cmd":["/bin/true"],"rc":0,"stdout":"","stderr":""}'
)


class _Host:
    """An agent's end of a channel: answers each request in the next turn of the loop."""

    def __init__(self) -> None:
        self.receiver: Receiver | None = None
        self._reader = FrameReader()
        self._loop = asyncio.get_running_loop()
        self._jobs = 0

    @property
    def channel(self) -> _Host:
        return self

    def attach(self, receiver: Any) -> None:
        self.receiver = receiver
        receiver.on_data(_HELLO)

    def write(self, data: bytes) -> None:
        answers = [self._answer(frame.header) for frame in self._reader.feed(data) if "id" in frame.header]
        self._loop.call_soon(self._send, b"".join(answers))

    def _send(self, data: bytes) -> None:
        if self.receiver is not None and data:
            self.receiver.on_data(data)

    def close(self) -> None:
        self.receiver = None

    async def wait_closed(self) -> None:
        """Nothing is open."""

    def _answer(self, header: Mapping[str, Any]) -> bytes:
        op = header["op"]
        if op == "command":
            body = _COMMAND
        elif op == "job.start":
            self._jobs += 1
            body = _JOB_STARTED.replace(b"%", b"%d" % self._jobs)
        elif op in ("job.wait", "job.status"):  # a job runs until somebody asks for it
            body = b'"result":{"jobs":{%s}}}' % b",".join(
                _JOB_ENDED.replace(b"%", jid.encode()) for jid in header["jids"]
            )
        else:
            body = b'"result":{}}'
        text = b'{"id":%d,' % header["id"] + body
        return _LENGTHS.pack(len(text), 0) + text


class _Connector:
    connected = False

    async def release(self) -> None:
        """Nothing is open."""


async def _started(target: Target) -> AgentSession:
    connector: Any = _Connector()
    session = AgentSession(target, connector, window=0.0, linger=0.0)
    host: Any = _Host()
    await session.start(host)
    return session


class SimulatedSessions:
    """Implements ``Sessions``."""

    def __init__(self) -> None:
        self._open: dict[Target, asyncio.Task[AgentSession]] = {}

    async def open(self, target: Target) -> AgentSession:
        opening = self._open.get(target)
        if opening is None:  # whoever asks meanwhile waits for the same one
            opening = self._open[target] = asyncio.create_task(_started(target))
        return await opening

    async def reset(self, target: Target) -> None:
        self._open.pop(target, None)

    async def close(self) -> None:
        """The hosts are not there: nobody has to be told goodbye."""


class SimulatedParts(Parts):
    @cached_property
    def sessions(self) -> Any:
        return SimulatedSessions()


# -- what is run: each writes a playbook and an inventory and says how many units of work that is


def hosts(size: int, folder: Path) -> int:
    """Hosts x 20 tasks; unit: a task on a host."""
    _inventory(folder, size)
    _playbook(folder, [f"command {n}" for n in range(TASKS)])
    return size * TASKS


def tasks(size: int, folder: Path) -> int:
    """A playbook of many tasks on one host; unit: a task."""
    _inventory(folder, 1)
    _playbook(folder, [f"command {n}" for n in range(size)])
    return size


def loop(size: int, folder: Path) -> int:
    """One task with many items on one host; unit: an item."""
    _inventory(folder, 1)
    task = {"name": "loop", "ansible.builtin.command": "echo {{ item }}", "loop": list(range(size)), "register": "all"}
    _write(folder, [task])
    return size


def variables(size: int, folder: Path) -> int:
    """Many variables for each of 100 hosts; unit: a variable of a host."""
    count = 100
    (folder / "host_vars").mkdir()
    for number in range(count):
        names = (f"name_{n}: value {n} of {number}\n" for n in range(size))
        (folder / "host_vars" / f"h{number:05d}.yml").write_text("".join(names))
    _inventory(folder, count)
    _write(folder, [{"name": f"task {n}", "ansible.builtin.command": f"echo {{{{ name_{n} }}}}"} for n in range(5)])
    return count * size


def templates(size: int, folder: Path) -> int:
    """A variable that is a template of a variable, and so on, so deep; unit: a level on each of 10 hosts, 20 times."""
    count = 10
    _inventory(folder, count)
    levels = {"level_0": "x"} | {f"level_{n}": f"{{{{ level_{n - 1} }}}}{n % 10}" for n in range(1, size)}
    task = f"echo {{{{ level_{size - 1} }}}}"
    _write(folder, [{"name": f"task {n}", "ansible.builtin.command": task} for n in range(TASKS)], levels)
    return count * size * TASKS


def strands(size: int, folder: Path) -> int:
    """As many blocks of one host as strands, all of them awaited; unit: a strand."""
    _inventory(folder, 1)
    strand = {"async": 600, "poll": 0, "register": "strand"}
    blocks = [{"name": f"strand {n}", "block": _commands([f"command {n}"]), **strand} for n in range(size)]
    _write(folder, [*blocks, {"name": "all of them", "weft.builtin.await": {"jobs": "all"}}])
    return size


def included(size: int, folder: Path) -> int:
    """A file included for so many items of one host, each as a strand; unit: a strand."""
    _inventory(folder, 1)
    (folder / "included.yml").write_text(json.dumps(_commands(["command"])))
    include = {
        "ansible.builtin.include_tasks": "included.yml",
        "loop": list(range(size)),
        "async": 600,
        "poll": 0,
        "register": "strands",
    }
    _write(folder, [include, {"name": "all of them", "weft.builtin.await": {"jobs": "{{ strands }}"}}])
    return size


def jobs(size: int, folder: Path) -> int:
    """Jobs of 100 hosts, started in a loop and awaited; unit: a job."""
    count = 100
    _inventory(folder, count)
    start = {
        "ansible.builtin.command": "/bin/true",
        "async": 600,
        "poll": 0,
        "loop": list(range(size // count)),
        "register": "jobs",
    }
    _write(folder, [start, {"name": "all of them", "weft.builtin.await": {"jobs": "{{ jobs }}"}}])
    return size


CASES = {made.__name__: made for made in (hosts, tasks, loop, variables, templates, strands, included, jobs)}


def _inventory(folder: Path, count: int) -> None:
    names = "".join(f"h{number:05d}\n" for number in range(count))
    (folder / "inventory").write_text(f"[all]\n{names}[all:vars]\nansible_python_interpreter=/usr/bin/python3\n")


def _playbook(folder: Path, names: list[str]) -> None:
    _write(folder, _commands(names))


def _commands(names: list[str]) -> list[dict[str, Any]]:
    return [{"name": name, "ansible.builtin.command": "/bin/true"} for name in names]


def _write(folder: Path, work: list[dict[str, Any]], variables: Mapping[str, Any] | None = None) -> None:
    book = [{"hosts": "all", "gather_facts": False, "vars": dict(variables or {}), "tasks": work}]
    (folder / "site.yml").write_text(json.dumps(book))  # JSON is YAML


# -- measuring


def measured(case: str, size: int, count: bool) -> dict[str, float]:
    """Raises RuntimeError if the run fails."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as name, open(os.devnull, "w", encoding="utf-8") as null:
        folder = Path(name)
        units = CASES[case](size, folder)
        words = ["-i", str(folder / "inventory"), "-f", "50", str(folder / "site.yml")]
        with play.make_context("play", words) as context:
            request = playbook_request(context.params)
        gc.collect()

        def run() -> int:
            views = build(request.options, request.settings, Streams(null, sys.stderr))
            work = run_playbooks(request.options, request.settings, views.sinks, make_parts=SimulatedParts)
            try:
                return run_loop(work)
            finally:
                views.close()

        figures, code = _counted(run) if count else _timed(run)
        if code:
            raise RuntimeError(f"{case} {size}: exit code {code}")
    return {"units": units, **figures}


def _timed(run: Callable[[], int]) -> tuple[dict[str, float], int]:
    start = time.process_time()
    code = run()
    cpu = time.process_time() - start
    return {"cpu": cpu, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}, code


def _counted(run: Callable[[], int]) -> tuple[dict[str, float], int]:
    instructions = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal instructions
        if event == "opcode":
            instructions += 1
        elif event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return trace

    sys.settrace(trace)
    try:
        code = run()
    finally:
        sys.settrace(None)
    return {"instructions": instructions}, code


def main() -> None:
    os.environ.pop("ANSIBLE_CONFIG", None)
    figures = measured(sys.argv[1], int(sys.argv[2]), "--count" in sys.argv)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
