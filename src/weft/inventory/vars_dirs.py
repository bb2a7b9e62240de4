"""``group_vars`` and ``host_vars`` folders, beside inventory sources and playbooks.

A name's variables are in the first of NAME/ (a folder of files), NAME, NAME.yml, NAME.yaml, NAME.json that exists.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from weft.config.yaml import Decrypt, load_file
from weft.events.types import Event, Warned
from weft.inventory.model import combine
from weft.model.errors import LoadError
from weft.model.settings import Settings
from weft.model.values import Origin, Value, origin_of

Kind = Literal["group_vars", "host_vars"]
#: When variables are asked for: they count as part of the inventory, or as read for a task. ansible-core's words.
Stage = Literal["inventory", "task"]
Plugins = Callable[[str, str, str, Stage], Mapping[str, Value]]

_NONE: Mapping[str, Value] = {}


class VarsDirs:
    """Reads these folders' files once each. Reading may block; what was read is served from memory."""

    def __init__(
        self,
        settings: Settings,
        *,
        warn: Callable[[Event], None],
        decrypt: Decrypt | None = None,
        plugins: Plugins | None = None,
    ) -> None:
        """``plugins`` are further vars plugins: folder, kind, name and stage -> variables, which beat the files'."""
        enabled = any(name.rpartition(".")[2] == "host_group_vars" for name in settings.vars_plugins_enabled)
        wanted = settings.host_group_vars_stage or ("task" if settings.run_vars_plugins == "demand" else "inventory")
        self._files_at = frozenset({"inventory", "task"} if wanted == "all" else {wanted}) if enabled else frozenset()
        self._extensions = ("", *settings.yaml_valid_extensions)
        self._merge = settings.hash_behaviour == "merge"
        self._duplicates = settings.duplicate_dict_key
        self._warn = warn
        self._decrypt = decrypt
        self._plugins = plugins
        self._names: dict[str, frozenset[str]] = {}  # folder -> what is in it
        self._loaded: dict[tuple[str, str, Stage], Mapping[str, Value]] = {}
        self._folders: dict[tuple[str, Kind], str] = {}

    def forget(self) -> None:
        """Read everything anew from now on (``meta: refresh_inventory``)."""
        self._names.clear()
        self._loaded.clear()

    def says_anything(self, stage: Stage) -> bool:
        """Whether there may be variables at that stage."""
        return self._plugins is not None or stage in self._files_at

    def variables(self, basedir: str, kind: Kind, name: str, stage: Stage = "task") -> Mapping[str, Value]:
        """What ``basedir`` has for a group or host; shared, not to be changed. Raises LoadError, VaultFailed."""
        if name[:1] in ("", "/"):  # a path as the host's name (chroot)
            return _NONE
        folder = self._folders.get((basedir, kind))
        if folder is None:
            folder = self._folders[basedir, kind] = os.path.join(os.path.realpath(basedir), kind)
        found = self._loaded.get((folder, name, stage))
        if found is None:
            found = self._load(folder, name) if stage in self._files_at else _NONE
            if self._plugins is not None:
                found = combine(found, self._plugins(basedir, kind, name, stage), merge=self._merge)
            self._loaded[folder, name, stage] = found
        return found

    def _load(self, folder: str, name: str) -> Mapping[str, Value]:
        result: Mapping[str, Value] = _NONE
        for path in self._files(folder, name):
            data = load_file(path, decrypt=self._decrypt, duplicates=self._duplicates, warn=self._warn)
            if not data:
                continue
            if not isinstance(data, Mapping):
                raise LoadError(
                    f"Could not process {path!r}: failed to combine variables, expected dicts but got a "
                    f"'dict' and a '{_kind(data)}'.",
                    origin_of(data) or Origin(path),
                )
            result = combine(result, data, merge=self._merge) if result else data
        return result

    def _files(self, folder: str, name: str) -> Sequence[str]:
        names = self._listing(folder)
        if not names:
            return ()
        for extension in self._extensions:
            entry = name + (extension if not extension or "." in extension else f".{extension}")
            path = os.path.join(folder, entry)
            if entry in names or ("/" in entry and os.path.exists(path)):
                return self._below(path) if os.path.isdir(path) else (path,)
        return ()

    def _listing(self, folder: str) -> frozenset[str]:
        names = self._names.get(folder)
        if names is None:
            names = self._names[folder] = self._list(folder)
        return names

    def _list(self, folder: str) -> frozenset[str]:
        try:
            return frozenset(os.listdir(folder))
        except NotADirectoryError:
            kind = os.path.basename(folder)
            self._warn(Warned(message=f"Found {kind} that is not a directory, skipping: {folder}"))
        except OSError:
            pass
        return frozenset()

    def _below(self, folder: str) -> list[str]:
        """Files of a folder in order; hidden ones, backups and those with other extensions are left out."""
        found: list[str] = []
        for entry in sorted(os.listdir(folder)):
            if entry.startswith(".") or entry.endswith("~"):
                continue
            path = os.path.join(folder, entry)
            extension = os.path.splitext(entry)[1]
            if os.path.isdir(path):
                if not extension:
                    found += self._below(path)
            elif os.path.isfile(path) and extension in self._extensions:
                found.append(path)
        return found


def source_dirs(sources: Sequence[str]) -> tuple[str, ...]:
    """The folders that inventory sources stand in (or are); lists of hosts have none."""
    folders = []
    for source in sources:
        if "," in source and not os.path.exists(source):
            continue
        folder = source if os.path.isdir(source) else os.path.dirname(source)
        if os.path.isdir(folder):
            folders.append(folder)
    return tuple(folders)


def _kind(value: Any) -> str:
    return "list" if isinstance(value, list) else type(value).__name__
