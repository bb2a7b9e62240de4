"""One sink that is several: each gets every event, and one that breaks does not take the others with it."""

from __future__ import annotations

from weft.events.bus import Sink
from weft.events.types import Event, Warned
from weft.sinks.registry import flush


class Tee:
    """Hands every event on to all of ``sinks``, in order. The others are told of one that breaks; it gets no more."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = list(sinks)

    def handle(self, event: Event) -> None:
        for sink in tuple(self._sinks):
            try:
                sink.handle(event)
            except Exception as error:
                self._sinks.remove(sink)
                self.handle(
                    Warned(message=f"The view {type(sink).__name__} is left out from here on, it failed: {error}")
                )

    def flush(self) -> None:
        flush(self._sinks)

    async def close(self) -> None:
        for sink in self._sinks:
            await sink.close()
