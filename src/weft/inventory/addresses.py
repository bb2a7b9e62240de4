"""Host names as inventories write them: with a port, with ranges such as ``web[01:20].example``.

The grammar is Ansible's: labels may hold underscores, IPv4 and IPv6 addresses may have ranges for their parts, a port
follows a colon, and an IPv6 address that has a port stands in brackets.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Callable

#: One entry stands for so many at most: a slip such as [1:99999999999] is an error, not a full memory.
MOST_HOSTS = 1_000_000

_NUMBERS = r"\[\d+:\d+(?::\d+)?\]"
_HEX_NUMBERS = r"\[[0-9a-f]+:[0-9a-f]+(?::\d+)?\]"
_LABEL_RANGE = r"\[(?:[a-z]:[a-z]|\d+:\d+)(?::\d+)?\]"
_LABEL = rf"(?:\w|{_LABEL_RANGE})(?:[\w-]|{_LABEL_RANGE})*(?<![_-])"
_IPV4_PART = rf"(?:[01]?\d{{1,2}}|2[0-4]\d|25[0-5]|{_NUMBERS})"
_H = rf"(?:[0-9a-f]{{1,4}}|{_HEX_NUMBERS})"

_BRACKETED_PORT = r"\[(.+)\]:(\d+)"
_PORT = r"((?:[^:\[\]]|\[[^\]]*\])*):(\d+)"


@functools.cache
def _ipv4() -> re.Pattern[str]:
    return re.compile(rf"(?:{_IPV4_PART}\.){{3}}{_IPV4_PART}", re.IGNORECASE | re.ASCII)


@functools.cache
def _ipv6() -> re.Pattern[str]:
    v4 = rf"(?:{_H}\.){{3}}{_H}"
    # a::b with i parts before the gap and at most 7 - i after it
    gaps = [rf"(?:{_H}:){{{before}}}(?::{_H}){{1,{7 - before}}}" for before in range(1, 7)]
    forms = [
        rf"(?:{_H}:){{7}}{_H}",
        rf"(?:{_H}:){{1,6}}:",
        *gaps,
        rf":(?::{_H}){{1,6}}",
        rf"{_H}?::",
        rf"(?:0:){{6}}{v4}",
        rf"::(?:ffff:)?{v4}",
        rf"(?:0:){{5}}ffff:{v4}",
    ]
    return re.compile("|".join(forms), re.IGNORECASE | re.ASCII)


_PLAIN = r"\w[\w-]*(?<![_-])(?:\.\w[\w-]*(?<![_-]))*"  # what _hostname() is without ranges


@functools.cache
def _hostname() -> re.Pattern[str]:
    return re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)


class BadAddress(ValueError):
    """Text that is no host name or address, or has a range where none may be."""


def is_ip(name: str) -> bool:
    """Whether it is an IPv4 or IPv6 address (Ansible does not shorten these for ``inventory_hostname_short``)."""
    return bool((name[:1].isdigit() and _ipv4().fullmatch(name)) or (":" in name and _ipv6().fullmatch(name)))


def parse_address(text: str, *, allow_ranges: bool = False) -> tuple[str, int | None]:
    """Host and port. Raises BadAddress."""
    port = None
    for form in (_BRACKETED_PORT, _PORT) if ":" in text else ():
        match = re.fullmatch(form, text)
        if match:
            text, port = match[1], int(match[2])
    if not re.fullmatch(_PLAIN, text) and not any(form().fullmatch(text) for form in (_ipv4, _hostname, _ipv6)):
        raise BadAddress(f"Not a valid network hostname: {text}")
    if not allow_ranges and "[" in text:
        raise BadAddress("Detected range in host but was asked to ignore ranges")
    return text, port


def expand_pattern(text: str) -> tuple[list[str], int | None]:
    """The names that an inventory's host entry stands for, and the port that goes with all of them.

    What is no address is a name as it stands. Raises BadAddress for a range that is none.
    """
    if ":" not in text and "[" not in text:
        return [text], None
    try:
        pattern, port = parse_address(text, allow_ranges=True)
    except BadAddress:
        pattern, port = text, None
    return (expand_range(pattern) if "[" in pattern else [pattern]), port


def expand_range(text: str, room: int = MOST_HOSTS) -> list[str]:
    """``web[1:3]`` is web1, web2, web3; ``[a:c]`` letters, ``[01:10]`` padded, ``[0:10:5]`` with a step.

    Several combine. Raises BadAddress, for more than ``room`` names too.
    """
    head, bracket, rest = text.partition("[")
    bounds, closing, tail = rest.partition("]")
    if not bracket or not closing:
        raise BadAddress(f"host range is not closed: {text}") from ValueError(text)
    numbers, shown = _sequence(bounds.split(":"))
    if len(numbers[: room + 1]) > room:
        raise BadAddress(f"host range stands for more than {MOST_HOSTS:,} hosts")
    if "[" not in tail:
        return [f"{head}{shown(number)}{tail}" for number in numbers]
    below = room // (len(numbers) or 1)
    return [name for number in numbers for name in expand_range(f"{head}{shown(number)}{tail}", below)]


def _sequence(bounds: list[str]) -> tuple[range, Callable[[int], str]]:
    """The numbers of a range, and how each is shown."""
    if len(bounds) not in (2, 3):
        raise BadAddress("host range must be begin:end or begin:end:step")
    begin, end = bounds[0] or "0", bounds[1]
    if not end:
        raise BadAddress("host range must specify end value")
    width = len(begin) if begin.startswith("0") and len(begin) > 1 else 0
    if width and width != len(end):
        raise BadAddress("host range must specify equal-length begin and end formats")
    try:
        step = int(bounds[2]) if len(bounds) == 3 else 1
        if begin in string.ascii_letters and end in string.ascii_letters:
            first, last = string.ascii_letters.index(begin), string.ascii_letters.index(end)
            if first > last:
                raise BadAddress("host range must have begin <= end")
            return range(*slice(first, last + 1, step).indices(len(string.ascii_letters))), _letter
        return range(int(begin), int(end) + 1, step), lambda number: str(number).zfill(width)
    except BadAddress:
        raise
    except ValueError as error:
        raise BadAddress(str(error)) from error


def _letter(index: int) -> str:
    return string.ascii_letters[index]
