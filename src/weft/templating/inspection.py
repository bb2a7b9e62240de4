"""What can be said of a value without evaluating it: whether it is a template, and whether evaluating it takes long."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from weft.content.plugins import PluginSource
from weft.model.values import Trusted, Value, VaultText
from weft.templating.overrides import HEADER, has_markers
from weft.templating.shortcut import names_in


class Needs(Struct, frozen=True):
    """One template's needs."""

    slow: bool
    names: frozenset[str]  # variables
    mentioned: frozenset[str] = frozenset()  # variables and functions
    steady: bool = False  # whether it gives the same as long as its variables do


class Inspector:
    """Looks into values; remembers what it found in each text."""

    def __init__(self, parsed: Callable[[str], Needs], plugins: PluginSource) -> None:
        """``parsed``: what a template needs that isn't simple."""
        self._parsed = parsed
        self._plugins = plugins
        self._texts: dict[str, Needs] = {}

    def is_template(self, value: Value) -> bool:
        kind = type(value)
        if kind is Trusted:
            return has_markers(value)
        if kind is VaultText:
            return True
        if isinstance(value, Mapping):
            return any(map(self.is_template, value.values()))
        return isinstance(value, list | tuple) and any(map(self.is_template, value))

    def names_in(self, value: Value) -> frozenset[str]:
        kind = type(value)
        if kind is Trusted:
            return self._needs(str(value)).mentioned if has_markers(value) else frozenset()
        if isinstance(value, Mapping):
            return frozenset[str]().union(*map(self.names_in, value.values()))
        return frozenset[str]().union(*map(self.names_in, value)) if isinstance(value, list | tuple) else frozenset()

    def steady_names(self, value: Value) -> frozenset[str] | None:
        """The names in it if it depends on nothing but their values, else None."""
        kind = type(value)
        if kind is VaultText:
            return None
        if kind is Trusted:
            if not has_markers(value):
                return frozenset()
            found = self._needs(str(value))
            own = self._plugins.folders("filter") or self._plugins.folders("test")  # which may bear any name
            return found.mentioned if found.steady and not own and not value.startswith(HEADER) else None
        parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        names = frozenset[str]()
        for part in parts:
            inner = self.steady_names(part)
            if inner is None:
                return None
            names |= inner
        return names

    def may_block(self, value: Value, raw: Callable[[str], Value] | None = None) -> bool:
        return self._slow(value, raw, set())

    def _slow(self, value: Value, raw: Callable[[str], Value] | None, seen: set[str]) -> bool:
        kind = type(value)
        if kind is VaultText:
            return True
        if kind is Trusted:
            return has_markers(value) and self._slow_text(str(value), raw, seen)
        if isinstance(value, Mapping):
            return any(self._slow(item, raw, seen) for item in value.values())
        return isinstance(value, list | tuple) and any(self._slow(item, raw, seen) for item in value)

    def _slow_text(self, text: str, raw: Callable[[str], Value] | None, seen: set[str]) -> bool:
        found = self._needs(text)
        if found.slow or raw is None:
            return found.slow
        for name in found.names - seen:
            seen.add(name)
            try:
                value = raw(name)
            except KeyError:
                continue
            if self._slow(value, raw, seen):
                return True
        return False

    def _needs(self, text: str) -> Needs:
        found = self._texts.get(text)
        if found is None:
            names = names_in(text)
            found = self._texts[text] = self._parsed(text) if names is None else Needs(False, names, names, True)
        return found
