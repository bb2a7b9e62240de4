"""``python -m bench``: see the package's first lines."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.report import Measured, as_data, table
from bench.tools import PeerEnvironment, Tool, competitors, run
from bench.workloads import WORKLOADS, Workload
from weft.lab import Lab
from weft.lab.hosts import LabHost, inventory_text

ROOT = Path(__file__).parent
COMMANDS = 20


def main() -> int:
    options = parse()
    peers = PeerEnvironment(Path(options.peers))
    peers.build()
    tools = [tool for tool in competitors(peers) if not options.tools or tool.name in options.tools]
    workloads = [work for work in WORKLOADS if not options.workloads or work.name in options.workloads]
    rows: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as scratch, Lab() as lab:
        hosts = lab.up(max(work.hosts for work in workloads))
        for work in workloads:
            rows += measure(work, tools, hosts[: work.hosts], Path(scratch), options.rounds)
            print(table([row for row in rows if row.workload == work.name]), flush=True)
    print("\n" + table(rows))
    if options.json:
        Path(options.json).write_text(json.dumps(as_data(rows), indent=1) + "\n")
    return 1 if any(row.failed for row in rows) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="weft beside its peers, as ratios of one run")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each tool on each workload (default: 3)")
    parser.add_argument("--tools", type=lambda text: text.split(","), help="only these")
    parser.add_argument("--workloads", type=lambda text: text.split(","), help="only these")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser.add_argument("--peers", default=os.path.join(cache, "weft", "bench-peers"), help="venv of the peers")
    parser.add_argument("--json", help="write the figures there")
    return parser.parse_args()


def measure(
    work: Workload, tools: list[Tool], hosts: tuple[LabHost, ...], scratch: Path, rounds: int
) -> list[Measured]:
    """Every tool in turn, round by round, so that a slow moment of the machine hits all."""
    inventory = scratch / f"{work.name}.ini"
    inventory.write_text(inventory_text(hosts))
    rows = {tool.name: Measured(work.name, tool.name) for tool in tools}
    for _ in range(rounds):
        for tool in tools:
            timed(rows[tool.name], tool.argv(inventory, work.playbook), dict(tool.environment), scratch)
    if work.floor is not None:
        row = rows["floor"] = Measured(work.name, "floor")
        data = scratch / "hosts.json"
        data.write_text(json.dumps([describe(host) for host in hosts]))
        for _ in range(rounds):
            timed(row, [sys.executable, "-m", "bench.floor", str(data), str(COMMANDS)], {}, ROOT.parent)
    return list(rows.values())


def timed(row: Measured, argv: list[str], environment: dict[str, str], cwd: Path) -> None:
    start = time.monotonic()
    done = run(argv, environment, cwd)
    seconds = time.monotonic() - start
    if done.returncode:
        row.failed = (done.stdout + done.stderr)[-300:].strip().replace("\n", " | ")
    else:
        row.seconds.append(seconds)


def describe(host: LabHost) -> dict[str, object]:
    """What the floor needs to know of a host."""
    return {
        "address": host.address,
        "port": host.port,
        "user": host.user,
        "key": host.private_key_file,
        "known_hosts": host.known_hosts_file,
    }


if __name__ == "__main__":
    sys.exit(main())
