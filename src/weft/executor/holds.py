"""What a task holds on a host while it runs, shared by all its items: its locks, and its place among the forks.

Locks come first, then `throttle`, then a place among the forks: who waits for a lock holds nothing that others need.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from msgspec import Struct, field

from weft.actions.base import ActionContext, Services, TaskNames, Templating
from weft.connection.api import Target
from weft.events import LockWait, TaskInfo, Warned
from weft.executor.keywords import Keywords
from weft.executor.report import Draft
from weft.locks.keeper import Holder, Key, Locks, Note, title_of, wanting
from weft.locks.spec import NameLock, Wish, read_wishes
from weft.model.errors import TaskFailed, Unreachable, WeftError
from weft.model.nodes import Task
from weft.model.values import OMIT, origin_of
from weft.templating.blocking import evaluate

_GIVEN_BACK_EARLY = "The `lock` is given back now: with `poll: 0` the job goes on without it."


class _Place(Struct):
    """A host's place among the forks, shared by all that runs for it at once."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    taken: bool = False


class Forks:
    """At most so many hosts work at once; what runs side by side on one host shares its place."""

    def __init__(self, limit: int) -> None:
        self._free = asyncio.Semaphore(limit)
        self._places: dict[str, _Place] = {}

    @asynccontextmanager
    async def inside(self, host: str) -> AsyncIterator[None]:
        """With the host's place."""
        place = self._places.setdefault(host, _Place())
        place.users += 1
        try:
            async with place.turn:
                if not place.taken:
                    await self._free.acquire()
                    place.taken = True
            yield
        finally:
            place.users -= 1
            if not place.users:
                del self._places[host]
                if place.taken:
                    self._free.release()


class Limits:
    """What the tasks of a run share: places for actions, throttles, locks."""

    def __init__(self, forks: Forks, locks: Locks, services: Services) -> None:
        self.forks = forks
        self.locks = locks
        self.services = services
        self._throttles: dict[tuple[str, int], asyncio.Semaphore] = {}

    def throttle(self, task: Task, limit: int) -> asyncio.Semaphore:
        return self._throttles.setdefault((task.id, limit), asyncio.Semaphore(limit))


class _Key(Struct, frozen=True):
    """Items with equal keys share the locks."""

    wishes: tuple[Wish, ...]
    target: Target | None  # None: no lock file is among them


class _Held(Struct):
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    taken: bool = False


class _Kept(Struct):
    """What a loop keeps from its first item on that needs it to its last one."""

    fork: bool  # whether the place among the forks is kept too
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    throttle: asyncio.Semaphore | None = None
    placed: bool = False

    async def pass_throttle(self, throttle: asyncio.Semaphore | None) -> None:
        """Items may have different limits: who waits for another one gives back what it has."""
        if throttle is not self.throttle:
            self.throttle, self.placed = None, False
            await self.stack.aclose()
            if throttle is not None:
                await self.stack.enter_async_context(throttle)
                self.throttle = throttle

    @asynccontextmanager
    async def inside(self, place: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
        """With the host's place, which stays taken."""
        if not self.placed:
            await self.stack.enter_async_context(place)
            self.placed = True
        yield


class Holds:
    """One task on one host. ``close`` it at its end."""

    def __init__(
        self, limits: Limits, task: Task, info: TaskInfo, host: str, held: frozenset[Key] = frozenset()
    ) -> None:
        """``held``: what the blocks round the task hold."""
        self._held_outside = held
        self._limits = limits
        self._task = task
        self._info = info
        self._host = host
        self._held: dict[_Key, _Held] = {}
        self._each = False  # items need different locks: each holds its own
        self._kept: _Kept | None = None

    def keep(self, *, fork: bool) -> None:
        """One item comes after the other: `throttle`, and with ``fork`` the place, are the loop's and not each item's.

        Not for tasks with locks: an item that waits for one must hold nothing that others need.
        """
        self._kept = _Kept(fork)

    async def close(self) -> None:
        """Give everything back."""
        if self._kept is not None:
            await self._kept.stack.aclose()
        held, self._held = self._held, {}
        for entry in held.values():
            await entry.stack.aclose()

    @asynccontextmanager
    async def inside(self, keywords: Keywords, context: ActionContext, draft: Draft) -> AsyncIterator[None]:
        """With the task's locks held and its throttle passed. Raises WeftError, Unreachable."""
        context.locks_around = frozenset(map(title_of, self._held_outside))
        async with AsyncExitStack() as stack:
            if self._task.lock is not None:
                wishes = await wishes_of(self._task, context.templar, context.scope)
                if keywords.check:  # a lock file may have to be made: check mode makes nothing
                    wishes = tuple(wish for wish in wishes if isinstance(wish, NameLock))
                wishes = wanting(wishes, lambda: context.target, self._held_outside)
                context.locks = frozenset(map(str, wishes))
                if wishes:
                    await stack.enter_async_context(self._locked(wishes, context, draft))
                    if context.job is not None and keywords.poll <= 0:
                        context.warn(_GIVEN_BACK_EARLY)
            throttle = self._limits.throttle(self._task, keywords.throttle) if keywords.throttle > 0 else None
            if self._kept is not None:
                await self._kept.pass_throttle(throttle)
            elif throttle is not None:
                await stack.enter_async_context(throttle)
            yield

    @asynccontextmanager
    async def _locked(self, wishes: tuple[Wish, ...], context: ActionContext, draft: Draft) -> AsyncIterator[None]:
        """Held from the first item that comes here to the end of the task, or until an item needs other locks."""
        key = _Key(wishes, None if all(isinstance(wish, NameLock) for wish in wishes) else context.target)
        if any(other != key for other in self._held):
            self._each = True
            await self._drop_unused()
        held = self._held.setdefault(key, _Held())
        held.users += 1
        try:
            async with held.turn:
                if not held.taken:
                    await self._take(wishes, held, context, draft)
                elif draft.lock_waited is None:
                    draft.lock_waited = 0.0
            yield
        finally:
            held.users -= 1
            if not held.users and (self._each or not held.taken):
                self._held.pop(key, None)
                await held.stack.aclose()

    async def _drop_unused(self) -> None:
        """An item that waits must not keep what another host's item waits for."""
        for held in [self._held.pop(key) for key in list(self._held) if not self._held[key].users]:
            await held.stack.aclose()

    async def _take(self, wishes: tuple[Wish, ...], held: _Held, context: ActionContext, draft: Draft) -> None:
        holder = Holder(f"{self._info.name} on {self._host}", self._tell, self._lost)
        try:
            taking = self._limits.locks.hold(wishes, holder, lambda: context.target)
            await held.stack.enter_async_context(taking)
            held.taken = True
        except Unreachable:
            raise
        except WeftError as error:
            raise TaskFailed(error.message, origin_of(self._task.lock) or self._task.origin) from error.__cause__
        finally:
            draft.lock_waited = round(holder.waited, 3)

    def _tell(self, note: Note) -> None:
        self._limits.services.publish(
            LockWait(
                host=self._host,
                task=self._info,
                lock=note.lock,
                holder=note.holder,
                waited=note.waited,
                granted=note.granted,
            )
        )

    def _lost(self, message: str) -> None:
        self._limits.services.publish(Warned(message=message, origin=origin_of(self._task.lock) or self._task.origin))

    def fork(self) -> AbstractAsyncContextManager[None]:
        """With the host's place among the forks."""
        place = self._limits.forks.inside(self._host)
        return place if self._kept is None or not self._kept.fork else self._kept.inside(place)


async def wishes_of(task: Task, templar: Templating, names: TaskNames) -> tuple[Wish, ...]:
    """The locks that the task names on this host, for this item. Raises WeftError that names the keyword."""
    origin = origin_of(task.lock) or task.origin
    try:
        value = await evaluate(lambda: templar.render(task.lock, names))
        return () if value is OMIT else read_wishes(value)
    except WeftError as error:
        raise WeftError("Error processing keyword 'lock'.", error.origin or origin) from error
