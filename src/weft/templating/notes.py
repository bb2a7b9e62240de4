"""Text that is only shown: what can't be had in it becomes a numbered note instead of an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from weft.templating.api import Names
from weft.templating.failures import MARKERS, marker_of
from weft.templating.finalize import join_text
from weft.templating.shortcut import Join, Program


def with_notes(compiled: Callable[[str, Join], Program], text: str, names: Names) -> tuple[str, tuple[str, ...]]:
    """The text, and the messages that its notes speak of. ``compiled`` makes programs of templates."""
    messages: list[str] = []

    def note(marker: Any) -> str:
        messages.append(marker.message)
        return f"<< error {len(messages)} - {marker.message} >>"

    def join(parts: Iterable[Any]) -> str:
        return join_text([note(part) if type(part) in MARKERS else part for part in parts if part is not None])

    try:
        result = compiled(str(text), join)(names)
        shown = join([result])
    except Exception as error:
        shown = note(marker_of(error))
    return shown, tuple(messages)
