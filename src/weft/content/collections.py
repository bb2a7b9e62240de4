"""Collections on disk: where they are, and what their ``meta/runtime.yml`` says, without importing anything of them."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from weft.content.core import Core
from weft.content.diskcache import load_json, store_json
from weft.model.errors import LoadError

BUILTIN: Final = "ansible.builtin"
_FQCN = re.compile(r"^\w+\.\w+(\.\w+)+$")


def is_fqcn(name: str) -> bool:
    """``namespace.collection.name``, with more parts for subfolders."""
    return bool(_FQCN.match(name))


def split_fqcn(name: str) -> tuple[str, str]:
    """``ns.coll.sub.mod`` -> (``ns.coll``, ``sub.mod``)."""
    namespace, collection, rest = name.split(".", 2)
    return f"{namespace}.{collection}", rest


def read_yaml_strings(path: str) -> Mapping[str, Any]:
    """A YAML mapping whose scalars all stay text. Raises OSError, LoadError. Big ones are cached on disk as JSON."""
    status = os.stat(path)
    name = "yaml-" + hashlib.sha256(os.path.realpath(path).encode()).hexdigest()[:32] + ".json"
    stamp = [status.st_mtime_ns, status.st_size]
    cached = load_json(name) if status.st_size > 4096 else None
    if isinstance(cached, dict) and cached.get("stamp") == stamp and isinstance(cached.get("data"), dict):
        data: dict[str, Any] = cached["data"]
        return data
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    with open(path, "rb") as file:
        try:
            data = yaml.load(file, Loader=loader) or {}
        except yaml.YAMLError as error:
            raise LoadError(f"Error parsing collection metadata {path}: {error}") from error
    if not isinstance(data, dict):
        raise LoadError(f"Collection metadata must be a mapping: {path}")
    if status.st_size > 4096:
        store_json(name, {"stamp": stamp, "data": data})
    return data


class Collections:
    """Every collection that can be reached, found by path and remembered."""

    def __init__(self, paths: Sequence[str], core: Core, *, system: bool = True) -> None:
        """``paths`` are folders that hold (or are) ``ansible_collections``; ``system`` adds Python's own."""
        self._core = core
        candidates: Iterable[str] = [*paths, *(sys.path if system else ())]
        self._roots = _existing_roots(candidates)
        self._playbook_roots: list[str] = []
        self._paths: dict[str, str | None] = {}
        self._runtimes: dict[str, Mapping[str, Any]] = {}

    def add_playbook_dir(self, folder: str) -> None:
        """Collections in ``collections/`` beside a playbook come before all others."""
        for root in _existing_roots([os.path.join(folder, "collections")]):
            if root not in self._playbook_roots:
                self._playbook_roots.append(root)
                self._paths.clear()

    def path(self, name: str) -> str | None:
        """The folder of collection ``ns.coll``; None where it isn't installed."""
        if name not in self._paths:
            tail = os.path.join(*name.split(".")[:2]) if name.count(".") == 1 else ""
            candidates = (os.path.join(root, tail) for root in (*self._playbook_roots, *self._roots)) if tail else ()
            self._paths[name] = next((path for path in candidates if os.path.isdir(path)), None)
        return self._paths[name]

    def runtime(self, name: str) -> Mapping[str, Any]:
        """The collection's ``meta/runtime.yml``, all scalars as text; empty where it has none. Raises LoadError."""
        if name not in self._runtimes:
            if name == BUILTIN:
                file = self._core.runtime_file
            else:
                folder = self.path(name)
                file = os.path.join(folder, "meta", "runtime.yml") if folder else ""
            try:
                self._runtimes[name] = read_yaml_strings(file) if file else {}
            except OSError:
                self._runtimes[name] = {}
        return self._runtimes[name]

    def routing(self, collection: str, kind: str, resource: str) -> Mapping[str, Any]:
        """The ``plugin_routing`` entry of a resource (``kind``: modules, action, module_utils, ...); empty: none."""
        entry = ((self.runtime(collection).get("plugin_routing") or {}).get(kind) or {}).get(resource)
        return entry if isinstance(entry, Mapping) else {}

    def plugin_file(self, collection: str, folder: str, resource: str) -> str | None:
        """A file of ``plugins/<folder>/`` named ``resource`` (dots are subfolders) with any fitting extension."""
        base = self.path(collection)
        if base is None:
            return None
        *subdirs, leaf = resource.split(".")
        return file_in(os.path.join(base, "plugins", folder, *subdirs), leaf)


_IGNORED = (".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".yaml", ".yml", ".ini")


def file_in(folder: str, name: str) -> str | None:
    """The file called ``name`` (with or without extension) that a plugin of that name can be; Python before others."""
    return index_of(folder).get(name)


_index_cache: dict[str, tuple[int, dict[str, str]]] = {}


def index_of(folder: str) -> Mapping[str, str]:
    """Names (with and without extension) to a folder's files; empty where none can be read. Kept while unchanged."""
    try:
        stamp = os.stat(folder).st_mtime_ns
    except OSError:
        return {}
    cached = _index_cache.get(folder)
    if cached and cached[0] == stamp:
        return cached[1]
    index: dict[str, str] = {}
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
    except OSError:  # a file where a folder is expected, as /dev/null to say none; or one that may not be read
        return {}
    for name in sorted(names, key=lambda name: not name.endswith(".py")):
        if name == "__init__.py" or name.endswith(_IGNORED):
            continue
        path = os.path.join(folder, name)
        index.setdefault(os.path.splitext(name)[0], path)
        index.setdefault(name, path)
    _index_cache[folder] = (stamp, index)
    return index


def _existing_roots(paths: Iterable[str]) -> list[str]:
    roots = []
    for path in paths:
        path = os.path.abspath(os.path.expanduser(path)) if path else os.getcwd()
        root = path if os.path.basename(path) == "ansible_collections" else os.path.join(path, "ansible_collections")
        if root not in roots and os.path.isdir(root):
            roots.append(root)
    return roots
