"""The composition root: the only file that knows every part. Comes below ``run``, which says what to do with them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from weft.events.bus import Bus
from weft.events.types import Deprecated, Message, Warned
from weft.model.nodes import Playbook
from weft.model.run_options import AdHoc, RunOptions
from weft.model.settings import Settings
from weft.model.values import Origin, Value, VaultText

if TYPE_CHECKING:
    from weft.actions.base import Action, Payloads, Prompter, Services
    from weft.connection.api import Session, Sessions, Target
    from weft.content.plugins import PluginSource
    from weft.content.vault import Vault
    from weft.engine.asked import Asked
    from weft.engine.state import RunState
    from weft.inventory import Inventory
    from weft.jobs.registry import JobRegistry
    from weft.jobs.strands import Strands
    from weft.lane import Lane
    from weft.playbook.loader import Loader
    from weft.templating.templar import Templar
    from weft.vars import Variables
    from weft.watch.conflicts import Conflicts

_TRACES_FROM = 3  # -vvv
_OWN_ACTIONS = ("include_tasks", "include_role", "import_tasks", "import_role", "import_playbook", "meta")


class _Late:
    """Stands in for something that is slow to make until it is used."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)


class LateSessions:
    """Sessions whose code is imported when the first one is opened: plays that need no host start sooner."""

    def __init__(self, make: Callable[[], Sessions]) -> None:
        self._make = make
        self._pool: Sessions | None = None

    async def open(self, target: Target) -> Session:
        if self._pool is None:
            self._pool = self._make()
        return await self._pool.open(target)

    async def reset(self, target: Target, *, user: str | None = None) -> None:
        if self._pool is not None:
            await self._pool.reset(target, user=user)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()


class Parts:
    """The parts of one run, each made when it is first needed."""

    def __init__(self, options: RunOptions, settings: Settings, bus: Bus) -> None:
        self.options = options
        self.settings = settings
        self.bus = bus
        self._folders: dict[str, list[str]] = {}  # beside playbooks and in roles, by the kind of plugin

    # -- reading -------------------------------------------------------------------------------------------------

    @cached_property
    def vault(self) -> Vault:
        from weft.content.vault import Vault

        typed = self.options.passwords.vault
        return Vault(self.settings, self.options.vault_ids or None, typed.__getitem__, warn=self.bus.publish)

    def decrypt_value(self, value: VaultText) -> str:
        return self.vault.decrypt_value(value)

    def decrypt_data(self, data: bytes, origin: Origin) -> bytes:
        return self.vault.decrypt(data, origin)

    def decrypt_file(self, data: bytes, path: str) -> bytes:
        return self.decrypt_data(data, Origin(path))

    @cached_property
    def plugins(self) -> PluginSource:
        from weft.content.notices import EventNotices
        from weft.content.plugins import PluginSource

        return PluginSource(self.settings, notices=EventNotices(self.bus.notify), decrypt=self.decrypt_file)

    @cached_property
    def templar(self) -> Templar:
        from weft.templating.templar import Templar

        def warn(message: str, origin: Origin | None, advice: str | None) -> None:
            self.bus.notify(Warned(message=message, origin=origin, help=advice))

        def deprecate(message: str, version: str, origin: Origin | None, advice: str | None) -> None:
            notice = Deprecated(
                message=message, version=version, collection="ansible.builtin", origin=origin, help=advice
            )
            self.bus.notify(notice)

        return Templar(self.plugins, decrypt=self.decrypt_value, settings=self.settings, warn=warn, deprecate=deprecate)

    @cached_property
    def modules(self) -> Any:
        from weft.content.modules import ModuleStore

        return ModuleStore(self.settings, publish=self.bus.publish)

    @cached_property
    def action_names(self) -> Any:
        from weft.actions import REGISTRY
        from weft.content.actionnames import ActionNames
        from weft.content.rejected import rejected_modules

        own = [*REGISTRY, *(f"ansible.builtin.{name}" for name in _OWN_ACTIONS)]
        rejected = rejected_modules(
            self.settings.plugin_filters_cfg, lambda text: self.bus.publish(Warned(message=text))
        )
        return ActionNames(self.modules, self.settings, own, rejected)

    @cached_property
    def loader(self) -> Loader:
        from weft.playbook.loader import Loader

        return Loader(
            self.settings,
            actions=self.action_names,
            decrypt=self.decrypt_data,
            warn=self.bus.publish,
            render_static=self._render_static,
            extra_vars=self.options.extra_vars,
            on_plugin_dirs=self._plugin_dir,
            lookup_exists=lambda name: self.plugins.lookup(name) is not None,
        )

    def _render_static(self, value: Value, names: Mapping[str, Value]) -> Any:
        from weft.vars.static import StaticNames

        return self.templar.render(value, StaticNames(names, self.templar))

    def _plugin_dir(self, kind: str, path: str) -> None:
        if kind in ("filter", "test", "lookup"):
            self.plugins.add_directory(kind, path)
        elif kind in ("action", "module"):
            self.plugins.add_for_ansible(kind, path)
            if kind == "action":
                self.action_names.add_directory(path)
        elif kind in ("cache", "vars"):
            self._folders.setdefault(kind, []).append(path)
        elif kind == "collections":
            self._add_playbook_folder(os.path.dirname(path))

    def _add_playbook_folder(self, folder: str) -> None:
        self.plugins.add_content_root(folder)
        self.modules.add_playbook_dir(folder)

    def load_inventory(self) -> Inventory:
        from weft.inventory import load

        return load(
            self.settings.inventory,
            self.settings,
            plugins=self._plugin_inventory,
            warn=self.bus.publish,
            decrypt=self.decrypt_data,
        )

    @cached_property
    def _plugin_inventory(self) -> _Late:
        return _Late(self._make_plugin_inventory)

    def _make_plugin_inventory(self) -> Any:
        from weft.content.inventory import InventoryPlugins

        return InventoryPlugins(
            self.settings,
            warn=self.bus.publish,
            decrypt=self.decrypt_data,
            extra_vars=self.options.extra_vars,
            playbook_dirs=self._playbook_dirs,
        )

    @cached_property
    def _playbook_dirs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(os.path.dirname(os.path.abspath(path)) for path in self.options.playbooks))

    @cached_property
    def variables(self) -> Variables:
        from weft.vars import Variables
        from weft.vars.cache import open_cache

        found = self.settings.plugin_paths
        paths = {kind: (*found.get(kind, ()), *folders) for kind, folders in self._folders.items()}
        return Variables(
            self.load_inventory(),
            self.templar,
            extra_vars=self.options.extra_vars,
            settings=replace(self.settings, plugin_paths={**found, **paths}) if paths else self.settings,
            loader=self.loader.vars_file,
            warn=self.bus.publish,
            decrypt=self.decrypt_data,
            limit=self.options.limit,
            password=self.options.passwords.connection,
            cache=open_cache(self.settings, self.bus.publish, self._playbook_dirs),
            playbook_dirs=self._playbook_dirs,
        )

    # -- running -------------------------------------------------------------------------------------------------

    def find_action(self, fqcn: str) -> Action:
        from weft.actions import action_for, third_party

        traits = self.action_names.traits(fqcn)
        if traits is None:
            return action_for(fqcn)
        return third_party(
            fqcn,
            once=traits.once,
            free_form=traits.free_form,
            connection=traits.connection,
            jobs=traits.jobs,
        )

    def load(self, path: str) -> Playbook:
        """A playbook; plugins and collections beside it count from now on. Raises LoadError."""
        self._add_playbook_folder(os.path.dirname(os.path.abspath(path)))
        return self.loader.load(path)

    def check_limit(self) -> None:
        """`-l` must leave something, as Ansible has it. Raises WeftError."""
        self.variables.inventory.select_or_fail("all", self.options.limit)

    def forget_facts(self) -> None:
        """`--flush-cache`: cached facts of every host."""
        if self.options.flush_cache:
            for host in ("localhost", *self.variables.inventory.select("all", limit=self.options.limit)):
                self.variables.clear_facts(host)

    def expect_plugins(self, books: Sequence[Playbook]) -> None:
        """Begin to load ansible-core in its own process, if tasks are somebody's action plugins."""
        from weft.actions.ahead import will_use_plugins

        if will_use_plugins((play for book in books for play in book.plays), self.find_action):
            self.lane.prepare()

    def expect_hosts(self, books: Sequence[Playbook]) -> None:
        """Begin to load what the way to hosts needs, where the first play leaves time for that."""
        from weft.actions.ahead import import_ssh, will_use_other_connections, will_use_ssh_later

        plays = [play for book in books for play in book.plays]
        inventory = self.variables.inventory
        if will_use_ssh_later(plays, inventory, self.settings):
            import_ssh()
        if will_use_other_connections(plays, inventory, self.settings):
            self.lane.prepare()

    def adhoc_playbook(self, adhoc: AdHoc) -> Playbook:
        """The one task of `weft run` as a playbook. Raises LoadError."""
        from weft.playbook.adhoc import adhoc_playbook

        if adhoc.basedir is not None:  # the module may be of a collection that is there
            self._add_playbook_folder(os.path.abspath(adhoc.basedir))
        return adhoc_playbook(adhoc, self.loader, self.settings.poll_interval)

    @cached_property
    def passwords(self) -> Any:
        from weft.connection.target import Passwords

        given = self.options.passwords
        return Passwords(conn=given.connection, become=given.become)

    @cached_property
    def sessions(self) -> LateSessions:
        return LateSessions(self._make_sessions)

    def _make_sessions(self) -> Sessions:
        from weft.connection.pool import SessionPool

        def notice(message: str) -> None:
            self.bus.publish(Warned(message=message))

        def trace(address: str, command: str) -> None:
            self.bus.publish(Message(text=f"<{address}> EXEC {command}", verbosity=_TRACES_FROM))

        prompter = self.prompter

        async def confirm(question: str) -> bool:
            return (await prompter.ask(f"{question} ")).strip().lower() == "yes"

        return SessionPool(
            reconnect_window=float(self.settings.reconnect_window),
            notice=notice,
            confirm=confirm if prompter.interactive else None,
            trace=trace if max(self.settings.verbosity, self.settings.log_verbosity or 0) >= _TRACES_FROM else None,
        )

    @cached_property
    def jobs(self) -> JobRegistry:
        from weft.jobs.registry import JobRegistry

        return JobRegistry(self.sessions, self.conflicts.job_ended)

    @cached_property
    def conflicts(self) -> Conflicts:
        from weft.watch.conflicts import Conflicts

        return Conflicts(self.bus.publish, strict=self.options.strict_conflicts)

    @cached_property
    def strands(self) -> Strands:
        from weft.jobs.strands import Strands

        return Strands()

    @cached_property
    def asked(self) -> Asked:
        from weft.engine.asked import Asked

        return Asked()

    @cached_property
    def prompter(self) -> Prompter:
        from weft.actions.terminal import TerminalPrompter

        return TerminalPrompter(before=self.bus.flush)

    @cached_property
    def payloads(self) -> Payloads:
        from weft.content.payload import PayloadStore

        return PayloadStore(self.settings, self.modules.collections)

    @cached_property
    def services(self) -> Services:
        from weft.actions.base import Services
        from weft.config.yaml import load_yaml

        return Services(
            settings=self.settings,
            sessions=self.sessions,
            templar=self.templar,
            modules=self.modules,
            payloads=self.payloads,
            publish=self.bus.publish,
            decrypt=self.decrypt_file,
            load_vars=self.loader.vars_file,
            parse_vars=lambda text, path: load_yaml(text, path),
            prompter=self.prompter,
            strands=self.strands,
            jobs=self.jobs,
            lane=self.lane,
        )

    @cached_property
    def lane(self) -> Lane:
        from weft.lane import Lane

        return Lane(self.settings, secrets=lambda: [(secret.id, secret.bytes) for secret in self.vault.load()])

    @cached_property
    def state(self) -> RunState:
        from weft.engine.state import RunState
        from weft.executor.attempts import Attempts
        from weft.executor.holds import Forks
        from weft.executor.task import Executor
        from weft.locks.keeper import Locks

        jobs = self.jobs
        attempts = Attempts(
            self.services,
            self.find_action,
            self.passwords,
            jobs,
            Forks(self.settings.forks),
            self.variables,
            Locks(self.sessions),
            self.strands,
            self.conflicts,
        )
        return RunState(
            services=self.services,
            settings=self.settings,
            options=self.options,
            passwords=self.passwords,
            bus=self.bus,
            variables=self.variables,
            loader=self.loader,
            executor=Executor(self.services, attempts, self.loader.resolve_action),
            keywords=attempts.keywords,
            terms=attempts.terms(),
            limits=attempts.limits,
            find_action=self.find_action,
            with_items=self.templar.loop_items,
            jobs=jobs,
            strands=self.strands,
            reload_inventory=self.load_inventory,
            find_filter=self.plugins.filter,
            asked=self.asked,
            interrupt_programs=self.plugins.programs.interrupt,
            step=self.options.step,
            start_at=self.options.start_at_task,
        )

    async def close(self) -> None:
        """Strands and sessions end, caches are written. What was never made is not made for it."""
        made = self.__dict__
        if "strands" in made:
            await self.strands.close()
        if "lane" in made:
            await self.lane.close()
        if "sessions" in made:
            await self.sessions.close()
        if "variables" in made:
            await asyncio.to_thread(self.variables.close)
