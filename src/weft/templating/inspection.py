"""What can be said of a value without evaluating it: whether it is a template, and whether evaluating it takes long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.meta import find_undeclared_variables
from msgspec import Struct

from weft.content.lookups import NATIVE
from weft.content.plugins import PluginSource
from weft.model.values import Trusted, Value, VaultText
from weft.templating.environment import TemplateEnvironment
from weft.templating.overrides import has_markers

_LOOKUPS: Final = frozenset(("lookup", "query", "q"))
_SLOW_FILTERS: Final = frozenset(("password_hash", "vault", "unvault"))
_READING: Final = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


class _Text(Struct, frozen=True):
    """One template's needs."""

    slow: bool
    names: frozenset[str]  # variables
    mentioned: frozenset[str] = frozenset()  # variables and functions


class Inspector:
    """Looks into values; remembers what it found in each text."""

    def __init__(self, environment: TemplateEnvironment, plugins: PluginSource) -> None:
        self._environment = environment
        self._plugins = plugins
        self._texts: dict[str, _Text] = {}

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

    def _needs(self, text: str) -> _Text:
        found = self._texts.get(text)
        if found is None:
            found = self._texts[text] = self._inspect(text)
        return found

    def _inspect(self, text: str) -> _Text:
        try:
            tree = self._environment.parse(text)
        except TemplateError:
            return _Text(False, frozenset())  # evaluating it fails at once
        slow = (
            next(tree.find_all(_READING), None) is not None
            or any(call.name.rpartition(".")[2] in _SLOW_FILTERS for call in tree.find_all(nodes.Filter))
            or any(map(self._slow_call, tree.find_all(nodes.Call)))
        )
        mentioned = frozenset(name.name for name in tree.find_all(nodes.Name))
        return _Text(slow, frozenset(find_undeclared_variables(tree)), mentioned)

    def _slow_call(self, call: nodes.Call) -> bool:
        """Whether it is a call of a lookup, unless of one that is known to be quick."""
        if not isinstance(call.node, nodes.Name) or call.node.name not in _LOOKUPS:
            return False
        name = call.args[0] if call.args else None
        if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
            return True
        known = NATIVE.get(name.value.removeprefix("ansible.builtin."))
        return known is None or known.blocking or bool(self._plugins.folders("lookup"))
