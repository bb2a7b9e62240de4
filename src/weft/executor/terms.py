"""On which terms a group of tasks (a block, an include, a role, a play) runs on a host: its keywords, its locks.

The group is spoken for by a task that is never run: it has the group's keywords. Used by ``engine.group``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct

from weft.actions.base import Services
from weft.connection.api import Target
from weft.connection.target import Passwords, target_for
from weft.executor.conditions import Skipped, check_when
from weft.executor.holds import wishes_of
from weft.executor.keywords import KeywordReader, Keywords
from weft.locks.spec import NameLock, Wish
from weft.model.errors import WeftError
from weft.model.nodes import Task
from weft.model.values import OMIT, origin_of
from weft.templating.blocking import evaluate
from weft.vars import Scope


class Terms(Struct, frozen=True):
    """A group's terms, with final values."""

    wanted: bool  # its `when` holds
    keywords: Keywords
    wishes: tuple[Wish, ...]
    target: Callable[[], Target]  # where its lock files are
    serial: Any  # evaluated; None: not set


class TermsReader:
    """Evaluates the terms of groups."""

    def __init__(self, services: Services, keywords: KeywordReader, passwords: Passwords) -> None:
        self._services = services
        self._keywords = keywords
        self._passwords = passwords

    async def read(self, task: Task, host: str, names: Scope) -> Terms:
        """Raises WeftError, naming the keyword."""
        delegate = await delegate_of(task, names, self._services)
        if delegate is not None:
            names = names.delegated(delegate)
        wanted = await self._wanted(task, names)
        keywords = await evaluate(lambda: self._keywords.read(task, names))
        connection = names.delegate if names.delegate is not None else names
        target = partial(
            target_for,
            connection,
            host=delegate or host,
            settings=self._services.settings,
            keywords=keywords.connection,
            passwords=self._passwords,
        )
        wishes: tuple[Wish, ...] = ()
        if wanted and task.lock is not None:
            wishes = await wishes_of(task, self._services.templar, names)
            if keywords.check:  # a lock file may have to be made: check mode makes nothing
                wishes = tuple(wish for wish in wishes if isinstance(wish, NameLock))
        serial = None
        if task.serial is not None:
            value = await evaluate(lambda: self._services.templar.render(task.serial, names))
            serial = None if value is OMIT else value
        return Terms(wanted, keywords, wishes, target, serial)

    async def _wanted(self, task: Task, names: Scope) -> bool:
        if not task.common.when:
            return True
        try:
            await evaluate(lambda: check_when(task, names, self._services.templar))
        except Skipped:
            return False
        except WeftError:
            return False  # its tasks have the same condition: each says what is wrong with it
        return True


async def delegate_of(task: Task, names: Scope, services: Services) -> str | None:
    """The host that the task is delegated to. Raises WeftError."""
    if not task.common.delegate_to:
        return None
    value: Any = None
    for raw in (task.common.delegate_to, *task.common.hidden.get("delegate_to", ())):
        value = await evaluate(lambda: services.templar.render(raw, names))  # noqa: B023
        if value is not OMIT:
            break
    if value is None or value is OMIT:
        return None
    if not isinstance(value, str) or not value:
        raise WeftError(f"Empty or invalid hostname produced from delegate_to: {value!r}", origin_of(raw))
    return value
