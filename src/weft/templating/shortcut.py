"""The short cut for ``text {{ a.b }} text``: templates of nothing but text and dotted names, without Jinja.

Most templates are that. Jinja takes a tenth of a short run to import, and half a millisecond to compile one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from weft.model.errors import WeftError
from weft.model.values import MapNode
from weft.templating.api import Names
from weft.templating.failures import Tripped, marker_of
from weft.templating.finalize import join_text
from weft.templating.lazy import LazyDict

#: Gives a template's value, which may be lazy, or a marker. Raises what evaluating it raises.
Program = Callable[[Names], Any]
#: Makes one value of the parts of a template.
Join = Callable[[Iterable[Any]], Any]

_PRINTED: Final = r"\{\{[ \t\n]*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)[ \t\n]*\}\}"
_PATH: Final = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_CONSTANTS: Final = ("true", "false", "none", "True", "False", "None")
_RESERVED: Final = frozenset((*_CONSTANTS, "not", "in", "is", "and", "or", "if", "else", "self", "super", "caller"))
_PLAIN_DICTS: Final = frozenset({dict, MapNode})

Path = tuple[str, ...]


class Environment(Protocol):
    """What Jinja is asked where a name isn't found, or an attribute isn't simply an item."""

    @property
    def globals(self) -> Mapping[str, Any]: ...

    def getattr(self, obj: Any, attribute: str) -> Any: ...


class Reader:
    """Makes programs that ask ``environment`` for Jinja's only where they need it."""

    def __init__(self, environment: Callable[[], Environment]) -> None:
        self._environment = environment

    def text(self, text: str, join: Join) -> Program | None:
        """A template's program; None where the template takes more than that. Syntax errors are Jinja's to find."""
        parts = _parts(text)
        if parts is None:
            return None
        if len(parts) == 1 and isinstance(parts[0], tuple):
            return self._path(parts[0])
        made = [part if isinstance(part, str) else self._path(part) for part in parts]

        def run(names: Names) -> Any:
            return join([part if isinstance(part, str) else part(names) for part in made])

        return run

    def expression(self, text: str) -> Program | None:
        """As ``text``, for a bare expression."""
        found = re.fullmatch(_PATH, text, re.ASCII)
        path = tuple(text.split(".")) if found else ()
        return self._path(path) if path and path[0] not in _RESERVED else None

    def _path(self, path: Path) -> Program:
        first, *rest = path

        def run(names: Names) -> Any:
            try:
                value = names[first]
            except KeyError:
                value = self._unknown(first)
            except WeftError as error:
                return marker_of(error)
            for attribute in rest:
                value = self._attribute(value, attribute)
            return value

        return run

    def _unknown(self, name: str) -> Any:
        """One of Jinja's own names, or a marker."""
        from weft.templating.markers import UndefinedMarker

        known = self._environment().globals
        return known[name] if name in known else UndefinedMarker(name=name)

    def _attribute(self, value: Any, attribute: str) -> Any:
        kind = type(value)
        if attribute in _DICT_METHODS or (kind is not LazyDict and kind not in _PLAIN_DICTS) or attribute not in value:
            return self._environment().getattr(value, attribute)
        return value.peek(attribute) if kind is LazyDict else value[attribute]


_DICT_METHODS: Final = frozenset(dir(dict))


def names_in(text: str) -> frozenset[str] | None:
    """The names that such a template reads; None where the template takes more than that."""
    parts = _parts(text)
    return None if parts is None else frozenset(part[0] for part in parts if isinstance(part, tuple))


def joined(parts: Iterable[Any]) -> Any:
    """What a template's parts make together: nothing is None, one part is itself, several are text.

    A part that is None counts for nothing. The result may be a marker.
    """
    given = [part for part in parts if part is not None]
    if not given:
        return None
    if len(given) == 1:
        return given[0]
    try:
        return join_text(given)
    except (Tripped, WeftError) as error:
        return marker_of(error)


def _parts(text: str) -> list[str | Path] | None:
    """Text and paths in turn; None where there is anything else."""
    if "\r" in text or "{%" in text or "{#" in text:
        return None
    body = text.removesuffix("\n")
    parts: list[str | Path] = []
    end = 0
    for match in re.finditer(_PRINTED, body, re.ASCII):
        literal = body[end : match.start()]
        path = tuple(match.group(1).split("."))
        if "{{" in literal or literal.endswith("{") or path[0] in _RESERVED:
            return None
        if literal:
            parts.append(literal)
        parts.append(path)
        end = match.end()
    rest = body[end:]
    if "{{" in rest:
        return None
    if rest:
        parts.append(rest)
    return parts
