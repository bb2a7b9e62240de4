"""JSON files under the user's cache folder: what is slow to compute and cheap to check. Losing them is harmless."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

_OFF = ("", "0", "false", "no", "off")


def cache_dir() -> Path | None:
    """The folder, not necessarily there yet; None where ``WEFT_CACHE`` switches caching off.

    ``WEFT_CACHE`` may also name another folder; else it is ``$XDG_CACHE_HOME/weft`` or ``~/.cache/weft``.
    """
    told = os.environ.get("WEFT_CACHE")
    if told is not None:
        return None if told.lower() in _OFF else Path(told).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "weft"


def load_json(name: str) -> Any:
    """The contents of a cache file, or None where there is none that can be read and trusted."""
    folder = cache_dir()
    if folder is None:
        return None
    path = folder / name
    try:
        with path.open("rb") as file:
            # what another user may have written decides what code runs on hosts: never use it
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            return json.load(file)
    except (OSError, ValueError):
        return None


def store_json(name: str, value: Any) -> None:
    """Replace a cache file in one step, readable by its owner only. A full disk or a read-only home is not an error."""
    folder = cache_dir()
    if folder is None:
        return
    temporary = None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, separators=(",", ":"))
        os.replace(temporary, folder / name)
    except OSError:
        if temporary is not None:
            try:
                os.unlink(temporary)
            except OSError:
                pass
