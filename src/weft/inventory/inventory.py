"""The inventory of a run: an immutable snapshot of hosts and groups, and what can be asked of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from weft.events.types import Event
from weft.inventory.builder import safe_group_name
from weft.inventory.changes import Snapshot, with_group, with_host
from weft.inventory.model import ALL, LOCALHOST, UNGROUPED, Added, AddedGroup, AddedHost, Group, Host
from weft.inventory.patterns import Selector
from weft.model.errors import WeftError
from weft.model.values import Trusted


def _ignore(event: Event) -> None:
    """No one wants to know."""


class Inventory:
    """Hosts and groups in the order in which they came, and the sources they came from.

    ``add_host`` and ``add_group`` give a new inventory that shares what did not change. What is worked out from the
    groups (members, patterns) is remembered. Reading it from several threads is safe.
    """

    __slots__ = (
        "_all_groups", "_all_hosts", "_group_hosts", "_groups_dict", "_implicit", "_localhost", "_localhost_warning",
        "_merge", "_selector", "_transform", "_warn", "added", "groups", "hosts", "sources",
    )  # fmt: skip

    hosts: Mapping[str, Host]
    groups: Mapping[str, Group]
    sources: tuple[str, ...]
    added: tuple[Added, ...]

    def __init__(
        self,
        hosts: dict[str, Host],
        groups: dict[str, Group],
        sources: Sequence[str] = (),
        *,
        localhost: str | None = None,
        implicit: Host | None = None,
        added: tuple[Added, ...] = (),
        warn: Callable[[Event], None] = _ignore,
        mismatch: str = "warning",
        localhost_warning: bool = True,
        transform: str = "never",
        merge_hashes: bool = False,
    ) -> None:
        """Takes ``hosts`` and ``groups`` over: nobody may change them any more.

        ``localhost`` is the listed host that stands for the controller, if there is one; ``implicit`` the unlisted one,
        once it is in a group. ``mismatch`` is what to do about a pattern that matches nothing (warning, error, ignore),
        ``transform`` the setting `force_valid_group_names`.
        """
        self._all_hosts = hosts  # beside their read-only views, for these are slow to copy
        self._all_groups = groups
        self.hosts = MappingProxyType(hosts)
        self.groups = MappingProxyType(groups)
        self.sources = tuple(sources)
        self.added = added
        self._localhost = localhost
        self._implicit = implicit
        self._transform = transform
        self._merge = merge_hashes
        self._warn = warn
        self._group_hosts: dict[str, tuple[str, ...]] = {}
        self._groups_dict: dict[str, list[str]] | None = None
        self._selector = Selector(self, warn, mismatch, localhost_warning)
        self._localhost_warning = localhost_warning

    def __repr__(self) -> str:
        return f"<Inventory hosts={len(self.hosts)} groups={len(self.groups)}>"

    # -- hosts -----------------------------------------------------------------------------------------------------

    def host(self, name: str) -> Host | None:
        """A listed host, or the controller under one of its names, whether or not it is listed."""
        found = self.hosts.get(name)
        if found is None and name in LOCALHOST:
            return self.hosts[self._localhost] if self._localhost else self._implicit or implicit_localhost(str(name))
        return found

    def host_or_new(self, name: str) -> Host:
        """A host that is not listed, and that a task is delegated to, is one without groups and variables."""
        return self.host(name) or Host(str(name))

    # -- groups ----------------------------------------------------------------------------------------------------

    def hosts_of(self, group: str) -> tuple[str, ...]:
        """The hosts of a group and of those below it, each once. Raises KeyError."""
        found = self._group_hosts.get(group)
        if found is None:
            members: dict[str, None] = {}
            for name in self.descendants(group):
                members.update(dict.fromkeys(self.groups[name].hosts))
            if group == ALL and self._implicit is not None:
                members.pop(self._implicit.name, None)
            found = self._group_hosts[group] = tuple(members)
        return found

    def descendants(self, group: str) -> tuple[str, ...]:
        """A group and those below it, level by level."""
        found = {group: None}
        level: Iterable[str] = (group,)
        while level:
            level = [child for name in level for child in self.groups[name].children if child not in found]
            found.update(dict.fromkeys(level))
        return tuple(found)

    def groups_dict(self) -> dict[str, list[str]]:
        """What templates see as ``groups``: shared by all, not to be changed."""
        if self._groups_dict is None:
            self._groups_dict = {name: list(self.hosts_of(name)) for name in self.groups}
        return self._groups_dict

    # -- patterns --------------------------------------------------------------------------------------------------

    def select(
        self,
        pattern: str | Sequence[str],
        *,
        limit: str | Sequence[str] | None = None,
        order: str | None = None,
    ) -> tuple[str, ...]:
        """The hosts that a pattern stands for, within ``limit``, in that order.

        ``order``: inventory, reverse_inventory, sorted, reverse_sorted, shuffle. A part of the pattern that matches
        nothing is a warning (or as `host_pattern_mismatch` says). Raises OptionsError, WeftError.
        """
        return self._selector.select(pattern, limit=limit, order=order)

    def select_or_fail(self, pattern: str | Sequence[str], limit: str | Sequence[str] | None) -> tuple[str, ...]:
        """As ``select``, for what the command line asks for: that it leaves nothing is an error.

        An inventory without hosts is only a warning (unless the setting `localhost_warning` is off).
        """
        return self._selector.select_or_fail(pattern, limit)

    # -- changes ---------------------------------------------------------------------------------------------------

    def add_host(self, name: str, groups: Sequence[str] = (), variables: Mapping[str, Any] | None = None) -> Inventory:
        """As the module ``add_host`` does: a host that is known gets the groups and variables on top.

        Values are plain data. The same inventory comes back where that changes nothing.
        """
        name = str(name)
        wish = AddedHost(name, tuple(self._group_name(group) for group in groups), dict(variables or {}))
        changed = with_host(self._all_hosts, self._all_groups, wish, self._merge)
        if changed is None:
            return self
        localhost = name if self._localhost is None and name in LOCALHOST else self._localhost
        return self._changed(changed, wish, localhost=localhost)

    def add_group(self, name: str, host: str, parents: Sequence[str] = (ALL,)) -> Inventory:
        """As the module ``group_by`` does: put a host into a group, made below ``parents`` where it is new.

        The same inventory comes back where that changes nothing. Raises WeftError for a host that is not in the
        inventory, and for a loop of groups.
        """
        entry = self.host(str(host))
        if entry is None:
            raise WeftError(f"{host} cannot be matched in inventory")
        wish = AddedGroup(entry.name, self._group_name(name), tuple(self._group_name(parent) for parent in parents))
        listed = entry.name in self.hosts
        hosts = self._all_hosts if listed else {**self._all_hosts, entry.name: entry}
        changed = with_group(hosts, self._all_groups, wish)
        if changed is None:
            return self
        if listed:
            return self._changed(changed, wish)
        hosts, groups = changed
        return self._changed((hosts, groups), wish, implicit=hosts.pop(entry.name))

    def with_added_of(self, other: Inventory) -> Inventory:
        """A newly read inventory with what was added at run time to the one it replaces."""
        result = self
        for wish in other.added:
            if isinstance(wish, AddedHost):
                result = result.add_host(wish.name, wish.groups, wish.vars)
            elif result.host(wish.host) is not None:
                result = result.add_group(wish.name, wish.host, wish.parents)
        return result

    def _group_name(self, name: str) -> str:
        return str(name) if name in self.groups else safe_group_name(str(name), self._transform, self._warn)

    def _changed(
        self, changed: Snapshot, wish: Added, *, localhost: str | None = None, implicit: Host | None = None
    ) -> Inventory:
        hosts, groups = changed
        return Inventory(
            hosts,
            groups,
            self.sources,
            localhost=localhost or self._localhost,
            implicit=implicit or self._implicit,
            added=(*self.added, wish),
            warn=self._warn,
            mismatch=self._selector.mismatch,
            localhost_warning=self._localhost_warning,
            transform=self._transform,
            merge_hashes=self._merge,
        )


def implicit_localhost(name: str) -> Host:
    """The controller where no inventory lists it: local connection, the Python that runs weft."""
    interpreter = sys.executable or "/usr/bin/python3"
    return Host(
        name,
        {"ansible_python_interpreter": interpreter, "ansible_connection": Trusted("local")},
        implicit=True,
    )


def empty_inventory(warn: Callable[[Event], None] = _ignore) -> Inventory:
    """Nothing but the two groups that always are."""
    groups = {ALL: Group(ALL, children=(UNGROUPED,)), UNGROUPED: Group(UNGROUPED, parents=(ALL,), depth=1)}
    return Inventory({}, groups, warn=warn)
