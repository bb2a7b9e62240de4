"""The figures that the bench keeps: a part that is run alone replaces its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import plot, report
from bench.report import Machine, Measured, Results
from bench.scale import Grown, Growth
from bench.waiting import Waited

PEERS = Results(
    machines={"workloads": Machine(1.0)},
    rounds=1,
    rows=[Measured("commands", "weft", [1.0], [0.5]), Measured("commands", "ansible-core", [20.0], [9.0])],
)


def grown(case: str, *costs: float) -> Growth:
    sizes = [10 ** (number + 1) for number in range(len(costs))]
    runs = [Grown(case, size, size, cost, 1000.0 * size) for size, cost in zip(sizes, costs, strict=True)]
    return Growth(f"{case} in a test", "unit", tuple(runs))


SCALE = Results(machines={"scale": Machine(2.0)}, growth=[grown("hosts", 1, 2, 11), grown("jobs", 1, 2, 11)])
WAITING = Results(machines={"waiting": Machine(3.0)}, waiting=[Waited("await", 10.0, 0.05, 0.0)])


def test_parts_are_kept_until_they_are_run_again(tmp_path: Path) -> None:
    for results in (PEERS, SCALE, WAITING, SCALE):
        report.write(report.joined(report.read(tmp_path), results), tmp_path)
    kept = report.read(tmp_path)
    assert (kept.rows, kept.growth, kept.waiting) == (PEERS.rows, SCALE.growth, WAITING.waiting)
    assert {part: machine.load for part, machine in kept.machines.items()} == {"workloads": 1, "scale": 2, "waiting": 3}
    text = (tmp_path / "latest.md").read_text()
    assert "| 1.00 s | 20.0 s: 20 x |" in text
    assert "100 jobs in a test" in text
    assert "0.05 s of CPU in  10.0 s    0.50% of a core,  0.00% while all of them run" in text


def test_a_unit_that_costs_the_same_has_the_factor_one() -> None:
    """However much it costs to start up."""
    assert grown("hosts", 1 + 1, 10 + 1, 100 + 1).factor == pytest.approx(1)
    assert grown("hosts", 1 + 1, 10 + 1, 200 + 1).factor == pytest.approx(2, rel=0.02)
    assert grown("hosts", 1, 1.01, 1.2).factor is None, "that is noise"


def test_what_grows_is_plotted(tmp_path: Path) -> None:
    plot.write(SCALE, tmp_path)
    drawn = (tmp_path / "scale.svg").read_text()
    assert "hosts, 20 tasks each" in drawn
    assert "jobs, over 100 hosts" in drawn
    assert "strands" not in drawn


def test_round_trips_are_those_of_tasks_that_need_nothing_of_each_other_and_of_those_that_do() -> None:
    rows = [
        Measured("far", "weft", [2.0]),
        Measured("far-chained", "weft", [11.4]),
        Measured("far-first", "weft", [1.5]),
    ]
    results = Results(machines={}, rows=rows)
    assert results.round_trips("weft") == pytest.approx(0.0505, abs=1e-4)
    assert report.table(results).splitlines()[-2:] == [
        "| round trips a task, 100 ms away | 0.05 |",
        "| round trips a task, 100 ms away, each with what the one before it has found | 1.00 |",
    ]
