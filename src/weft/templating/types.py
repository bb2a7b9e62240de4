"""Type names as users see them: those of plain Python types, whatever marks a value carries inside weft."""

from __future__ import annotations

import re
from typing import Any

_BASES = (str, dict, list)
_OWN = {
    **dict.fromkeys(("Trusted", "Decrypted", "EmbeddedTemplate"), "str"),
    **dict.fromkeys(("LazyDict", "MapNode"), "dict"),
    **dict.fromkeys(("LazyList", "SeqNode"), "list"),
}
_OWN_NAMES = re.compile(rf"'({'|'.join(_OWN)})'")


def type_name(value: Any) -> str:
    """``str`` for trusted text, ``dict`` for YAML mappings and lazy ones, the type's own name otherwise."""
    kind = value if isinstance(value, type) else type(value)
    if kind.__module__.startswith("weft."):
        if shown := getattr(kind, "shown_as", None):
            return str(shown)
        for base in _BASES:
            if issubclass(kind, base):
                return base.__name__
    return kind.__name__


def reason(error: BaseException) -> str:
    """An exception's message, with the names of plain types in place of weft's own."""
    return _OWN_NAMES.sub(lambda match: f"'{_OWN[match[1]]}'", str(error) or type(error).__name__)
