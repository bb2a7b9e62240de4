"""Type names as users see them: those of plain Python types, whatever marks a value carries inside weft."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BASES = (str, dict, list)


def type_name(value: Any) -> str:
    """``str`` for trusted text, ``dict`` for YAML mappings and lazy ones, the type's own name otherwise."""
    kind = value if isinstance(value, type) else type(value)
    if kind.__module__.startswith("weft."):
        for base in _BASES:
            if issubclass(kind, base):
                return base.__name__
        if issubclass(kind, Mapping):
            return "dict"
    return kind.__name__
