"""What the rest of weft knows of templating."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol


class Names(Protocol):
    """Where a template reads its variables: evaluated values, on demand.

    They are best made by ``Templar.evaluate``: what is in a container is then evaluated when it is read, and text
    without a template keeps its mark. Names may also have ``basedir`` (the playbook's folder), ``search_paths`` (where
    lookups look for files, nearest first) and ``task_action`` (the action of the task they belong to).
    """

    def __getitem__(self, name: str) -> Any:
        """The evaluated value. Raises KeyError where there is none, UndefinedName where it reads one that has none."""

    def __contains__(self, name: object) -> bool: ...

    def names(self) -> Iterable[str]:
        """Every name there is."""
