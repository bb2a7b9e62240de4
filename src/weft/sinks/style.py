"""Colours of a terminal: names as in ansible.cfg's ``[colors]`` to escape sequences, and how wide text is there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TextIO

#: What each kind of line looks like, unless ``[colors]`` says otherwise.
DEFAULT_COLORS = {
    "changed": "yellow",
    "debug": "dark gray",
    "deprecate": "purple",
    "diff_add": "green",
    "diff_lines": "cyan",
    "diff_remove": "red",
    "error": "red",
    "highlight": "white",
    "included": "cyan",
    "ok": "green",
    "skip": "cyan",
    "unreachable": "bright red",
    "verbose": "blue",
    "warn": "bright purple",
}

_NAMES = {
    "black": "0;30",
    "red": "0;31",
    "green": "0;32",
    "yellow": "0;33",
    "blue": "0;34",
    "purple": "0;35",
    "magenta": "0;35",
    "cyan": "0;36",
    "bright gray": "0;37",
    "dark gray": "1;30",
    "bright red": "1;31",
    "bright green": "1;32",
    "bright yellow": "1;33",
    "bright blue": "1;34",
    "bright purple": "1;35",
    "bright magenta": "1;35",
    "bright cyan": "1;36",
    "white": "1;37",
    "normal": "0",
}
_INDEXED = r"color(?P<index>\d+)|rgb(?P<red>[0-5])(?P<green>[0-5])(?P<blue>[0-5])|gray(?P<gray>\d+)"


def escape_code(color: str) -> str | None:
    """The SGR parameters of a colour name (``green``, ``color208``, ``rgb520``, ``gray12``); None: no such colour."""
    match = re.match(_INDEXED, color)
    if match is None:
        return _NAMES.get(color)
    if match["index"]:
        return f"38;5;{int(match['index'])}"
    if match["gray"]:
        return f"38;5;{232 + int(match['gray'])}"
    return f"38;5;{16 + 36 * int(match['red']) + 6 * int(match['green']) + int(match['blue'])}"


class Palette:
    """The colours of one run. Without colours every text comes back as it is."""

    def __init__(self, enabled: bool, colors: Mapping[str, str] | None = None) -> None:
        self.enabled = enabled
        names = {**DEFAULT_COLORS, **(colors or {})}
        self._codes = {kind: escape_code(name) for kind, name in names.items()} if enabled else {}

    def paint(self, text: str, kind: str | None) -> str:
        """Text in the colour of a kind of line (``ok``, ``error``, ...), line by line."""
        code = self._codes.get(kind) if kind else None
        if code is None:
            return text
        return "\n".join(f"\033[{code}m{line}\033[0m" for line in text.split("\n"))


def wants_color(stream: TextIO, *, forced: bool, refused: bool) -> bool:
    """Whether to colour what goes to a stream: only on a terminal that has colours, unless it is forced."""
    if forced:
        return True
    if refused or not stream.isatty():
        return False
    import curses

    try:
        curses.setupterm()
        return curses.tigetnum("colors") >= 0
    except curses.error:  # no such terminal
        return False


def text_width(text: str) -> int:
    """How many columns text takes on a terminal."""
    if text.isascii() and text.isprintable():
        return len(text)
    width = 0
    for char in text:
        if char in "\x08\x7f\x94\x1b":  # backspace, delete, cancel, escape: they take back what is before them
            width -= 1
        else:
            width += _char_width(char)
    return max(width, 0)


def _char_width(char: str) -> int:
    import unicodedata

    if unicodedata.category(char) in ("Cc", "Cf", "Cn", "Cs", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def columns(stream: TextIO) -> int:
    """The width of banners: the terminal's less one, at least 79. COLUMNS counts where a terminal does not know."""
    width = 0
    if stream.isatty():
        import os

        try:
            width = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            width = 0
        if not width:
            known = os.environ.get("COLUMNS", "")
            width = int(known) if known.isdigit() else 0
    return max(79, width - 1)
