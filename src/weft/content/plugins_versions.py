"""Comparing version numbers in the ways that `is version` knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_LOOSE: Final = re.compile(r"(\d+|[a-z]+|\.)")
_STRICT: Final = re.compile(r"^(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?$", re.ASCII)
# https://semver.org, "Is there a suggested regular expression"
_SEMANTIC: Final = re.compile(
    r"^(?P<core>(?:(?:0|[1-9]\d*)\.){2}(?:0|[1-9]\d*))"
    r"(?:-(?P<pre>(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$"
)


def compare(kind: str, left: str, right: str) -> int:
    """Negative, 0 or positive. Raises ValueError, TypeError for what can't be compared."""
    key = _KEYS[kind]
    a, b = key(left), key(right)
    if a == b:
        return 0
    return -1 if a < b else 1


def _loose(text: str) -> Any:
    parts = [part for part in _LOOSE.split(text) if part and part != "."]
    return [int(part) if part.isdecimal() else part for part in parts]


def _strict(text: str) -> Any:
    match = _STRICT.match(text)
    if match is None:
        raise ValueError(f"invalid version number '{text}'")
    major, minor, patch, letter, number = match.groups()
    # one with a pre-release mark comes before the same one without
    mark = (0, letter, int(number)) if letter else (1,)
    return (int(major), int(minor), int(patch or 0), mark)


def _semantic(text: str) -> Any:
    match = _SEMANTIC.match(text)
    if match is None:
        raise ValueError(f"invalid semantic version '{text}'")
    core = tuple(int(part) for part in match["core"].split("."))
    if not match["pre"]:
        return (core, (1,))
    # numbers come before words
    marks = tuple((0, int(part)) if part.isdigit() else (1, part) for part in match["pre"].split("."))
    return (core, (0, marks))


def _pep440(text: str) -> Any:
    try:
        from packaging.version import Version
    except ImportError as error:
        raise ValueError("The pep440 version_type requires the Python 'packaging' library") from error
    return Version(text)


_KEYS: Final[Mapping[str, Callable[[str], Any]]] = {
    "loose": _loose,
    "strict": _strict,
    "semver": _semantic,
    "semantic": _semantic,
    "pep440": _pep440,
}
