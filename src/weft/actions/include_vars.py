"""``include_vars``: variables from a file, or from the files of a folder, for this host from here on."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from weft.actions.args import truth
from weft.actions.base import ActionContext, Result
from weft.actions.files import FileMissing
from weft.model.errors import LoadError, TaskFailed, WeftError
from weft.model.values import Value

_DIR_OPTIONS = frozenset({"dir", "depth", "files_matching", "ignore_files", "extensions", "ignore_unknown_extensions"})
_FILE_OPTIONS = frozenset({"file", "_raw_params"})
_BOTH = frozenset({"name", "hash_behaviour"})
_EXTENSIONS = ("yaml", "yml", "json")
_VAULT_HEADER = b"$ANSIBLE_VAULT;"


class _Unreadable(Exception):
    """A file or folder is not what it should be; the message goes into the result."""


async def include_vars(context: ActionContext) -> Result:
    """The variables under ``ansible_facts``, still with their templates, and the files they come from."""
    args = context.args
    _check_options(context)
    loaded = _Loaded(context)
    try:
        if args.get("dir"):
            await asyncio.to_thread(loaded.folder, _root(context, str(args["dir"])), _Filter(args))
        else:
            name = str(args.get("file") or args.get("_raw_params") or "").rstrip("\n")
            await asyncio.to_thread(loaded.file, context.find_file("vars", name))
        failure = None
    except (_Unreadable, FileMissing) as error:
        failure = str(error)
    except LoadError as error:
        known = {"message": error.message, "ansible_included_var_files": loaded.files, "ansible_facts": {}}
        raise TaskFailed(error.message, error.origin, error.hint, known) from None
    values: dict[Any, Value] = {args["name"]: loaded.values} if args.get("name") else loaded.values
    result: Result = {}
    if failure is not None:
        result.update(failed=True, message=failure)
    elif args.get("hash_behaviour") not in (None, context.settings.hash_behaviour):
        values = _combined(context, values, merge=args["hash_behaviour"] == "merge")
    result["ansible_included_var_files"] = loaded.files
    result["ansible_facts"] = values
    result["_ansible_no_log"] = loaded.secret
    return result


def _check_options(context: ActionContext) -> None:
    names = set(context.args)
    for name in context.args:
        if name not in _DIR_OPTIONS | _FILE_OPTIONS | _BOTH:
            raise WeftError(f"{name} is not a valid option in include_vars", context.task.origin)
    if names & _DIR_OPTIONS and names & _FILE_OPTIONS:
        raise WeftError("You are mixing file only and dir only arguments, these are incompatible", context.task.origin)


def _combined(context: ActionContext, values: Mapping[Any, Value], *, merge: bool) -> dict[Any, Value]:
    """The new values over those that the host has, merged or replaced as the task says."""
    combined = dict(values)
    if merge:
        for name, value in values.items():
            try:
                combined[name] = _merged(context.scope.raw(name), value)
            except KeyError:
                continue
    return combined


def _merged(below: Value, above: Value) -> Value:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    merged = dict(below)
    for key, value in above.items():
        merged[key] = _merged(merged[key], value) if key in merged else value
    return merged


def _root(context: ActionContext, folder: str) -> str:
    """Where ``dir`` leads: below ``vars/`` in a role, beside the task's file elsewhere."""
    role = context.task.role
    if role is None:
        beside = os.path.dirname(context.task.origin.path)
        return os.path.join(beside, folder) if beside else folder
    if folder.split("/")[0] == "vars":
        path = os.path.join(role.path, folder)
        return path if os.path.exists(path) else folder
    return os.path.join(role.path, "vars", folder)


class _Filter:
    """Which files of a folder count."""

    def __init__(self, args: Mapping[str, Any]) -> None:
        self.depth = int(args.get("depth") or 0)
        self.lenient = truth(args.get("ignore_unknown_extensions"))
        extensions = args.get("extensions", list(_EXTENSIONS))
        if isinstance(extensions, str):
            extensions = list(extensions)
        if not isinstance(extensions, list):
            raise WeftError('Invalid type for "extensions" option, it must be a list')
        self.extensions = [str(extension) for extension in extensions]
        ignored = args.get("ignore_files") or []
        if isinstance(ignored, Mapping):
            raise _Unreadable(f"{ignored} must be a list")
        self._ignored = [
            self._compile(f"{name}$") for name in (ignored.split() if isinstance(ignored, str) else ignored)
        ]
        matching = args.get("files_matching")
        self._matching = self._compile(str(matching)) if matching else None

    @staticmethod
    def _compile(pattern: str) -> re.Pattern[str]:
        try:
            return re.compile(pattern)
        except re.error:
            raise WeftError(f"Invalid regular expression: {pattern}") from None

    def takes(self, name: str) -> bool:
        if self._matching is not None and not self._matching.search(name):
            return False
        if any(pattern.search(name) for pattern in self._ignored):
            return False
        return not self.lenient or self.known(name)

    def known(self, name: str) -> bool:
        return os.path.splitext(name)[1][1:] in self.extensions


class _Loaded:
    """What was read so far."""

    def __init__(self, context: ActionContext) -> None:
        self._load = context.services.load_vars
        self._role = context.task.role
        self.values: dict[Any, Value] = {}
        self.files: list[str] = []
        self.secret = False

    def file(self, path: str) -> None:
        """Raises _Unreadable: not a mapping."""
        self.values.update(self._read(path))

    def _read(self, path: str) -> Mapping[Any, Value]:
        try:
            with open(path, "rb") as file:
                self.secret = file.read(len(_VAULT_HEADER)) == _VAULT_HEADER or self.secret
        except OSError as error:
            raise _Unreadable(f"Could not read {path}: {error.strerror}") from error
        values = self._load(path)
        if not isinstance(values, Mapping):
            raise _Unreadable(f"{path} must be stored as a dictionary/hash")
        self.files.append(path)
        return values

    def folder(self, root: str, wanted: _Filter) -> None:
        """Raises _Unreadable: of the folder with such a file nothing counts, of those before it everything."""
        if not os.path.exists(root):
            raise _Unreadable(f"{root} directory does not exist")
        if not os.path.isdir(root):
            raise _Unreadable(f"{root} is not a directory")
        for paths in _walk(root, wanted.depth):
            found: dict[Any, Value] = {}
            for path in paths:
                if self._is_role_main(path) or not wanted.takes(os.path.basename(path)) or not os.path.exists(path):
                    continue
                if not wanted.known(path):
                    known = ", ".join(wanted.extensions)
                    raise _Unreadable(f"{path} does not have a valid extension: {known}")
                found.update(self._read(path))
            self.values.update(found)

    def _is_role_main(self, path: str) -> bool:
        """A role's vars/main.yml is loaded with the role itself."""
        return self._role is not None and path == os.path.join(self._role.path, "vars", "main.yml")


def _walk(root: str, depth: int) -> Iterator[list[str]]:
    """The files of each folder below ``root``, folders in order, at most ``depth`` levels deep (0: all)."""
    for folder, _, names in sorted(os.walk(root, followlinks=True)):
        relative = os.path.relpath(folder, root)
        level = 1 if relative == "." else len(relative.split(os.sep)) + 1
        if depth and level > depth:
            continue
        yield [os.path.join(folder, name) for name in sorted(names)]
