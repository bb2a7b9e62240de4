"""The window over a loop's items."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.virtual_time import run_virtual
from weft.executor.sidebyside import side_by_side


class Items:
    """Items that take some seconds each; what happened, with its time."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = seconds
        self.log: list[tuple[float, str]] = []
        self.running = self.most = 0
        self.over_after: int | None = None

    async def run(self, index: int) -> bool:
        self.say(f"+{index}")
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.seconds[index])
            if self.seconds[index] == 13:
                raise ValueError("unlucky")
            self.say(f"-{index}")
        finally:
            self.running -= 1
        return index == self.over_after

    def say(self, text: str) -> None:
        self.log.append((asyncio.get_running_loop().time(), text))

    @property
    def started(self) -> list[float]:
        return [at for at, text in self.log if text.startswith("+")]


def test_the_next_starts_when_one_ends() -> None:
    items = Items(1, 2, 3, 4, 5, 6, 7)
    run_virtual(side_by_side(7, 3, 0, items.run))
    assert items.started == [0, 0, 0, 1, 2, 3, 5]
    assert items.most == 3
    assert items.log[-1] == (12, "-6")


def test_no_more_than_there_are() -> None:
    items = Items(1, 1)
    run_virtual(side_by_side(2, 50, 0, items.run))
    assert items.started == [0, 0]


def test_starts_lie_a_pause_apart_wherever_the_window_is() -> None:
    items = Items(1, 9, 1, 1)
    run_virtual(side_by_side(4, 2, 3, items.run))
    assert items.started == [0, 3, 6, 9]


def test_over_means_no_further_start() -> None:
    items = Items(5, 1, 5, 5)
    items.over_after = 1
    run_virtual(side_by_side(4, 2, 0, items.run))
    assert [text for _, text in items.log] == ["+0", "+1", "-1", "-0"]


def test_what_one_raises_ends_them_all() -> None:
    items = Items(99, 13, 99)
    with pytest.raises(ValueError, match="unlucky"):
        run_virtual(side_by_side(3, 3, 0, items.run))
    assert items.running == 0


def test_cancelled_nothing_is_left_running() -> None:
    async def main(items: Items) -> None:
        work = asyncio.create_task(side_by_side(4, 2, 0, items.run))
        await asyncio.sleep(1)
        work.cancel()
        await asyncio.wait([work])
        assert work.cancelled() and items.running == 0

    items = Items(9, 9, 9, 9)
    run_virtual(main(items))
    assert items.started == [0, 0]
