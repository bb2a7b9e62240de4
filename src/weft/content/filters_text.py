"""Filters on text: regular expressions, quoting, comments, splitting, dates, true and false."""

from __future__ import annotations

import datetime
import re
import shlex
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from weft.content.filters_common import Notices, PluginError, to_text, with_notices

_TRUE: Final = frozenset(("yes", "on", "true", "1"))
_FALSE: Final = frozenset(("no", "off", "false", "0"))


@with_notices
def to_bool(notices: Notices, value: Any) -> bool:
    """True or false of the usual words and of 0 and 1; of anything else false (1.0: true), with a deprecation."""
    word = value.lower() if isinstance(value, str) else str(value).lower() if isinstance(value, int) else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    result = not isinstance(value, str) and value == 1
    kind = "str" if isinstance(value, str) else type(value).__name__
    notices.deprecate(f"The `bool` filter coerced invalid value {value!r} ({kind}) to {result!r}.", "2.23")
    return bool(result)


@lru_cache(maxsize=512)
def compiled(pattern: str, ignorecase: bool, multiline: bool) -> re.Pattern[str]:
    return re.compile(pattern, (re.I if ignorecase else 0) | (re.M if multiline else 0))


def regex_replace(
    value: Any = "",
    pattern: str = "",
    replacement: Any = "",
    ignorecase: Any = False,
    multiline: Any = False,
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    text = to_text(value)
    output, made = compiled(pattern, bool(ignorecase), bool(multiline)).subn(replacement, text, count=count)
    if mandatory_count and mandatory_count != made:
        raise PluginError(f"'{pattern}' should match {mandatory_count} times, but matches {count} times in '{text}'")
    return output


def regex_findall(value: Any, regex: str, multiline: Any = False, ignorecase: Any = False) -> list[Any]:
    return compiled(regex, bool(ignorecase), bool(multiline)).findall(to_text(value))


def regex_search(value: Any, regex: str, *groups: str, **options: Any) -> Any:
    r"""The matched text, or the groups asked for as ``'\1'`` and ``'\g<name>'``; None where nothing matches."""
    wanted = [_group(group) for group in groups]
    pattern = compiled(regex, bool(options.get("ignorecase")), bool(options.get("multiline")))
    match = pattern.search(to_text(value))
    if match is None:
        return None
    return [match.group(group) for group in wanted] if wanted else match.group()


def _group(text: str) -> str | int:
    if text.startswith("\\g") and (match := re.match(r"\\g<(\S+)>", text)):
        return match.group(1)
    if text.startswith("\\") and (match := re.match(r"\\(\d+)", text)):
        return int(match.group(1))
    raise PluginError("Unknown argument")


def regex_escape(value: Any, re_type: str = "python") -> str:
    text = to_text(value)
    if re_type == "python":
        return re.escape(text)
    if re_type == "posix_basic":
        return re.sub(r"([].[^$*\\])", r"\\\1", text)
    if re_type == "posix_extended":
        raise PluginError(f"Regex type ({re_type}) not yet implemented")
    raise PluginError(f"Invalid regex type ({re_type})")


def quote(value: Any) -> str:
    """Quoted for a POSIX shell."""
    return shlex.quote("" if value is None else to_text(value))


_STYLES: Final[Mapping[str, Mapping[str, str]]] = {
    "plain": {"decoration": "# "},
    "erlang": {"decoration": "% "},
    "c": {"decoration": "// "},
    "cblock": {"beginning": "/*", "decoration": " * ", "end": " */"},
    "xml": {"beginning": "<!--", "decoration": " - ", "end": "-->"},
}


def comment(text: str, style: str = "plain", **options: Any) -> str:
    """Text as a comment of some language; every part of a style can be changed."""
    if style not in _STYLES:
        raise PluginError(f"Invalid style {style!r}.")
    decoration = options.get("decoration", _STYLES[style]["decoration"])
    part: dict[str, Any] = {
        "newline": "\n",
        "beginning": "",
        "prefix": decoration.rstrip(),
        "prefix_count": 1,
        "decoration": "",
        "postfix": decoration.rstrip(),
        "postfix_count": 1,
        "end": "",
    } | {**_STYLES[style], **options}
    newline = part["newline"]
    lines = [part["beginning"] + newline] if part["beginning"] else []
    if part["prefix"]:
        prefix = part["prefix"] if part["prefix"] == newline else part["prefix"] + newline
        lines.append(prefix * int(part["prefix_count"]))
    body = part["decoration"] + text.replace(newline, newline + part["decoration"])
    # a line with nothing but the decoration gets no space at its end
    lines.append(body.replace(part["decoration"] + newline, part["decoration"].rstrip() + newline))
    lines.append((newline + part["postfix"]) * part["postfix_count"])
    if part["end"]:
        lines.append(newline + part["end"])
    return "".join(lines)


def split(text: str, *args: Any, **options: Any) -> list[str]:
    return str.split(text, *args, **options)


def to_datetime(text: str, format: str = "%Y-%m-%d %H:%M:%S") -> datetime.datetime:
    return datetime.datetime.strptime(text, format)


def strftime(string_format: str, second: Any = None, utc: bool = False) -> str:
    """A date as text; ``second`` is seconds since the epoch, now if there are none."""
    if second is not None:
        try:
            second = float(second)
        except (TypeError, ValueError):
            raise PluginError(f"Invalid value for epoch value ({second})") from None
    return time.strftime(string_format, time.gmtime(second) if utc else time.localtime(second))


def urldecode(*args: Any, **options: Any) -> str:
    from urllib.parse import unquote_plus

    return unquote_plus(*args, **options)


_URL_PARTS: Final = (
    "fragment",
    "hostname",
    "netloc",
    "password",
    "path",
    "port",
    "query",
    "scheme",
    "username",
)


def urlsplit(value: Any, query: str = "", alias: str = "urlsplit") -> Any:
    """A URL's parts, or the one asked for."""
    from urllib.parse import urlsplit as split_url

    parsed = split_url(value)
    parts = {name: getattr(parsed, name) for name in _URL_PARTS}
    if not query:
        return parts
    if query not in parts:
        raise ValueError(f"{alias}: unknown URL component: {query}")
    return parts[query]


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "bool": to_bool,
    "comment": comment,
    "quote": quote,
    "regex_escape": regex_escape,
    "regex_findall": regex_findall,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "split": split,
    "strftime": strftime,
    "to_datetime": to_datetime,
    "urldecode": urldecode,
    "urlsplit": urlsplit,
}
