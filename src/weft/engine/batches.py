"""``serial``: a play's hosts in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.model.errors import LoadError
from weft.model.values import Origin


def batch_size(value: Any, total: int, origin: Origin | None = None) -> int:
    """How many hosts a ``serial`` entry (a number, or a percentage of all hosts) means: at least 1; 0 means all."""
    text = str(value).strip()
    try:
        if text.endswith("%"):
            return max(1, int(float(text[:-1]) * total / 100))
        number = int(text)
    except ValueError:
        raise LoadError(f"'serial' takes a number or a percentage, not {value!r}", origin) from None
    return number if number > 0 else total


def last_size(serial: Any, total: int, origin: Origin | None = None) -> int:
    """How many hosts a batch has that comes after all entries: as many as the last of them says."""
    entries = _entries(serial)
    return batch_size(entries[-1], total, origin) if entries else max(1, total)


def _entries(serial: Any) -> Sequence[Any]:
    return serial if isinstance(serial, list | tuple) else [serial] if serial is not None else []


def batches(hosts: Sequence[str], serial: Any, origin: Origin | None = None) -> list[tuple[str, ...]]:
    """Split hosts as ``serial`` says; the last of several entries holds for the rest."""
    entries = _entries(serial)
    if not entries:
        return [tuple(hosts)] if hosts else []
    result: list[tuple[str, ...]] = []
    rest = tuple(hosts)
    number = 0
    while rest:
        size = batch_size(entries[min(number, len(entries) - 1)], len(hosts), origin)
        result.append(rest[:size])
        rest = rest[size:]
        number += 1
    return result
