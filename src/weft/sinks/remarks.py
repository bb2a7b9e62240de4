"""The view of what lists and checks and doesn't run: warnings, deprecations and plain text."""

from __future__ import annotations

from weft.events import types as ev
from weft.sinks.screen import Screen


class Remarks:
    """Shows what there is to say while playbooks and inventory are read."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def handle(self, event: ev.Event) -> None:
        if isinstance(event, ev.Warned):
            self._screen.warning(event)
        elif isinstance(event, ev.Deprecated):
            self._screen.deprecation(event)
        elif isinstance(event, ev.Message):
            show_message(self._screen, event)

    def flush(self) -> None:
        self._screen.flush()

    async def close(self) -> None:
        await self._screen.drained()


def show_message(screen: Screen, event: ev.Message) -> None:
    """Text for the user, where the verbosity asks for it."""
    if event.verbosity > 0:
        screen.verbose(event.text, event.verbosity, event.host)
    else:
        text = event.text if event.host is None else f"<{event.host}> {event.text}"
        screen.show(text, stderr=event.stderr)
