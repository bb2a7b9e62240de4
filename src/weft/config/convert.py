"""Text of a setting to its value. The rules are those of ansible-core's configuration types."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from weft.config.options import Kind
from weft.model.convert import is_true

_VARIABLE = re.compile(r"\$(?:(\w+)|\{([^}]*)\})")


class Place(Struct, frozen=True):
    """Where relative paths start and where ``~`` and ``$NAME`` get their values."""

    cwd: str
    env: Mapping[str, str]
    home: str = ""  # ANSIBLE_HOME, once known
    basedir: str = ""  # of the file the value stands in; empty: cwd

    def resolve(self, path: str) -> str:
        """An absolute path without ``..``; links stay."""
        for macro, value in (("{{CWD}}", self.cwd), ("{{ANSIBLE_HOME}}", self.home)):
            path = path.replace(macro, value)
        path = self._expand_user(_VARIABLE.sub(self._variable, path))
        return os.path.normpath(os.path.join(self.basedir or self.cwd, path))

    def _variable(self, match: re.Match[str]) -> str:
        return self.env.get(match[1] or match[2] or "", match[0])

    def _expand_user(self, path: str) -> str:
        home = self.env.get("HOME")
        if home and (path == "~" or path.startswith("~/")):
            return home + path[1:]
        return os.path.expanduser(path)


def convert(text: str, kind: Kind, place: Place) -> Any:
    """Raises ValueError where the text is no such value."""
    match kind:
        case "bool":
            return is_true(text)
        case "int":
            return _whole(text)
        case "float":
            return float(text)
        case "list":
            return tuple(unquote(item.strip()) for item in text.split(","))
        case "path":
            return place.resolve(text)
        case "pathspec":
            return tuple(place.resolve(item) for item in text.split(os.pathsep))
        case "pathlist":
            return tuple(place.resolve(item.strip()) for item in text.split(","))
    return text


def unquote(text: str) -> str:
    """Without one pair of quotes round the whole of it."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[-2] != "\\"
    return text[1:-1] if quoted else text


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if number != number or number in (float("inf"), float("-inf")) or number != int(number):
        raise ValueError(text)
    return int(number)
