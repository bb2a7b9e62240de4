"""Variables that are known without a host, for what is evaluated while a playbook loads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from weft.model.values import OMIT, Value
from weft.templating.api import Names


class Rendering(Protocol):
    """What this needs of the templar."""

    def render(self, value: Value, names: Names) -> Any: ...


class StaticNames:
    """A mapping as it was written, evaluated when it is read."""

    def __init__(self, raw: Mapping[str, Value], templar: Rendering) -> None:
        self._raw = raw
        self._templar = templar

    def __getitem__(self, name: str) -> Any:
        if name == "omit" and name not in self._raw:
            return OMIT
        return self._templar.render(self._raw[name], self)

    def __contains__(self, name: object) -> bool:
        return name in self._raw or name == "omit"

    def names(self) -> Iterable[str]:
        return tuple(self._raw)
