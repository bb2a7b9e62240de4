"""Collects hosts and groups from sources, and freezes them into an inventory.

Sources call ``add_group``, ``add_host``, ``add_child`` and ``set_variable`` in any order; ``reconcile`` then sees to
what always holds: every group is below `all`, a host without a group is in `ungrouped`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from weft.events.types import Deprecated, Event, Message, Warned
from weft.inventory.model import ALL, LOCALHOST, UNGROUPED, Group, Host, combine
from weft.model.errors import LoadError
from weft.model.values import Origin, Value, origin_of

Warn = Callable[[Event], None]

_BAD_GROUP_CHARS = re.compile(r"^[\d\W]|[^\w]")
NAME_HELP = (
    "Variable names must be strings starting with a letter or underscore character, "
    "and contain only letters, numbers and underscores."
)
_KEYWORDS = frozenset({"False", "None", "True", "false", "none", "not", "true"})


def type_name(value: object) -> str:
    """What users call a value's type."""
    return next((kind.__name__ for kind in (str, dict, list) if isinstance(value, kind)), type(value).__name__)


def is_variable_name(name: object) -> bool:
    """Whether templates can say it: an ASCII identifier that is no word of Jinja's own."""
    return isinstance(name, str) and name.isidentifier() and name.isascii() and name not in _KEYWORDS


def safe_group_name(name: str, transform: str, warn: Warn) -> str:
    """A group's name as `force_valid_group_names` (always, never, ignore, silently) wants it."""
    bad = _BAD_GROUP_CHARS.findall(name)
    if not bad:
        return name
    said = f'invalid character(s) "{set(bad)}" in group name ({name})'
    kept = transform in ("never", "ignore")
    warn(Message(text=f"{'Not replacing' if kept else 'Replacing'} {said}", verbosity=4))
    if transform in ("never", "always"):
        done = "but not replaced" if kept else "and automatically replaced"
        warn(Warned(message=f"Invalid characters were found in group names {done}, use -vvvv to see details"))
    return name if kept else _BAD_GROUP_CHARS.sub("_", name)


class HostDraft:
    """A host while sources are read."""

    __slots__ = ("groups", "name", "vars")

    def __init__(self, name: str) -> None:
        self.name = name
        self.vars: dict[str, Value] = {}
        self.groups: dict[str, None] = {}  # those that list it


class GroupDraft:
    """A group while sources are read."""

    __slots__ = ("children", "hosts", "name", "parents", "priority", "vars")

    def __init__(self, name: str) -> None:
        self.name = name
        self.vars: dict[str, Value] = {}
        self.hosts: dict[str, None] = {}
        self.children: dict[str, None] = {}
        self.parents: dict[str, None] = {}
        self.priority = 1


class InventoryBuilder:
    """The one owner of drafts. Errors are LoadErrors without a place: the source that calls knows it."""

    def __init__(self, *, warn: Warn, transform_group_names: str = "never", merge_hashes: bool = False) -> None:
        self.hosts: dict[str, HostDraft] = {}
        self.groups: dict[str, GroupDraft] = {}
        self.localhost: str | None = None
        self.source: tuple[str | None, str | None] = (None, None)  # inventory_file and inventory_dir of new hosts
        self.processed: list[str] = []
        self._warn = warn
        self._transform = transform_group_names
        self._merge = merge_hashes
        self._checked: set[object] = set()
        self._safe_names: dict[str, str] = {}
        self.add_group(ALL)
        self.add_group(UNGROUPED)
        self.add_child(ALL, UNGROUPED)

    def add_group(self, name: object) -> str:
        """The name it is known by: characters that don't belong in a variable name may be replaced."""
        if not name:
            raise LoadError(f"Invalid empty/false group name provided: {name}")
        if not isinstance(name, str):
            raise LoadError(f"Invalid group name supplied, expected a string but got {type_name(name)!r} for {name}")
        if name in self.groups:
            return str(name)
        safe = self.safe_group_name(str(name))
        if safe not in self.groups:
            self.groups[safe] = GroupDraft(safe)
        return safe

    def safe_group_name(self, name: str) -> str:
        """As `force_valid_group_names` says; warns once for each name."""
        if name in self.groups:
            return name
        safe = self._safe_names.get(name)
        if safe is None:
            safe = self._safe_names[name] = safe_group_name(name, self._transform, self._warn)
        return safe

    def add_host(self, name: object, group: str | None = None, port: int | None = None) -> str:
        """A host, new or known, and a group to put it into. ``port`` counts where the host is new."""
        if not name:
            raise LoadError(f"Invalid empty host name provided: {name}")
        if not isinstance(name, str):
            raise LoadError(f"Invalid host name supplied, expected a string but got {type_name(name)!r} for {name}")
        name = str(name)
        if group is not None and group not in self.groups:
            raise LoadError(f"Could not find group {group} in inventory")
        host = self.hosts.get(name)
        if host is None:
            host = self.hosts[name] = HostDraft(name)
            if port:
                host.vars["ansible_port"] = port
            host.vars["inventory_file"], host.vars["inventory_dir"] = self.source
            if name in LOCALHOST:
                self._add_localhost(name)
        if group is not None:
            self.groups[group].hosts[name] = None
            host.groups[group] = None
        return name

    def _add_localhost(self, name: str) -> None:
        if self.localhost is None:
            self.localhost = name
            return
        self._warn(
            Warned(
                message=f"A duplicate localhost-like entry was found ({name}). "
                f"First found localhost was {self.localhost}"
            )
        )

    def add_hosts(
        self, names: Iterable[object], variables: Any, group: str | None = None, port: int | None = None
    ) -> None:
        """Several hosts with the same variables."""
        if not isinstance(variables, Mapping):
            raise LoadError(f"Invalid data from file, expected dictionary and got:\n\n{variables}")
        for name in names:
            host = self.add_host(name, group, port)
            for key, value in variables.items():
                self.set_variable(host, key, value)

    def add_child(self, group: str, child: str) -> None:
        """A group or host below a group. A loop of groups is an error."""
        if group not in self.groups:
            raise LoadError(f"{group} is not a known group")
        if child in self.groups:
            self._add_child_group(group, child)
        elif child in self.hosts:
            self.groups[group].hosts[child] = None
            self.hosts[child].groups[group] = None
        else:
            raise LoadError(f"{child} is not a known host nor group")

    def _add_child_group(self, group: str, child: str) -> None:
        if group == child:
            raise LoadError("can't add group to itself")
        if child in self.groups[group].children:
            return
        if child in self.ancestors(group):
            raise LoadError(f"Adding group '{child}' as child to '{group}' creates a recursive dependency loop.")
        self.groups[group].children[child] = None
        self.groups[child].parents[group] = None

    def ancestors(self, group: str) -> set[str]:
        """The groups above a group."""
        found: set[str] = set()
        waiting = list(self.groups[group].parents)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.groups[name].parents)
        return found

    def set_variable(self, entity: str, key: Any, value: Value) -> None:
        """A variable of a group or, where no group has that name, of a host. Two mappings may be merged."""
        draft = self.groups.get(entity) or self.hosts.get(entity)
        if draft is None:
            raise LoadError(f"Could not identify group or host named {entity}")
        if key not in self._checked:
            self._check_name(key, value)
        if isinstance(key, str):
            key = str(key)
        if key == "ansible_group_priority" and isinstance(draft, GroupDraft):
            try:
                draft.priority = int(value)
            except (TypeError, ValueError) as error:
                raise LoadError(str(error), origin_of(value)) from error
            return
        if self._merge and isinstance(value, Mapping) and isinstance(known := draft.vars.get(key), Mapping):
            value = combine(known, value, merge=True)
        draft.vars[key] = value

    def _check_name(self, key: object, value: Value) -> None:
        self._checked.add(key)
        if not is_variable_name(key):
            origin: Origin | None = origin_of(key) or origin_of(value)
            self._warn(
                Deprecated(
                    message=f"Accepting inventory variable with invalid name {key!r}.",
                    version="2.23",
                    collection="ansible.builtin",
                    origin=origin,
                    help=NAME_HELP,
                )
            )

    def reconcile(self) -> None:
        """See to what always holds of an inventory."""
        for group in list(self.groups.values()):
            if group.name != ALL and not group.parents:
                self._add_child_group(ALL, group.name)
        ungrouped = self.groups[UNGROUPED]
        for host in self.hosts.values():
            if UNGROUPED in host.groups:
                if len(self._all_groups_of(host) - {ALL, UNGROUPED}) > 0:
                    del ungrouped.hosts[host.name]
                    del host.groups[UNGROUPED]
            elif not host.groups or host.groups.keys() == {ALL}:
                ungrouped.hosts[host.name] = None
                host.groups[UNGROUPED] = None
        for name in self.groups.keys() & self.hosts.keys():
            self._warn(Warned(message=f"Found both group and host with same name: {name}"))

    def _all_groups_of(self, host: HostDraft) -> set[str]:
        found = set(host.groups)
        for name in host.groups:
            if name != UNGROUPED:
                found |= self.ancestors(name)
        return found

    def freeze(self) -> tuple[dict[str, Host], dict[str, Group]]:
        """Hosts and groups as they are, in the order in which they came."""
        depths = _depths(self.groups)
        groups = {
            name: Group(
                name,
                draft.vars,
                tuple(draft.hosts),
                tuple(draft.children),
                tuple(draft.parents),
                depths[name],
                draft.priority,
            )
            for name, draft in self.groups.items()
        }
        lineages: dict[tuple[str, ...], tuple[str, ...]] = {}
        hosts = {}
        for name, host in self.hosts.items():
            direct = tuple(host.groups)
            lineage = lineages.get(direct)
            if lineage is None:
                lineage = lineages[direct] = sorted_lineage(direct, groups)
            hosts[name] = Host(name, host.vars, lineage)
        return hosts, groups


def sorted_lineage(direct: Iterable[str], groups: Mapping[str, Group]) -> tuple[str, ...]:
    """Groups and the groups above them without `all`, those with the weakest variables first."""
    found: dict[str, None] = {}
    waiting = list(direct)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting.extend(groups[name].parents)
    found.pop(ALL, None)
    return tuple(sorted(found, key=lambda name: (groups[name].depth, groups[name].priority, name)))


def _depths(groups: Mapping[str, GroupDraft]) -> dict[str, int]:
    """For each group the length of the longest way to it from above."""
    depths = dict.fromkeys(groups, 0)
    missing = {name: len(draft.parents) for name, draft in groups.items()}
    ready = [name for name, count in missing.items() if not count]
    while ready:
        name = ready.pop()
        for child in groups[name].children:
            depths[child] = max(depths[child], depths[name] + 1)
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return depths
