"""Splits the short form of arguments, ``src=a dest="b c" {{ d }}``, without tearing quotes or templates apart.

The rules are those that users know from Ansible: words end at blanks, except within quotes and within ``{{ }}``,
``{% %}``, ``{# #}``; newlines and runs of blanks in free-form text stay; a backslash before a line's end continues it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

from msgspec.structs import replace

from weft.model.errors import LoadError
from weft.model.values import MapNode, Origin, Trusted, Written, origin_of

_ESCAPE = r"""\\U[a-fA-F0-9]{8} | \\u[a-fA-F0-9]{4} | \\x[a-fA-F0-9]{2} | \\N\{[^}]+\} | \\[\\'"abfnrtv]"""
#: k=v words that command-like actions take as options; any other `k=v` is part of their free-form text
RAW_OPTIONS = frozenset(
    ("creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline", "strip_empty_ends")
)
_BRACKETS = (("{{", "}}"), ("{%", "%}"), ("{#", "#}"))


def parse_kv(text: str, *, raw: bool = False) -> Mapping[str, Trusted]:
    """The arguments in ``text``; what isn't ``key=value`` under ``_raw_params``.

    ``raw`` is for actions whose text is free-form: only ``RAW_OPTIONS`` are taken out of it. Raises LoadError.
    """
    origin = origin_of(text)
    options: dict[str, str] = {}
    free: list[str] = []
    for word in split_args(text, origin):
        decoded = re.sub(_ESCAPE, _decode, word, flags=re.VERBOSE) if "\\" in word else word
        at = _equals(decoded)
        if at is None:
            free.append(word)
        elif at < 0:
            free.append(decoded.replace("\\=", "="))
        elif raw and decoded[:at] not in RAW_OPTIONS:
            free.append(word)
        else:
            options[decoded[:at].strip()] = unquote(decoded[at + 1 :].strip())
    if free:
        options["_raw_params"] = join_args(free)
    values = ((Trusted(key, origin), Trusted(value, _place_of(value, origin))) for key, value in options.items())
    return MapNode(values, origin)


def _place_of(value: str, origin: Origin | None) -> Origin | None:
    return replace(origin, text=value) if isinstance(origin, Written) else origin


def unquote(text: str) -> str:
    """Without one pair of quotes round the whole of it."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[-2] != "\\"
    return text[1:-1] if quoted else text


def join_args(words: list[str]) -> str:
    """The words of ``split_args`` in one text again; those that end a line keep their line's end."""
    result = ""
    for word in words:
        result += word if not result or result.endswith("\n") else " " + word
    return result


def split_args(text: str, origin: Origin | None = None) -> list[str]:
    """The words of ``text``. Raises LoadError where quotes or brackets are open at the end."""
    if not text:
        return []
    if not any(mark in text for mark in "\"'{\n\\"):
        return _plain_words(text)
    return _Splitter(text, origin).words()


def _plain_words(text: str) -> list[str]:
    """Text with nothing special in it: only blanks matter, and those beyond the first stick to the word before."""
    words: list[str] = []
    for number, token in enumerate(text.split(" ")):
        if token:
            words.append(token)
        elif number:
            if not words:
                words.append("")
            words[-1] += " "
    return words


class _Splitter:
    """One pass over a text, a line and a word at a time."""

    def __init__(self, text: str, origin: Origin | None) -> None:
        self._text = text
        self._origin = origin
        self._words: list[str] = []
        self._quote: str | None = None
        self._depths = [0, 0, 0]  # open brackets of each kind

    def words(self) -> list[str]:
        lines = self._text.split("\n")
        for number, line in enumerate(lines):
            continued = self._line(line)
            if number < len(lines) - 1 and not continued:
                self._glue("\n")
        if any(self._depths) or self._quote:
            message = f"failed at splitting arguments, either an unbalanced jinja2 block or quotes: {self._text}"
            raise LoadError(message, self._origin)
        return self._words

    def _line(self, line: str) -> bool:
        """Whether the line ends in a lone backslash, so that the next one continues it."""
        continued = False
        for number, token in enumerate(line.split(" ")):
            if not token and number:
                self._glue(" ")
            elif token == "\\" and not self._quote:
                continued = True
            else:
                self._token(token, number == 0)
        return continued

    def _token(self, token: str, first: bool) -> None:
        was_quoted = self._quote is not None
        within = any(self._depths)
        self._quote = _quote_after(token, self._quote)
        placed = True
        if self._quote and not was_quoted and not within:
            self._words.append(token)
        elif within or self._quote or was_quoted:
            self._glue(token if first else " " + token)
        else:
            placed = False
        for kind, (opening, closing) in enumerate(_BRACKETS):
            change = token.count(opening) - token.count(closing)
            depth = max(0, self._depths[kind] + change)
            if depth != self._depths[kind]:
                self._depths[kind] = depth
                if not placed:
                    self._words.append(token)
                    placed = True
        if not placed and token:
            self._words.append(token)

    def _glue(self, text: str) -> None:
        if not self._words:
            self._words.append("")
        self._words[-1] += text


def _quote_after(token: str, quote: str | None) -> str | None:
    """The quote that is open after ``token``, given the one open before it; a backslash escapes one."""
    previous = ""
    for char in token:
        if char in "\"'" and previous != "\\":
            if quote is None:
                quote = char
            elif char == quote:
                quote = None
        previous = char
    return quote


def _equals(word: str) -> int | None:
    """Where the ``=`` of ``key=value`` is; None without one, -1 where all of them are escaped."""
    if "=" not in word:
        return None
    at = word.find("=", 1)
    while at > 0 and word[at - 1] == "\\":
        at = word.find("=", at + 1)
    return at


def _decode(match: re.Match[str]) -> str:
    return codecs.decode(match.group(0), "unicode-escape")
