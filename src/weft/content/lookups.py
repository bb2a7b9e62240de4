"""The native lookups, and what a lookup may ask of the template that calls it.

``NATIVE`` has those that playbooks use all the time; all others are ansible-core's and collections'.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, Protocol

from msgspec import Struct

from weft.content import lookups_files
from weft.content.filters_common import Notices, PluginError, to_text
from weft.content.filters_data import flatten
from weft.content.lookups_sequence import sequence
from weft.content.programs import Programs


class Variables(Protocol):
    """The variables a template sees, evaluated when they are read."""

    def __getitem__(self, name: str) -> Any:
        """Raises KeyError where there is none."""

    def __contains__(self, name: object) -> bool: ...

    def names(self) -> Iterable[str]: ...


class LookupHost(Protocol):
    """What a lookup may use of the template that calls it."""

    @property
    def names(self) -> Variables: ...

    @property
    def basedir(self) -> str:
        """Folder of the playbook."""

    @property
    def search_paths(self) -> Sequence[str]:
        """Folders where relative files are looked for, nearest first."""

    @property
    def notices(self) -> Notices: ...

    @property
    def programs(self) -> Programs: ...

    @property
    def loop_action(self) -> str | None:
        """The task's action, where the lookup makes its items (``with_NAME``); None in a template."""

    def read(self, name: str) -> Any:
        """A variable's value; one that fails when it is used where it can't be evaluated. Raises KeyError."""

    def undefined(self, hint: str) -> Any:
        """A value that fails with that message when it is used."""

    def is_undefined(self, value: Any) -> bool:
        """Whether a value only stands for one that is undefined."""

    def is_plain_undef(self, value: Any) -> bool:
        """Whether a value is what ``undef()`` gives without a hint."""

    def use(self, value: Any) -> None:
        """Raise what a value raises that only stands for one that can't be had."""

    def items(self, value: Sequence[Any]) -> list[Any]:
        """A list's items; those that can't be evaluated stand for themselves instead of failing."""

    def plain(self, value: Any) -> Any:
        """A value without anything that is evaluated when it is read; itself where something in it can't be."""

    def render(self, value: Any, names: Variables | None = None) -> Any:
        """Evaluate marked text, recursively; other text is no template."""

    def evaluate(self, value: Any, names: Variables) -> Any:
        """As ``render``, but containers are evaluated when they are read."""

    def expression(self, text: str, names: Variables | None = None) -> Any: ...

    def condition(self, text: Any, names: Variables | None = None) -> bool: ...

    def render_template(
        self,
        text: str,
        names: Variables,
        overrides: Mapping[str, Any],
        searchpath: Sequence[str],
        escape_backslashes: bool = False,
    ) -> Any:
        """Evaluate text as a template, whatever its mark."""

    def template_marked(self, text: str) -> str:
        """Text marked as a template."""

    def environment(self) -> Any:
        """A Jinja environment like that of templates; what is changed in it changes no other."""

    def decrypt_file(self, data: bytes, path: str) -> bytes:
        """A file's contents, decrypted where they are a vault. Raises VaultFailed."""


Run = Callable[[LookupHost, list[Any], dict[str, Any]], Any]


class Lookup(Struct, frozen=True):
    """A lookup. ``run`` gives a sequence for the terms and options of one call."""

    name: str
    run: Run
    takes_undefined: bool = False
    blocking: bool = True  # takes long: reads files, runs programs, asks servers
    foreign: bool = False  # not weft's own


# -- lists -------------------------------------------------------------------------------------------------------------


def _one_level(terms: Iterable[Any]) -> list[Any]:
    flat: list[Any] = []
    for term in terms:
        if isinstance(term, list | tuple):
            flat.extend(term)
        else:
            flat.append(term)
    return flat


def items(_host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    return _one_level(terms)


def list_(_host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    return terms


def indexed_items(_host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    return list(enumerate(_one_level(terms)))


def flattened(_host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    return flatten(terms)


def dict_(_host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    found: list[Any] = []
    for term in terms:
        if not isinstance(term, Mapping):
            kind = str if isinstance(term, str) else list if isinstance(term, list) else type(term)
            raise PluginError(f"the 'dict' lookup plugin expects a dictionary, got '{term}' of type {kind})")
        found.extend({"key": key, "value": term[key]} for key in term)
    return found


def nested(_host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    if not terms:
        raise PluginError("with_nested requires at least one element in the nested list")
    result: Any = terms[0]
    for term in terms[1:]:
        result = [_one_level([left, right]) for left in result for right in term]
    return [_one_level(item) for item in result]


def together(_host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    if not terms:
        raise PluginError("with_together requires at least one element in each list")
    return [_one_level(item) for item in zip_longest(*terms)]


def random_choice(_host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    import secrets

    return [secrets.choice(terms)] if terms else terms


def subelements(_host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    """(element, item of the list in it) for each element of a list or mapping."""
    if not 2 <= len(terms) <= 3:
        raise PluginError("subelements lookup expects a list of two or three items, ")
    elements, path = terms[:2]
    if not isinstance(elements, list | Mapping) or not isinstance(path, str):
        raise PluginError(
            "subelements lookup expects a list of two or three items, "
            "first a dict or a list, second a string pointing to the subkey"
        )
    flags = terms[2] if len(terms) == 3 else {}
    if not isinstance(flags, Mapping) and not all(flag == "skip_missing" for flag in flags):
        raise PluginError(
            "subelements lookup expects a list of two or three items, "
            "the optional third item must be a dict with flags ('skip_missing',)"
        )
    skip_missing = isinstance(flags, Mapping) and as_bool(flags.get("skip_missing", False))
    if isinstance(elements, Mapping):
        if elements.get("skipped", False) is not False:
            return []
        elements = [elements[key] for key in elements]
    return [pair for element in elements for pair in _pairs(element, path.split("."), skip_missing)]


def _pairs(element: Any, path: list[str], skip_missing: bool) -> list[tuple[Any, Any]]:
    if not isinstance(element, Mapping):
        raise PluginError(f"subelements lookup expects a dictionary, got '{element}'")
    if element.get("skipped", False) is not False:
        return []
    value: Any = element
    for key in path[:-1]:
        if key in value and isinstance(value[key], Mapping):
            value = value[key]
        elif skip_missing:
            return []
        elif key not in value:
            raise PluginError(f"could not find '{key}' key in iterated item '{value}'")
        else:
            raise PluginError(f"the key {key} should point to a dictionary, got '{value[key]}'")
    last = path[-1]
    if last not in value:
        if skip_missing:
            return []
        raise PluginError(f"could not find '{last}' key in iterated item '{value}'")
    found = value[last]
    if not isinstance(found, list):
        raise PluginError(f"the key {last} should point to a list, got '{found}'")
    rest = _without(element, path)
    return [(rest, item) for item in found]


def _without(element: Mapping[Any, Any], path: list[str]) -> dict[Any, Any]:
    """The element without the list that its items come from, as Ansible gives it."""
    copy = dict(element)
    if len(path) == 1:
        copy.pop(path[0], None)
    else:
        copy[path[0]] = _without(copy[path[0]], path[1:])
    return copy


# -- the controller and its variables ----------------------------------------------------------------------------------


def env(host: LookupHost, terms: list[Any], options: dict[str, Any]) -> Any:
    for key, value in options.items():
        if key != "default":
            host.use(value)
    found = []
    for term in terms:
        host.use(term)
        name = term.split()[0]
        value = os.environ.get(name)
        if value is None:
            value = options.get("default", "")
            if host.is_plain_undef(value):
                value = host.undefined(f"The environment variable {name!r} is not set.")
        found.append(value)
    return found


def vars_(host: LookupHost, terms: list[Any], options: dict[str, Any]) -> Any:
    found = []
    for term in terms:
        if not isinstance(term, str):
            raise PluginError(f"Variable name must be 'str' not {type(term).__name__!r}.")
        try:
            found.append(host.read(str(term)))
        except KeyError:
            default = options.get("default")
            found.append(host.undefined(f"No variable named {str(term)!r} was found.") if default is None else default)
    return found


def varnames(host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    found: list[str] = []
    names = list(host.names.names())
    for term in terms:
        if not isinstance(term, str):
            raise PluginError(f'Invalid setting identifier, "{term}" is not a string, it is a {type(term)}')
        try:
            pattern = re.compile(term)
        except re.error as error:
            raise PluginError(f'Unable to use "{term}" as a search parameter: {error}') from error
        found.extend(name for name in names if pattern.search(name))
    return found


def _output(host: LookupHost, lookup: str, command: Any) -> bytes:
    """A shell command's stdout; its stderr goes to weft's own."""
    code, stdout = host.programs.output(str(command), host.basedir)
    if code != 0:
        raise PluginError(f"lookup_plugin.{lookup}({command}) returned {code}")
    return stdout


def pipe(host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    return [_output(host, "pipe", term).decode("utf-8").rstrip() for term in terms]


def lines(host: LookupHost, terms: list[Any], _options: dict[str, Any]) -> Any:
    return [to_text(line) for term in terms for line in _output(host, "lines", term).splitlines()]


def as_bool(value: Any) -> bool:
    """What an option of type bool takes."""
    if isinstance(value, str):
        return value.strip().lower() in ("y", "yes", "on", "1", "true", "t")
    return bool(value)


def _quick(name: str, run: Run, *, takes_undefined: bool = False) -> Lookup:
    return Lookup(name, run, takes_undefined, blocking=False)


NATIVE: Final[Mapping[str, Lookup]] = {
    lookup.name: lookup
    for lookup in (
        _quick("items", items),
        _quick("list", list_),
        _quick("dict", dict_),
        _quick("nested", nested),
        _quick("together", together),
        _quick("flattened", flattened),
        _quick("indexed_items", indexed_items),
        _quick("random_choice", random_choice),
        _quick("subelements", subelements),
        _quick("sequence", sequence),
        _quick("env", env, takes_undefined=True),
        _quick("vars", vars_),
        _quick("varnames", varnames),
        Lookup("pipe", pipe),
        Lookup("lines", lines),
        Lookup("file", lookups_files.file),
        Lookup("fileglob", lookups_files.fileglob),
        Lookup("first_found", lookups_files.first_found, takes_undefined=True),
        Lookup("template", lookups_files.template),
    )
}
