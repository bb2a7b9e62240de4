"""What a module or module_utils file imports of Ansible's own code: found by AST once, and remembered.

A file of module_utils counts as the same by its time and size, a module, which is read anyway, by what is in it.
"""

from __future__ import annotations

import ast
import hashlib
import os
import threading
from collections.abc import Iterator

from msgspec import MsgspecError, Raw, Struct, json

from weft.content.diskcache import load_json, store_json
from weft.model.errors import WeftError
from weft.model.syntax import parse
from weft.model.values import Origin

_CACHE_FILE = "imports-1.json"
_READ = -1  # in place of a time: what is known is known of a content, whatever the file's time
_ROOTS = ("ansible.module_utils", "ansible_collections")


class Import(Struct, frozen=True, order=True, array_like=True):
    """One imported name. ``name`` is None for ``import module``."""

    level: int  # dots before it
    module: str
    name: str | None
    optional: bool  # not at the file's top level: it may be missing


class Scanned(Struct, frozen=True):
    """A source file: SHA-256 of its bytes, and what it imports."""

    digest: str
    imports: tuple[Import, ...]


class _Entry(Struct, frozen=True, array_like=True):
    """What is kept of a file."""

    mtime: int  # nanoseconds, or _READ
    size: int  # bytes
    digest: str
    imports: tuple[Import, ...]


def digest_of(data: bytes) -> str:
    """The name of a blob: its SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def scan_source(source: bytes, path: str) -> tuple[Import, ...]:
    """The imports of ``ansible.module_utils``, of collections, and relative ones. Raises WeftError: not Python."""
    try:
        tree = parse(source, path)
    except SyntaxError as error:
        name = os.path.splitext(os.path.basename(path))[0]
        origin = Origin(path, error.lineno or 0, error.offset or 0)
        raise WeftError(f"Unable to compile {name!r}: {error}", origin) from None
    except ValueError as error:
        raise WeftError(f"Unable to compile {path}: {error}") from error
    top = {id(node) for node in tree.body}
    return tuple(sorted(set(_imports(tree, top)), key=lambda found: (found.level, found.module, found.name or "")))


def _imports(tree: ast.Module, top: set[int]) -> Iterator[Import]:
    for node in ast.walk(tree):
        optional = id(node) not in top
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(("ansible.module_utils.", "ansible_collections.")):
                    yield Import(0, alias.name, None, optional)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level or module.startswith(_ROOTS):
                for alias in node.names:
                    yield Import(node.level, module, alias.name, optional)


def absolute(found: Import, importer: str, is_package: bool) -> tuple[str, ...] | None:
    """The dotted parts that an import of ``importer`` means; None where it isn't of Ansible's shared code."""
    if found.level:
        parts = importer.split(".")
        drop = found.level - 1 if is_package else found.level
        if drop > len(parts):
            return None
        base = parts[: len(parts) - drop] + (found.module.split(".") if found.module else [])
    else:
        base = found.module.split(".")
    shared = base[:2] == ["ansible", "module_utils"] or (
        base[0] == "ansible_collections" and base[3:5] == ["plugins", "module_utils"]
    )
    if not shared:
        return None
    return (*base, found.name) if found.name is not None else tuple(base)


class Scanner:
    """Scans files, each once as long as it is unchanged; what was scanned is kept on disk for the next run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, Raw] | None = None  # as it came from the disk; few runs need more than a part
        self._known: dict[str, _Entry] = {}
        self._dirty = False

    def scan(self, path: str) -> Scanned:
        """Raises OSError, WeftError."""
        status = os.stat(path)
        known = self._entry(path)
        if known is not None and (known.mtime, known.size) == (status.st_mtime_ns, status.st_size):
            return Scanned(known.digest, known.imports)
        with open(path, "rb") as file:
            source = file.read()
        scanned = Scanned(digest_of(source), scan_source(source, path))
        self._keep(path, _Entry(status.st_mtime_ns, status.st_size, scanned.digest, scanned.imports))
        return scanned

    def scan_module(self, path: str, source: bytes) -> tuple[Import, ...]:
        """What a module imports that was read from ``path``. Raises WeftError."""
        digest = digest_of(source)
        known = self._entry(path)
        if known is not None and known.digest == digest:
            return known.imports
        imports = scan_source(source, path)
        self._keep(path, _Entry(_READ, len(source), digest, imports))
        return imports

    def save(self) -> None:
        """Keep what is new for the next run, and drop what is gone."""
        with self._lock:
            if not self._dirty:
                return
            self._dirty = False
            everything = {**(self._kept or {}), **self._known}
        store_json(_CACHE_FILE, {path: entry for path, entry in everything.items() if os.path.exists(path)})

    def _entry(self, path: str) -> _Entry | None:
        with self._lock:
            if self._kept is None:
                self._kept = load_json(_CACHE_FILE, dict[str, Raw]) or {}
            raw = None if path in self._known else self._kept.get(path)
            if raw is not None:
                try:
                    self._known[path] = json.decode(raw, type=_Entry)
                except MsgspecError:
                    del self._kept[path]
            return self._known.get(path)

    def _keep(self, path: str, entry: _Entry) -> None:
        with self._lock:
            self._known[path] = entry
            self._dirty = True
