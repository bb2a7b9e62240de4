"""Finds modules and action names by path, as ansible-core's loader does, without importing it.

Comes before ``payload``, which reads what is found here, and knows nothing of connections.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from weft.content.action_groups import action_group
from weft.content.collections import BUILTIN, Collections, file_in, is_fqcn, split_fqcn
from weft.content.core import Core, core_for, dotted, installed_core, older_cores
from weft.events.types import Deprecated, Event, Message, Warned
from weft.model.errors import LoadError, WeftError
from weft.model.settings import Settings

LEGACY: Final = "ansible.legacy"
_LEGACY_DOT: Final = LEGACY + "."
_BUILTIN_DOT: Final = BUILTIN + "."

#: Names that are another action's, and aren't modules: ansible-core's own action redirects.
ACTION_ALIASES: Final[Mapping[str, str]] = {_BUILTIN_DOT + "yum": _BUILTIN_DOT + "dnf"}


class ModuleGone(LoadError):
    """A module or action has been removed from its collection, or is redirected to what isn't there."""


class ModuleRemoved(ModuleGone):
    """It is only known that there once was such a module. Ansible doesn't count that as an error of the playbook."""

    exit_code = 1


class Module(Struct, frozen=True, kw_only=True):
    """A module's file. ``core`` is the release whose module_utils go with it."""

    name: str  # its last part
    fqcn: str  # ansible.legacy.NAME where it comes from a library folder
    path: str
    core: Core
    collection: str | None = None
    python_name: str = ""  # what the file is to Python: ansible.modules.ping
    redirects: tuple[str, ...] = ()  # names that led here
    action_plugin: str | None = None  # the action that its collection's meta names for it


class ModuleStore:
    """Names to modules, remembered for the run."""

    def __init__(
        self,
        settings: Settings,
        *,
        core: Core | None = None,
        publish: Callable[[Event], None] | None = None,
        system: bool = True,
    ) -> None:
        """``publish`` hears once of each deprecated name that is used, and of each older release that hosts need."""
        self.core = core or installed_core()
        self.collections = Collections(settings.collections_path, self.core, system=system)
        self._settings = settings
        self._library = tuple(_with_subfolders(settings.library))
        self._publish = publish
        self._announced: set[str] = set()
        self._quiet = False  # deprecations are not announced
        self._found: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Module | None] = {}
        self._groups: dict[str, frozenset[str]] = {}
        self._default_names: dict[str, frozenset[str]] = {}

    def add_playbook_dir(self, folder: str) -> None:
        """``collections/`` beside a playbook is searched from now on."""
        self.collections.add_playbook_dir(folder)
        self._found.clear()

    def resolve(
        self,
        name: str,
        collections: Sequence[str] = (),
        extra_dirs: Sequence[str] = (),
        *,
        python: Sequence[int] | None = None,
    ) -> Module | None:
        """The module of that name; None where there is none.

        ``extra_dirs`` are library folders of playbook and roles, searched before the configured ones. With ``python``
        (a host's version) a module of ansible-core comes from a release that runs there. Raises ModuleGone, also where
        that release is without it.
        """
        key = (name, tuple(collections), tuple(extra_dirs))
        if key not in self._found:
            self._found[key] = self._resolve(name, collections, extra_dirs) or self._dropped(name)
        module = self._found[key]
        return module if module is None or python is None else self._for_python(module, python)

    def _dropped(self, name: str) -> Module | None:
        """A module that only older releases have, as yum; for the hosts that get theirs."""
        short = name.removeprefix(_LEGACY_DOT).removeprefix(_BUILTIN_DOT)
        cores = () if "." in short else older_cores()
        return next((_core_module(core, path) for core in cores if (path := file_in(core.modules, short))), None)

    def _for_python(self, module: Module, python: Sequence[int]) -> Module | None:
        """The same of the release that such hosts get; None where they get the installed one, which has dropped it."""
        core = self.core if self.core.runs_on(python) else core_for(python)
        if core == module.core or core == self.core:
            return module if core == module.core else None
        self._tell_of(core, python)
        if module.collection != BUILTIN:
            return replace(module, core=core)
        path = file_in(core.modules, module.name)
        if path is None:
            raise ModuleGone(f"{core.title}, whose modules run on Python {dotted(python[:2])}, has no {module.name}.")
        return _core_module(core, path)

    def _tell_of(self, core: Core, python: Sequence[int]) -> None:
        line = (
            f"Hosts with Python {dotted(python[:2])} get the modules of {core.title}, the newest here that run there."
        )
        if self._publish is not None and line not in self._announced:
            self._announced.add(line)
            self._publish(Warned(message=line))

    def _resolve(self, name: str, collections: Sequence[str], extra_dirs: Sequence[str]) -> Module | None:
        seen: list[str] = []
        while True:
            found = self._step(name, collections if not seen else (), extra_dirs)
            if not isinstance(found, str):
                if found is None and seen:
                    raise ModuleGone(
                        f"The module {seen[0]} was redirected to {name}, which could not be loaded.",
                    )
                return replace(found, redirects=tuple(seen)) if found and seen else found
            if found in seen or found == name:
                raise ModuleGone(f"plugin redirect loop resolving {seen[0] if seen else name} (path: {[*seen, name]})")
            seen.append(name)
            name = found

    def _step(self, name: str, collections: Sequence[str], extra_dirs: Sequence[str]) -> Module | str | None:
        """The module, the name it is redirected to, or None."""
        if "." in name and is_fqcn(name):
            candidates = [name]
        elif collections:
            candidates = [f"{collection}.{name}" for collection in collections]
            if not {BUILTIN, LEGACY} & set(collections):
                candidates.append(_LEGACY_DOT + name)
        else:
            candidates = [_LEGACY_DOT + name]
        for candidate in candidates:
            if candidate.startswith(_LEGACY_DOT):
                found = self._legacy(candidate.removeprefix(_LEGACY_DOT), extra_dirs)
            else:
                found = self._qualified(candidate)
            if found is not None:
                return found
        return None

    def _legacy(self, name: str, extra_dirs: Sequence[str]) -> Module | str | None:
        for wanted in (name, "_" + name):
            for folder in (*extra_dirs, *self._library):
                path = file_in(folder, wanted)
                if path:
                    return self._library_module(name, path)
        path = file_in(self.core.modules, name)
        if path:
            return _core_module(self.core, path)
        return self._qualified(_BUILTIN_DOT + name) if "." not in name else None

    def _qualified(self, fqcn: str) -> Module | str | None:
        collection, resource = split_fqcn(fqcn)
        if collection == BUILTIN:
            path = file_in(self.core.modules, resource)
            if path:  # ansible-core routes none of the modules it has, so its 376 KB of routing needn't be read
                return _core_module(self.core, path)
        elif self.collections.path(collection) is None:
            return None
        routing = self.collections.routing(collection, "modules", resource)
        self.check_routing(fqcn, collection, routing)
        redirect = routing.get("redirect")
        if redirect:
            if not is_fqcn(redirect):
                raise LoadError(
                    f"Collection {collection} contains invalid redirect for {fqcn}: {redirect}. "
                    "Redirects must use fully qualified collection names."
                )
            self.tell_of_redirect("modules", fqcn, redirect)
            return str(redirect)
        path = self.collections.plugin_file(collection, "modules", resource)
        if path is None:
            return None
        return Module(
            name=resource.rpartition(".")[2],
            fqcn=fqcn,
            path=path,
            core=self.core,
            collection=collection,
            python_name=f"ansible_collections.{collection}.plugins.modules.{resource}",
            action_plugin=routing.get("action_plugin"),
        )

    def _library_module(self, name: str, path: str) -> Module:
        return Module(
            name=name, fqcn=_LEGACY_DOT + name, path=path, core=self.core, python_name=f"ansible.legacy.{name}"
        )

    def check_routing(self, fqcn: str, collection: str, routing: Mapping[str, Any], what: str = "module") -> None:
        """Announce a deprecation once. Raises ModuleRemoved where the entry is a tombstone."""
        tombstone = routing.get("tombstone")
        if tombstone:
            text = tombstone.get("warning_text") or ""
            release = _removal(tombstone, collection)
            raise ModuleRemoved(f"The {fqcn!r} {what} has been removed.{' ' + text if text else ''}{release}")
        deprecation = routing.get("deprecation")
        if deprecation and self._publish and not self._quiet and fqcn not in self._announced:
            self._announced.add(fqcn)
            text = deprecation.get("warning_text") or ""
            self._publish(
                Deprecated(
                    message=f"{fqcn} has been deprecated.{' ' + text if text else ''}",
                    version=deprecation.get("removal_version"),
                    date=deprecation.get("removal_date"),
                    collection=collection,
                )
            )

    def tell_of_redirect(self, kind: str, fqcn: str, to: str) -> None:
        """As ansible-core does from -vv on."""
        if self._publish and not self._quiet:
            self._publish(Message(text=f"redirecting (type: {kind}) {fqcn} to {to}", verbosity=2))

    # -- module_defaults ---------------------------------------------------------------------------------------------

    def with_defaults(
        self, fqcn: str, args: Mapping[str, Any], defaults: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """``args`` over what ``module_defaults`` (outermost first) say for that action or its groups.

        Nothing else of the defaults is read: they may be evaluated when they are.
        """
        merged: dict[str, Mapping[str, Any]] = {}
        for mapping in defaults:
            merged.update(dict.fromkeys(mapping, mapping))
        groups = [key for key in merged if key.startswith("group/")]
        chosen = [key for key in groups if fqcn in self._members(key.removeprefix("group/"))]
        chosen += [key for key in merged if key not in groups and fqcn in self._names_of_default(key)]
        found: dict[str, Mapping[str, Any]] = {}
        for key in chosen:
            values = merged[key][key] or {}
            if not isinstance(values, Mapping):
                raise WeftError(f"module_defaults of {key} must be a dictionary.")
            found.update(dict.fromkeys(values, values))
        return {**{name: values[name] for name, values in found.items() if name not in args}, **args}

    def _members(self, group: str) -> frozenset[str]:
        if group not in self._groups:
            found = action_group(group, self.collections.runtime)
            self._groups[group] = frozenset().union(*map(self._names_of_default, found.members))
            if self._publish and self._settings.validate_action_group_metadata:
                for remark in found.remarks:
                    self._publish(Warned(message=remark))
        return self._groups[group]

    def _names_of_default(self, key: str) -> frozenset[str]:
        """The FQCNs that a key of module_defaults, or a member of a group, stands for."""
        if key not in self._default_names:
            short = key if not is_fqcn(key) else None
            names = {key} if short is None else {_LEGACY_DOT + key, _BUILTIN_DOT + key}
            self._quiet = True  # nobody uses it yet: whoever does is told then
            try:
                module = self._resolve(key, (), ())
            except LoadError:
                module = None
            finally:
                self._quiet = False
            if module is not None:
                names.add(module.fqcn)
            if ACTION_ALIASES.get(_BUILTIN_DOT + key if short else key):
                names.add(ACTION_ALIASES[_BUILTIN_DOT + key if short else key])
            self._default_names[key] = frozenset(names)
        return self._default_names[key]


def _core_module(core: Core, path: str) -> Module:
    name = os.path.splitext(os.path.basename(path))[0]
    return Module(
        name=name,
        fqcn=_BUILTIN_DOT + name,
        path=path,
        core=core,
        collection=BUILTIN,
        python_name=f"ansible.modules.{name}",
    )


def _removal(entry: Mapping[str, Any], collection: str) -> str:
    """How ansible-core ends the sentence about what was removed, and when."""
    version, date = entry.get("removal_version"), entry.get("removal_date")
    of = "ansible-core" if collection == BUILTIN else f"collection {collection!r}"
    if date:
        return f" This feature was removed from {of} in a release after {date}."
    if version:
        return f" This feature was removed from {of} version {version}."
    return f" This feature was removed from {of}."


def _with_subfolders(folders: Iterable[str]) -> Iterable[str]:
    """Configured library folders hold modules up to two levels deep."""
    for folder in folders:
        folder = os.path.expanduser(folder)
        yield folder
        for level in range(2):
            yield from _folders_below(folder, level)


def _folders_below(folder: str, level: int) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entry.path for entry in entries if entry.is_dir())
    except OSError:
        return []
    return found if level == 0 else [path for inner in found for path in _folders_below(inner, level - 1)]
