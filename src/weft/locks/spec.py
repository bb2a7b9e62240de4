"""What ``lock:`` asks for, once its templates are evaluated.

Comes before ``line`` (turns within a run) and ``keeper`` (taking them).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from weft.model.convert import to_int, to_number
from weft.model.errors import WeftError

_MODES: Final = ("exclusive", "shared")
_PATH_KEYS: Final = frozenset(("path", "mode", "timeout"))
_NAME_KEYS: Final = frozenset(("name", "slots", "by", "timeout"))


class PathLock(Struct, frozen=True, kw_only=True):
    """flock(2) on a file of the machine where the task runs."""

    path: str
    shared: bool = False
    timeout: float | None = None  # seconds; None: as long as it takes

    def __str__(self) -> str:
        return self.path


class NameLock(Struct, frozen=True, kw_only=True):
    """A limit within the run: at most ``slots`` holders at once for each ``by``."""

    name: str
    slots: int = 1
    by: str = ""
    timeout: float | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.by})" if self.by else self.name


Wish = PathLock | NameLock


def read_wishes(value: Any) -> tuple[Wish, ...]:
    """The locks that an evaluated ``lock:`` names, each once. Raises WeftError."""
    rows = value if isinstance(value, list | tuple) else [value]
    return _each_once(_read(row) for row in rows if row is not None)


def _read(value: Any) -> Wish:
    if isinstance(value, str):
        return _path({"path": value})
    if not isinstance(value, Mapping):
        raise WeftError(f"'lock' must be a path, a mapping or a list of these, not {value!r}.")
    if ("path" in value) == ("name" in value):
        raise WeftError("A lock needs either a 'path' (a lock file) or a 'name' (within this run).")
    known = _PATH_KEYS if "path" in value else _NAME_KEYS
    for key in value:
        if key not in known:
            raise WeftError(f"'{key}' is not a valid key for 'lock'.")
    return _path(value) if "path" in value else _name(value)


def _path(value: Mapping[str, Any]) -> PathLock:
    mode = "exclusive" if value.get("mode") is None else value["mode"]
    if mode not in _MODES:
        raise WeftError(f"'mode' of a lock must be one of {', '.join(_MODES)}, not {mode!r}.")
    path = _text("path", value["path"])
    return PathLock(path=posixpath.normpath(path), shared=mode == "shared", timeout=_timeout(value))


def _name(value: Mapping[str, Any]) -> NameLock:
    slots = _number("slots", value.get("slots"), to_int)
    if slots is not None and slots < 1:
        raise WeftError(f"'slots' of a lock must be at least 1, not {slots}.")
    by = "" if value.get("by") is None else str(value["by"])
    return NameLock(name=_text("name", value["name"]), slots=slots or 1, by=by, timeout=_timeout(value))


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise WeftError(f"'{key}' of a lock must be text that isn't empty, not {value!r}.")
    return value


def _timeout(value: Mapping[str, Any]) -> float | None:
    seconds: float | None = _number("timeout", value.get("timeout"), to_number)
    if seconds is not None and seconds < 0:
        raise WeftError(f"'timeout' of a lock can't be negative: {seconds:g}.")
    return seconds


def _number(key: str, value: Any, convert: Any) -> Any:
    if value is None:
        return None
    try:
        return convert(value)
    except ValueError:
        raise WeftError(f"'{key}' of a lock must be a number, not {value!r}.") from None


def _each_once(wishes: Iterable[Wish]) -> tuple[Wish, ...]:
    """Named twice is wanted once: as the stricter of the two."""
    found: dict[tuple[str, ...], Wish] = {}
    for wish in wishes:
        key = ("path", wish.path) if isinstance(wish, PathLock) else ("name", wish.name, wish.by)
        found[key] = _stricter(found[key], wish) if key in found else wish
    return tuple(found.values())


def _stricter(first: Wish, second: Wish) -> Wish:
    limits = [wish.timeout for wish in (first, second) if wish.timeout is not None]
    timeout = min(limits, default=None)
    if isinstance(first, PathLock) and isinstance(second, PathLock):
        return replace(first, shared=first.shared and second.shared, timeout=timeout)
    assert isinstance(first, NameLock) and isinstance(second, NameLock)
    return replace(first, slots=min(first.slots, second.slots), timeout=timeout)
