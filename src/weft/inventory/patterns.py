"""Host patterns: what `hosts:`, ``--limit`` and the command line's PATTERN stand for.

web,db          union                   !db     without
web:db          the same, older         &fast   only those that are also in
web*  db[0-9]   wildcards               ~re     regular expression
web[0] web[1:3] one, or some, by place  @file   (limits) patterns, one a line
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from weft.events.types import Event, Warned
from weft.inventory.addresses import BadAddress, parse_address
from weft.inventory.model import ALL, LOCALHOST
from weft.model.errors import OptionsError, WeftError

if TYPE_CHECKING:
    from weft.inventory.inventory import Inventory

ORDERS = ("inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle")
NO_HOSTS = (
    "provided hosts list is empty, only localhost is available. Note that the implicit localhost does not match 'all'"
)
NOTHING_LEFT = "Specified inventory, host pattern and/or --limit leaves us with no hosts to target."

_SUBSCRIPT = r"(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]"
_PLAIN = re.compile(r"[^\s:\[\]]+")
_PARTS = r"(?:[^\s:\[\]]|\[[^\]]*\])+"
_WILD = re.compile(r"[.?*\[]")


def split_patterns(pattern: str | Iterable[str]) -> list[str]:
    """The single patterns of a list, of `a,b`, or of `a:b` and `a b` (unless it is an address or a range)."""
    if not isinstance(pattern, str):
        return [single for part in pattern for single in split_patterns(part)]
    if "," in pattern:
        parts: Iterable[str] = pattern.split(",")
    elif _PLAIN.fullmatch(pattern):
        parts = [pattern]
    else:
        try:
            parse_address(pattern, allow_ranges=True)
            parts = [pattern]
        except BadAddress:
            parts = re.findall(_PARTS, pattern)
    return [part.strip() for part in parts if part.strip()]


def read_limit(limit: str | Sequence[str] | None) -> list[str]:
    """The patterns of a limit, those in ``@files`` among them. Raises WeftError."""
    found: list[str] = []
    for part in split_patterns(limit) if limit is not None else ():
        if part[0] == "@":
            found.extend(_limit_file(part[1:]))
        else:
            found.append(part)
    return found


def _limit_file(path: str) -> Iterator[str]:
    if not os.path.exists(path):
        raise WeftError(f"Unable to find limit file {path}")
    if not os.path.isfile(path):
        raise WeftError(f'Limit starting with "@" must be a file, not a directory: {path}')
    with open(path, encoding="utf-8") as file:
        for line in file.read().split("\n"):
            yield line.strip()


class Selector:
    """Evaluates patterns over one snapshot, and remembers what they gave."""

    __slots__ = ("_inventory", "_localhost_warning", "_single", "_warn", "_whole", "mismatch")

    def __init__(
        self, inventory: Inventory, warn: Callable[[Event], None], mismatch: str, localhost_warning: bool
    ) -> None:
        self._inventory = inventory
        self._localhost_warning = localhost_warning
        self._warn = warn
        self.mismatch = mismatch
        self._single: dict[str, tuple[str, ...]] = {}
        self._whole: dict[tuple[str, ...], tuple[str, ...]] = {}

    def select(
        self, pattern: str | Sequence[str], *, limit: str | Sequence[str] | None = None, order: str | None = None
    ) -> tuple[str, ...]:
        """See ``Inventory.select``."""
        # no pattern at all selects nothing; exclusions without anything else are of all hosts
        hosts = self._evaluate(split_patterns(pattern)) if pattern or isinstance(pattern, str) else ()
        limits = read_limit(limit)
        if limits:
            allowed = frozenset(self._evaluate(limits))
            hosts = tuple(host for host in hosts if host in allowed)
        return _ordered(hosts, order)

    def select_or_fail(self, pattern: str | Sequence[str], limit: str | Sequence[str] | None) -> tuple[str, ...]:
        """See ``Inventory.select_or_fail``."""
        empty = not self._inventory.hosts_of(ALL)
        if empty and self._localhost_warning and pattern not in LOCALHOST:
            self._warn(Warned(message=NO_HOSTS))
        hosts = self.select(pattern, limit=limit)
        if not hosts and not empty:
            raise WeftError(NOTHING_LEFT)
        return hosts

    def _evaluate(self, patterns: Sequence[str]) -> tuple[str, ...]:
        key = tuple(patterns)
        found = self._whole.get(key)
        if found is None:
            found = self._whole[key] = tuple(self._combine(_by_operator(patterns)))
        return found

    def _combine(self, patterns: Iterable[str]) -> dict[str, None]:
        hosts: dict[str, None] = {}
        for pattern in patterns:
            if pattern in self._inventory.hosts:
                hosts[pattern] = None
            elif pattern[0] == "!":
                without: Collection[str] = frozenset(self._match(pattern[1:]))
                hosts = {host: None for host in hosts if host not in without}
            elif pattern[0] == "&":
                within: Collection[str] = frozenset(self._match(pattern[1:]))
                hosts = {host: None for host in hosts if host in within}
            else:
                hosts.update(dict.fromkeys(self._match(pattern)))
        return hosts

    def _match(self, pattern: str) -> tuple[str, ...]:
        """The hosts of one pattern without operator."""
        found = self._single.get(pattern)
        if found is None:
            found = self._single[pattern] = self._match_anew(pattern)
        return found

    def _match_anew(self, pattern: str) -> tuple[str, ...]:
        if not pattern:
            raise WeftError(f"Invalid host list pattern: {pattern}")
        match = None if pattern[0] == "~" else re.fullmatch(_SUBSCRIPT, pattern)
        if match is None:
            return self._enumerate(pattern)
        expression, index, start, separator, end = match.groups()
        hosts = self._enumerate(expression)
        if separator == "-":
            self._warn(Warned(message="Use [x:y] inclusive subscripts instead of [x-y] which has been removed"))
        if not hosts:
            return hosts
        try:
            if index:
                return (hosts[int(index)],)
            if not end:
                return hosts[int(start) :]
            # an end of 0 counts as none in Ansible
            return hosts[int(start) : int(end) + 1] if int(end) else (hosts[int(start)],)
        except IndexError as error:
            raise WeftError(f"No hosts matched the subscripted pattern '{pattern}'") from error

    def _enumerate(self, pattern: str) -> tuple[str, ...]:
        """Groups that match with all their hosts and, where none does or the pattern is wild, hosts that match."""
        inventory = self._inventory
        wild = pattern[0] == "~" or bool(_WILD.search(pattern))
        found: dict[str, None] = {}
        groups = _matching(inventory.groups, pattern, wild)
        for group in groups:
            found.update(dict.fromkeys(inventory.hosts_of(group)))
        if not groups or wild:
            found.update(dict.fromkeys(_matching(inventory.hosts, pattern, wild)))
        if not found and pattern in LOCALHOST:
            host = inventory.host(pattern)
            assert host is not None
            found[host.name] = None
        if not found and not groups and pattern != ALL:
            message = f"Could not match supplied host pattern, ignoring: {pattern}"
            if self.mismatch == "error":
                raise WeftError(message)
            if self.mismatch == "warning":
                self._warn(Warned(message=message))
        return tuple(found)


def _matching(names: Collection[str], pattern: str, wild: bool) -> list[str]:
    if not wild:
        return [pattern] if pattern in names else []
    try:
        expression = re.compile(pattern[1:] if pattern[0] == "~" else fnmatch.translate(pattern))
    except re.error as error:
        raise WeftError(f"Invalid host list pattern: {pattern}") from error
    return [name for name in names if expression.match(name)]


def _by_operator(patterns: Iterable[str]) -> list[str]:
    """Unions first, then intersections, then exclusions; with nothing but these, of all hosts."""
    patterns = [pattern for pattern in patterns if pattern]
    unions = [pattern for pattern in patterns if pattern[0] not in "!&"]
    return [
        *(unions or [ALL]),
        *(pattern for pattern in patterns if pattern[0] == "&"),
        *(pattern for pattern in patterns if pattern[0] == "!"),
    ]


def _ordered(hosts: tuple[str, ...], order: str | None) -> tuple[str, ...]:
    if order is None or order == "inventory":
        return hosts
    if order == "reverse_inventory":
        return hosts[::-1]
    if order in ("sorted", "reverse_sorted"):
        return tuple(sorted(hosts, reverse=order == "reverse_sorted"))
    if order == "shuffle":
        import random

        return tuple(random.sample(hosts, len(hosts)))
    raise OptionsError(f"Invalid 'order' specified for inventory hosts: {order}")
