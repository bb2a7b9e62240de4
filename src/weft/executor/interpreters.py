"""`ansible_<language>_interpreter` of a host, read when a module in that language is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weft.model.values import OMIT
from weft.templating.api import Names

_PREFIX, _SUFFIX = "ansible_", "_interpreter"


class LanguageInterpreters(Mapping[str, str]):
    """Language (``perl``, ``ruby``...) -> path."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def __getitem__(self, language: str) -> str:
        name = f"{_PREFIX}{language}{_SUFFIX}"
        if name not in self._names or self._names[name] is OMIT:
            raise KeyError(language)
        return str(self._names[name])

    def __iter__(self) -> Iterator[str]:
        for name in self._names.names():
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
                yield name[len(_PREFIX) : -len(_SUFFIX)]

    def __len__(self) -> int:
        return sum(1 for _ in self)
