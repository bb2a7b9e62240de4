"""OpenSSH's configuration files as data: settings under ``Host`` and ``Match`` sections, as ssh_config(5) describes.

Files are read once a run. asyncssh has a parser of its own; it passes over what it doesn't know, and we must not.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable

from msgspec import Struct

#: Keywords whose value is the rest of the line, as it stands.
_WHOLE_LINE = {"proxycommand", "remotecommand", "localcommand", "knownhostscommand"}
_RENAMED = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
    "tisauthentication": "kbdinteractiveauthentication",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
    "hostbasedkeytypes": "hostbasedacceptedalgorithms",
    "hostbasedacceptedkeytypes": "hostbasedacceptedalgorithms",
    "dsaauthentication": "pubkeyauthentication",
    "identityfile2": "identityfile",
    "globalknownhostsfile2": "globalknownhostsfile",
    "userknownhostsfile2": "userknownhostsfile",
    "smartcarddevice": "pkcs11provider",
}
_MAX_DEPTH = 16


class BadConfig(ValueError):
    """A file that ssh would refuse; says where."""


class Setting(Struct, frozen=True):
    """One line: keyword in lower case, its arguments, and where it stands (``<arguments>`` for the command line)."""

    keyword: str
    args: tuple[str, ...]
    where: str


class Section(Struct, frozen=True):
    """Lines under one ``Host`` or ``Match`` (``kind`` is empty before the first); an item may be an included file."""

    kind: str
    criteria: tuple[str, ...]
    items: tuple[Setting | tuple[Section, ...], ...]


def asks_a_program(section: Section) -> bool:
    """Whether a ``Match exec`` is in it."""
    inner = [one for item in section.items if isinstance(item, tuple) for one in item]
    return any(word.lstrip("!").lower() == "exec" for word in section.criteria) or any(map(asks_a_program, inner))


# Reading


def read(path: str, *, user: bool, must_exist: bool = False) -> tuple[Section, ...]:
    """A file's sections; none if it isn't there. Raises BadConfig, OSError for one that must be there."""
    return _read(os.path.expanduser(path), user, 0, must_exist)


def _read(path: str, user: bool, depth: int, must_exist: bool) -> tuple[Section, ...]:
    if depth > _MAX_DEPTH:
        raise BadConfig(f"{path}: Too many recursive configuration includes")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        if must_exist:
            raise
        return ()
    return parse(text, path, lambda pattern: _included(pattern, path, user, depth))


def _included(pattern: str, path: str, user: bool, depth: int) -> tuple[Section, ...]:
    pattern = os.path.expanduser(pattern)
    if not os.path.isabs(pattern):
        pattern = os.path.join(os.path.expanduser("~/.ssh") if user else "/etc/ssh", pattern)
    found: list[Section] = []
    for name in sorted(glob.glob(pattern)):
        if os.path.isfile(name):
            found += _read(name, user, depth + 1, False)
    return tuple(found)


def parse(text: str, path: str, include: Callable[[str], tuple[Section, ...]]) -> tuple[Section, ...]:
    """The sections of a file's text. Raises BadConfig."""
    sections: list[Section] = []
    kind = ""
    criteria: tuple[str, ...] = ()
    items: list[Setting | tuple[Section, ...]] = []
    for number, line in enumerate(text.splitlines(), 1):
        setting = parse_line(line, f"{path} line {number}")
        if setting is None:
            continue
        if setting.keyword in ("host", "match"):
            sections.append(Section(kind, criteria, tuple(items)))
            kind, criteria, items = setting.keyword, setting.args, []
        elif setting.keyword == "include":
            items += [include(pattern) for pattern in setting.args]
        else:
            items.append(setting)
    sections.append(Section(kind, criteria, tuple(items)))
    return tuple(section for section in sections if section.items)


def parse_line(line: str, where: str) -> Setting | None:
    """One line, or None for a comment. Raises BadConfig."""
    match = re.match(r"\s*([^\s=#\"]+)\s*(?:=\s*)?(.*?)\s*$", line)
    if match is None or line.lstrip().startswith("#"):
        return None
    keyword, rest = match[1].lower(), match[2]
    keyword = _RENAMED.get(keyword, keyword)
    if keyword in _WHOLE_LINE:
        return Setting(keyword, (rest,), where)
    args = split(rest, where)
    if not args:
        raise BadConfig(f"{where}: no argument after keyword {match[1]!r}")
    return Setting(keyword, tuple(args), where)


def split(text: str, where: str) -> list[str]:
    """Words, as OpenSSH takes them apart: quotes group, a ``#`` begins a comment."""
    words: list[str] = []
    position, end = 0, len(text)
    while position < end:
        if text[position] in " \t":
            position += 1
            continue
        if text[position] == "#":
            break
        word, quote = "", ""
        while position < end and (quote or text[position] not in " \t"):
            char = text[position]
            following = text[position + 1 : position + 2]
            if char == "\\" and following and following in "'\"\\" + ("" if quote else " "):
                word += following
                position += 1
            elif not quote and char in "'\"":
                quote = char
            elif quote and char == quote:
                quote = ""
            else:
                word += char
            position += 1
        if quote:
            raise BadConfig(f"{where}: invalid quotes")
        words.append(word)
    return words
