"""A sliding window over the items of a loop: so many at once, the next starts when one ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def side_by_side(count: int, limit: int, pause: float, run: Callable[[int], Awaitable[bool]]) -> None:
    """``run(0)`` to ``run(count - 1)``, started in that order, ``pause`` seconds apart, at most ``limit`` at once.

    Where one returns true no further one starts; those that run are waited for. What one raises ends them all; when
    this is cancelled nothing of it is left running.
    """
    slots = asyncio.Semaphore(limit)
    clock = asyncio.get_running_loop().time
    over = False

    async def one(index: int) -> None:
        nonlocal over
        try:
            over = await run(index) or over
        finally:
            slots.release()

    try:
        async with asyncio.TaskGroup() as group:
            started = 0.0
            for index in range(count):
                await slots.acquire()
                if index and not over:
                    await asyncio.sleep(max(0.0, started + pause - clock()))
                if over:
                    break
                started = clock()
                group.create_task(one(index))
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
        raise first from first.__cause__
