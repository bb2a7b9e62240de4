"""Filters on file names, POSIX and Windows."""

from __future__ import annotations

import glob
import ntpath
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from weft.content.filters_common import is_sequence, to_text


def _text(function: Callable[..., Any]) -> Callable[..., Any]:
    """What ``function`` gives, with bytes as text."""

    def filter_path(*args: Any, **options: Any) -> Any:
        result = function(*args, **options)
        return to_text(result) if isinstance(result, bytes) else result

    return filter_path


def path_join(paths: Any) -> Any:
    if isinstance(paths, str):
        return os.path.join(paths)
    if is_sequence(paths):
        return os.path.join(*paths)
    raise TypeError(f"|path_join expects string or sequence, got {type(paths)} instead.")


def commonpath(paths: Any) -> Any:
    if not is_sequence(paths):
        raise TypeError(f"|commonpath expects sequence, got {type(paths)} instead.")
    return os.path.commonpath(paths)


def fileglob(pattern: str) -> list[str]:
    """The regular files that match, on the controller."""
    return [path for path in glob.glob(pattern) if os.path.isfile(path)]


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "basename": _text(os.path.basename),
    "commonpath": commonpath,
    "dirname": _text(os.path.dirname),
    "expanduser": _text(os.path.expanduser),
    "expandvars": _text(os.path.expandvars),
    "fileglob": fileglob,
    "normpath": _text(os.path.normpath),
    "path_join": path_join,
    "realpath": _text(os.path.realpath),
    "relpath": _text(os.path.relpath),
    "splitext": _text(os.path.splitext),
    "win_basename": _text(ntpath.basename),
    "win_dirname": _text(ntpath.dirname),
    "win_splitdrive": _text(ntpath.splitdrive),
}
