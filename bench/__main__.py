"""``python -m bench``: see the package's first lines."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench import plot, report
from bench.report import PARTS, SCALE_PART, WAITING_PART, WORKLOADS_PART, Machine, Measured, Results
from bench.rounds import measure, warm_up
from bench.scale import Growth, grow
from bench.tools import PeerEnvironment, competitors
from bench.waiting import HOSTS, Waited, waiting_text
from bench.waiting import measure as measure_waiting
from bench.workloads import WORKLOADS
from weft.lab import Lab

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    options = parse()
    load = os.getloadavg()[0]
    rows = run_workloads(options) if WORKLOADS_PART in options.parts else []
    growth: list[Growth] = grow(options.most) if SCALE_PART in options.parts else []
    waiting = run_waiting() if WAITING_PART in options.parts else []
    machines = dict.fromkeys(options.parts, Machine(load))
    results = Results(machines=machines, rounds=options.rounds, rows=rows, growth=growth, waiting=waiting)
    print("\n" + report.summary(results))
    if options.out is not None:
        results = report.joined(report.read(options.out), results)
        report.write(results, options.out)
        plot.write(results, options.out)
    return 1 if any(row.failed for row in rows) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="weft beside its peers, as ratios of one run")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each tool on each workload (default: 3)")
    parser.add_argument("--tools", type=words, help="only these")
    parser.add_argument("--workloads", type=words, help="only these")
    parser.add_argument("--parts", type=words, default=[*PARTS], help=f"only these of {', '.join(PARTS)}")
    parser.add_argument("--most", type=int, help="no scale runs above this size")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser.add_argument("--peers", default=os.path.join(cache, "weft", "bench-peers"), help="venv of the peers")
    parser.add_argument("--out", type=Path, help=f"write figures and plots there (default: {RESULTS}, for whole parts)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    if options.out is None and not (options.tools or options.workloads or options.most):
        options.out = RESULTS
    return options


def words(text: str) -> list[str]:
    return text.split(",")


def run_workloads(options: argparse.Namespace) -> list[Measured]:
    peers = PeerEnvironment(Path(options.peers))
    peers.build()
    tools = [tool for tool in competitors(peers) if not options.tools or tool.name in options.tools]
    workloads = [work for work in WORKLOADS if not options.workloads or work.name in options.workloads]
    rows: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as scratch, Lab() as lab:
        hosts = lab.up(max(work.hosts for work in workloads))
        warm_up(tools, hosts, Path(scratch))
        for work in workloads:
            rows += measure(work, tools, hosts, Path(scratch), options.rounds)
            print(report.rounds_text([row for row in rows if row.workload == work.name]), flush=True)
    return rows


def run_waiting() -> list[Waited]:
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as scratch, Lab() as lab:
        found = measure_waiting(lab.up(HOSTS), Path(scratch))
    print(waiting_text(found), flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
