"""Which tasks can be sent to their host before their turn, and what is sent then.

A task is *plain* if it is one request to the agent, and nothing but the answer decides whether the next one runs. What
it asks may be sent ahead of its turn if it is certain to be the same then: arguments that depend on nothing but
variables that nobody sets meanwhile. Whatever can't be shown to be so is not sent. Comes before ``sentahead``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from msgspec import Struct

from weft.actions.args import BadArguments
from weft.actions.base import Templating
from weft.connection.api import Target
from weft.connection.errors import NoTransport
from weft.events.deferred import collecting
from weft.executor.ahead import COMMANDS, NOT_WITH
from weft.executor.attempts import Attempts
from weft.executor.environment import RunEnvironment
from weft.model.errors import WeftError
from weft.model.nodes import Common, Retry, Task, TaskKind
from weft.model.values import Value
from weft.templating.blocking import WouldBlock
from weft.vars import Scope
from weft.watch.uses import uses_of

OP: Final = "command"
_PLACES: Final = {"command:command": False, "command:shell": True}  # place of an action -> whether in a shell
#: Keywords by which the controller has a say between two tasks, or a task waits for something.
_NOT_WITH: Final = (*NOT_WITH, "run_once", "notify", "ignore_errors", "ignore_unreachable")
#: The others, which must be no templates; `vars` matter only where they are named.
_LITERAL: Final = tuple(
    name for name in Common.__struct_fields__ if name not in ("vars", "params", "collections", "hidden", *_NOT_WITH)
)
#: Variables that are others from one moment to the next; those of weft and of the host begin with `ansible_`.
_MOVING: Final = frozenset({"hostvars", "vars", "groups", "group_names", "environment", "play_hosts"})
_OWN: Final = "ansible_"


class Foreseen(Struct, frozen=True):
    """What a task will ask, and of whom."""

    target: Target
    arguments: Mapping[str, Any]


class Foresight:
    """Remembers of each task whether it is plain."""

    def __init__(self, attempts: Attempts, templar: Templating) -> None:
        self._attempts = attempts
        self._templar = templar
        self._plain: dict[str, bool] = {}

    def is_plain(self, task: Task) -> bool:
        """Whether it is one request, after whose good end the next task is certain to run."""
        known = self._plain.get(task.id)
        if known is None:
            known = self._plain[task.id] = self._looks_plain(task)
        return known

    def _looks_plain(self, task: Task) -> bool:
        if task.kind is not TaskKind.PLAIN or task.fqcn not in COMMANDS or self._templar.is_template(task.action):
            return False
        if task.loop is not None or task.loop_with is not None or task.retry != Retry() or task.extra or task.needs:
            return False
        judged = (task.changed_when, task.failed_when, task.async_seconds, task.args_template, task.lock, task.serial)
        if any(keyword is not None for keyword in judged):
            return False
        if task.register is not None and task.register.startswith(_OWN):
            return False  # it may say how the host is reached
        common = task.common
        if any(getattr(common, name) for name in _NOT_WITH):
            return False
        return not any(self._templar.is_template(getattr(common, name)) for name in _LITERAL)

    def foresee(
        self,
        task: Task,
        host: str,
        names: Scope,
        environment: RunEnvironment,
        *,
        registers: Collection[str | None],
        alone: bool,
    ) -> Foreseen | None:
        """What a task will ask when its turn comes; None: it is not plain, or that can't be told yet.

        ``registers``: what will be set until then. Without being ``alone`` other hosts may set anything.
        """
        if not self.is_plain(task) or not names.options_fixed:
            return None
        if not alone and self._templar.is_template([task.name, task.args]):
            return None
        try:
            with collecting() as notices:
                if not self._is_steady(task.name, names, ()) or not self._is_steady(task.args, names, registers):
                    return None
                found = self._foresee(task, host, names, environment)
        except (WeftError, WouldBlock, NoTransport, BadArguments, ValueError):
            return None  # it is said when its turn comes
        return None if notices else found

    def _foresee(self, task: Task, host: str, names: Scope, environment: RunEnvironment) -> Foreseen | None:
        from weft.actions.command import request_of

        action, keywords, context = self._attempts.foresee(task, host, names, environment)
        in_shell = _PLACES.get(action.place)
        if in_shell is None or keywords.check or keywords.timeout or uses_of(task.fqcn, context.args, ""):
            return None
        arguments = request_of(context, in_shell=in_shell)
        return None if arguments is None or context.warnings else Foreseen(context.target, arguments)

    def _is_steady(self, value: Value, names: Scope, registers: Collection[str | None]) -> bool:
        """Whether a value is the same whenever it is evaluated, unless somebody else sets a variable."""
        found = self._templar.steady_names(value)
        if not found:
            return found is not None
        seen: set[str] = set()
        waiting = [*found]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in registers or name in _MOVING or name.startswith(_OWN):
                return False
            try:
                inner = self._templar.steady_names(names.raw(name))
            except KeyError:
                continue  # undefined, and it stays so
            if inner is None:
                return False
            waiting.extend(inner)
        return True
