"""What a role's folder holds: variables, metadata, argument specs, tasks and handlers, as read from its files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from weft.model.errors import LoadError
from weft.model.values import Origin, Value, origin_of
from weft.playbook.checks import type_name
from weft.playbook.files import EXTENSIONS, Files, absolute, inside, real, role_files
from weft.playbook.keywords import On
from weft.playbook.own import read_node


class RoleFiles:
    """Reads the files of one role."""

    def __init__(self, files: Files, name: str, path: str, from_files: Mapping[str, str], origin: Origin) -> None:
        """``from_files``: what to read instead of ``main``, by folder. ``origin``: of the role's use, for errors."""
        self._files = files
        self._name = name
        self._path = path
        self._from = from_files
        self._origin = origin

    def variables(self, kind: str) -> Mapping[str, Value]:
        """``vars`` or ``defaults``: of a file, or of all files of a folder. Raises LoadError."""
        result: Mapping[str, Value] = {}
        for path in self._paths(kind, self._from.get(kind), directories=True):
            data = self._files.load(path)
            if not data:
                continue
            if not isinstance(data, Mapping):
                message = f"The {kind}/main.yml file for role '{self._name}' must contain a dictionary of variables"
                raise LoadError(message, origin_of(data) or Origin(path))
            result = self._files.combine(result, data)
        return result

    def nodes(self, kind: str) -> tuple[Value, str]:
        """The list in ``tasks`` or ``handlers`` (None without one), and the file. Raises LoadError."""
        for path in self._paths(kind, self._from.get(kind), directories=False):
            data = self._files.load(path)
            if data:
                if not isinstance(data, list):
                    message = f"The {kind}/main.yml file for role {str(self._name)!r} must contain a list of tasks."
                    raise LoadError(message, origin_of(data) or Origin(path))
                return data, path
        return None, os.path.join(self._path, kind, "main.yml")

    def metadata(self) -> Mapping[str, Value]:
        """``meta/main.yml``; empty without one. Raises LoadError."""
        for path in self._paths("meta", None, directories=False):
            data = self._files.load(path)
            if data:
                if not isinstance(data, Mapping):
                    message = f"the 'meta/main.yml' for role {self._name} is not a dictionary"
                    raise LoadError(message, origin_of(data) or Origin(path))
                return read_node(data, On.ROLE_META).keywords
        return {}

    def argument_specs(self, metadata: Mapping[str, Value]) -> Mapping[str, Any]:
        """Specs of the entry points: ``meta/argument_specs.yml`` goes before ``meta/main.yml``. Raises LoadError."""
        base = os.path.join(self._path, "meta", "argument_specs")
        if any(os.path.exists(base + extension) for extension in EXTENSIONS):
            found: Any = {}
            for path in self._paths("meta", "argument_specs", directories=False):
                data = self._files.load(path)
                found = data.get("argument_specs") if isinstance(data, Mapping) else None
                break
        else:
            found = metadata.get("argument_specs")
        return found if isinstance(found, Mapping) else {}

    def _paths(self, kind: str, main: str | None, *, directories: bool) -> Sequence[str]:
        folder = os.path.join(self._path, kind)
        try:
            paths = role_files(folder, main, directories=directories)
        except LoadError as error:
            raise LoadError(error.message, error.origin or self._origin, f"The role is in {self._path}") from error
        for path in paths:
            if not inside(path, folder):
                raise LoadError(
                    f"Failed loading '{path}' for role ({self._name}) as it is not inside the expected role path: "
                    f"'{folder}'",
                    self._origin,
                )
        return paths


def find_role_path(name: str, folders: Sequence[str]) -> tuple[str, str] | None:
    """The name and the path of a role by its name or its path."""
    for folder in folders:
        path = real(os.path.join(folder, name))
        if os.path.exists(path):
            return name, path
    path = real(absolute(name, os.getcwd()))
    if os.path.exists(path):
        return os.path.basename(name), path
    return None


def required_text(value: Value, what: str, origin: Origin | None) -> str:
    """A value that must be text. Raises LoadError."""
    if not isinstance(value, str):
        raise LoadError(f"{what} must be text, not {type_name(value)}.", origin_of(value) or origin)
    return value
