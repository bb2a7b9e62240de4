"""Runs every tool on every workload, in turn and round by round, so that a slow moment of the machine hits all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.report import Measured
from bench.tools import Case, Tool, run, write_pyinfra
from bench.workloads import COMMANDS, Workload
from weft.lab import BackgroundProxy, Proxy
from weft.lab.hosts import LabHost, inventory_text

_SHOWN = 400  # characters of the output of what failed


def measure(
    work: Workload, tools: Sequence[Tool], hosts: Sequence[LabHost], scratch: Path, rounds: int
) -> list[Measured]:
    """Each tool that has a counterpart of the workload."""
    with reached(hosts[: work.hosts], work.round_trip, scratch) as near:
        case = write_case(work, near, scratch)
        argvs = {tool.name: argv for tool in tools if (argv := tool.argv(case)) is not None}
        rows = {name: Measured(work.name, name) for name in argvs}
        for _ in range(rounds):
            for tool in tools:
                if tool.name in argvs and not rows[tool.name].failed:
                    _once(rows[tool.name], tool, argvs[tool.name], scratch)
    return list(rows.values())


def warm_up(tools: Sequence[Tool], hosts: Sequence[LabHost], scratch: Path) -> None:
    """Each tool once, unmeasured: the first time has files to compile and caches to fill."""
    work = Workload(name="warm-up", commands=1, hosts=len(hosts), what="", floor="commands", deploy=COMMANDS)
    measure(work, tools, hosts, scratch, 1)


def _once(row: Measured, tool: Tool, argv: list[str], scratch: Path) -> None:
    done = run(argv, tool.environment, scratch)
    if done.status:
        row.failed = done.output[-_SHOWN:].strip().replace("\n", " | ") or f"exit status {done.status}"
    else:
        row.seconds.append(done.seconds)
        row.cpu.append(done.cpu)


@contextlib.contextmanager
def reached(hosts: Sequence[LabHost], round_trip: float, scratch: Path) -> Iterator[list[LabHost]]:
    """The hosts, at the far end of a slow line if there is to be one."""
    if not round_trip:
        yield list(hosts)
        return
    with contextlib.ExitStack() as stack:
        far = []
        for host in hosts:
            proxy = stack.enter_context(BackgroundProxy(Proxy(host.address, host.port, delay=round_trip / 2)))
            far.append(known(host.through(proxy.address), host, scratch))
        yield far


def known(far: LabHost, host: LabHost, scratch: Path) -> LabHost:
    """With the host's key known under the proxy's address and port: not every tool takes patterns."""
    found = next(line for line in Path(host.known_hosts_file).read_text().splitlines() if host.name in _names(line))
    path = scratch / f"known_hosts_{host.name}"
    path.write_text(f"[{far.address}]:{far.port} {found.split(None, 1)[1]}\n")
    return replace(far, known_hosts_file=str(path))


def _names(line: str) -> list[str]:
    return line.split(None, 1)[0].split(",")


def write_case(work: Workload, hosts: Sequence[LabHost], scratch: Path) -> Case:
    case = Case(
        work,
        work.playbook_in(scratch),
        scratch / f"{work.name}.ini",
        scratch / f"{work.name}.json",
        scratch / f"{work.name}_hosts.py",
    )
    described = [describe(host) for host in hosts]
    case.inventory.write_text(inventory_text(hosts))
    case.hosts.write_text(json.dumps(described))
    write_pyinfra(case.pyinfra, described)
    return case


def describe(host: LabHost) -> dict[str, object]:
    """What the floor and pyinfra need to know of a host."""
    return {
        "address": host.address,
        "port": host.port,
        "user": host.user,
        "key": host.private_key_file,
        "known_hosts": host.known_hosts_file,
    }
