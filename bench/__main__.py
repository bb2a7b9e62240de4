"""``python -m bench``: see the package's first lines."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench import plot, report
from bench.report import Measured, Results
from bench.rounds import measure, warm_up
from bench.scale import Growth, grow
from bench.tools import PeerEnvironment, competitors
from bench.workloads import WORKLOADS
from weft.lab import Lab

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    options = parse()
    load = os.getloadavg()[0]
    rows = run_workloads(options) if "workloads" in options.parts else []
    growth: list[Growth] = grow(options.most) if "scale" in options.parts else []
    results = Results(options.rounds, load, rows, growth)
    print("\n" + report.summary(results))
    if options.out is not None:
        report.write(results, options.out)
        plot.write(results, options.out)
    return 1 if any(row.failed for row in rows) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="weft beside its peers, as ratios of one run")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each tool on each workload (default: 3)")
    parser.add_argument("--tools", type=words, help="only these")
    parser.add_argument("--workloads", type=words, help="only these")
    parser.add_argument("--parts", type=words, default=["workloads", "scale"], help="workloads, scale, or both")
    parser.add_argument("--most", type=int, help="no scale runs above this size")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser.add_argument("--peers", default=os.path.join(cache, "weft", "bench-peers"), help="venv of the peers")
    parser.add_argument("--out", type=Path, help=f"write figures and plots there (default: {RESULTS}, for a whole run)")
    options = parser.parse_args()
    if options.out is None and not (options.tools or options.workloads or options.most) and len(options.parts) == 2:
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


if __name__ == "__main__":
    sys.exit(main())
