"""From what a template gives to plain data: nothing lazy, no marks, no markers, no omitted entries."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence, Set
from typing import Any

from weft.model.errors import WeftError
from weft.model.values import OMIT, Decrypted, Trusted
from weft.templating.failures import MARKERS, Tripped
from weft.templating.types import type_name

#: Exact types that are plain data as they are.
PLAIN = frozenset(
    {str, int, float, bool, type(None), bytes, datetime.datetime, datetime.date, datetime.time, type(OMIT)}
)


_MARKED = frozenset({Trusted, Decrypted})


def finalize(value: Any, keep_marks: bool = False) -> Any:
    """Plain data, recursively. Raises Tripped, UndefinedName, TemplateFailed, UnsupportedType.

    ``keep_marks``: text that was written by the user, and holds no template, stays marked as such; so does text that
    was encrypted.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind in MARKERS:
        value.trip()
    if isinstance(value, str):
        return value if keep_marks and kind in _MARKED else str(value)
    if isinstance(value, Mapping):
        return {_key(key): finalize(item, keep_marks) for key, item in value.items() if item is not OMIT}
    if isinstance(value, range | type):
        raise UnsupportedType(value)
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray):
        return [finalize(item, keep_marks) for item in value if item is not OMIT]
    for scalar in (int, float):
        if isinstance(value, scalar):
            return scalar(value)
    raise UnsupportedType(value)


class UnsupportedType(Exception):
    """A template's result is of a type that variables can't have."""

    def __init__(self, value: Any) -> None:
        kind = "type" if isinstance(value, type) else type_name(value)
        super().__init__(f"Type {kind!r} is unsupported for variable storage.")


def _key(key: Any) -> Any:
    return key if type(key) in PLAIN else finalize(key)


def join_text(parts: Sequence[Any]) -> str:
    """Several parts as one text. Raises Tripped, UndefinedName, TemplateFailed."""
    return "".join([part if type(part) is str else _as_text(part) for part in parts if part is not OMIT])


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(_printable(value))


def _printable(value: Any) -> Any:
    """As ``finalize``, but types that can't be stored may be shown."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind in MARKERS:
        value.trip()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {_printable(key): _printable(item) for key, item in value.items() if item is not OMIT}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value if item is not OMIT]
    return value


def plain(value: Any, keep_marks: bool = False) -> Any:
    """As ``finalize``, for plugins that know nothing of lazy values; the value itself where that can't be."""
    kind = type(value)
    if kind in PLAIN or not isinstance(value, str | dict | list | tuple):
        return value
    try:
        return finalize(value, keep_marks)
    except (Tripped, WeftError, UnsupportedType):
        return value
