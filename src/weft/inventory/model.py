"""What an inventory is made of: hosts and groups, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field

from weft.model.values import Value

ALL: Final = "all"
UNGROUPED: Final = "ungrouped"
#: Names for the controller itself. Where the inventory has none of them, they make an implicit host.
LOCALHOST: Final = ("127.0.0.1", "localhost", "::1")


class Host(Struct, frozen=True, eq=False):
    """A host and the variables that its inventory sources give it (not those of its groups or of host_vars/)."""

    name: str
    vars: Mapping[str, Value] = field(default_factory=dict)
    groups: tuple[str, ...] = ()  # all it is in, with the groups round those, without `all`; weakest variables first
    implicit: bool = False  # the controller, without being listed

    def __repr__(self) -> str:
        return f"<Host {self.name}>"


class Group(Struct, frozen=True, eq=False):
    """A group. ``hosts`` are its own; those of the groups below it come from ``Inventory.hosts_of``."""

    name: str
    vars: Mapping[str, Value] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    depth: int = 0  # `all` is 0
    priority: int = 1

    def __repr__(self) -> str:
        return f"<Group {self.name}>"


class AddedHost(Struct, frozen=True):
    """One ``add_host``, kept so that a refreshed inventory gets it again."""

    name: str
    groups: tuple[str, ...]
    vars: Mapping[str, Any]


class AddedGroup(Struct, frozen=True):
    """One ``group_by``, kept so that a refreshed inventory gets it again."""

    host: str
    name: str
    parents: tuple[str, ...]


Added = AddedHost | AddedGroup


def merge_hash(low: Mapping[Any, Any], high: Mapping[Any, Any]) -> dict[Any, Any]:
    """``hash_behaviour: merge``: mappings are merged key by key, all else of ``high`` replaces what ``low`` has."""
    merged = dict(low)
    for key, value in high.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            value = merge_hash(known, value)
        merged[key] = value
    return merged


def combine(low: Mapping[str, Any], high: Mapping[str, Any], *, merge: bool = False) -> dict[str, Any]:
    """Variables of two sources in one mapping; ``high`` wins."""
    return merge_hash(low, high) if merge else {**low, **high}
