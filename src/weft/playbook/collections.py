"""Where collections keep their roles and playbooks."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

_FQCN = re.compile(r"^\w+\.\w+(\.\w+)+$")
_PLAYBOOK_EXTENSIONS = ("", ".yml", ".yaml", ".json")


class CollectionPaths:
    """Finds roles and playbooks of collections by their folders."""

    def __init__(self, paths: Sequence[str]) -> None:
        """``paths`` are folders that hold (or are) ``ansible_collections``."""
        self._paths = tuple(os.path.expanduser(path) for path in paths)
        self._beside: list[str] = []

    def add_playbook_folder(self, folder: str) -> None:
        """Collections in ``collections/`` beside a playbook come first."""
        path = os.path.join(folder, "collections")
        if path not in self._beside and os.path.isdir(path):
            self._beside.append(path)

    def folder(self, name: str) -> str | None:
        """The folder of collection ``ns.coll``."""
        namespace, _, short = name.partition(".")
        for root in (*self._beside, *self._paths, *sys.path):
            holder = root if os.path.basename(root) == "ansible_collections" else f"{root}/ansible_collections"
            path = os.path.join(holder, namespace, short)
            if short and os.path.isdir(path):
                return path
        return None

    def role(self, name: str, collections: Sequence[str]) -> tuple[str, str, str] | None:
        """The short name, the path and the collection of a role, by FQCN or by the collections to search."""
        if _FQCN.match(name):
            namespace, short, rest = name.split(".", 2)
            searched: Sequence[str] = (f"{namespace}.{short}",)
        else:
            searched, rest = collections, name
        for collection in searched:
            folder = self.folder(collection)
            if folder is not None:
                path = os.path.join(folder, "roles", *rest.split("."))
                if os.path.isdir(path):
                    return rest.rpartition(".")[2], path, collection
        return None

    def playbook(self, name: str) -> tuple[str, str] | None:
        """The path and the collection of a playbook ``ns.coll.name``."""
        extension = next((end for end in _PLAYBOOK_EXTENSIONS[1:] if name.endswith(end)), "")
        stem = name.removesuffix(extension)
        if not _FQCN.match(stem):
            return None
        namespace, short, rest = stem.split(".", 2)
        folder = self.folder(f"{namespace}.{short}")
        if folder is None:
            return None
        base = os.path.join(folder, "playbooks", *rest.split("."))
        for end in (extension,) if extension else _PLAYBOOK_EXTENSIONS:
            if os.path.isfile(base + end):
                return base + end, f"{namespace}.{short}"
        return None

    def of_path(self, path: str) -> str | None:
        """The collection that a file belongs to, if it lies in one that is reached by its name."""
        parts = os.path.abspath(path).split("/")
        if parts.count("ansible_collections") != 1:
            return None
        at = parts.index("ansible_collections")
        if len(parts) < at + 4:
            return None
        name = ".".join(parts[at + 1 : at + 3])
        folder = self.folder(name)
        prefix = "/".join(parts[: at + 3])
        return name if folder is not None and os.path.realpath(folder) == os.path.realpath(prefix) else None


def search_list(own: Sequence[str], collection: str | None) -> tuple[str, ...]:
    """The collections to look in for short names: those named, the file's own one first, and always a builtin one."""
    found = list(own)
    if collection and collection not in found:
        found.insert(0, collection)
    if found and "ansible.builtin" not in found and "ansible.legacy" not in found:
        found.append("ansible.legacy")
    return tuple(found)
