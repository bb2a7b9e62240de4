"""An event loop whose time passes at once when there is nothing else to do."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    passed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.passed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return 1000.0 + self._clock.passed


def run(coroutine: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """The coroutine's result, and how many seconds it took by the virtual clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        async def timed() -> tuple[T, float]:
            loop = asyncio.get_running_loop()
            began = loop.time()
            return await coroutine, loop.time() - began

        return runner.run(timed())
