"""From measured seconds to tables of ratios, and to the files in ``bench/results``."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.scale import Grown, Growth, growth_text
from bench.tools import FORKS, REQUIREMENTS
from bench.waiting import HOSTS, JOBS, SECONDS, Waited, waiting_text
from bench.workloads import FAR_TASKS, ROUND_TRIP, WORKLOADS, Workload

PARTS = WORKLOADS_PART, SCALE_PART, WAITING_PART = "workloads", "scale", "waiting"

BASE = "weft"
FAR, FAR_CHAINED = "far", "far-chained"
FLOOR = "floor"
FLOOR_IS = "The floor: one asyncssh connection a host, one shell behind it, one line in and one line out for each task."

SCALE_IS = (
    "Simulated hosts, the controller alone; `x N`: what a unit costs, beside the smallest run, to what it does a size "
    "smaller (1: linear)."
)
WAITING_IS = f"{JOBS} jobs of {SECONDS} seconds on {HOSTS} hosts, awaited: the controller's CPU meanwhile."


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
class Machine:
    """Where a part was run. ``load``: processes that wanted to run before."""

    load: float
    cores: int | None = os.cpu_count()
    python: str = platform.python_version()

    def __str__(self) -> str:
        return f"{self.cores} cores, Python {self.python}, load {self.load:.1f} before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was measured, each part maybe in a run of its own; ``machines`` has the parts that were."""

    machines: Mapping[str, Machine]
    rounds: int = 0
    rows: Sequence[Measured] = ()
    growth: Sequence[Growth] = ()
    waiting: Sequence[Waited] = ()

    def median(self, workload: str, tool: str) -> float | None:
        return next((row.median for row in self.rows if (row.workload, row.tool) == (workload, tool)), None)

    def ratio(self, workload: str, tool: str, base: str = BASE) -> float | None:
        """How many times as long as ``base`` it took."""
        taken, reference = self.median(workload, tool), self.median(workload, base)
        return taken / reference if taken is not None and reference else None

    def round_trips(self, tool: str, workload: str = FAR) -> float | None:
        """Round trips a task, connecting and starting aside: from what the tasks after the first took."""
        many, first = self.median(workload, tool), self.median("far-first", tool)
        return (many - first) / ROUND_TRIP / (FAR_TASKS - 1) if many is not None and first is not None else None


def rounds_text(rows: Sequence[Measured]) -> str:
    """Each tool's rounds, as they are measured."""
    base = next((row.median for row in rows if row.tool == BASE), None)
    lines = []
    for row in rows:
        if row.median is None:
            lines.append(f"{row.workload:<11} {row.tool:<13} failed: {row.failed}")
            continue
        ratio = f"{row.median / base:7.2f} x" if base else ""
        rounds = " ".join(f"{value:.2f}" for value in row.seconds)
        cpu = f"{statistics.median(row.cpu):.2f}"
        lines.append(f"{row.workload:<11} {row.tool:<13} {row.median:8.2f} s {ratio:>10}   CPU {cpu:>6} s   {rounds}")
    return "\n".join(lines)


def table(results: Results) -> str:
    """The table of the README: seconds and ratios, in Markdown."""
    tools = [tool for tool in dict.fromkeys(row.tool for row in results.rows) if tool != BASE]
    lines = ["| " + " | ".join(["workload", BASE, *tools]) + " |", "| --- " * (len(tools) + 2) + "|"]
    for work in _measured(results):
        cells = [f"{_seconds(results.median(work.name, BASE))}", *(_cell(results, work, tool) for tool in tools)]
        hosts = f"{work.hosts} hosts: " if work.hosts > 1 else ""
        lines.append(f"| {hosts}{work.what} | {' | '.join(cells)} |")
    for workload, how in ((FAR, ""), (FAR_CHAINED, ", each with what the one before it has found")):
        trips = [_trips(results, tool, workload) for tool in (BASE, *tools)]
        if any(trips):
            lines.append(f"| round trips a task, {ROUND_TRIP * 1000:.0f} ms away{how} | {' | '.join(trips)} |")
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


def _trips(results: Results, tool: str, workload: str) -> str:
    trips = results.round_trips(tool, workload)
    return f"{trips:.2f}" if trips is not None else ""


def summary(results: Results) -> str:
    """All tables, as text."""
    parts = []
    if results.rows:
        parts.append(
            f"{results.rounds} round(s), medians, {FORKS} forks; {results.machines[WORKLOADS_PART]}; "
            f"{', '.join(REQUIREMENTS)}.\n{FLOOR_IS}\n`N x`: N times as long as weft took."
        )
        parts.append(table(results))
    ratio = results.ratio("commands", BASE, FLOOR)
    if ratio is not None:
        parts.append(f"weft's commands took {ratio:.2f} times the floor.")
    if results.growth:
        grown = "\n".join(growth_text(growth) + _factor(growth) for growth in results.growth)
        parts.append(f"{SCALE_IS} {results.machines[SCALE_PART]}.\n{grown}")
    if results.waiting:
        parts.append(f"{WAITING_IS} {results.machines[WAITING_PART]}.\n{waiting_text(results.waiting)}")
    return "\n\n".join(parts) + "\n"


def _factor(growth: Growth) -> str:
    return f"   x {growth.factor:.2f}" if growth.factor is not None else ""


def write(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.md").write_text(summary(results))
    data = {
        "machines": {part: asdict(machine) for part, machine in results.machines.items()},
        "rounds": results.rounds,
        "peers": REQUIREMENTS,
        "floor": FLOOR_IS,
        "rows": [{**asdict(row), "median": row.median, "ratio": _rounded(results, row)} for row in results.rows],
        "round_trips": {row.tool: results.round_trips(row.tool) for row in results.rows if row.workload == FAR},
        "round_trips_chained": {
            row.tool: results.round_trips(row.tool, FAR_CHAINED) for row in results.rows if row.workload == FAR_CHAINED
        },
        "growth": [{**asdict(growth), "factor": growth.factor} for growth in results.growth],
        "waiting": [{**asdict(row), "share": row.share} for row in results.waiting],
    }
    (folder / "latest.json").write_text(json.dumps(data, indent=1) + "\n")


def read(folder: Path) -> Results:
    """What was written there; nothing measured, if nothing was."""
    path = folder / "latest.json"
    if not path.exists():
        return Results(machines={})
    data = json.loads(path.read_text())
    return Results(
        machines={part: Machine(**machine) for part, machine in data["machines"].items()},
        rounds=data["rounds"],
        rows=[Measured(**_without(row, "median", "ratio")) for row in data["rows"]],
        growth=[
            Growth(growth["what"], growth["unit"], tuple(Grown(**run) for run in growth["runs"]))
            for growth in data["growth"]
        ],
        waiting=[Waited(**_without(row, "share")) for row in data["waiting"]],
    )


def joined(earlier: Results, new: Results) -> Results:
    """The new figures, with the earlier ones of parts that were not measured anew."""
    machines = {**earlier.machines, **new.machines}
    peers = new if WORKLOADS_PART in new.machines else earlier
    return Results(
        machines=machines,
        rounds=peers.rounds,
        rows=peers.rows,
        growth=new.growth if SCALE_PART in new.machines else earlier.growth,
        waiting=new.waiting if WAITING_PART in new.machines else earlier.waiting,
    )


def _without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in names}


def _rounded(results: Results, row: Measured) -> float | None:
    ratio = results.ratio(row.workload, row.tool)
    return None if ratio is None else round(ratio, 3)
