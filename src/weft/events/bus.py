"""The bus: the engine publishes, sinks subscribe; a sink never steers and never raises into the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

from weft.events.deferred import Notice, offer
from weft.events.types import Event


class Sink(Protocol):
    """Reads events. ``handle`` is called in order, in the loop's thread, and must not block; slow ones keep a queue."""

    def handle(self, event: Event) -> None: ...

    async def close(self) -> None:
        """Everything handled so far is out when this returns."""


@runtime_checkable
class Asking(Protocol):
    """A sink that asks of the run what its events don't say. ``answers`` may be called from any thread, and block."""

    answers: Callable[[Mapping[str, Any]], Any] | None


class Bus:
    """Hands every event to every sink, in order."""

    def __init__(self, sinks: tuple[Sink, ...] = (), on_error: Callable[[Sink, Exception], None] | None = None) -> None:
        self._sinks = list(sinks)
        self._on_error = on_error
        self._held: list[Event] | None = None

    def add(self, sink: Sink) -> None:
        self._sinks.append(sink)

    def publish(self, event: Event) -> None:
        if self._held is not None:
            self._held.append(event)
        else:
            self._hand_out(event)

    @contextmanager
    def held(self) -> Iterator[Callable[[Event], None]]:
        """What is published meanwhile is handed out at the end; what the function that this gives is told, at once."""
        if self._held is not None:
            raise RuntimeError("the bus is held already")
        self._held = []
        try:
            yield self._hand_out
        finally:
            held, self._held = self._held, None
            for event in held:
                self._hand_out(event)

    def _hand_out(self, event: Event) -> None:
        for sink in tuple(self._sinks):
            try:
                sink.handle(event)
            except Exception as error:
                # a broken view must not end the run: it is taken out and named once
                self._sinks.remove(sink)
                if self._on_error is not None:
                    self._on_error(sink, error)

    def notify(self, notice: Notice) -> None:
        """A warning, deprecation or message: with the result of the task that runs, or at once where none does."""
        if not offer(notice):
            self.publish(notice)

    def flush(self) -> None:
        """What the views have been told so far is out when this returns: before a question is asked. May block."""
        for sink in tuple(self._sinks):
            flush = getattr(sink, "flush", None)
            if flush is not None:
                flush()

    async def close(self) -> None:
        for sink in self._sinks:
            await sink.close()
