"""What a task may call: weft's own actions, modules, and third-party action plugins, by name."""

from __future__ import annotations

import ast
import os
from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from weft.content.action_groups import action_group
from weft.content.collections import BUILTIN, index_of, is_fqcn, split_fqcn
from weft.content.modules import ACTION_ALIASES, LEGACY, ModuleStore
from weft.model.settings import Settings
from weft.model.syntax import parse

_LEGACY_DOT = LEGACY + "."
_BUILTIN_DOT = BUILTIN + "."


class PluginTraits(Struct, frozen=True):
    """What the class of an action plugin says in so many words."""

    path: str
    once: bool = False  # BYPASS_HOST_LOOP: runs once for all hosts
    free_form: bool = False  # takes text as `_raw_params`
    connection: bool = True
    jobs: bool = False  # starts jobs on hosts for tasks with `async`; others are awaited by the controller


_TRAITS = {
    "BYPASS_HOST_LOOP": "once",
    "supports_raw_params": "free_form",
    "_requires_connection": "connection",
    "_supports_async": "jobs",
}


def read_traits(path: str) -> PluginTraits:
    """Read without running it. What can't be read says nothing: running it will tell why."""
    try:
        with open(path, "rb") as file:
            tree = parse(file.read(), path)
    except (OSError, SyntaxError, ValueError):
        return PluginTraits(path)
    found: dict[str, bool] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "ActionModule":
            found.update(_assigned(node))
    return PluginTraits(path, **found)


def _assigned(node: ast.ClassDef) -> Iterator[tuple[str, bool]]:
    for line in node.body:
        target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
        value = getattr(line, "value", None)
        if isinstance(target, ast.Name) and target.id in _TRAITS and isinstance(value, ast.Constant):
            yield _TRAITS[target.id], bool(value.value)


class ActionNames:
    """What a task may call, for the playbook loader and the executor: weft's actions, modules, other action plugins."""

    def __init__(
        self, store: ModuleStore, settings: Settings, actions: Collection[str], rejected: Collection[str] = ()
    ) -> None:
        """``actions`` are the FQCNs of what weft does itself (actions, includes, meta); ``rejected`` the short names
        of ansible-core's actions and modules that are switched off."""
        self._store = store
        self._rejected = frozenset((*rejected, *(_BUILTIN_DOT + name for name in rejected)))
        self._actions = frozenset(actions)
        self._plugin_dirs = [os.path.expanduser(path) for path in settings.plugin_paths.get("action", ())]
        self._traits: dict[str, PluginTraits | None] = {}

    def add_directory(self, path: str) -> None:
        """Action plugins in that folder (of a playbook or a role) count from now on."""
        if path not in self._plugin_dirs:
            self._plugin_dirs.append(path)
            self._traits.clear()

    def traits(self, fqcn: str) -> PluginTraits | None:
        """What the third-party action plugin of a resolved name says of itself; None where weft or a module runs it."""
        if fqcn not in self._traits:
            path = self.plugin(fqcn)
            self._traits[fqcn] = read_traits(path) if path is not None else None
        return self._traits[fqcn]

    def resolve(self, name: str, collections: Sequence[str] = (), module_dirs: Sequence[str] = ()) -> str | None:
        """The FQCN of an action or module; ``ansible.legacy.NAME`` for what lies in a library or action_plugins folder.

        ``module_dirs`` are library folders of playbook and roles; ``action_plugins`` beside them count too. None where
        there is nothing of that name. Raises ModuleGone.
        """
        if name in self._rejected:
            return None
        if not is_fqcn(name) and not collections:
            return self._resolve_short(name, module_dirs)
        for candidate in _candidates(name, collections):
            found = self._resolve_qualified(candidate, module_dirs)
            if found:
                return found
        return None

    def check_group(self, name: str) -> None:
        """Raises LoadError where there is no such group of actions."""
        action_group(name, self._store.collections.runtime)

    def plugin(self, fqcn: str, module_dirs: Sequence[str] = ()) -> str | None:
        """The file of the third-party action plugin that runs a resolved name; None where weft or a module does."""
        if fqcn.startswith(_LEGACY_DOT):
            return self._legacy_plugin(fqcn.removeprefix(_LEGACY_DOT), module_dirs)
        if fqcn.startswith(_BUILTIN_DOT) or not is_fqcn(fqcn):
            return None
        collection, resource = split_fqcn(fqcn)
        path = self._store.collections.plugin_file(collection, "action", resource)
        if path:
            return path
        module = self._store.resolve(fqcn)
        if module is not None and module.action_plugin and module.action_plugin != fqcn:
            return self.plugin(module.action_plugin, module_dirs)
        redirect = self._store.collections.routing(collection, "action", resource).get("redirect")
        return self.plugin(redirect, module_dirs) if redirect and redirect != fqcn else None

    def _resolve_short(self, name: str, module_dirs: Sequence[str]) -> str | None:
        if self._legacy_plugin(name, module_dirs):
            return _LEGACY_DOT + name
        module = self._store.resolve(name, (), module_dirs)
        if module is not None and module.core == self._store.core:
            return module.fqcn
        builtin = _BUILTIN_DOT + name
        found = self._own(builtin) or self._redirected_action(BUILTIN, name, builtin)
        return found or (module.fqcn if module is not None else None)

    def _resolve_qualified(self, fqcn: str, module_dirs: Sequence[str]) -> str | None:
        if fqcn.startswith(_LEGACY_DOT):
            return self._resolve_short(fqcn.removeprefix(_LEGACY_DOT), module_dirs)
        own = self._own(fqcn)
        if own:
            return own
        collection, resource = split_fqcn(fqcn)
        if collection != BUILTIN:
            redirected = self._redirected_action(collection, resource, fqcn)
            if redirected:
                return redirected
            if self._store.collections.plugin_file(collection, "action", resource):
                return fqcn
        module = self._store.resolve(fqcn, (), module_dirs)
        if module is not None:
            return module.fqcn
        return self._redirected_action(BUILTIN, resource, fqcn) if collection == BUILTIN else None

    def _own(self, fqcn: str) -> str | None:
        fqcn = ACTION_ALIASES.get(fqcn, fqcn)
        return fqcn if fqcn in self._actions else None

    def _redirected_action(self, collection: str, resource: str, fqcn: str) -> str | None:
        routing = self._store.collections.routing(collection, "action", resource)
        self._store.check_routing(fqcn, collection, routing, "action plugin")
        redirect = routing.get("redirect")
        if not redirect or redirect == fqcn:
            return None
        self._store.tell_of_redirect("action", fqcn, redirect)
        return self.resolve(redirect)

    def _legacy_plugin(self, name: str, module_dirs: Sequence[str]) -> str | None:
        beside = (os.path.join(os.path.dirname(folder.rstrip("/")), "action_plugins") for folder in module_dirs)
        for folder in (*beside, *self._plugin_dirs):
            path = index_of(folder).get(name)
            if path and path.endswith(".py"):
                return path
        return None


def _candidates(name: str, collections: Sequence[str]) -> list[str]:
    if is_fqcn(name):
        return [name]
    names = [f"{collection}.{name}" for collection in collections]
    return names if {BUILTIN, LEGACY} & set(collections) else [*names, _LEGACY_DOT + name]
