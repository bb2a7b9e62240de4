"""The bench's simulated runs, at small sizes: a unit of work costs the controller the same, however many there are.

Counted are Python's calls, not seconds: they are much the same on every machine, however busy it is.
"""

from __future__ import annotations

import cProfile

import pytest

from bench.simulated import measured

_SPARE = 1.03  # a wake-up more or less; comparing all with all would add 4 % at these sizes


def calls_of(case: str, size: int) -> int:
    profile = cProfile.Profile()
    profile.runcall(measured, case, size, False)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize(("case", "sizes"), [("strands", (40, 80, 240)), ("jobs", (100, 200, 500))])
def test_many_cost_no_more_each_than_few(case: str, sizes: tuple[int, int, int]) -> None:
    measured(case, sizes[0], False)  # what is imported and compiled once is not counted
    few, more, many = (calls_of(case, size) for size in sizes)
    first, second = (more - few) / (sizes[1] - sizes[0]), (many - more) / (sizes[2] - sizes[1])
    assert second < first * _SPARE
