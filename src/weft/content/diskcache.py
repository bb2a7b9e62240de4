"""JSON files under the user's cache folder: what is slow to compute and cheap to check. Losing them is harmless.

Those that are called by what they were made of (`KIND-HEX.json`) go when nobody has read them for a month.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")

_DAY = 86400  # seconds
_UNUSED = 30 * _DAY
_KEYED = r"[a-z]+(-[a-z]+)*-[0-9a-f]{32}\.json"
_OFF = ("", "0", "false", "no", "off")


def cache_dir() -> str | None:
    """The folder, not necessarily there yet; None where ``WEFT_CACHE`` switches caching off.

    ``WEFT_CACHE`` may also name another folder; else it is ``$XDG_CACHE_HOME/weft`` or ``~/.cache/weft``.
    """
    told = os.environ.get("WEFT_CACHE")
    if told is not None:
        return None if told.lower() in _OFF else os.path.expanduser(told)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "weft")


@overload
def load_json(name: str) -> Any: ...
@overload
def load_json(name: str, kind: type[T]) -> T | None: ...
def load_json(name: str, kind: type[Any] | None = None) -> Any:
    """The contents of a cache file, or None where there is none that can be read and trusted, and is of that kind."""
    folder = cache_dir()
    if folder is None:
        return None
    try:
        with open(os.path.join(folder, name), "rb") as file:
            # what another user may have written decides what code runs on hosts: never use it
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid():
                return None
            value = msgspec.json.decode(file.read(), type=Any if kind is None else kind)
            if time.time() - status.st_mtime > _DAY:
                with contextlib.suppress(OSError):
                    os.utime(file.fileno())
            return value
    except (OSError, ValueError):
        return None


def store_json(name: str, value: Any) -> None:
    """Replace a cache file in one step, readable by its owner only. A full disk or a read-only home is not an error."""
    folder = cache_dir()
    if folder is None:
        return
    import tempfile  # with shutil and random: too much for a run that only reads

    temporary = None
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(value))
        os.replace(temporary, os.path.join(folder, name))
        temporary = None
        _sweep(folder)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _sweep(folder: str) -> None:
    """Raises OSError for a folder that can't be listed."""
    oldest = time.time() - _UNUSED
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # another run sweeps too
                if re.fullmatch(_KEYED, entry.name) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)
