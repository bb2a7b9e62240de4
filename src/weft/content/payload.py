"""A module with everything it imports of Ansible's shared code, as hashed blobs, ready for the wire.

Comes after ``modules``, which finds the module, and before ``connection.modules``, which sends what a host lacks.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field

from weft.content.collections import BUILTIN, Collections
from weft.content.core import Core
from weft.content.imports import Import, Scanned, Scanner, absolute, digest_of, scan_source
from weft.content.kinds import REPLACER, Kind, detect_kind, shebang
from weft.content.modules import Module
from weft.model.errors import WeftError
from weft.model.settings import Settings

Parts = tuple[str, ...]

_BASIC: Parts = ("ansible", "module_utils", "basic")
_INTERNAL: Parts = ("ansible", "module_utils", "_internal")
#: What a module needs though it does not import it: the entry that runs it and the two ends of its JSON.
_ALWAYS: tuple[Parts, ...] = (
    _BASIC,
    (*_INTERNAL, "_ansiballz", "_loader"),
    (*_INTERNAL, "_json", "_profiles", "_module_legacy_c2m"),
    (*_INTERNAL, "_json", "_profiles", "_module_legacy_m2c"),
)
_EXTEND_PATH = "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n"


class Payload(Struct, frozen=True, kw_only=True):
    """What runs a module on a host. ``utils``: dotted name -> (hash, is a package); ``blobs``: hash -> bytes.

    ``manifest`` is the hash of a blob that holds ``utils`` as JSON, so that a request needs not repeat it.
    """

    name: str
    fqcn: str
    kind: Kind
    main: str  # hash of the module itself
    utils: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    manifest: str | None = None  # None without utils
    wanted: frozenset[str] = frozenset()  # every hash that the host must have
    blobs: Mapping[str, bytes]
    interpreter: tuple[str, tuple[str, ...]] | None = None  # of its #! line
    path: str = ""
    version: str = ""  # of the ansible-core it is sent with


class Blobs(Mapping[str, bytes]):
    """Contents by hash, read from their files when they are first asked for."""

    def __init__(self) -> None:
        self._bytes: dict[str, bytes] = {}
        self._paths: dict[str, str] = {}

    def add(self, data: bytes) -> str:
        digest = digest_of(data)
        self._bytes[digest] = data
        return digest

    def add_file(self, digest: str, path: str) -> None:
        self._paths[digest] = path

    def __getitem__(self, digest: str) -> bytes:
        if digest not in self._bytes:
            path = self._paths[digest]
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except OSError as error:
                raise WeftError(f"Could not read {path}: {error.strerror}") from error
            if digest_of(data) != digest:
                raise WeftError(f"{path} was changed while it was being sent")
            self._bytes[digest] = data
        return self._bytes[digest]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._paths, **self._bytes})

    def __len__(self) -> int:
        return len({**self._paths, **self._bytes})


class PayloadStore:
    """Builds payloads and remembers them. Safe to use from threads."""

    def __init__(self, settings: Settings, collections: Collections) -> None:
        self._utils_dirs = tuple(os.path.expanduser(path) for path in settings.module_utils)
        self._collections = collections
        self._scanner = Scanner()
        self._blobs = Blobs()
        self._lock = threading.Lock()
        self._built: dict[tuple[str, str, tuple[str, ...]], tuple[int, Payload]] = {}

    def cached(self, module: Module, utils_dirs: Sequence[str] = ()) -> Payload | None:
        """The payload, where it was built in this run and the module's file is the same; never blocks for long."""
        known = self._built.get((module.path, module.core.path, tuple(utils_dirs)))
        try:
            return known[1] if known and known[0] == os.stat(module.path).st_mtime_ns else None
        except OSError:
            return None

    def build(self, module: Module, utils_dirs: Sequence[str] = ()) -> Payload:
        """``utils_dirs``: module_utils folders of playbook and roles, before the configured ones.

        Raises WeftError where an import can't be found or the module is for Windows.
        """
        with self._lock:
            known = self.cached(module, utils_dirs)
            if known is not None:
                return known
            try:
                stamp = os.stat(module.path).st_mtime_ns
                with open(module.path, "rb") as file:
                    source = file.read()
            except OSError as error:
                raise WeftError(f"Could not read the module {module.fqcn}: {error}") from error
            payload = self._build(module, source, (*utils_dirs, *self._utils_dirs))
            self._built[module.path, module.core.path, tuple(utils_dirs)] = (stamp, payload)
        self._scanner.save()
        return payload

    def _build(self, module: Module, source: bytes, dirs: Iterable[str]) -> Payload:
        kind = detect_kind(source)
        if kind is Kind.POWERSHELL:
            raise WeftError(
                f"The module {module.fqcn} is written in PowerShell, which hosts of this connection don't run",
                hint="Windows hosts need ansible_connection winrm, psrp or ssh with ansible_shell_type powershell.",
            )
        utils: dict[str, tuple[str, bool]] = {}
        if kind is Kind.NEW:
            source = source.replace(REPLACER, b"from ansible.module_utils.basic import *")
            walk = _Closure(module, self._scanner, self._blobs, self._collections, dirs)
            utils = walk.run(source)
        main = self._blobs.add(source)
        manifest = self._blobs.add(json.dumps(utils, separators=(",", ":")).encode()) if utils else None
        wanted = {main, *(digest for digest, _ in utils.values()), *((manifest,) if manifest else ())}
        return Payload(
            name=module.name,
            fqcn=module.fqcn,
            kind=kind,
            main=main,
            utils=utils,
            manifest=manifest,
            wanted=frozenset(wanted),
            blobs=self._blobs,
            interpreter=shebang(source),
            path=module.path,
            version=module.core.version,
        )


class _Wanted(Struct, frozen=True):
    """A name that is to be found."""

    parts: Parts
    ambiguous: bool = False  # its last part may be an attribute of a file
    optional: bool = False
    child_redirected: bool = False  # its own file may be missing, as what is below it lies elsewhere


class _Found(Struct, frozen=True):
    parts: Parts
    is_package: bool
    scanned: Scanned
    redirected: bool = False


class _Closure:
    """The walk over everything one module imports."""

    def __init__(
        self, module: Module, scanner: Scanner, blobs: Blobs, collections: Collections, dirs: Iterable[str]
    ) -> None:
        self._module = module
        self._scanner = scanner
        self._blobs = blobs
        self._collections = collections
        self._dirs = [path for path in dirs if os.path.isdir(path)] + [module.core.module_utils]
        self._done: dict[Parts, tuple[str, bool]] = {}
        self._queue: list[_Wanted] = []
        self._asked: set[_Wanted] = set()
        self._listings: dict[str, frozenset[str] | None] = {}

    def run(self, source: bytes) -> dict[str, tuple[str, bool]]:
        """Dotted names to (hash, is a package). Raises WeftError."""
        core = self._module.core
        for parts, text in _roots(core).items():
            self._done[parts] = (self._blobs.add(text.encode()), True)
        name = self._module.python_name
        self._want_imports(self._scanner.scan_module(self._module.path, source), name, False)
        self._queue += [_Wanted(parts) for parts in _ALWAYS if parts == _BASIC or _in_core(core, parts)]
        while self._queue:
            self._process(self._queue.pop())
        self._add_module_packages(tuple(name.split(".")))
        self._add_module_packages(("ansible", "modules", "any"))  # as what the agent runs modules of library folders
        return {".".join(parts): entry for parts, entry in sorted(self._done.items())}

    def _process(self, wanted: _Wanted) -> None:
        if wanted.parts in self._done or wanted in self._asked:
            return
        self._asked.add(wanted)
        found = self._locate(wanted)
        if found is None:
            if wanted.optional:
                return
            names = [".".join(parts) for parts in _candidates(wanted)]
            raise WeftError(
                f"Could not find imported module support code for {self._module.python_name}. Looked for ({names})"
            )
        if found.parts in self._done:
            return
        self._done[found.parts] = (found.scanned.digest, found.is_package)
        self._want_imports(found.scanned.imports, ".".join(found.parts), found.is_package)
        for length in range(1, len(found.parts)):
            self._queue.append(_Wanted(found.parts[:length], False, wanted.optional, found.redirected))

    def _want_imports(self, imports: Iterable[Import], importer: str, is_package: bool) -> None:
        for found in imports:
            parts = absolute(found, importer, is_package)
            if parts is not None and parts not in self._done:
                self._queue.append(_Wanted(parts, True, found.optional))

    def _locate(self, wanted: _Wanted) -> _Found | None:
        if wanted.parts[:2] == ("ansible", "module_utils"):
            return self._locate_legacy(wanted)
        if wanted.parts[0] == "ansible_collections":
            return self._locate_collection(wanted)
        return self._empty_package(wanted.parts)

    def _locate_legacy(self, wanted: _Wanted) -> _Found | None:
        if wanted.parts[2:3] == ("six",):
            # six makes its submodules when it is imported: there is one file for all of them
            wanted = _Wanted(wanted.parts[:3], False, wanted.optional)
        candidates = _candidates(wanted)
        for parts in candidates:
            for folder in self._dirs:
                found = self._file(parts, os.path.join(folder, *parts[2:]))
                if found:
                    return found
        for parts in candidates:
            found = self._redirect(parts, BUILTIN, parts[2:], wanted.optional)
            if found:
                return found
        return self._empty_package(wanted.parts) if wanted.child_redirected else None

    def _locate_collection(self, wanted: _Wanted) -> _Found | None:
        if len(wanted.parts) < 6:
            return self._empty_package(wanted.parts)
        collection = ".".join(wanted.parts[1:3])
        base = self._collections.path(collection)
        for parts in _candidates(wanted):
            if len(parts) < 6:
                return self._empty_package(parts)
            if base is None and not wanted.optional:
                raise WeftError(
                    f"error processing module_util {'.'.join(parts)} loading redirected collection {collection}: "
                    f"unable to locate collection {collection}"
                )
            found = self._redirect(parts, collection, parts[5:], wanted.optional)
            if found is None and base is not None:
                found = self._collection_file(parts, os.path.join(base, *parts[3:]))
            if found:
                return found
        return self._empty_package(wanted.parts) if wanted.child_redirected else None

    def _collection_file(self, parts: Parts, base: str) -> _Found | None:
        """As ``_file``; a collection's folders are packages without an ``__init__.py`` too."""
        if os.path.isdir(base) and not os.path.exists(os.path.join(base, "__init__.py")):
            return self._empty_package(parts)
        return self._file(parts, base)

    def _file(self, parts: Parts, base: str) -> _Found | None:
        folder, name = os.path.split(base)
        there = self._listing(folder)
        for entry, path, is_package in (
            (name, os.path.join(base, "__init__.py"), True),
            (f"{name}.py", f"{base}.py", False),
        ):
            if there is not None and entry not in there:
                continue
            try:
                scanned = self._scanner.scan(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise WeftError(f"Could not read {path}: {error.strerror}") from error
            self._blobs.add_file(scanned.digest, path)
            return _Found(parts, is_package, scanned)
        return None

    def _listing(self, folder: str) -> frozenset[str] | None:
        """The names in a folder, one look for all that are sought there; None where they can't be listed."""
        if folder not in self._listings:
            try:
                self._listings[folder] = frozenset(os.listdir(folder))
            except (FileNotFoundError, NotADirectoryError):
                self._listings[folder] = frozenset()
            except OSError:
                self._listings[folder] = None
        return self._listings[folder]

    def _redirect(self, parts: Parts, collection: str, rest: Parts, optional: bool) -> _Found | None:
        if not rest:
            return None
        routing = self._collections.routing(collection, "module_utils", ".".join(rest))
        target = routing.get("redirect")
        if not target:
            return None
        if not target.startswith("ansible_collections"):
            words = target.split(".")
            if len(words) < 3:
                raise WeftError(f"invalid redirect for {'.'.join(parts)}: {target}")
            target = ".".join(["ansible_collections", *words[:2], "plugins", "module_utils", *words[2:]])
        if optional and self._collections.path(".".join(target.split(".")[1:3])) is None:
            return None
        source = f"import sys\nimport {target} as _target\n\nsys.modules[{'.'.join(parts)!r}] = _target\n".encode()
        return _Found(parts, True, Scanned(self._blobs.add(source), scan_source(source, "<redirect>")), True)

    def _empty_package(self, parts: Parts) -> _Found:
        return _Found(parts, True, Scanned(self._blobs.add(b""), ()))

    def _add_module_packages(self, parts: Parts) -> None:
        """The packages that the module itself lies in, so that its relative imports work."""
        for length in range(1, len(parts)):
            self._done.setdefault(parts[:length], (self._blobs.add(b""), True))


def _candidates(wanted: _Wanted) -> list[Parts]:
    """The name, and the one above it where its last part may be something inside a file."""
    parts = wanted.parts
    below = parts[5:] if parts[0] == "ansible_collections" else parts[2:]
    return [parts, parts[:-1]] if wanted.ambiguous and len(below) > 1 else [parts]


def _roots(core: Core) -> dict[Parts, str]:
    about = f"__version__ = {core.version!r}\n__author__ = 'Ansible, Inc.'\n"
    return {("ansible",): _EXTEND_PATH + about, ("ansible", "module_utils"): _EXTEND_PATH}


def _in_core(core: Core, parts: Parts) -> bool:
    return os.path.exists(os.path.join(core.path, *parts[1:]) + ".py")
