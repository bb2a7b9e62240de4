"""Values as the user wrote them: text that may be a template, and containers that know their place.

Only text that came from playbooks, roles, vars files, inventory or ``-e`` is ever a template. The loaders mark it by
its type, ``Trusted``; everything else (results, facts, file contents, lookups) is plain ``str`` and is never templated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

#: A literal, or a container with ``Trusted`` text somewhere inside.
Value = Any


class Origin(Struct, frozen=True):
    """Where something stands: a file (or a name such as ``<command line>``), line and column counted from 1."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.path, *(str(n) for n in (self.line, self.column) if n)])


class Written(Origin, frozen=True):
    """A place that is in no file, such as an option of the command line, with what stands there."""

    text: str = ""


class Trusted(str):
    """Text that may be evaluated as a template."""

    __slots__ = ("origin",)
    origin: Origin | None

    def __new__(cls, text: str, origin: Origin | None = None) -> Trusted:
        self = super().__new__(cls, text)
        self.origin = origin
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Trusted, (str(self), self.origin)


class VaultText:
    """A ``!vault`` scalar, decrypted when it is read. It never shows what it hides."""

    __slots__ = ("ciphertext", "origin")

    def __init__(self, ciphertext: str, origin: Origin | None = None) -> None:
        self.ciphertext = ciphertext
        self.origin = origin

    def __repr__(self) -> str:
        return "<vault-encrypted text>"


class Decrypted(str):
    """Text that was encrypted where it was written; facts and arguments remember that."""

    __slots__ = ("ciphertext",)
    ciphertext: str

    def __new__(cls, text: str, ciphertext: str = "") -> Decrypted:
        self = super().__new__(cls, text)
        self.ciphertext = ciphertext
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Decrypted, (str(self), self.ciphertext)


class MapNode(dict[Any, Any]):
    """A YAML mapping that knows where it stands; its keys are ``Trusted`` and know theirs."""

    __slots__ = ("origin",)
    origin: Origin | None

    def __init__(self, items: Any = (), origin: Origin | None = None) -> None:
        super().__init__(items)
        self.origin = origin


class SeqNode(list[Any]):
    """A YAML sequence that knows where it stands."""

    __slots__ = ("origin",)
    origin: Origin | None

    def __init__(self, items: Any = (), origin: Origin | None = None) -> None:
        super().__init__(items)
        self.origin = origin


class _Omit:
    """The value of ``omit``: an argument that has it is left out."""

    def __repr__(self) -> str:
        return "<omit>"

    def __reduce__(self) -> str:
        return "OMIT"


OMIT: Final = _Omit()


def origin_of(value: Any) -> Origin | None:
    """The place of a value, as far as it is known."""
    origin: Origin | None = getattr(value, "origin", None)
    if origin is None and isinstance(value, Mapping):
        return next((o for key in value if (o := getattr(key, "origin", None))), None)
    if origin is None and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return next((o for item in value if (o := getattr(item, "origin", None))), None)
    return origin
