"""Warnings that belong to a task, and what the views still hold when a question is asked."""

from __future__ import annotations

import asyncio

from weft.events.bus import Bus
from weft.events.deferred import collecting
from weft.events.types import Event, Warned


class Seen:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.flushed = 0

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def flush(self) -> None:
        self.flushed += 1

    async def close(self) -> None:
        pass


def test_a_notice_goes_to_the_task_that_runs_and_else_to_the_views() -> None:
    seen = Seen()
    bus = Bus((seen,))
    with collecting() as notices:
        bus.notify(Warned(message="a"))
        bus.notify(Warned(message="a"))
        bus.notify(Warned(message="b"))
    bus.notify(Warned(message="c"))
    assert [notice.message for notice in notices] == ["a", "b"]
    assert [event.message for event in seen.events if isinstance(event, Warned)] == ["c"]


def test_each_of_two_tasks_at_once_gets_its_own_also_from_threads() -> None:
    bus = Bus()

    async def task(text: str) -> list[str]:
        with collecting() as notices:
            await asyncio.sleep(0)
            await asyncio.to_thread(bus.notify, Warned(message=text))
        return [notice.message for notice in notices]

    async def both() -> list[list[str]]:
        return await asyncio.gather(task("a"), task("b"))

    assert asyncio.run(both()) == [["a"], ["b"]]


def test_flushing_reaches_the_views_that_hold_text_back() -> None:
    seen = Seen()
    Bus((seen,)).flush()
    assert seen.flushed == 1
