"""From a request to an exit code: views, the loop, and whatever happens, the last line of output."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from weft.cli.request import Request
from weft.events.bus import Sink
from weft.sinks import Streams, build

Run = Callable[[tuple[Sink, ...]], Coroutine[Any, Any, int]]


def execute(request: Request, run: Run) -> int:
    """Run with the views that the request asks for."""
    from weft.cli.loop import run as run_loop

    views = build(request.options, request.settings, Streams.standard())
    try:
        for warning in request.warnings:
            for sink in views.sinks:
                sink.handle(warning)
        return run_loop(run(views.sinks))
    finally:
        views.close()
