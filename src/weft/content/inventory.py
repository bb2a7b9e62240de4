"""Inventory plugins of ansible-core and of collections (constructed, generator, clouds ...), and other vars plugins.

A plugin works on ansible-core's inventory objects: they are made from what there is, and what the plugin leaves in them
takes its place. Values that it did not touch come back as they were. Nothing here imports ``ansible`` before it is
called.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from weft.config.yaml import Decrypt
from weft.content.ansible_values import from_ansible, origin_from, to_ansible
from weft.content.display import load_display
from weft.content.notices import EventNotices
from weft.content.plugins import PluginSource
from weft.events.types import Event
from weft.inventory.builder import GroupDraft, HostDraft, InventoryBuilder
from weft.model.errors import LoadError
from weft.model.settings import Settings
from weft.model.values import Origin, Value

Warn = Callable[[Event], None]


class InventoryPlugins:
    """The ``PluginInventory`` of ``weft.inventory``."""

    def __init__(
        self,
        settings: Settings,
        *,
        warn: Warn,
        decrypt: Decrypt | None = None,
        extra_vars: Mapping[str, Value] | None = None,
        playbook_dirs: Sequence[str] = (),
    ) -> None:
        """``playbook_dirs`` may have collections/ and inventory_plugins/ in them."""
        self._source = PluginSource(settings, notices=EventNotices(warn))
        for path in playbook_dirs:
            self._source.add_content_root(path)
        self._dirs = [os.path.join(path, "inventory_plugins") for path in playbook_dirs]
        self._decrypt = decrypt
        self._extra = dict(extra_vars or {})

    def exists(self, name: str) -> bool:
        """Whether there is such a plugin."""
        return self._plugin(name) is not None

    def verify(self, name: str, source: str) -> bool:
        """Whether the plugin wants the source."""
        with self._told():
            try:
                return bool(self._plugin(name).verify_file(source))
            except Exception:
                return False

    def parse(self, name: str, source: str, builder: InventoryBuilder) -> None:
        """Let the plugin add to what ``builder`` has. Raises LoadError."""
        load_display()
        from ansible._internal._datatag._tags import Origin as AnsibleOrigin
        from ansible.inventory.manager import _InventoryDataWrapper

        with self._told():
            plugin = self._plugin(name)
            bridge = _Bridge(builder)
            data = bridge.export()
            data.current_source = source
            # what a failed plugin leaves behind stays, as in Ansible
            try:
                origin = AnsibleOrigin(description=f"<inventory plugin {name!r} with source {source!r}>")
                wrapper = _InventoryDataWrapper(data, target_plugin=plugin, origin=origin)
                plugin.parse(wrapper, self._loader(), source, cache=True)
                if hasattr(plugin, "update_cache_if_changed"):
                    plugin.update_cache_if_changed()
            except Exception as error:
                place = origin_from(getattr(error, "obj", None)) or Origin(
                    f"<inventory plugin {name!r} with source {source!r}>"
                )
                raise LoadError(str(error), place, getattr(error, "_help_text", None)) from error
            finally:
                bridge.take_back(data)

    def _plugin(self, name: str) -> Any:
        with self._told():
            loader = _ready(self._source, self._extra).inventory_loader
            for path in self._dirs:
                if os.path.isdir(path):
                    loader.add_directory(path)
            return loader.get(name)

    def _loader(self) -> Any:
        return _file_loader(self._decrypt)

    def _told(self) -> AbstractContextManager[None]:
        from weft.content.plugins_ansible import told

        return told(self._source.notices)


class _Bridge:
    """Between a builder's drafts and ansible-core's ``InventoryData``."""

    def __init__(self, builder: InventoryBuilder) -> None:
        self._builder = builder
        self._originals: dict[int, tuple[Any, Value]] = {}  # id of ansible's value -> it, and ours

    def export(self) -> Any:
        """ansible-core's objects for all there is."""
        from ansible.inventory.data import InventoryData

        data = InventoryData()
        for name in self._builder.groups:
            data.add_group(name)
        for name in self._builder.hosts:
            data.add_host(name)
        for name, group in self._builder.groups.items():
            for child in group.children:
                data.groups[name].add_child_group(data.groups[child])
            for host in group.hosts:
                data.groups[name].add_host(data.hosts[host])
            data.groups[name].priority = group.priority
            data.groups[name].vars = self._export_vars(group.vars)
        for name, draft in self._builder.hosts.items():
            data.hosts[name].vars = self._export_vars(draft.vars)
        data.processed_sources.extend(self._builder.processed)
        if self._builder.localhost is not None:
            data.localhost = data.hosts[self._builder.localhost]
        return data

    def take_back(self, data: Any) -> None:
        """The builder's drafts become what ``data`` has now."""
        builder = self._builder
        groups = {str(name): GroupDraft(str(name)) for name in data.groups}
        hosts = {str(name): HostDraft(str(name)) for name in data.hosts}
        for name, group in data.groups.items():
            draft = groups[str(name)]
            draft.vars = self._import_vars(group.vars)
            draft.priority = int(group.priority)
            draft.children = {str(child.name): None for child in group.child_groups}
            draft.parents = {str(parent.name): None for parent in group.parent_groups}
            draft.hosts = {str(host.name): None for host in group.hosts if str(host.name) in hosts}
            for host in draft.hosts:
                hosts[host].groups[draft.name] = None
        for name, host in data.hosts.items():
            hosts[str(name)].vars = self._import_vars(host.vars)
        builder.groups, builder.hosts = groups, hosts
        if data.localhost is not None and not data.localhost.implicit:
            builder.localhost = str(data.localhost.name)

    def _export_vars(self, variables: Mapping[str, Value]) -> dict[str, Any]:
        exported = {}
        for key, value in variables.items():
            theirs = to_ansible(value)
            # small values are shared between variables, and equal where they are: they need no looking after
            if theirs is not value:
                self._originals[id(theirs)] = (theirs, value)
            exported[key] = theirs
        return exported

    def _import_vars(self, variables: Mapping[Any, Any]) -> dict[str, Value]:
        imported = {}
        for key, value in variables.items():
            known = self._originals.get(id(value))
            imported[from_ansible(key, mark=False)] = known[1] if known is not None else from_ansible(value)
        return imported


class VarsPlugins:
    """Vars plugins besides host_group_vars: what they say of a group or host, for one folder."""

    def __init__(
        self, settings: Settings, *, warn: Warn, decrypt: Decrypt | None = None, playbook_dirs: Sequence[str] = ()
    ) -> None:
        """``playbook_dirs`` may have collections/ in them."""
        self._source = PluginSource(settings, notices=EventNotices(warn))
        for path in playbook_dirs:
            self._source.add_content_root(path)
        self._enabled = [name for name in settings.vars_plugins_enabled if not _is_native(name)]
        self._decrypt = decrypt
        self._default = "task" if settings.run_vars_plugins == "demand" else "inventory"
        self._plugins: list[Any] | None = None

    def __call__(self, folder: str, kind: str, name: str, stage: str) -> Mapping[str, Value]:
        """Raises LoadError."""
        load_display()
        from ansible.inventory.group import Group
        from ansible.inventory.host import Host
        from ansible.vars.plugins import get_plugin_vars

        from weft.content.plugins_ansible import told

        entity = Host(name) if kind == "host_vars" else Group(name)
        found: dict[str, Value] = {}
        with told(self._source.notices):
            for plugin in self._all():
                if self._stage_of(plugin) not in (stage, "all"):
                    continue
                try:
                    values = get_plugin_vars(_file_loader(self._decrypt), plugin, folder, [entity])
                except Exception as error:
                    raise LoadError(f"The vars plugin {plugin.ansible_name} failed: {error}") from error
                found.update({str(key): from_ansible(value) for key, value in values.items()})
        return found

    def _stage_of(self, plugin: Any) -> str:
        """The plugin's own option, where it has one and that is set; otherwise the setting for all of them."""
        try:
            return str(plugin.get_option("stage") or self._default)
        except (AttributeError, KeyError):
            return self._default

    def _all(self) -> list[Any]:
        if self._plugins is None:
            loader = _ready(self._source, {}).vars_loader
            named = {str(plugin.ansible_name): plugin for name in self._enabled if (plugin := loader.get(name))}
            # old ones need no enabling
            for plugin in loader.all():
                if not getattr(plugin, "REQUIRES_ENABLED", False):
                    named.setdefault(str(plugin.ansible_name), plugin)
            self._plugins = [plugin for name, plugin in named.items() if not _is_native(name)]
        return self._plugins


def vars_plugins(
    settings: Settings, *, warn: Warn, decrypt: Decrypt | None = None, playbook_dirs: Sequence[str] = ()
) -> VarsPlugins | None:
    """None where there are no vars plugins but the one that weft has itself."""
    folders = settings.plugin_paths.get("vars", ())
    own = any(entry.endswith(".py") for folder in folders if os.path.isdir(folder) for entry in os.listdir(folder))
    if not own and all(map(_is_native, settings.vars_plugins_enabled)):
        return None
    return VarsPlugins(settings, warn=warn, decrypt=decrypt, playbook_dirs=playbook_dirs)


def _is_native(name: str) -> bool:
    return not name or name in ("host_group_vars", "ansible.builtin.host_group_vars", "ansible.legacy.host_group_vars")


def _ready(source: PluginSource, extra_vars: Mapping[str, Value]) -> Any:
    """ansible-core's plugin loaders. Extra variables are where plugins look for them: in the command line's options."""
    from weft.content.plugins_ansible import ready

    loader = ready(source)
    from ansible import context

    if extra_vars and not context.CLIARGS.get("extra_vars"):
        import json
        from argparse import Namespace

        from ansible._internal._datatag._tags import TrustedAsTemplate

        text = TrustedAsTemplate().tag(json.dumps(extra_vars, default=str))
        context._init_global_context(Namespace(**context.CLIARGS, extra_vars=(text,)))
    return loader


def _file_loader(decrypt: Decrypt | None) -> Any:
    """ansible-core's file loader, with weft's decryption."""
    load_display()
    from ansible.parsing.dataloader import DataLoader

    class FileLoader(DataLoader):  # type: ignore[misc]
        def _decrypt_if_vault_data(self, b_data: bytes, *_args: Any) -> tuple[bytes, bool]:
            encrypted = b_data.startswith(b"$ANSIBLE_VAULT")
            if encrypted and decrypt is not None:
                return decrypt(bytes(b_data), Origin("<inventory>")), False
            return b_data, not encrypted

    return FileLoader()
