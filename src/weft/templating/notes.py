"""Text that is only shown: what can't be had in it becomes a numbered note instead of an error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from weft.templating.api import Names
from weft.templating.environment import TemplateEnvironment
from weft.templating.finalize import join_text
from weft.templating.markers import MARKERS, Marker, marker_for
from weft.templating.programs import compile_text


def with_notes(environment: TemplateEnvironment, text: str, names: Names) -> tuple[str, tuple[str, ...]]:
    """The text, and the messages that its notes speak of."""
    messages: list[str] = []

    def note(marker: Marker) -> str:
        messages.append(marker.message)
        return f"<< error {len(messages)} - {marker.message} >>"

    def join(parts: Iterable[Any]) -> str:
        return join_text([note(part) if type(part) in MARKERS else part for part in parts if part is not None])

    try:
        result = compile_text(environment, str(text), join)(names)
        shown = join([result])
    except Exception as error:
        shown = note(marker_for(error))
    return shown, tuple(messages)
