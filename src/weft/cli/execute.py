"""From a request to an exit code: views, the loop, and whatever happens, the last line of output."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from weft.cli.request import Request
from weft.events.bus import Bus, Sink
from weft.events.types import Message
from weft.sinks import CallbackBroke, Streams, build

Run = Callable[[tuple[Sink, ...]], Coroutine[Any, Any, int]]


def execute(request: Request, run: Run) -> int:
    """Run with the views that the request asks for."""
    from weft.cli.loop import run as run_loop

    views = build(request.options, request.settings, Streams.standard())
    try:
        for warning in request.warnings:
            for sink in views.sinks:
                sink.handle(warning)
        code = run_loop(run(views.sinks))
    finally:
        views.close()
    if views.broke is not None:
        raise CallbackBroke(views.broke)
    return code


def show_lists(request: Request) -> int:
    """`--list-hosts` and its kin: the lists go to stdout, what is noticed on the way to stderr."""
    from weft.run import list_playbooks
    from weft.sinks.recap import config_line

    def lists(bus: Bus) -> str:
        bus.publish(Message(text=config_line(request.settings), verbosity=1))
        return list_playbooks(request.options, request.settings, bus)

    return show(request, lists)


def show(request: Request, make: Callable[[Bus], str]) -> int:
    """Print a text for which nothing has to run. ``make`` publishes its warnings."""
    views = build(request.options, request.settings, Streams.standard())
    try:
        bus = Bus(views.sinks)
        for warning in request.warnings:
            bus.publish(warning)
        bus.publish(Message(text=make(bus)))
    finally:
        views.close()
    return 0
