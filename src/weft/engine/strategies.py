"""Strategies: how the hosts of a batch take turns at tasks.

``linear`` waits in lockstep, ``free`` does not wait, ``host_pinned`` lets only so many hosts into the play at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from weft.engine.lockstep import Closed, Decision, Lockstep, Opened, Position, Round
from weft.engine.signals import HostSignal, HostUnreachable

T = TypeVar("T")

Hook = Callable[[Round], None]


class Turns(Protocol):
    """How the hosts of one batch come to their tasks."""

    @property
    def together(self) -> bool:
        """Whether hosts do a task together (so that `run_once` and `any_errors_fatal` have a meaning)."""

    async def enter(self, host: str, position: Position, key: object, *, begun: bool = False) -> Round:
        """Wait until the host may do the task. Raises a HostSignal if it was called away meanwhile.

        ``begun``: it has begun the task already, and can't be called away from that.
        """

    async def finish(self, host: str, turn: Round, *, failed: bool) -> None:
        """The host did the task: wait until all of the round did. Raises the verdict on those that did not fail."""

    def gone(self, host: str) -> None:
        """The host is done with the batch."""

    def call_away(self, signal: Callable[[], HostSignal], except_for: Iterable[str] = ()) -> None:
        """Every host that waits for its turn gets this signal instead of it."""

    def end(self, signal: Callable[[], HostSignal]) -> None:
        """No host gets a turn any more: whoever waits for one, or comes for one later, gets this signal."""

    async def park(self, host: str) -> None:
        """The host is out of reach: wait whether its errors are cleared. Raises HostUnreachable at the batch's end."""

    def rejoin(self) -> None:
        """`meta: clear_host_errors`: parked hosts go on behind the task at which they were lost."""


class LinearTurns:
    """All hosts do a task before any does the next."""

    together = True

    def __init__(self, hosts: Iterable[str], on_open: Hook, on_close: Hook, *, parks: bool = True) -> None:
        """``parks``: a host out of reach may come back; else it is done with these turns at once."""
        self._lockstep = Lockstep(hosts)
        self._on_open = on_open
        self._on_close = on_close
        self._parks = parks
        self._over: Callable[[], HostSignal] | None = None
        self._entering: dict[str, asyncio.Future[Round]] = {}
        self._finishing: dict[str, asyncio.Future[None]] = {}
        self._parked: dict[str, asyncio.Future[None]] = {}  # out of reach, until `meta: clear_host_errors`

    async def enter(self, host: str, position: Position, key: object, *, begun: bool = False) -> Round:
        if self._over is not None and not begun:
            raise self._over()
        future: asyncio.Future[Round] = asyncio.get_running_loop().create_future()
        self._entering[host] = future
        self._apply(self._lockstep.arrive(host, position, key))
        return await future

    async def finish(self, host: str, turn: Round, *, failed: bool) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._finishing[host] = future
        self._apply(self._lockstep.finish(host, failed=failed))
        await future
        if turn.verdict is not None and not failed:
            raise turn.verdict()

    def gone(self, host: str) -> None:
        self._entering.pop(host, None)
        self._finishing.pop(host, None)
        self._leave(host)

    def call_away(self, signal: Callable[[], HostSignal], except_for: Iterable[str] = ()) -> None:
        spared = frozenset(except_for)
        for host in self._lockstep.waiting:
            future = self._entering.get(host)
            if host not in spared and future is not None and not future.done():
                self._lockstep.withdraw(host)
                future.set_exception(signal())

    def end(self, signal: Callable[[], HostSignal]) -> None:
        self._over = signal
        self.call_away(signal)

    async def park(self, host: str) -> None:
        if not self._parks:
            raise HostUnreachable
        future = self._parked[host] = asyncio.get_running_loop().create_future()
        self._leave(host)
        await future

    def rejoin(self) -> None:
        parked, self._parked = self._parked, {}
        for host, future in parked.items():
            if not future.done():
                self._lockstep.join(host)
                future.set_result(None)

    def _leave(self, host: str) -> None:
        self._apply(self._lockstep.leave(host))
        if not self._lockstep.members:
            # nobody is left who could clear their errors
            for future in self._parked.values():
                if not future.done():
                    future.set_exception(HostUnreachable())

    def _apply(self, decisions: list[Decision]) -> None:
        # hosts go on in a later turn of the loop, all of them in order: the one that completes a round waits by then
        later = asyncio.get_running_loop().call_soon
        for decision in decisions:
            if isinstance(decision, Closed):
                self._on_close(decision.round)
                later(_release, self._finishing, decision.round, None)
            elif isinstance(decision, Opened):
                self._on_open(decision.round)
                later(_release, self._entering, decision.round, decision.round)


def _release(waiting: dict[str, asyncio.Future[T]], turn: Round, result: T) -> None:
    for host in turn.hosts:
        future = waiting.pop(host, None)
        if future is not None and not future.done():
            future.set_result(result)


class FreeTurns:
    """Every host goes on as soon as it can."""

    together = False

    def __init__(self, on_open: Hook, on_close: Hook) -> None:
        self._on_open = on_open
        self._on_close = on_close
        self._away: Callable[[], HostSignal] | None = None

    async def enter(self, host: str, position: Position, key: object, *, begun: bool = False) -> Round:
        if self._away is not None and not begun:
            raise self._away()
        # others get their turn even where the task itself never waits
        await asyncio.sleep(0)
        turn = Round(position, (host,), key)
        self._on_open(turn)
        return turn

    async def finish(self, host: str, turn: Round, *, failed: bool) -> None:
        if failed:
            turn.failed.add(host)
        self._on_close(turn)

    def gone(self, host: str) -> None:
        """Nobody waits for it."""

    def call_away(self, signal: Callable[[], HostSignal], except_for: Iterable[str] = ()) -> None:
        """Nobody waits here."""

    def end(self, signal: Callable[[], HostSignal]) -> None:
        self._away = signal

    async def park(self, host: str) -> None:
        # nobody waits for it, and with `host_pinned` it would take the place of another
        raise HostUnreachable

    def rejoin(self) -> None:
        """No host is parked."""


class HostLimit:
    """At most so many hosts in the play at once (`host_pinned`)."""

    def __init__(self, limit: int | None) -> None:
        self._semaphore = asyncio.Semaphore(limit) if limit else None

    @asynccontextmanager
    async def inside(self) -> AsyncIterator[None]:
        if self._semaphore is None:
            yield
            return
        async with self._semaphore:
            yield
