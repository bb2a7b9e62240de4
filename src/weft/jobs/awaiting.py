"""Waiting for jobs of many hosts at once, each told of as it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from weft.jobs.record import JobRecord
from weft.model.errors import WeftError

R = TypeVar("R")
E = TypeVar("E")

Outcome = JobRecord | WeftError  # as it ended, or why that can't be known


async def await_jobs(
    records: Sequence[R],
    wait: Callable[[R], Awaitable[E]],
    *,
    wanted: int,
    seconds: float | None,
    on_end: Callable[[R, E | WeftError], Awaitable[None]],
) -> list[E | WeftError | None]:
    """Wait until ``wanted`` of the jobs have ended, or ``seconds`` are over; ``wait`` waits for one.

    ``on_end`` hears of each in the order in which they end. The result is in the order of ``records``; None: left.
    """
    outcomes: list[E | WeftError | None] = [None] * len(records)
    ended: asyncio.Queue[int] = asyncio.Queue()
    tasks = [asyncio.create_task(_outcome(wait, record)) for record in records]
    for number, task in enumerate(tasks):
        task.add_done_callback(lambda _, number=number: ended.put_nowait(number))  # type: ignore[misc]
    known = lost = 0
    try:
        async with asyncio.timeout(seconds):
            while known < wanted and known + lost < len(records):
                number = await ended.get()
                outcome = outcomes[number] = tasks[number].result()
                lost += isinstance(outcome, WeftError)
                known += not isinstance(outcome, WeftError)
                await on_end(records[number], outcome)
    except TimeoutError:
        pass
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
    return outcomes


async def _outcome(wait: Callable[[R], Awaitable[E]], record: R) -> E | WeftError:
    try:
        return await wait(record)
    except WeftError as error:
        return error
