"""ansible-core's objects of one task, as far as plugins look at them: its task, play, role, inventory, variables."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible import context
from ansible._internal._datatag._tags import Origin
from ansible.inventory.host import Host
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret, VaultSecretsContext
from ansible.playbook.play import Play
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import add_all_plugin_dirs, module_loader
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.utils.display import Display
from ansible.vars.hostvars import HostVars

from weft.content.ansible_values import to_ansible
from weft.content.lane.channel import Channel
from weft.content.lane.request import LaneRequest, RoleAt
from weft.content.lane.warming import forget

_LOCALHOST = ("localhost", "127.0.0.1", "::1")


class LanePlay(Play):  # type: ignore[misc]
    """The play of a task: nothing but its place in the chain of parents."""


class Role:
    """What plugins ask of a task's role."""

    def __init__(self, role: RoleAt) -> None:
        self._role_path = role.path
        self._role_collection = role.collection
        prefix = f"{role.collection}." if role.collection else ""
        self._role_name = role.name.removeprefix(prefix)

    def get_name(self, include_role_fqcn: bool = True) -> str:
        if include_role_fqcn and self._role_collection:
            return f"{self._role_collection}.{self._role_name}"
        return self._role_name

    def get_role_path(self) -> str:
        return self._role_path


class Stacked:
    """Stands for the block round a task."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._parent = None

    def copy(self, **_: Any) -> Stacked:
        return self

    def post_validate(self, templar: Any) -> None:
        pass

    def get_dep_chain(self) -> None:
        return None


class LaneTask(Task):  # type: ignore[misc]
    """A task whose keywords are all its own and final."""

    search_path: Sequence[str] = ()

    def get_search_path(self) -> list[str]:
        return list(self.search_path)

    def _get_parent_attribute(self, attr: str, omit: bool = False) -> Any:
        return getattr(self, f"_{attr}")

    def get_first_parent_include(self) -> None:
        return None

    def get_play(self) -> Any:
        return self._parent._play

    def get_vars(self) -> dict[str, Any]:
        return dict(self.vars)

    def all_parents_static(self) -> bool:
        return True

    def copy(self, exclude_parent: bool = False, exclude_tasks: bool = False) -> LaneTask:
        new: LaneTask = super().copy(exclude_parent, exclude_tasks)
        new._parent = self._parent
        new.search_path = self.search_path
        return new


class Inventory:
    """Stands for the inventory manager: hosts by name."""

    def __init__(self, names: Sequence[str]) -> None:
        self.hosts = {name: Host(name) for name in names}
        self.localhost = next((self.hosts[name] for name in _LOCALHOST if name in self.hosts), None)

    def get_host(self, name: str) -> Host | None:
        if name not in self.hosts and name in _LOCALHOST:
            return self.localhost or Host(name)
        return self.hosts.get(name)

    def get_hosts(self, *_: Any, **__: Any) -> list[Host]:
        return list(self.hosts.values())


class Variables:
    """Stands for the variable manager: asks the controller."""

    def __init__(self, channel: Channel, request: LaneRequest, inventory: Inventory, loader: DataLoader) -> None:
        self._channel = channel
        self._request = request
        self._inventory = inventory
        self._known: dict[str, dict[str, Any]] = {}
        self._hostvars = HostVars(inventory, self, loader)
        self.extra_vars: dict[str, Any] = {}

    def get_vars(self, play: Any = None, host: Any = None, task: Any = None, **_: Any) -> dict[str, Any]:
        """A host's variables outside of any play; those of the task where no host is meant."""
        if host is None:
            return self.of_task()
        if host.name not in self._known:
            raw = self._channel.ask("hostvars", host=host.name)
            self._known[host.name] = to_ansible(raw)
        return dict(self._known[host.name])

    def of_task(self) -> dict[str, Any]:
        return self._complete(to_ansible(self._request.variables))

    def get_delegated_vars_and_hostname(
        self, templar: Any, task: Task, variables: Mapping[str, Any]
    ) -> tuple[dict[str, Any], str | None]:
        name = self._request.delegate
        if name is None:
            return {}, None
        found = self._complete(to_ansible(self._request.delegate_variables))
        found["inventory_hostname"] = variables.get("inventory_hostname")
        return {"ansible_delegated_vars": {name: found}}, name

    def _complete(self, found: dict[str, Any]) -> dict[str, Any]:
        found["vars"] = found.copy()
        found["hostvars"] = self._hostvars
        return found


class Secrets(Sequence[Any]):
    """The vault's passwords, as VaultLib reads them: asked for when something encrypted is read."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._known: list[tuple[str, VaultSecret]] | None = None

    def _all(self) -> list[tuple[str, VaultSecret]]:
        if self._known is None:
            found = self._channel.ask("secrets")
            self._known = [(label, VaultSecret(password)) for label, password in found]
        return self._known

    def __getitem__(self, index: Any) -> Any:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._all())


def prepare(request: LaneRequest, channel: Channel) -> DataLoader:
    """Make this process what ansible-playbook would be: options, plugin folders, passwords. Once in a worker."""
    context._init_global_context(Namespace(**request.options))
    Display().verbosity = request.options["verbosity"]
    secrets = Secrets(channel)
    VaultSecretsContext.initialize(VaultSecretsContext(secrets))
    AnsibleCollectionConfig.playbook_paths = list(request.playbook_dirs)
    for folder in request.plugin_roots:
        if os.path.isdir(folder):
            add_all_plugin_dirs(folder)
    forget(request.plugin_roots)
    for folder in request.library:
        module_loader.add_directory(folder)
    if request.plugin_roots:
        sys.path_importer_cache.clear()
    loader = DataLoader()
    loader.set_basedir(request.basedir)
    loader.set_vault_secrets(secrets)
    return loader


def make_task(request: LaneRequest, loader: DataLoader, variables: Variables) -> LaneTask:
    play = LanePlay()
    play._action_groups = {}
    role = Role(request.role) if request.role is not None else None
    task = LaneTask(block=Stacked(play), role=role)
    task._loader = loader
    task._variable_manager = variables
    origin = request.origin
    if origin.path.startswith("/"):
        task._origin = Origin(path=origin.path, line_num=origin.line or None, col_num=origin.column or None)
    else:
        task._origin = Origin(description=origin.path or "<unknown>")
    task._ds = task._origin.tag({"name": request.title})
    task.search_path = request.search_path
    task.name = request.title
    task.action = request.action
    task.args = to_ansible(request.args)
    task.delegate_to = request.delegate
    for name, value in request.keywords.items():
        setattr(task, name, to_ansible(value))
    return task


def make_play_context(request: LaneRequest, lock_fd: int) -> PlayContext:
    passwords = {"conn_pass": request.connection_password or "", "become_pass": request.become_password or ""}
    return PlayContext(None, passwords, lock_fd)
