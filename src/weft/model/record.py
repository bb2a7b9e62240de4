"""Records: immutable values that flow through weft are msgspec's structs.

Making a dataclass takes half a millisecond at import, where a struct takes a hundredth; weft has two hundred.
A dataclass is for what structs don't have: a field that isn't compared, or isn't an argument.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class Discreet(Struct, frozen=True):
    """A record that doesn't show all of its fields: a secret must not get into a message or a log with its ``repr``."""

    unshown: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in self.unshown)
        return f"{type(self).__name__}({', '.join(shown)})"
