"""Runs the one coroutine of a command, on uvloop where it is installed: it costs no more to import than asyncio."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from weft.cli.main import GARBAGE

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end and return the result. A KeyboardInterrupt nobody took care of comes out of here."""
    gc.set_threshold(GARBAGE)  # whoever calls this has not always come by way of the command line
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main)


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
