"""How the controller's work grows with hosts, tasks, items, strands and the like: each run in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from bench.tools import clean_environment, with_root

_NOISE = 0.05  # seconds by which two runs of the same may differ


@dataclass(frozen=True, slots=True)
class Grown:
    """One run. ``cpu``: seconds without imports; ``memory``: KiB at its peak."""

    case: str
    size: int
    units: int
    cpu: float
    memory: float

    @property
    def each(self) -> float:
        """Milliseconds of CPU for one unit of work."""
        return self.cpu / self.units * 1000


@dataclass(frozen=True, slots=True)
class Growth:
    """A case at its sizes, smallest first."""

    what: str
    unit: str
    runs: tuple[Grown, ...]

    @property
    def factor(self) -> float | None:
        """What a unit of the largest run cost, to what one of the run before did: more than 1 is worse than linear.

        Both beside the smallest run, so that starting up is in neither. None: too little to tell.
        """
        if len(self.runs) < 3 or self.runs[-2].cpu - self.runs[0].cpu < _NOISE:
            return None
        return self.cpu_each(self.runs[-1]) / self.cpu_each(self.runs[-2])

    def cpu_each(self, run: Grown) -> float:
        """Seconds for one unit more, beside the smallest run."""
        base = self.runs[0]
        return (run.cpu - base.cpu) / (run.units - base.units)

    def memory_each(self, run: Grown) -> float:
        """KiB for one more of what grows, beside the smallest run."""
        base = self.runs[0]
        return (run.memory - base.memory) / (run.size - base.size)


CASES = (
    ("hosts", "hosts x 20 tasks", "task on a host", (10, 100, 1_000, 10_000)),
    ("tasks", "tasks of a playbook, 1 host", "task", (100, 1_000, 10_000)),
    ("loop", "items of a loop, 1 host", "item", (50, 500, 5_000)),
    ("variables", "variables of each of 100 hosts", "variable", (10, 100, 1_000)),
    ("templates", "templates inside each other, 10 hosts x 20 tasks", "level", (5, 20, 80)),
    ("strands", "async blocks of 1 host, awaited", "strand", (40, 200, 1_000, 4_000)),
    ("included", "items of an async include, 1 host, awaited", "strand", (40, 200, 1_000, 4_000)),
    ("jobs", "jobs over 100 hosts, awaited", "job", (100, 1_000, 10_000)),
)


def grow(most: int | None = None) -> list[Growth]:
    """Every case; sizes beyond ``most`` are left out. Raises CalledProcessError if a run fails."""
    found = []
    simulate(CASES[0][0], CASES[0][3][0])  # the first time has files to compile
    for case, what, unit, sizes in CASES:
        runs = tuple(simulate(case, size) for size in sizes if most is None or size <= most)
        found.append(Growth(what, unit, runs))
        print(growth_text(found[-1]), flush=True)
    return found


def simulate(case: str, size: int) -> Grown:
    data = child("bench.simulated", case, str(size))
    return Grown(case, size, int(data["units"]), data["cpu"], data["memory"])


def child(*words: str) -> dict[str, float]:
    """What one process of ours printed."""
    environment = {**clean_environment(), "PYTHONPATH": with_root()}
    argv = [sys.executable, "-m", *words]
    done = subprocess.run(argv, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    data: dict[str, float] = json.loads(done.stdout)
    return data


def growth_text(growth: Growth) -> str:
    lines = []
    for run in growth.runs:
        memory = f"{growth.memory_each(run):8.1f}" if run is not growth.runs[0] else " " * 8
        lines.append(f"{run.size:>7,} {growth.what:<50} {run.each:8.3f} ms a {growth.unit:<15} {memory} KiB each")
    return "\n".join(lines)
