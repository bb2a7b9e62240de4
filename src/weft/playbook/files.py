"""Files on the controller: read once, found the way users write them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from weft.config.yaml import Decrypt, load_file
from weft.model.errors import LoadError
from weft.model.values import MapNode, Origin, origin_of
from weft.playbook.api import Publish
from weft.playbook.checks import type_name
from weft.playbook.splitter import unquote

#: What a role's files may end in, in the order that counts.
EXTENSIONS = (".yml", ".yaml", ".json")


class Files:
    """Parsed files, remembered as long as they don't change on disk. What it hands out must not be changed."""

    def __init__(self, *, decrypt: Decrypt | None, duplicates: str, warn: Publish, merge: bool) -> None:
        """``merge``: variables of several files are merged deeply (``hash_behaviour = merge``)."""
        self._decrypt = decrypt
        self._duplicates = duplicates
        self._warn = warn
        self._merge = merge
        self._known: dict[str, tuple[tuple[int, int], Any]] = {}

    def load(self, path: str) -> Any:
        """The content of a YAML or JSON file; None where it is empty. Raises LoadError, VaultFailed."""
        stamp = self._stamp(path)
        known = self._known.get(path)
        if known is None or stamp is None or known[0] != stamp:
            value = load_file(path, decrypt=self._decrypt, duplicates=self._duplicates, warn=self._warn)
            known = (stamp or (0, 0), value)
            self._known[path] = known
        return known[1]

    @staticmethod
    def _stamp(path: str) -> tuple[int, int] | None:
        try:
            status = os.stat(path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def variables(self, path: str) -> Mapping[str, Any]:
        """The variables of a file: a mapping, or a list of mappings of which later ones win. Raises LoadError."""
        data = self.load(path)
        if data is None:
            return {}
        parts = data if isinstance(data, list) else [data]
        result: Mapping[str, Any] = {}
        for part in parts:
            if not isinstance(part, Mapping):
                raise LoadError(
                    "variable files must contain either a dictionary of variables, or a list of dictionaries. "
                    f"Got: {type_name(part)}",
                    origin_of(part) or Origin(path),
                )
            result = self.combine(result, part)
        return result

    def combine(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> Mapping[str, Any]:
        """Both mappings in one; the second wins, or its mappings are merged into the first's, as the settings say."""
        if not first:
            return second
        if not second:
            return first
        return _merged(first, second) if self._merge else MapNode({**first, **second}, origin_of(first))


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> Mapping[str, Any]:
    result = MapNode(first, origin_of(first))
    for key, value in second.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def absolute(path: str, base: str) -> str:
    """An absolute path without ``..``: quotes, ``~`` and ``$NAME`` are taken care of, links stay."""
    path = os.path.expanduser(os.path.expandvars(unquote(path)))
    return os.path.normpath(os.path.join(base, path))


def real(path: str) -> str:
    """The same for a role's folder, whose links are followed."""
    return os.path.realpath(os.path.expanduser(os.path.expandvars(path)))


def first_file(candidates: Iterable[str]) -> str | None:
    """The first of the paths that exists."""
    return next((path for path in candidates if os.path.exists(path)), None)


def include_candidates(
    name: str, *, role_path: str | None, include_dirs: Sequence[str], base: str, handlers: bool, static: bool
) -> Iterator[str]:
    """Where an include or import of tasks looks for its file, in order; the paths may have ``..`` in them.

    Sources: Ansible's documentation ("Search paths in Ansible") and its behaviour: relative to the role's tasks, to the
    files round it from the inside out, to the playbook. A static import looks beside the file it stands in first.
    """
    name = os.path.expanduser(unquote(name))
    if os.path.isabs(name):
        yield os.path.normpath(name)
        return
    # as Ansible shows it: what is found where it was meant keeps its spelling
    beside = [os.path.join(folder, name) for folder in include_dirs]
    if role_path is None:
        yield from beside
        yield os.path.normpath(os.path.join(base, name))
        return
    kinds = ("handlers", "tasks") if handlers else ("tasks",)
    own = [os.path.join(role_path, kind, name) for kind in kinds]
    yield from (*beside, *own) if static else (*own, *beside)
    yield os.path.normpath(os.path.join(role_path, name))
    for kind in (*kinds, ""):
        yield os.path.normpath(os.path.join(base, kind, name))


def role_files(folder: str, main: str | None, *, directories: bool) -> list[str]:
    """The file (or, for variables, the files of a folder) called ``main``, or as a ``*_from`` option says.

    Raises LoadError where ``main`` names a file that isn't there.
    """
    if not os.path.isdir(folder):
        return []
    extensions = ("", *EXTENSIONS) if main is not None else (*EXTENSIONS, "")
    base = os.path.join(folder, main or "main")
    for extension in extensions:
        path = base + extension
        if os.path.isdir(path):
            if not directories:
                continue
            found = list(_in_directory(path, extensions))
        elif os.path.exists(path):
            found = [path]
        else:
            continue
        return found
    if main is not None:
        raise LoadError(f"Could not find specified file in role: {os.path.basename(folder)}/{main}")
    return []


def _in_directory(folder: str, extensions: Sequence[str]) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):
        if name.startswith(".") or name.endswith("~"):
            continue
        path = os.path.join(folder, name)
        extension = os.path.splitext(name)[1]
        if os.path.isdir(path):
            if not extension:
                yield from _in_directory(path, extensions)
        elif not extension or extension in extensions:
            yield path


def inside(path: str, folder: str) -> bool:
    """Whether a path lies in a folder by its spelling; links may lead anywhere."""
    folder = os.path.normpath(folder)
    return os.path.commonpath((os.path.normpath(path), folder)) == folder
