"""Takes locks and gives them back: the one interface to named limits and to lock files on hosts.

Comes after ``line`` (turns within the run) and ``files`` (flock on a host). Several locks are always taken in the same
order, in every run, so that no two tasks can each hold what the other waits for.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from weft.connection.api import Sessions, Target
from weft.connection.names import LOCAL, transport_name
from weft.locks.files import FileLock, full_path
from weft.locks.line import Line, Ticket
from weft.locks.spec import NameLock, Wish
from weft.model.errors import WeftError

_TOLD_AFTER = 1.0  # seconds of waiting before it is said
_RELEASE_SECONDS = 5.0  # how long the end of a task waits for the host to confirm that the lock is free

Key = tuple[str, ...]


class Note(Struct, frozen=True):
    """Somebody waits for a lock, or (``granted``) has it after waiting. ``waited`` is in seconds."""

    lock: str
    holder: str
    waited: float
    granted: bool = False


class NotInTime(WeftError):
    """A lock was not free within its time-out."""


class Holder(Struct):
    """Who takes locks, and what is said to it."""

    label: str  # shown to those who wait for it
    tell: Callable[[Note], None]
    lost: Callable[[str], None]  # a lock file was no longer ours when it was given back
    waited: float = 0.0  # seconds, over all its locks


class _Row(Struct):
    """A lock that is to be taken, and where it is queued for."""

    key: Key
    wish: Wish
    file: FileLock | None = None


class _Queue(Struct):
    """The line before one lock, and those who stand in it."""

    line: Line = field(default_factory=Line)
    turns: dict[Ticket, asyncio.Future[None]] = field(default_factory=dict)

    async def turn(self, ticket: Ticket) -> None:
        """Wait until the ticket may enter."""
        future = self.turns[ticket] = asyncio.get_running_loop().create_future()
        self._call(self.line.arrive(ticket))
        await future

    def entered(self, ticket: Ticket) -> None:
        self._call(self.line.entered(ticket))

    def leave(self, ticket: Ticket) -> None:
        self.turns.pop(ticket, None)
        self._call(self.line.leave(ticket))

    def _call(self, ticket: Ticket | None) -> None:
        future = self.turns.get(ticket) if ticket is not None else None
        if future is not None and not future.done():
            future.set_result(None)


class Locks:
    """All locks of a run."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._queues: dict[Key, _Queue] = {}
        self._numbers = itertools.count(1)
        self._releases: set[asyncio.Task[bool]] = set()  # on their way to hosts

    @asynccontextmanager
    async def hold(self, wishes: Iterable[Wish], holder: Holder, target: Callable[[], Target]) -> AsyncIterator[None]:
        """Hold all these locks. ``target`` is where lock files are, asked for where there are any.

        Raises NotInTime, WeftError (a lock can't be had), Unreachable.
        """
        lease = f"{holder.label} (weft {os.getpid()}.{next(self._numbers)} on {os.uname().nodename})"
        async with AsyncExitStack() as stack:
            for row in await self._rows(wishes, lease, target):
                await stack.enter_async_context(self._one(row, holder))
            yield

    async def _rows(self, wishes: Iterable[Wish], lease: str, target: Callable[[], Target]) -> list[_Row]:
        """In the order in which they are taken: names, then paths, each sorted."""
        rows: dict[Key, _Row] = {}
        for wish in wishes:
            if isinstance(wish, NameLock):
                rows["name", wish.name, wish.by] = _Row(("name", wish.name, wish.by), wish)
                continue
            place = target()
            open_session = partial(self._sessions.open, place)
            # connecting is no waiting for the lock: it is done before the clock starts
            full = replace(wish, path=await full_path(await open_session(), wish.path))
            key = ("path", full.path, *_machine(place))
            if key not in rows or not full.shared:
                rows[key] = _Row(key, full, FileLock(open_session, full, lease))
        return [rows[key] for key in sorted(rows)]

    @asynccontextmanager
    async def _one(self, row: _Row, holder: Holder) -> AsyncIterator[None]:
        queue = self._queues.setdefault(row.key, _Queue())
        ticket = _ticket(row.wish, holder.label)
        try:
            await self._take(row, queue, ticket, holder)
            yield
        finally:
            await self._give_back(row, queue, ticket, holder)

    async def _take(self, row: _Row, queue: _Queue, ticket: Ticket, holder: Holder) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        told = False

        def blocker() -> str:
            return queue.line.before(ticket) or (row.file.holder if row.file is not None else "")

        def tell() -> None:
            nonlocal told
            told = True
            holder.tell(Note(str(row.wish), blocker(), loop.time() - began))

        timer = loop.call_later(_TOLD_AFTER, tell)
        limit = row.wish.timeout
        try:
            in_time = await _within(limit, queue.turn(ticket))
            if in_time and row.file is not None:
                in_time = await row.file.take(None if limit is None else max(0.0, began + limit - loop.time()))
            if not in_time:
                by = f" (held by {found})" if (found := blocker()) else ""
                raise NotInTime(f"The lock {row.wish} was not free within {limit or 0:g} seconds{by}.")
            queue.entered(ticket)
        finally:
            timer.cancel()
            holder.waited += loop.time() - began
        if told:
            holder.tell(Note(str(row.wish), "", loop.time() - began, granted=True))

    async def _give_back(self, row: _Row, queue: _Queue, ticket: Ticket, holder: Holder) -> None:
        """Free what is held, or was waited for: on the host first, so that the next of the run follows it there."""
        held = ticket in queue.line.holders
        release = None
        if row.file is not None:
            release = asyncio.create_task(row.file.give_back())
            self._releases.add(release)
            release.add_done_callback(self._releases.discard)
        try:
            # one turn of the loop: the request is on its way before the next of the run asks for the lock
            await asyncio.sleep(0)
        finally:
            queue.leave(ticket)
            if queue.line.empty:
                self._queues.pop(row.key, None)
            if release is not None:
                await self._released(release, row, holder, held)

    async def _released(self, release: asyncio.Task[bool], row: _Row, holder: Holder, held: bool) -> None:
        # where the link hangs it goes on by itself: a lock that is never given back would keep out the next of this run
        await asyncio.wait([release], timeout=_RELEASE_SECONDS)
        if held and release.done() and not release.result():
            holder.lost(f"The lock {row.wish} was lost before it was given back: who held it on the host has ended.")


async def _within(seconds: float | None, turn: Awaitable[None]) -> bool:
    """Whether it came in time."""
    try:
        async with asyncio.timeout(seconds):
            await turn
    except TimeoutError:
        return False
    return True


def _ticket(wish: Wish, label: str) -> Ticket:
    if isinstance(wish, NameLock):
        return Ticket(label, slots=wish.slots, exclusive=False)
    return Ticket(label, slots=None, exclusive=not wish.shared)


def keys_of(wishes: Iterable[Wish], target: Callable[[], Target]) -> frozenset[Key]:
    """What tells these locks from others, for ``wanting``."""
    return frozenset(_own_key(wish, target) for wish in wishes)


def wanting(wishes: Iterable[Wish], target: Callable[[], Target], held: frozenset[Key]) -> tuple[Wish, ...]:
    """Those of the wishes that are not fulfilled by what is ``held`` already by what is round the task."""
    if not held:
        return tuple(wishes)
    return tuple(wish for wish in wishes if not _held_by(wish, target, held))


def _held_by(wish: Wish, target: Callable[[], Target], held: frozenset[Key]) -> bool:
    """Whether a lock that is held already does for this one. Raises WeftError where it can never be had."""
    key = _own_key(wish, target)
    if key in held:
        return True
    if isinstance(wish, NameLock):
        return False
    if wish.shared:
        return ("exclusive", *key[1:]) in held
    if ("shared", *key[1:]) in held:
        raise WeftError(f"The lock {wish} is held in shared mode round this: it can't be taken exclusively inside.")
    return False


def title_of(key: Key) -> str:
    """A lock that ``keys_of`` gives, as users write it."""
    kind, name, *rest = key
    return f"{name} ({rest[0]})" if kind == "name" and rest[0] else name


def _own_key(wish: Wish, target: Callable[[], Target]) -> Key:
    if isinstance(wish, NameLock):
        return ("name", wish.name, wish.by)
    return ("shared" if wish.shared else "exclusive", wish.path, *_machine(target()))


def _machine(target: Target) -> Key:
    """What tells machines apart: names of the inventory may be aliases of one, users on it share its lock files."""
    transport = transport_name(target)
    if transport == LOCAL:
        return (LOCAL,)
    return (transport, target.address or target.host, str(target.port), *map(str, target.extra))


__all__ = ["Holder", "Key", "Locks", "NotInTime", "Note", "keys_of", "title_of", "wanting"]
