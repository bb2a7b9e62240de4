"""What the rest of weft knows of templating."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol


class Names(Protocol):
    """Where a template reads its variables: evaluated values, on demand."""

    def __getitem__(self, name: str) -> Any:
        """The evaluated value. Raises KeyError where there is none, UndefinedName where it reads one that has none."""

    def __contains__(self, name: object) -> bool: ...

    def names(self) -> Iterable[str]:
        """Every name there is."""
