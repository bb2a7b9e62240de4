"""The composition root: the only file that knows every part. Also the Python API (``play``).

The command line calls ``run_playbooks``, ``run_adhoc``, ``list_playbooks`` and ``jobs_command``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from weft.events.bus import Bus, Sink
from weft.events.types import Deprecated, Message, Warned
from weft.model.errors import OptionsError
from weft.model.nodes import Play, Playbook
from weft.model.run_options import AdHoc, JobsRequest, RunOptions
from weft.model.settings import Settings
from weft.model.values import Origin, Value, VaultText

if TYPE_CHECKING:
    from weft.actions.base import Action, Payloads, Prompter, Services
    from weft.connection.api import Session, Sessions, Target
    from weft.content.plugins import PluginSource
    from weft.content.vault import Vault
    from weft.engine.runner import Runner
    from weft.engine.state import RunState
    from weft.inventory import Inventory
    from weft.jobs.registry import JobRegistry
    from weft.playbook.loader import Loader
    from weft.templating.templar import Templar
    from weft.vars import Variables

_THREADS = 64
INTERRUPTED = 130  # exit code after Ctrl-C

_TRACES_FROM = 3  # -vvv
_OWN_ACTIONS = ("include_tasks", "include_role", "import_tasks", "import_role", "import_playbook", "meta")


@dataclass(slots=True)
class _Notices:
    """What plugins have to say, as events."""

    bus: Bus

    def warn(self, message: str) -> None:
        self.bus.notify(Warned(message=message))

    def deprecate(self, message: str, version: str) -> None:
        self.bus.notify(Deprecated(message=message, version=version))


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

    async def reset(self, target: Target) -> None:
        if self._pool is not None:
            await self._pool.reset(target)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()


class Parts:
    """The parts of one run, each made when it is first needed."""

    def __init__(self, options: RunOptions, settings: Settings, bus: Bus) -> None:
        self.options = options
        self.settings = settings
        self.bus = bus

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
        from weft.content.plugins import PluginSource

        return PluginSource(self.settings, notices=_Notices(self.bus), decrypt=self.decrypt_file)

    @cached_property
    def templar(self) -> Templar:
        from weft.templating.templar import Templar

        def warn(message: str, origin: Origin | None) -> None:
            self.bus.notify(Warned(message=message, origin=origin))

        def deprecate(message: str, version: str, origin: Origin | None) -> None:
            notice = Deprecated(message=message, version=version, collection="ansible.builtin", origin=origin)
            self.bus.notify(notice)

        return Templar(
            self.plugins, decrypt=self.decrypt_value, settings=self.settings, warn=warn, deprecate=deprecate
        )

    @cached_property
    def modules(self) -> Any:
        from weft.content.modules import ModuleStore

        return ModuleStore(self.settings, on_deprecated=self.bus.publish)

    @cached_property
    def action_names(self) -> Any:
        from weft.actions import REGISTRY
        from weft.content.actionnames import ActionNames

        own = [*REGISTRY, *(f"ansible.builtin.{name}" for name in _OWN_ACTIONS)]
        return ActionNames(self.modules, self.settings, own)

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
            playbook_dirs=tuple(dict.fromkeys(os.path.dirname(os.path.abspath(p)) for p in self.options.playbooks)),
        )

    @cached_property
    def variables(self) -> Variables:
        from weft.vars import Variables

        return Variables(
            self.load_inventory(),
            self.templar,
            extra_vars=self.options.extra_vars,
            settings=self.settings,
            loader=self.loader.vars_file,
            warn=self.bus.publish,
            decrypt=self.decrypt_data,
            limit=self.options.limit,
        )

    # -- running -------------------------------------------------------------------------------------------------

    def find_action(self, fqcn: str) -> Action:
        from weft.actions import action_for

        return action_for(fqcn)

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

    def adhoc_playbook(self, adhoc: AdHoc) -> Playbook:
        """The one task of `weft run` as a playbook. Raises LoadError."""
        from weft.playbook.adhoc import adhoc_playbook

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

        return JobRegistry(self.sessions)

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
            jobs=self.jobs,
            version=self.modules.core.version,
        )

    @cached_property
    def state(self) -> RunState:
        from weft.engine.state import RunState
        from weft.executor.attempts import Attempts
        from weft.executor.task import Executor
        from weft.locks.keeper import Locks

        jobs = self.jobs
        forks, locks = asyncio.Semaphore(self.settings.forks), Locks(self.sessions)
        attempts = Attempts(self.services, self.find_action, self.passwords, jobs, forks, self.variables, locks)
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
            find_action=self.find_action,
            with_items=self.templar.loop_items,
            jobs=jobs,
            reload_inventory=self.load_inventory,
            find_filter=self.plugins.filter,
            step=self.options.step,
            start_at=self.options.start_at_task,
        )

    async def close(self) -> None:
        """Sessions end, caches are written. What was never made is not made for it."""
        made = self.__dict__
        if "sessions" in made:
            await self.sessions.close()
        if "variables" in made:
            await asyncio.to_thread(self.variables.close)


# -- what the command line calls --------------------------------------------------------------------------------------


async def run_playbooks(
    options: RunOptions,
    settings: Settings,
    sinks: Sequence[Sink],
    *,
    signals: bool = True,
    make_parts: Callable[[RunOptions, Settings, Bus], Parts] = Parts,
) -> int:
    """Play playbooks. Returns the exit code. Raises WeftError for what ends the whole run.

    ``signals``: Ctrl-C ends the run as the command line has it; without, the caller cancels. ``make_parts``: where
    some of the parts are to be others (sessions with hosts that aren't there, say).
    """
    bus = Bus(tuple(sinks))
    parts = make_parts(options, settings, bus)
    if options.parallel is not None:
        raise OptionsError("--parallel is not available yet")
    if options.resume is not None:
        raise OptionsError("--resume is not available yet")
    try:
        with _quiet_collector():
            books = [parts.load(path) for path in options.playbooks]
            parts.check_limit()
            parts.forget_facts()
        return await _play(parts, books, signals)
    finally:
        await _close(parts, bus)


async def run_adhoc(options: RunOptions, settings: Settings, sinks: Sequence[Sink]) -> int:
    """Run one module on hosts. Returns the exit code. Raises WeftError for what ends the whole run."""
    bus = Bus(tuple(sinks))
    parts = Parts(options, settings, bus)
    assert options.adhoc is not None
    try:
        book = parts.adhoc_playbook(options.adhoc)
        parts.forget_facts()
        return await _play(parts, [book], signals=True)
    finally:
        await _close(parts, bus)


async def jobs_command(request: JobsRequest, options: RunOptions, settings: Settings, sinks: Sequence[Sink]) -> int:
    """`weft jobs`. Returns the exit code. Raises WeftError for what ends the whole command."""
    from weft.jobs.admin import JobsAdmin
    from weft.jobs.asking import HostJobs
    from weft.jobs.console import Console
    from weft.jobs.reach import Reach
    from weft.sinks.style import Palette, wants_color

    bus = Bus(tuple(sinks))
    parts = Parts(options, settings, bus)
    console = Console(sys.stdout, sys.stderr)
    try:
        hosts = parts.variables.inventory.select_or_fail(request.pattern, options.limit)
        reach = Reach(parts.variables, parts.sessions, settings, parts.passwords)
        colored = wants_color(sys.stdout, forced=settings.force_color, refused=settings.nocolor)
        paint = Palette(colored, settings.colors).paint
        return await JobsAdmin(request, HostJobs(hosts, reach, console.err), console, paint).run()
    finally:
        await _close(parts, bus)


async def _play(parts: Parts, books: Sequence[Playbook], signals: bool) -> int:
    from weft.engine.runner import Runner

    _more_threads()
    runner = Runner(parts.state)
    if not signals:
        return await runner.play(books)
    with _on_interrupt(runner) as interrupt:
        try:
            return await runner.play(books)
        except asyncio.CancelledError:
            if interrupt.presses < 2:
                raise
            return INTERRUPTED


def _more_threads() -> None:
    """Lookups and file reads of many hosts wait side by side: the default is a handful of threads."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="weft"))


async def _close(parts: Parts, bus: Bus) -> None:
    try:
        await parts.close()
    finally:
        await bus.close()


@dataclass(slots=True)
class _Interrupt:
    """How often Ctrl-C was pressed. Once: no new task starts, what runs is waited for; twice: now."""

    runner: Runner
    main: asyncio.Task[Any]
    presses: int = 0

    def pressed(self) -> None:
        self.presses += 1
        if self.presses == 1:
            self.runner.stop()
        else:
            self.main.cancel()

    def ended(self) -> None:
        """SIGTERM is as Ctrl-C twice."""
        self.presses = 2
        self.main.cancel()


@contextmanager
def _on_interrupt(runner: Runner) -> Iterator[_Interrupt]:
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    assert main is not None
    interrupt = _Interrupt(runner, main)
    loop.add_signal_handler(signal.SIGINT, interrupt.pressed)
    loop.add_signal_handler(signal.SIGTERM, interrupt.ended)
    try:
        yield interrupt
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Loading makes many objects that stay: looking for garbage among them is time lost."""
    import gc

    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def list_playbooks(options: RunOptions, settings: Settings) -> str:
    """What `--list-hosts`, `--list-tasks`, `--list-tags` and `--syntax-check` print. Raises WeftError."""
    from weft.playbook.listing import Wanted, listing, syntax_checked
    from weft.vars import PlayVars

    parts = Parts(options, settings, Bus())
    if options.adhoc is not None:
        found = parts.variables.inventory.select_or_fail(options.adhoc.pattern, options.limit)
        return "\n".join([f"  hosts ({len(found)}):", *(f"    {host}" for host in found)])

    def render(play: Play, value: Value) -> Any:
        return parts.templar.render(value, parts.variables.scope(None, play=PlayVars(play=play)))

    def hosts_of(pattern: Value) -> Sequence[str]:
        return parts.variables.inventory.select(pattern, limit=options.limit)

    wanted = Wanted(
        tasks=options.list_tasks,
        tags=options.list_tags,
        only_tags=settings.run_tags,
        skip_tags=settings.skip_tags,
        hosts=hosts_of if options.list_hosts else None,
    )
    texts = []
    for path in options.playbooks:
        book = parts.load(path)
        texts.append(syntax_checked(path) if options.syntax_check else listing(book, path, wanted, render))
    return "".join(texts).rstrip("\n")


def decrypter(options: RunOptions, settings: Settings) -> Any:
    """Makes the contents of an encrypted `-e @FILE` plain."""
    parts = Parts(options, settings, Bus())
    return parts.decrypt_data
