"""What is made in a thread when it is first needed, and then is there for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Calls ``make`` once: a hundred hosts that ask at the same time wait for one thread. What fails is tried again."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = asyncio.Lock()
        self._made: T | None = None

    async def get(self) -> T:
        """Raises what ``make`` raises."""
        if self._made is None:
            async with self._lock:
                if self._made is None:
                    self._made = await asyncio.to_thread(self._make)
        return self._made
