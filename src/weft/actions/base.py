"""What a controller-side action is given, and what it may ask of the rest of weft.

Comes after ``connection`` (sessions and modules) and before ``executor``, which makes one ``ActionContext`` for each
task (or item, or attempt) on each host and awaits the action with it. Everything run-wide comes through ``Services``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from weft.actions.action import Action
from weft.actions.services import (
    Ahead,
    JobRequest,
    ModuleFinder,
    Payloads,
    Prompter,
    PromptInterrupted,
    Services,
    Strands,
    TaskNames,
    Templating,
)
from weft.connection.target import ConnectionKeywords, Passwords
from weft.model.errors import TaskFailed, UndefinedName
from weft.model.values import OMIT, Trusted

if TYPE_CHECKING:
    from weft.connection.api import Reply, Session, Target
    from weft.connection.modules import ModuleOptions
    from weft.content.modules import Module
    from weft.content.payload import Payload
    from weft.events.types import Event
    from weft.model.nodes import Task
    from weft.model.settings import Settings

T = TypeVar("T")
_NOFILE = "ansible_python_module_rlimit_nofile"
_TRACES_FROM = 3  # -vvv
Result = dict[str, Any]

_NO_KEYWORDS = ConnectionKeywords()
_NO_PASSWORDS = Passwords()


class ActionContext(Struct, kw_only=True):
    """One task on one host. An action reads it; it changes only ``warnings``, ``deprecations`` and ``followed``."""

    task: Task
    args: dict[str, Any]
    """Evaluated arguments without omitted ones; names in ``Action.raw_args`` are left as written."""
    host: str  # inventory name
    scope: TaskNames
    services: Services
    make_target: Callable[[], Target]
    """Where the task runs (the delegate, if there is one) and as whom. Called at most once, at first need."""
    basedir: str  # folder of the playbook
    action: str = ""  # as written, for messages; empty: the task's
    check: bool = False
    diff: bool = False
    no_log: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)  # merged and evaluated
    module_defaults: Sequence[Mapping[str, Any]] = ()  # outermost first; evaluated where they are read
    delegate_to: str | None = None
    delegate_facts: bool = False
    job: JobRequest | None = None
    locks: frozenset[str] = frozenset()  # what the task holds here
    poll: float = 0.0  # of an async task: seconds between polls; 0: nobody waits
    connection: ConnectionKeywords = _NO_KEYWORDS
    passwords: Passwords = _NO_PASSWORDS
    followed: bool = False  # set by the action: the job it started has been waited for, as far as it is to be
    locks_around: frozenset[str] = frozenset()  # what the host holds round it: of blocks, roles, the play
    roots: Sequence[str] = ()  # further folders (roles of the play) whose library/ and module_utils/ count
    interpreters: Mapping[str, str] = field(default_factory=dict)  # ansible_<lang>_interpreter, without Python's
    ahead: Ahead | None = None  # where the task's request may have been sent before its turn
    warnings: list[str] = field(default_factory=list)
    deprecations: list[dict[str, Any]] = field(default_factory=list)
    _target: Target | None = None

    # -- shorthands ------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        return self.services.settings

    @property
    def templar(self) -> Templating:
        return self.services.templar

    @property
    def name(self) -> str:
        """The action as the user wrote it."""
        return self.action or self.task.action

    @property
    def target(self) -> Target:
        """Where the task runs. On this machine that is, as with ansible-core, the playbook's folder."""
        if self._target is None:
            from weft.connection.names import LOCAL, transport_name

            target = self.make_target()
            if target.cwd is None and transport_name(target) == LOCAL:
                target = replace(target, cwd=self.basedir)
            self._target = target
        return self._target

    def publish(self, event: Event) -> None:
        self.services.publish(event)

    def warn(self, message: str) -> None:
        """A warning that goes with the result."""
        if message not in self.warnings:
            self.warnings.append(message)

    def say(self, text: str, verbosity: int = 0) -> None:
        """Text for the user, apart from the result."""
        from weft.events.types import Message

        self.publish(Message(text=text, verbosity=verbosity))

    def with_args(self, args: Mapping[str, Any], **changes: Any) -> ActionContext:
        """The same task with other arguments; warnings are shared."""
        return replace(self, args=dict(args), **changes)

    def variable(self, name: str, default: Any = None) -> Any:
        """An evaluated variable, or ``default`` where it has no value."""
        try:
            return self.scope[name]
        except (KeyError, UndefinedName):
            return default

    async def with_defaults(self, module: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments over the ``module_defaults`` of a module other than the task's. Raises TaskFailed, WeftError."""
        fqcn, defaults = self.find_module(module).fqcn, self.module_defaults
        return await self.evaluate(lambda: with_defaults(self.services, fqcn, args, defaults, self.scope))

    # -- the host --------------------------------------------------------------------------------------------------

    async def session(self) -> Session:
        """The session with the target. Raises Unreachable."""
        self._tell_of_search()
        return await self.services.sessions.open(self.target)

    async def ask(self, session: Session, op: str, arguments: Mapping[str, Any]) -> Reply:
        """The one request that the task consists of. Raises RequestFailed, Unreachable."""
        if self.ahead is None:
            return await session.request(op, arguments)
        return await self.ahead.ask(self, session, op, arguments)

    async def module(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        label: str | None = None,
        check: bool | None = None,
        diff: bool | None = None,
        environment: Mapping[str, str] | None = None,
        as_job: bool = False,
        ignore_unknown_options: bool = False,
    ) -> Result:
        """Run a module on the target and return its parsed result; a module that fails is a result with ``failed``.

        ``label`` is the name that its messages use. ``as_job``: where the task is async, start it as a job and return
        the handle. Raises TaskFailed where there is no such module, and Unreachable.
        """
        from weft.connection.modules import run_module, start_module_job

        self.find_module(name)  # before anything connects
        session = await self.session()
        payload = await self._payload(name, session)
        options = self.module_options(
            label or name,
            check=self.check if check is None else check,
            diff=self.diff if diff is None else diff,
            environment=self.environment if environment is None else environment,
            ignore_unknown_options=ignore_unknown_options,
        )
        arguments = self.args if args is None else args
        if as_job and self.job is not None:
            job = self.job
            handle = await start_module_job(
                session,
                payload,
                arguments,
                options,
                limit=job.limit,
                jid=job.jid,
                async_dir=job.async_dir,
                title=job.title,
            )
            return self.with_interpreter(handle, session)
        return self.with_interpreter(await run_module(session, payload, arguments, options, warn=self.warn), session)

    async def _payload(self, name: str, session: Session) -> Payload:
        """What runs the module on that host: of a release that runs on its Python."""
        module = self.find_module(name, session.info.version if session.info else None)
        dirs = self.utils_dirs()
        payload = self.services.payloads.cached(module, dirs)
        if payload is None:
            payload = await asyncio.to_thread(self.services.payloads.build, module, dirs)
        if payload.utils and session.info and not module.core.runs_on(session.info.version):
            from weft.content.core import too_old

            raise too_old(session.info.hostname, session.info.version, session.info.python)
        return payload

    def with_interpreter(self, result: Result, session: Session) -> Result:
        """Add the fact of which Python was found on the host, where it was looked for and isn't known yet."""
        info = session.info
        if info is None or not info.discovered or (self.delegate_to and not self.delegate_facts):
            return result
        known = self.variable("ansible_facts")
        if isinstance(known, Mapping) and "discovered_interpreter_python" in known:
            return result
        facts = result.get("ansible_facts")
        result["ansible_facts"] = {**(facts or {}), "discovered_interpreter_python": info.python}
        self._tell_of_discovery(session)
        return result

    def _tell_of_search(self) -> None:
        """With -vvv: that an interpreter is looked for. What was found is a fact from then on."""
        if self.settings.verbosity < _TRACES_FROM or not self.target.interpreter.startswith("auto"):
            return
        known = self.variable("ansible_facts")
        if not (isinstance(known, Mapping) and "discovered_interpreter_python" in known):
            self.say("Attempting python interpreter discovery.", verbosity=_TRACES_FROM)

    def _tell_of_discovery(self, session: Session) -> None:
        """What users should know of an interpreter that was found goes with the first result."""
        from weft.connection import discovery

        for text in discovery.warnings(session):
            self.warn(text)
        for text in discovery.deprecations(session.target):
            self.deprecations.append({"msg": text, "version": "2.21", "collection_name": "ansible.builtin"})

    def find_module(self, name: str, python: Sequence[int] | None = None) -> Module:
        """The module, for a host with that Python. Raises TaskFailed where there is no such module."""
        module = self.services.modules.resolve(name, self.task.common.collections, self.library_dirs(), python=python)
        if module is None:
            raise TaskFailed(f"The module {name} was not found in configured module paths", origin=self.task.origin)
        return module

    async def has_module(self, name: str) -> bool:
        """Whether there is such a module for the host. Raises Unreachable."""
        resolve, where = self.services.modules.resolve, (self.task.common.collections, self.library_dirs())
        if resolve(name, *where) is None:
            return False
        info = (await self.session()).info
        return resolve(name, *where, python=info.version if info else None) is not None

    def module_options(self, name: str, **changes: Any) -> ModuleOptions:
        """How modules of this task run, with ``changes``."""
        from weft.connection.modules import ModuleOptions

        settings = self.settings
        options: dict[str, Any] = {
            "name": name,
            "check": self.check,
            "diff": self.diff,
            "no_log": self.no_log or settings.no_target_syslog,
            "environment": self.environment,
            "verbosity": settings.verbosity,
            "debug": settings.debug,
            "interpreters": self.interpreters,
            "lang": self.lang,
            "nofile": self.nofile(),
            "syslog_facility": str(self.variable("ansible_syslog_facility", settings.syslog_facility)),
            "selinux_special_fs": settings.selinux_special_fs,
            "keep_remote_files": settings.keep_remote_files,
            "target_log_info": settings.target_log_info,
            "strict_utf8": settings.module_strict_utf8,
            "tracebacks_for": _tracebacks(settings.display_traceback),
        }
        return ModuleOptions(**(options | changes))

    def nofile(self) -> int:
        """How many descriptors modules may open; 0: as many as the host says. Raises UndefinedName, TaskFailed."""
        try:
            self.scope.raw(_NOFILE)
        except KeyError:
            return self.settings.module_nofile
        value = self.scope[_NOFILE]
        try:
            return 0 if value is OMIT else int(value)
        except (TypeError, ValueError):
            raise TaskFailed(f"{_NOFILE} must be a number, not {value!r}", origin=self.task.origin) from None

    @property
    def lang(self) -> str | None:
        """The locale that programs on the host get, where the settings name one."""
        return self.settings.module_lang if self.settings.module_set_locale else None

    def content_roots(self) -> tuple[str, ...]:
        """Folders whose library/ and module_utils/ count for this task; the first that has a name gives it.

        As with ansible-core that is the playbook, then the play's roles in the order they were loaded.
        """
        role = self.task.role
        own = (*(parent.path for parent in role.parents), role.path) if role else ()
        return tuple(dict.fromkeys((self.basedir, *self.roots, *own)))

    def library_dirs(self) -> tuple[str, ...]:
        return tuple(os.path.join(root, "library") for root in self.content_roots())

    def utils_dirs(self) -> tuple[str, ...]:
        return tuple(os.path.join(root, "module_utils") for root in self.content_roots())

    # -- the controller's files --------------------------------------------------------------------------------------

    def find_file(self, subdir: str, name: str) -> str:
        """A file or folder of the playbook: absolute path. Raises FileMissing, naming where it was looked for."""
        from weft.actions.files import find_file

        parents = self.task.path_parents
        if parents[-1:] == (self.basedir,) and os.path.dirname(self.task.origin.path) != self.basedir:
            parents = parents[:-1]  # it is looked into at the end anyway, and named once
        return find_file(parents, self.basedir, subdir, name)

    async def read_file(self, path: str, *, decrypt: bool = True) -> bytes:
        """A controller file's contents, decrypted where it is a vault. Raises FileMissing, TaskFailed, VaultFailed."""
        from weft.actions.files import read_file

        return await asyncio.to_thread(read_file, path, self.services.decrypt if decrypt else None)

    async def evaluate(self, function: Callable[[], T]) -> T:
        """What ``function`` evaluates with the templar: in a thread where that turns out to take long."""
        from weft.templating.blocking import evaluate

        return await evaluate(function)


def with_defaults(
    services: Services, fqcn: str, args: Mapping[str, Any], defaults: Sequence[Mapping[str, Any]], names: TaskNames
) -> dict[str, Any]:
    """Arguments over what ``module_defaults`` say for an action, as plain data without what is omitted."""
    found = services.modules.with_defaults(fqcn, args, defaults)
    added = {name: services.templar.render(value, names) for name, value in found.items() if name not in args}
    return {**{name: value for name, value in added.items() if value is not OMIT}, **args}


_TRACEBACKS = ("error", "warning", "deprecated", "deprecated_value")


def _tracebacks(told: Sequence[str]) -> tuple[str, ...]:
    """For what modules send tracebacks, by ``display_traceback``."""
    names = {name.lower() for name in told}
    if "always" in names or "never" in names:
        return _TRACEBACKS if "always" in names else ()
    return tuple(name for name in _TRACEBACKS if name in names)


def plain(value: Any) -> Any:
    """The same data without marks: what a result may hold of arguments that were left unevaluated."""
    if isinstance(value, Trusted):
        return str(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


__all__ = [
    "Action",
    "ActionContext",
    "JobRequest",
    "ModuleFinder",
    "Payloads",
    "PromptInterrupted",
    "Prompter",
    "Result",
    "Services",
    "Strands",
    "TaskNames",
    "Templating",
    "plain",
    "with_defaults",
]
