"""Names over a plain mapping, evaluated when they are read: what unit tests of templates use for a scope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from weft.model.values import Origin, Trusted
from weft.templating.templar import Templar


class DictNames:
    """Evaluates raw values with a templar, each once."""

    def __init__(
        self, raw: Mapping[str, Any], templar: Templar, *, basedir: str = "", search_paths: Sequence[str] = ()
    ) -> None:
        self._raw = dict(raw)
        self._templar = templar
        self._known: dict[str, Any] = {}
        self.basedir = basedir
        self.search_paths = search_paths

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._templar.evaluate(self._raw[name], self)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def names(self) -> Iterable[str]:
        return self._raw

    def raw(self, name: str) -> Any:
        return self._raw[name]


def trusted(value: Any, origin: Origin | None = None) -> Any:
    """The same value with all its text marked as a template's, as the loaders do."""
    if isinstance(value, str):
        return Trusted(value, origin)
    if isinstance(value, dict):
        return {trusted(key, origin): trusted(item, origin) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item, origin) for item in value]
    return value
