"""The short bench, for every day: what a task on a host costs the controller, beside the figures kept of earlier.

Runs over simulated hosts (``bench.simulated``), so that nothing but the controller is measured:

- CPU of a task on a host, as the growth from 20 to 100 hosts, so that starting up is not in it; the best of several
  runs, because whatever else runs on the machine can only add to it;
- the same over a fixed loop of plain Python that is timed beside it: two machines can be compared by that;
- Python instructions of a task on a host: the same number on every machine with the same Python;
- CPU of `weft play` with one debug task on localhost, and of `weft --version`, again over the loop's.

A report, not a gate: it always ends well. ``--save`` keeps the figures in ``bench/baseline.json``.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.scale import child, simulate
from bench.simulated import TASKS
from bench.tools import run
from bench.workloads import PLAYBOOKS

BASELINE = Path(__file__).parent / "baseline.json"
_FEW, _MANY = 20, 100  # hosts
_COUNTED_FEW, _COUNTED_MANY = 2, 6
_TURNS = 200_000

_UNITS = {
    "task_ms": "ms of CPU, a task on a host",
    "task_loops": "the same, in thousandths of a loop",
    "task_instructions": "Python instructions, a task on a host",
    "local_loops": "one debug on localhost, in loops",
    "version_loops": "weft --version, in loops",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.quick", description="controller CPU, beside the figures kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help=f"keep the figures in {BASELINE.name}")
    options = parser.parse_args()
    figures = measure(options.rounds)
    kept = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    print(beside(figures, kept.get("figures", {}), kept.get("python", "")))
    if options.save:
        rounded = {name: round(value, 3) for name, value in figures.items()}
        data = {"python": platform.python_version(), "figures": rounded}
        BASELINE.write_text(json.dumps(data, indent=1) + "\n")
    return 0


def measure(rounds: int) -> dict[str, float]:
    loop = best(rounds, loop_seconds)
    weft = [sys.executable, "-m", "weft"]
    local = [*weft, "play", str(PLAYBOOKS / "local.yml")]
    task = slope(rounds)
    return {
        "task_ms": task * 1000,
        "task_loops": task / loop * 1000,
        "task_instructions": instructions(),
        "local_loops": best(rounds, lambda: run(local, {}, PLAYBOOKS).cpu) / loop,
        "version_loops": best(rounds, lambda: run([*weft, "--version"], {}, PLAYBOOKS).cpu) / loop,
    }


def best(rounds: int, once: Callable[[], float]) -> float:
    return min(once() for _ in range(rounds))


def loop_seconds() -> float:
    """CPU of the loop that other figures are divided by: dicts, strings and calls, as the controller's work is."""
    start = time.process_time()
    names = {f"name {number}": number for number in range(100)}
    total = 0
    for turn in range(_TURNS):
        total += len(str(turn)) + names[f"name {turn % 100}"]
    return time.process_time() - start


def slope(rounds: int) -> float:
    """CPU seconds of one unit more. The best of each size: whatever else runs can only add to a run."""
    few, many = (
        min((simulate("hosts", size) for _ in range(rounds)), key=lambda run: run.cpu) for size in (_FEW, _MANY)
    )
    return (many.cpu - few.cpu) / (many.units - few.units)


def instructions() -> float:
    few, many = (child("bench.simulated", "hosts", str(size), "--count") for size in (_COUNTED_FEW, _COUNTED_MANY))
    return (many["instructions"] - few["instructions"]) / (many["units"] - few["units"])


def beside(figures: dict[str, float], kept: dict[str, float], python: str) -> str:
    lines = [f"controller, {TASKS} tasks, simulated hosts; kept figures: Python {python or 'none'}"]
    for name, what in _UNITS.items():
        before = kept.get(name)
        change = f"{before:>10.3f} kept {100 * (figures[name] / before - 1):>+7.1f} %" if before else ""
        lines.append(f"{what:<40} {figures[name]:>10.3f} {change}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
