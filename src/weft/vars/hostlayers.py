"""The rows of a host that come from the inventory: its own variables and those of its groups.

What several hosts have in common (the groups they are in) is one layer for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from weft.inventory.addresses import is_ip
from weft.inventory.inventory import Inventory
from weft.inventory.model import ALL, Host
from weft.inventory.vars_dirs import Kind, Stage, VarsDirs, source_dirs
from weft.model.errors import OptionsError
from weft.model.settings import Settings
from weft.model.values import Value
from weft.vars.layers import Layer, merged
from weft.vars.names import ReservedNames

Mappings = list[Mapping[str, Value]]

#: Entries of the setting `precedence`: whether they are about the group `all`, and where they come from.
_ENTRIES = {
    "all_inventory": (True, "inventory"),
    "groups_inventory": (False, "inventory"),
    "all_plugins_inventory": (True, "beside inventory"),
    "groups_plugins_inventory": (False, "beside inventory"),
    "all_plugins_play": (True, "beside playbook"),
    "groups_plugins_play": (False, "beside playbook"),
}


class HostLayers:
    """Makes and keeps these layers."""

    def __init__(self, inventory: Inventory, settings: Settings, dirs: VarsDirs, reserved: ReservedNames) -> None:
        """Raises OptionsError for an entry of `precedence` that there is not."""
        unknown = [entry for entry in settings.variable_precedence if entry not in _ENTRIES]
        if unknown:
            raise OptionsError(f"unknown variable precedence entry: {', '.join(unknown)}")
        self._inventory = inventory
        self._dirs = dirs
        self._reserved = reserved
        self._merge = settings.hash_behaviour == "merge"
        # strongest first, runs of entries about the same groups together: each run is one layer
        strongest_first = [_ENTRIES[entry] for entry in reversed(settings.variable_precedence)]
        self._runs = [
            (about_all, [where for _, where in run]) for about_all, run in groupby(strongest_first, lambda row: row[0])
        ]
        self._source_dirs = source_dirs(inventory.sources)
        self._group_layers: dict[Any, Layer | None] = {}
        self._group_names: dict[tuple[str, ...], list[str]] = {}

    def layers(self, host: Host, basedirs: tuple[str, ...]) -> tuple[Layer, ...]:
        """Strongest first. May read files. Raises LoadError, VaultFailed."""
        found = [self._host_layer(host, basedirs)]
        for about_all, places in self._runs:
            groups = (ALL,) if about_all else host.groups
            layer = self._group_layer(groups, tuple(places), basedirs)
            if layer is not None:
                found.append(layer)
        return tuple(found)

    def set_inventory(self, inventory: Inventory) -> bool:
        """Take another snapshot. Whether layers that were handed out may be out of date for any host."""
        old, self._inventory = self._inventory, inventory
        if old.sources == inventory.sources and all(
            (known := old.groups.get(name)) is None
            or (group.vars is known.vars and group.depth == known.depth and group.priority == known.priority)
            for name, group in inventory.groups.items()
        ):
            return False
        self._source_dirs = source_dirs(inventory.sources)
        self._group_layers = {}
        return True

    # -- hosts -----------------------------------------------------------------------------------------------------

    def own_vars(self, host: Host, basedirs: tuple[str, ...]) -> dict[str, Value]:
        """What belongs to a host itself, its names among it."""
        parts: Mappings = [host.vars]
        parts += self._beside("inventory", self._source_dirs, "host_vars", (host.name,))
        parts.append(self._names(host))
        parts += self._beside("task", (*self._source_dirs, *basedirs), "host_vars", (host.name,))
        return dict(merged(parts, merge=self._merge))

    def _host_layer(self, host: Host, basedirs: tuple[str, ...]) -> Layer:
        data = self.own_vars(host, basedirs)
        self._reserved.look_at(data)
        return Layer(data)

    def _names(self, host: Host) -> dict[str, Any]:
        names = self._group_names.get(host.groups)
        if names is None:
            names = self._group_names[host.groups] = sorted(host.groups)
        short = host.name if is_ip(host.name) else host.name.split(".", 1)[0]
        return {"inventory_hostname": host.name, "inventory_hostname_short": short, "group_names": names}

    # -- groups ----------------------------------------------------------------------------------------------------

    def group_vars(self, group: str, basedirs: tuple[str, ...]) -> dict[str, Value]:
        """All of one group, wherever it stands. Raises KeyError."""
        parts: Mappings = [self._inventory.groups[group].vars]
        parts += self._beside("inventory", self._source_dirs, "group_vars", (group,))
        parts += self._beside("task", (*self._source_dirs, *basedirs), "group_vars", (group,))
        return dict(merged(parts, merge=self._merge))

    def _group_layer(self, groups: tuple[str, ...], places: tuple[str, ...], basedirs: tuple[str, ...]) -> Layer | None:
        key = (groups, places, basedirs)
        if key not in self._group_layers:
            self._group_layers[key] = self._make_group_layer(groups, places, basedirs)
        return self._group_layers[key]

    def _make_group_layer(
        self, groups: tuple[str, ...], places: tuple[str, ...], basedirs: tuple[str, ...]
    ) -> Layer | None:
        parts: Mappings = []
        for place in reversed(places):
            if place == "inventory":
                for group in groups:
                    parts.append(self._inventory.groups[group].vars)
                    parts += self._beside("inventory", self._source_dirs, "group_vars", (group,))
            else:
                folders = self._source_dirs if place == "beside inventory" else basedirs
                parts += self._beside("task", folders, "group_vars", groups)
        data = merged(parts, merge=self._merge)
        self._reserved.look_at(data)
        return Layer(data) if data else None

    def _beside(self, stage: Stage, folders: Sequence[str], kind: Kind, names: Sequence[str]) -> Mappings:
        """Folder by folder: what a later folder says of any group beats what an earlier one says of a deeper group."""
        if not self._dirs.says_anything(stage):
            return []
        found = (self._dirs.variables(folder, kind, name, stage) for folder in folders for name in names)
        return [variables for variables in found if variables]
