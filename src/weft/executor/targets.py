"""Where a host's tasks run: worked out again only when something that it depends on is another."""

from __future__ import annotations

from msgspec import Struct

from weft.connection.api import Target
from weft.connection.target import ConnectionKeywords, Passwords, target_for
from weft.model.settings import Settings
from weft.vars import Scope
from weft.vars.layers import Layer


class _Known(Struct, frozen=True):
    layers: tuple[Layer, ...]
    keywords: ConnectionKeywords
    target: Target


class Targets:
    """One target a host is remembered: some thirty variables are looked up for one, a third of what a task costs."""

    def __init__(self, settings: Settings, passwords: Passwords) -> None:
        self._settings = settings
        self._passwords = passwords
        self._known: dict[str, _Known] = {}

    def find(self, names: Scope, host: str, keywords: ConnectionKeywords) -> Target:
        """Raises WeftError for variables that make no sense."""
        layers = names.option_layers()
        known = self._known.get(host)
        if layers is None:
            return self._make(names, host, keywords)
        if known is None or known.keywords != keywords or not _same(known.layers, layers):
            known = self._known[host] = _Known(layers, keywords, self._make(names, host, keywords))
        return known.target

    def _make(self, names: Scope, host: str, keywords: ConnectionKeywords) -> Target:
        return target_for(names, host=host, settings=self._settings, keywords=keywords, passwords=self._passwords)


def _same(first: tuple[Layer, ...], second: tuple[Layer, ...]) -> bool:
    return len(first) == len(second) and all(a is b for a, b in zip(first, second, strict=True))
