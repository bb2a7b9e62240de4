"""The lookup `sequence`: numbers as text, from ``start=0 end=10 stride=2 format=%02x`` or ``0-10/2:%02x``."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from weft.content.filters_common import PluginError

if TYPE_CHECKING:
    from weft.content.lookups import LookupHost

_NUMBER: Final = "0?x?[0-9a-f]+"
_SHORT: Final = re.compile(
    rf"^(?:(?P<start>{_NUMBER})-)?(?P<end>{_NUMBER})(?:/(?P<stride>{_NUMBER}))?(?::(?P<format>.+))?$", re.IGNORECASE
)
_FIELDS: Final = ("start", "end", "count", "stride", "format")


#: More numbers than that don't end in time, or in memory.
MOST = 10_000_000


def sequence(_host: LookupHost, terms: list[Any], options: dict[str, Any]) -> Any:
    numbers: list[str] = []
    for term in terms or ([""] if options else []):
        fields = {name: value for name, value in options.items() if name in _FIELDS} | _parse(term)
        numbers.extend(_numbers(fields))
    return numbers


def _parse(term: Any) -> dict[str, Any]:
    if not isinstance(term, str):
        raise PluginError(
            f"unknown error parsing with_sequence arguments: {term!r}. "
            f"Error was: expected string or bytes-like object, got {type(term).__name__!r}"
        )
    match = _SHORT.match(term)
    if match:
        return {name: value for name, value in match.groupdict().items() if value is not None}
    found: dict[str, Any] = {}
    unknown = []
    words = shlex.shlex(term, posix=True)
    words.whitespace_split, words.commenters, words.escape = True, "", ""
    for word in words:
        name, _, value = word.partition("=")
        if name in _FIELDS:
            found[name] = value
        else:
            unknown.append(name)
    if unknown:
        raise PluginError(f"unrecognized arguments to with_sequence: {unknown}")
    return found


def _numbers(fields: dict[str, Any]) -> list[str]:
    start = _integer("start", fields.get("start", 1))
    stride = _integer("stride", fields.get("stride", 1))
    end = fields.get("end")
    count = fields.get("count")
    template = str(fields.get("format", "%d"))
    if count is None and end is None:
        raise PluginError("must specify count or end in with_sequence")
    if count is not None and end is not None:
        raise PluginError("can't specify both count and end in with_sequence")
    if count is not None:
        count = _integer("count", count)
        if count == 0:
            return []
        last = start + count * stride - 1
    else:
        last = _integer("end", end)
    if stride > 0 and last < start:
        raise PluginError("to count backwards make stride negative")
    if stride < 0 and last > start:
        raise PluginError("to count forward don't make stride negative")
    if stride == 0:
        return []
    if template.count("%") != 1:
        raise PluginError(f"bad formatting string: {template}")
    wanted = range(start, last + (1 if stride > 0 else -1), stride)
    if wanted[-1:] and (wanted[-1] - start) // stride >= MOST:
        raise PluginError(f"a sequence has at most {MOST} numbers")
    return [_formatted(template, number) for number in wanted]


def _formatted(template: str, number: int) -> str:
    try:
        return template % number
    except (ValueError, TypeError):
        raise PluginError(f"problem formatting {number!r} with {template!r}") from None


def _integer(name: str, value: Any) -> int:
    """A whole number, of text too; hexadecimal with a leading 0x."""
    text = str(value).strip()
    try:
        if text.lstrip("+-").lower().startswith("0x"):
            return int(text, 16)
        number = Decimal(text)
        if number == number.to_integral_value():
            return int(number)
    except (ValueError, ArithmeticError):
        pass
    raise PluginError(
        f"Config {name!r} for 'sequence' lookup plugin from 'Direct' has an invalid value: "
        f"Invalid value provided for 'integer': {text!r}"
    )
