"""Changes of an inventory at run time (``add_host``, ``group_by``): new mappings that share what did not change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from weft.inventory.builder import sorted_lineage
from weft.inventory.model import ALL, UNGROUPED, AddedGroup, AddedHost, Group, Host, combine
from weft.model.errors import WeftError

Snapshot = tuple[dict[str, Host], dict[str, Group]]


class _Change:
    """New mappings of hosts and groups, for one change."""

    def __init__(self, hosts: dict[str, Host], groups: dict[str, Group]) -> None:
        self.hosts = hosts.copy()
        self.groups = groups.copy()
        self.changed = False
        self._touched: dict[str, None] = {}

    def result(self) -> Snapshot | None:
        return (self.hosts, self.groups) if self.changed else None

    def ensure_group(self, name: str) -> None:
        if name not in self.groups:
            self.groups[name] = Group(name)
            self.changed = True

    def put_below(self, parent: str, child: str) -> None:
        above, below = self.groups[parent], self.groups[child]
        if child in above.children:
            return
        if parent == child or child in self._ancestors(parent):
            raise WeftError(f"Adding group '{child}' as child to '{parent}' creates a recursive dependency loop.")
        self.groups[parent] = replace(above, children=(*above.children, child))
        self.groups[child] = replace(below, parents=(*below.parents, parent))
        self._deepen(child)
        self._refresh_hosts(child)
        self.changed = True

    def put_host(self, host: str, group: str) -> None:
        known = self.groups[group]
        self._touched[group] = None
        if host not in known.hosts:
            self.groups[group] = replace(known, hosts=(*known.hosts, host))
            self.changed = True

    def settle(self, host: str) -> None:
        """What always holds: groups are below `all`, the host is in `ungrouped` only where it is in no other."""
        for group in [group for group in self.groups.values() if group.name != ALL and not group.parents]:
            self.put_below(ALL, group.name)
        entry = self.hosts.get(host)
        if entry is None:
            return
        direct = self._direct(entry)
        lineage = sorted_lineage(direct, self.groups)
        if UNGROUPED in direct and len(lineage) > 1:
            ungrouped = self.groups[UNGROUPED]
            self.groups[UNGROUPED] = replace(ungrouped, hosts=tuple(name for name in ungrouped.hosts if name != host))
        elif not lineage and not entry.implicit:
            self.put_host(host, UNGROUPED)
        lineage = sorted_lineage(self._direct(entry), self.groups)
        if lineage != entry.groups:
            self.hosts[host] = replace(entry, groups=lineage)

    def _direct(self, host: Host) -> list[str]:
        """The groups that list it: looked for among its old groups and those of this change."""
        return [
            name for name in {**dict.fromkeys(host.groups), **self._touched} if host.name in self.groups[name].hosts
        ]

    def _ancestors(self, name: str) -> set[str]:
        found: set[str] = set()
        waiting = list(self.groups[name].parents)
        while waiting:
            above = waiting.pop()
            if above not in found:
                found.add(above)
                waiting.extend(self.groups[above].parents)
        return found

    def _deepen(self, name: str) -> None:
        depth = max((self.groups[parent].depth for parent in self.groups[name].parents), default=-1) + 1
        if depth > self.groups[name].depth:
            self.groups[name] = replace(self.groups[name], depth=depth)
            for child in self.groups[name].children:
                self._deepen(child)

    def _refresh_hosts(self, name: str) -> None:
        """The hosts below a group that moved have other groups round them now."""
        for host in self._members(name):
            entry = self.hosts.get(host)
            if entry is None:  # the controller, unlisted
                continue
            lineage = sorted_lineage({*entry.groups, name}, self.groups)
            if lineage != entry.groups:
                self.hosts[host] = replace(entry, groups=lineage)

    def _members(self, name: str) -> Iterable[str]:
        group = self.groups[name]
        found = dict.fromkeys(group.hosts)
        for child in group.children:
            found.update(dict.fromkeys(self._members(child)))
        return found


def with_host(hosts: dict[str, Host], groups: dict[str, Group], wish: AddedHost, merge_hashes: bool) -> Snapshot | None:
    """None where everything is so already."""
    change = _Change(hosts, groups)
    name = wish.name
    entry = change.hosts.get(name)
    if entry is None:
        entry = change.hosts[name] = Host(name, {"inventory_file": None, "inventory_dir": None})
        change.put_host(name, ALL)
        change.changed = True
    variables = combine(entry.vars, wish.vars, merge=merge_hashes)
    if not _same(variables, entry.vars):
        change.hosts[name] = replace(entry, vars=variables)
        change.changed = True
    for group in wish.groups:
        change.ensure_group(group)
        change.put_host(name, group)
    if change.changed:
        change.settle(name)
    return change.result()


def with_group(hosts: dict[str, Host], groups: dict[str, Group], wish: AddedGroup) -> Snapshot | None:
    """None where everything is so already."""
    change = _Change(hosts, groups)
    change.ensure_group(wish.name)
    for parent in wish.parents:
        change.ensure_group(parent)
        change.put_below(parent, wish.name)
    change.put_host(wish.host, wish.name)
    if change.changed:
        change.settle(wish.host)
    return change.result()


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[key] == other[key] for key in one)
