"""An event loop whose clock jumps: a test of retries over minutes takes milliseconds, and no test sleeps.

``run_virtual(main())`` instead of ``asyncio.run``; ``loop.time()`` counts from 0 in virtual seconds. When nothing is
ready, the clock goes to the next timer at once. While the loop waits for a thread (``to_thread``), real time passes and
the clock stands still, so a timer never beats it. Not for tests with real descriptors: there it would.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A selector loop with a clock of its own."""

    def __init__(self) -> None:
        self._now = 0.0
        self._in_threads = 0
        self.wakes: list[float] = []  # the times to which the clock went for a timer
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self._now

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        self._in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: object) -> None:
        self._in_threads -= 1

    @property
    def may_jump(self) -> bool:
        return self._in_threads == 0

    def advance(self, seconds: float) -> None:
        self._now += seconds
        self.wakes.append(self._now)


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            return super().select(None)
        if not self._loop.may_jump:
            return super().select(0.005)
        self._loop.advance(timeout)
        return ready


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a virtual clock."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
