"""`--json`: every event as one line of JSON, for programs.

A line is an object with ``event`` (the type's name in snake case: ``task_finished``) and the fields of that type as
``weft.events.types`` has them. ``run_started`` has ``schema`` too. Fields are added over time, never renamed or taken
away within a schema. What JSON has no form for is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TextIO

from msgspec import Struct

from weft.events.types import Event, RunStarted
from weft.sinks.output import Output

SCHEMA = 1


class JsonLines:
    """Writes to one stream through the run's ``Output``."""

    def __init__(self, output: Output, stream: TextIO) -> None:
        import msgspec

        self._output = output
        self._stream = stream
        self._encode = msgspec.json.Encoder(enc_hook=str).encode

    def handle(self, event: Event) -> None:
        record: dict[str, Any] = {"event": event_name(type(event))}
        if isinstance(event, RunStarted):
            record["schema"] = SCHEMA
        for name in event.__struct_fields__:
            record[name] = getattr(event, name)
        self._output.write(self._stream, f"{self._text(record)}\n")

    def flush(self) -> None:
        self._output.flush()

    async def close(self) -> None:
        await self._output.drained()

    def _text(self, record: dict[str, Any]) -> str:
        try:
            return self._encode(record).decode()
        except (TypeError, ValueError, RecursionError):  # odd keys, lone surrogates
            return self._encode(_encodable(record)).decode()


def event_name(kind: type[Event]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _encodable(value: Any) -> Any:
    """A copy with text for every key and value that can't be encoded as it is."""
    if isinstance(value, str):
        return str(value).encode("utf-8", "replace").decode()
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, int | float | bytes | bytearray):
        return value
    if isinstance(value, Mapping):
        return {_encodable(str(key)): _encodable(item) for key, item in value.items()}
    if isinstance(value, Struct):
        return {name: _encodable(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Iterable):
        return [_encodable(item) for item in value]
    return _encodable(str(value))
