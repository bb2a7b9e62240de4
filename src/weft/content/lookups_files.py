"""Lookups that read the controller's files, and where relative names of files are looked for."""

from __future__ import annotations

import datetime
import glob
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from weft.content.filters_common import PluginError
from weft.model.errors import WeftError

if TYPE_CHECKING:
    from weft.content.lookups import LookupHost, Variables

_ROLE_MARKS: Final = tuple(f"{folder}/main{ending}" for folder in ("tasks", "meta") for ending in (".yml", ".yaml", ""))
_TASKS: Final = re.compile(r"(?:^|/)tasks/?$")


# -- where files are ---------------------------------------------------------------------------------------------------


def clean_path(path: str) -> str:
    """Absolute, with ``~`` and variables expanded and without ``..``; links stay."""
    return os.path.abspath(os.path.expandvars(os.path.expanduser(path)))


def search_paths(host: LookupHost) -> list[str]:
    """Where the running task's relative files are looked for."""
    if host.search_paths:
        return list(host.search_paths)
    return [role_path(host) or host.basedir]


def role_path(host: LookupHost) -> str | None:
    """The role that the task is in."""
    try:
        path = host.names["role_path"]
    except (KeyError, WeftError):
        return None
    return path if isinstance(path, str) else None


def find_file(host: LookupHost, subdir: str | None, name: str) -> str | None:
    """A file (or folder) of the playbook: absolute path. None where there is none."""
    if name.startswith(("/", "~")):
        path = clean_path(name)
        return path if os.path.exists(path) else None
    return next((path for path in candidates(host, subdir, name) if os.path.exists(path)), None)


def candidates(host: LookupHost, subdir: str | None, name: str) -> Iterable[str]:
    """Every place where a relative name is looked for, in order."""
    in_role = role_path(host) is not None
    for folder in search_paths(host):
        folder = clean_path(folder)
        parent = os.path.dirname(folder)
        if parent.endswith("/tasks") and (in_role or _is_role(folder)):
            yield from _both(os.path.dirname(parent), subdir, name)
        yield from _both(folder, subdir, name)
    yield from _both(host.basedir, subdir, name)


def _both(folder: str, subdir: str | None, name: str) -> Iterable[str]:
    if subdir:
        yield os.path.join(folder, subdir, name)
    yield os.path.join(folder, name)


def _is_role(folder: str) -> bool:
    if _TASKS.search(folder) and any(
        os.path.exists(os.path.join(folder, f"main{end}")) for end in (".yml", ".yaml", "")
    ):
        return True
    return any(
        os.path.exists(os.path.join(base, mark)) for base in (folder, os.path.dirname(folder)) for mark in _ROLE_MARKS
    )


def read_text(host: LookupHost, path: str) -> str:
    """A file's text, decrypted where it is a vault. Raises OSError, VaultFailed."""
    with open(path, "rb") as file:
        data = file.read()
    data = host.decrypt_file(data, path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        host.notices.deprecate(
            f"File {path!r} could not be decoded as 'utf-8'. Invalid content has been escaped. "
            "This file must be UTF-8 encoded.",
            "2.23",
        )
        return data.decode("utf-8", "surrogateescape")


# -- the lookups -------------------------------------------------------------------------------------------------------


def file(host: LookupHost, terms: list[Any], options: dict[str, Any]) -> Any:
    """Contents of files, by default without white space at their end."""
    from weft.content.lookups import as_bool

    contents = []
    for term in terms:
        path = find_file(host, "files", term)
        if path is None:
            raise PluginError(
                f"Unable to access the file {str(term)!r}: File not found. Use -vvvvv to see paths searched."
            )
        try:
            text = read_text(host, path)
        except OSError as error:
            raise PluginError(f"Unable to access the file {str(term)!r}: {error}") from error
        if as_bool(options.get("lstrip", False)):
            text = text.lstrip()
        if as_bool(options.get("rstrip", True)):
            text = text.rstrip()
        contents.append(text)
    return contents


def fileglob(host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    """Files that match patterns, each in the first folder where there are any."""
    found: list[str] = []
    for term in terms:
        folder, name = os.path.split(term)
        if folder:
            place = find_file(host, "files", folder)
            if place is None:
                host.notices.warn(f"Unable to find {folder!r} in expected paths (use -vvvvv to see paths)")
            folders = [place] if place else []
        else:
            folders = [place for path in search_paths(host) for place in (os.path.join(path, "files"), path)]
        for place in folders:
            matches = [path for path in glob.glob(os.path.join(place, name)) if os.path.isfile(path)]
            if matches:
                found.extend(matches)
                break
    return found


def first_found(host: LookupHost, terms: list[Any], options: dict[str, Any]) -> Any:
    """The first file that exists. Undefined names are left out where it makes a task's items (with_first_found)."""
    for value in options.values():
        host.use(value)
    in_loop = host.loop_action is not None
    terms = _known(host, terms, in_loop)
    search = _Search(host, options)
    names = search.names(terms or _as_list(options.get("files", [])))
    subdir = _subdir(host.loop_action) if host.loop_action is not None else None
    for name in names:
        path = find_file(host, subdir, name)
        if path is not None:
            return [clean_path(path)]
    if search.skip:
        return []
    raise PluginError("No file was found when using first_found.")


def _subdir(action: str) -> str:
    return next((f"{word}s" for word in ("template", "var") if word in action), "files")


def _known(host: LookupHost, value: Any, leave_out: bool) -> Any:
    """The value with everything in it evaluated; what is undefined is left out, or fails."""
    host_items = host.items
    if isinstance(value, Mapping):
        pairs = ((key, host_items([item])[0]) for key, item in _pairs(host, value))
        return {
            key: _known(host, item, leave_out) for key, item in pairs if not (leave_out and host.is_undefined(item))
        }
    if isinstance(value, list | tuple):
        kept = (item for item in host_items(value) if not (leave_out and host.is_undefined(item)))
        return [_known(host, item, leave_out) for item in kept]
    host.use(value)
    return value


def _pairs(host: LookupHost, value: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    peek = getattr(value, "peek", value.__getitem__)
    return [(key, peek(key)) for key in value]


class _Search:
    """The options in force while terms are gone through: a mapping among the terms replaces them."""

    def __init__(self, host: LookupHost, options: Mapping[str, Any]) -> None:
        self._host = host
        self._set(options)

    def _set(self, options: Mapping[str, Any]) -> None:
        from weft.content.lookups import as_bool

        self.files = _as_list(options.get("files", []))
        self.paths = _as_list(options.get("paths", []))
        self.skip = as_bool(options.get("skip", False))

    def names(self, terms: Sequence[Any]) -> list[str]:
        found: list[str] = []
        for term in terms:
            if isinstance(term, Mapping):
                self._set(term)
                files, target = self.files, "the 'files' option"
            elif isinstance(term, str):
                files, target = [term], "files"
            elif isinstance(term, Sequence):
                found.extend(self.names(term))
                continue
            else:
                raise PluginError(
                    f"Invalid term supplied. A string, dict or list is required, not {type(term).__name__!r})."
                )
            names = self._split(target, files, ",;")
            folders = self._split('the "paths" option', self.paths, ",:;")
            found.extend([os.path.join(folder, name) for folder in folders for name in names] if folders else names)
        return found

    def _split(self, target: str, values: Iterable[Any], separators: str) -> list[str]:
        parts: list[str] = []
        for value in values:
            pieces = re.split(f"[{re.escape(separators)}]", value)
            if len(pieces) > 1:
                self._host.notices.deprecate(
                    f"Automatic splitting of {target} on {separators!r} is deprecated. "
                    f"Provide a list of paths for {target} instead.",
                    "2.23",
                )
            parts.extend(pieces)
        return parts


def _as_list(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")] if value else []
    return list(value or [])


# -- templates ---------------------------------------------------------------------------------------------------------


def template(host: LookupHost, terms: list[Any], options: dict[str, Any]) -> Any:
    """What template files give, with their own types."""
    names = (
        "variable_start_string",
        "variable_end_string",
        "comment_start_string",
        "comment_end_string",
        "trim_blocks",
    )
    overrides = {name: options[name] for name in names if options.get(name) is not None}
    if "trim_blocks" in overrides:
        from weft.content.lookups import as_bool

        overrides["trim_blocks"] = as_bool(overrides["trim_blocks"])
    results = []
    for term in terms:
        path = find_file(host, "templates", term)
        if path is None:
            host.notices.warn(f"Unable to find {term!r} in expected paths (use -vvvvv to see paths)")
            raise PluginError(f"the template file {term} could not be found for the lookup")
        text = read_text(host, path)
        places = [place for folder in search_paths(host) for place in (os.path.join(folder, "templates"), folder)]
        extra: dict[str, Any] = dict(options.get("template_vars") or {})
        variables = Overlay({**template_variables(host, path, str(term)), **extra}, host.names)
        results.append(host.render_template(text, variables, overrides, [os.path.dirname(path), *places]))
    return results


def template_variables(host: LookupHost, fullpath: str, path: str, destination: str | None = None) -> dict[str, Any]:
    """What a template file knows of itself: ``template_path``, ``template_host`` ..., and ``ansible_managed``."""
    managed = getattr(host, "managed_text", "Ansible managed")
    found = file_variables(fullpath, path, destination)
    if "ansible_managed" not in host.names:
        found["ansible_managed"] = managed_line(host, managed, found)
    return found


def file_variables(fullpath: str, path: str, destination: str | None = None) -> dict[str, Any]:
    """``template_*`` of a template file. Raises OSError."""
    import pwd

    status = os.stat(fullpath)
    try:
        owner: str | int = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = status.st_uid
    return {
        "template_host": os.uname().nodename,
        "template_path": path,
        "template_mtime": datetime.datetime.fromtimestamp(status.st_mtime),
        "template_uid": owner,
        "template_run_date": datetime.datetime.now(),
        "template_destpath": destination,
        "template_fullpath": fullpath,
    }


def managed_line(host: LookupHost, managed: str, variables: Mapping[str, Any]) -> Any:
    """The text of ``ansible_managed``. File names go in as template variables: they can't be templates themselves."""
    marks = {name: f"{{{{ template_{name} }}}}" for name in ("host", "uid")}
    text = managed.format(**marks, file="{{ template_path }}")
    text = time.strftime(text, variables["template_mtime"].timetuple())
    return host.render(host.template_marked(text), Overlay(variables, host.names))


class Overlay:
    """Variables with others on top."""

    def __init__(self, local: Mapping[str, Any], below: Variables) -> None:
        self._local = local
        self._below = below

    def __getitem__(self, name: str) -> Any:
        return self._local[name] if name in self._local else self._below[name]

    def __contains__(self, name: object) -> bool:
        return name in self._local or name in self._below

    def names(self) -> Iterable[str]:
        return dict.fromkeys([*self._local, *self._below.names()])
