"""Words and values of INI inventories, by the rules of ``shlex`` and ``ast.literal_eval``, mostly without using them.

Both are slow (20-100 us a line), and nearly every line of a large inventory is plain. What is not certain to come out
the same goes to the real thing.
"""

from __future__ import annotations

import re
from typing import Any

from weft.model.syntax import literal
from weft.model.values import MapNode, Origin, SeqNode, Trusted

_SPECIAL = re.compile(r"""['"\\#]""")
_WORD = re.compile(r"""(?:[^\s'"#\\]+|'[^']*'|"[^"]*")+""", re.ASCII)
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_WHOLE_NUMBER = re.compile(r"-?[1-9]\d{0,17}|0", re.ASCII)
#: Begins like a Python literal. A letter can only begin True, False, None, set() or a prefixed string.
_MAY_BE_LITERAL = re.compile(r"""[ \t]*(?:[\d'"(\[{+.-]|(?:True|False|None|set)\b|[bBrRuU]{1,2}['"])""", re.ASCII)
_FRACTION = re.compile(r"\d{1,12}\.\d{1,12}", re.ASCII)
_DOTTED = re.compile(r"\d+(?:\.\d+){2,}(?:/\d+)?", re.ASCII)
#: `{{ name`: a set of a set of a name, which is no literal
_TEMPLATE = re.compile(r"\{\{[ \t]*(?!True\b|False\b|None\b|set\b|[bBrRuU]{1,2}['\"])[A-Za-z_]", re.ASCII)


def split_words(line: str) -> list[str]:
    """As ``shlex.split(line, comments=True)``. Raises ValueError where a quote is not closed."""
    if line.isascii() and "\\" not in line:
        words = _split_plain(line) if _SPECIAL.search(line) else line.split()
        if words is not None:
            return words
    import shlex

    return shlex.split(line, comments=True)


def _split_plain(line: str) -> list[str] | None:
    """Words of a line without backslashes; None where a quote is not closed."""
    words = []
    at, end = 0, len(line)
    while at < end:
        if line[at] in " \t\r\n":
            at += 1
            continue
        if line[at] == "#":
            break
        match = _WORD.match(line, at)
        if match is None or line[match.end() : match.end() + 1] in ("'", '"'):
            return None
        word = match[0]
        words.append(_QUOTED.sub(_unquoted, word) if "'" in word or '"' in word else word)
        at = match.end()
    return words


def _unquoted(match: re.Match[str]) -> str:
    return match[1] if match[1] is not None else match[2]


def parse_value(text: str, origin: Origin) -> Any:
    """A Python literal, or the text itself. Sequences become lists, text (but not bytes) is ``Trusted``.

    Raises TypeError for a literal that can't be.
    """
    if not _MAY_BE_LITERAL.match(text) or _DOTTED.fullmatch(text) or _TEMPLATE.match(text):
        return Trusted(text, origin)
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        return float(text)
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            value = literal(text)
    except (ValueError, SyntaxError):
        value = text
    return _as_variable(value, origin)


def _as_variable(value: Any, origin: Origin) -> Any:
    """Types that variables don't have become ones they have."""
    if isinstance(value, str):
        return Trusted(value, origin)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, list | tuple | set):
        return SeqNode((_as_variable(item, origin) for item in value), origin)
    if isinstance(value, dict):
        return MapNode(((key, _as_variable(item, origin)) for key, item in value.items()), origin)
    if value is ...:
        return Trusted("...", origin)
    if isinstance(value, complex):
        return Trusted(str(value), origin)
    return value
