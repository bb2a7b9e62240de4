"""From measured seconds to tables of ratios, and to the files in ``bench/results``."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.scale import Growth, growth_text
from bench.tools import FORKS, REQUIREMENTS
from bench.workloads import FAR_TASKS, ROUND_TRIP, WORKLOADS, Workload

BASE = "weft"
FLOOR = "floor"
FLOOR_IS = "The floor: one asyncssh connection a host, one shell behind it, one line in and one line out for each task."

SCALE_IS = "Simulated hosts, the controller alone; `x N`: a unit's cost to that of the run a size smaller (1: linear)."


@dataclass(slots=True)
class Measured:
    """One tool on one workload: seconds of each round, and CPU seconds on this side (not on the hosts)."""

    workload: str
    tool: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    failed: str | None = None  # the end of the output, where it did not end well

    @property
    def median(self) -> float | None:
        return statistics.median(self.seconds) if self.seconds else None


@dataclass(frozen=True, slots=True)
class Results:
    """Everything of one run."""

    rounds: int
    load: float  # of the machine before, processes that wanted to run
    rows: Sequence[Measured]
    growth: Sequence[Growth] = ()

    def median(self, workload: str, tool: str) -> float | None:
        return next((row.median for row in self.rows if (row.workload, row.tool) == (workload, tool)), None)

    def ratio(self, workload: str, tool: str, base: str = BASE) -> float | None:
        """How many times as long as ``base`` it took."""
        taken, reference = self.median(workload, tool), self.median(workload, base)
        return taken / reference if taken is not None and reference else None

    def round_trips(self, tool: str) -> float | None:
        """Round trips a task, connecting and starting aside: from what the tasks after the first took."""
        many, first = self.median("far", tool), self.median("far-first", tool)
        return (many - first) / ROUND_TRIP / (FAR_TASKS - 1) if many is not None and first is not None else None


def rounds_text(rows: Sequence[Measured]) -> str:
    """Each tool's rounds, as they are measured."""
    base = next((row.median for row in rows if row.tool == BASE), None)
    lines = []
    for row in rows:
        if row.median is None:
            lines.append(f"{row.workload:<10} {row.tool:<13} failed: {row.failed}")
            continue
        ratio = f"{row.median / base:7.2f} x" if base else ""
        rounds = " ".join(f"{value:.2f}" for value in row.seconds)
        cpu = f"{statistics.median(row.cpu):.2f}"
        lines.append(f"{row.workload:<10} {row.tool:<13} {row.median:8.2f} s {ratio:>10}   CPU {cpu:>6} s   {rounds}")
    return "\n".join(lines)


def table(results: Results) -> str:
    """The table of the README: seconds and ratios, in Markdown."""
    tools = [tool for tool in dict.fromkeys(row.tool for row in results.rows) if tool != BASE]
    lines = ["| " + " | ".join(["workload", BASE, *tools]) + " |", "| --- " * (len(tools) + 2) + "|"]
    for work in _measured(results):
        cells = [f"{_seconds(results.median(work.name, BASE))}", *(_cell(results, work, tool) for tool in tools)]
        hosts = f"{work.hosts} hosts: " if work.hosts > 1 else ""
        lines.append(f"| {hosts}{work.what} | {' | '.join(cells)} |")
    trips = [_trips(results, tool) for tool in (BASE, *tools)]
    if any(trips):
        lines.append(f"| round trips a task, {ROUND_TRIP * 1000:.0f} ms away | {' | '.join(trips)} |")
    return "\n".join(lines)


def _measured(results: Results) -> list[Workload]:
    names = {row.workload for row in results.rows}
    return [work for work in WORKLOADS if work.name in names and work.name != "far-first"]


def _cell(results: Results, work: Workload, tool: str) -> str:
    ratio = results.ratio(work.name, tool)
    return f"{_seconds(results.median(work.name, tool))}: {ratio:.2g} x" if ratio is not None else ""


def _seconds(value: float | None) -> str:
    if value is None:
        return "failed"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def _trips(results: Results, tool: str) -> str:
    trips = results.round_trips(tool)
    return f"{trips:.2f}" if trips is not None else ""


def summary(results: Results) -> str:
    """All tables of a run, as text."""
    parts = [
        f"{results.rounds} round(s), medians, {FORKS} forks; {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {results.load:.1f} before; {', '.join(REQUIREMENTS)}.\n{FLOOR_IS}\n"
        "`N x`: N times as long as weft took.",
    ]
    if results.rows:
        parts.append(table(results))
    ratio = results.ratio("commands", BASE, FLOOR)
    if ratio is not None:
        parts.append(f"weft's commands took {ratio:.2f} times the floor.")
    if results.growth:
        grown = "\n".join(f"{growth_text(growth)}   x {growth.factor:.2f}" for growth in results.growth)
        parts.append(f"{SCALE_IS}\n{grown}")
    return "\n\n".join(parts) + "\n"


def write(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.md").write_text(summary(results))
    data = {
        "rounds": results.rounds,
        "machine": {"cores": os.cpu_count(), "python": sys.version.split()[0], "load": results.load},
        "peers": REQUIREMENTS,
        "floor": FLOOR_IS,
        "rows": [{**asdict(row), "median": row.median, "ratio": _rounded(results, row)} for row in results.rows],
        "round_trips": {row.tool: results.round_trips(row.tool) for row in results.rows if row.workload == "far"},
        "growth": [{**asdict(growth), "factor": growth.factor} for growth in results.growth],
    }
    (folder / "latest.json").write_text(json.dumps(data, indent=1) + "\n")


def _rounded(results: Results, row: Measured) -> float | None:
    ratio = results.ratio(row.workload, row.tool)
    return None if ratio is None else round(ratio, 3)
