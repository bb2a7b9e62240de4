"""How `weft jobs` gets to hosts: with the variables and options that a play over them would have."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from weft.connection.api import Session, Sessions
from weft.connection.target import Passwords, target_for
from weft.model.errors import Unreachable, WeftError
from weft.model.nodes import Common, Play
from weft.model.settings import Settings
from weft.model.values import Origin
from weft.templating.blocking import evaluate
from weft.vars import PlayVars, Variables

T = TypeVar("T")

_AT_ONCE = 64  # hosts that are asked at the same time, unless `forks` is more


class Reach:
    """Opens sessions with hosts of the inventory. The sessions belong to the pool it is given."""

    def __init__(self, variables: Variables, sessions: Sessions, settings: Settings, passwords: Passwords) -> None:
        self._variables = variables
        self._sessions = sessions
        self._settings = settings
        self._passwords = passwords
        play = Play(id="jobs", origin=Origin("<jobs>"), path="", hosts="all", common=Common())
        self._play = PlayVars(play=play, basedir=settings.playbook_dir or "")
        self.at_once = max(_AT_ONCE, settings.forks)

    async def session(self, host: str) -> Session:
        """The session with a host. Raises Unreachable, WeftError."""
        scope = self._variables.scope(host, play=self._play)
        target = await evaluate(
            lambda: target_for(scope, host=host, settings=self._settings, passwords=self._passwords)
        )
        return await self._sessions.open(target)


@dataclass(slots=True)
class Answers(Generic[T]):
    """What hosts answered, and why others did not; in the order in which they were asked."""

    given: dict[str, T] = field(default_factory=dict)
    errors: dict[str, WeftError] = field(default_factory=dict)

    @property
    def unreachable(self) -> bool:
        return any(isinstance(error, Unreachable) for error in self.errors.values())


async def ask_all(hosts: Iterable[str], ask: Callable[[str], Awaitable[T]], at_once: int) -> Answers[T]:
    """``ask`` each host, at most ``at_once`` at the same time; a WeftError of one is its answer."""
    hosts = tuple(hosts)
    turns = asyncio.Semaphore(at_once)

    async def one(host: str) -> T | WeftError:
        async with turns:
            try:
                return await ask(host)
            except WeftError as error:
                return error

    answers: Answers[T] = Answers()
    for host, answer in zip(hosts, await together(one(host) for host in hosts), strict=True):
        if isinstance(answer, WeftError):
            answers.errors[host] = answer
        else:
            answers.given[host] = answer
    return answers


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """As asyncio.gather; when one raises, the others are cancelled and awaited before it goes on."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
