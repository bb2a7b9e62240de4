"""A host's next tasks, on their way to it while the one before them runs.

The requests of tasks that follow a plain one are sent with it, each to be begun once the one before it has ended well
(docs/agent-protocol.md). A task that was sent is none that has started: when its turn comes it goes all the usual way,
and only the question that it asks of the host is not put again. If the one before it fails the agent has begun none
of them, and they are forgotten. Comes after ``foresight``; the engine says which tasks follow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from weft.actions.base import ActionContext
from weft.connection.api import NOT_RUN, Posted, Reply, RequestFailed, Session
from weft.events import Event, Warned
from weft.executor.foresight import OP, Foreseen
from weft.model.errors import Unreachable, WeftError
from weft.model.nodes import Task

WINDOW: Final = 16  # tasks on their way
_MOST = 256 * 1024  # bytes on their way, beside the task that goes beyond them


class _Sent(Struct, frozen=True):
    task: Task
    posted: Posted


Foresee = Callable[[Task, Collection[str | None]], Foreseen | None]


class SentAhead:
    """What is on its way to one host. Owned by its way through a batch; ``close`` it at the end."""

    def __init__(self, foresee: Foresee, publish: Callable[[Event], None], window: int = WINDOW) -> None:
        """``foresee`` tells what a task will ask, if these variables are going to be set until then."""
        self._foresee = foresee
        self._publish = publish
        self._window = window
        self._queue: deque[_Sent] = deque()
        self._coming: Iterator[Task] = iter(())
        self._next: Task | None = None  # the first that is not sent
        self._session: Session | None = None  # of what is in the queue
        self._called_away = False
        self._revoking: asyncio.Task[None] | None = None
        self._follow: Callable[[], Iterator[Task]] = lambda: iter(())
        self.took = 0.0  # seconds that the last request took on the host, if it was sent ahead

    def __repr__(self) -> str:
        return f"<SentAhead {[str(sent.task.name) for sent in self._queue]}>"

    def has(self, task: Task) -> bool:
        """Whether this is the next task, and on its way."""
        return bool(self._queue) and self._queue[0].task is task

    def turn(self, follow: Callable[[], Iterator[Task]]) -> None:
        """It is the turn of a plain task, whether or not it is on its way; ``follow``: what comes behind it."""
        self._follow = follow
        self.took = 0.0

    async def ask(self, context: ActionContext, session: Session, op: str, arguments: Mapping[str, Any]) -> Reply:
        """The answer to the task whose turn it is. Raises as ``Session.request``."""
        task = context.task
        if self._queue and not self.has(task):
            await self._call_off()
        if self._queue:
            posted = self._queue.popleft().posted
            if not _refused(posted):
                self._send(task, posted)
                await self._until_over(posted)
            if not _refused(posted):
                return self._answer(context, posted)
            self._forget()
        first = session.post(op, arguments) if op == OP else None
        if first is None:
            return await session.request(op, arguments)
        self._session, self._coming, self._next = session, self._follow(), None
        self._send(task, first)
        await self._until_over(first)
        return self._answer(context, first)

    # -- sending -------------------------------------------------------------------------------------------------

    def _send(self, task: Task, posted: Posted) -> None:
        """Fill the window behind the task whose turn it is."""
        last = self._queue[-1].posted if self._queue else posted
        session = self._session
        assert session is not None
        while len(self._queue) < self._window and not self._called_away and _may_be_followed(last):
            self._next = self._next or next(self._coming, None)
            if self._next is None or sum(sent.posted.size for sent in self._queue) > _MOST:
                return
            foreseen = self._foresee(self._next, {task.register, *(sent.task.register for sent in self._queue)})
            if foreseen is None or foreseen.target != session.target:
                return
            try:
                sent = session.post(OP, foreseen.arguments, after=last)
            except (TypeError, ValueError):
                return  # it is said when its turn comes
            if sent is None:
                return
            self._queue.append(_Sent(self._next, sent))
            self._next, last = None, sent

    async def _until_over(self, posted: Posted) -> None:
        try:
            await posted.over()
        except asyncio.CancelledError:
            await self._call_off(posted)
            raise

    def _answer(self, context: ActionContext, posted: Posted) -> Reply:
        outcome = posted.outcome
        if isinstance(outcome, Reply):
            if outcome.result.get("failed"):
                self._forget()
            self.took = outcome.took
            return outcome
        left = [sent for sent in self._queue if not _refused(sent.posted)]
        if isinstance(outcome, Unreachable) and left:
            context.warn(_may_have_run(left))
        self._forget()
        assert outcome is not None, "it was waited for"
        raise outcome

    def _forget(self) -> None:
        """What was sent is not begun, and never will be."""
        for sent in self._queue:
            sent.posted.forget()
        self._queue.clear()
        self._coming, self._next = iter(()), None

    # -- calling off ---------------------------------------------------------------------------------------------

    def revoke(self) -> None:
        """The host is called away from its next task: what it has not begun is not to begin."""
        self._called_away = True
        if self._revoking is None and self._queue and self._session is not None:
            posted = [sent.posted for sent in self._queue]
            self._revoking = asyncio.ensure_future(_revoke(self._session, posted))

    async def begun(self, task: Task) -> bool:
        """Of a host that is called away: whether it has begun the task all the same, or may have."""
        if self._revoking is None or not self.has(task):
            return False
        await asyncio.shield(self._revoking)
        return not _refused(self._queue[0].posted)

    async def close(self) -> None:
        """Nobody's turn comes any more."""
        if self._revoking is not None and not self._revoking.done():
            self._revoking.cancel()
            await asyncio.wait([self._revoking])
        await self._call_off()

    async def _call_off(self, *running: Posted) -> None:
        """The last one first, so that none is begun by the end of another."""
        left = [sent for sent in self._queue if not _refused(sent.posted)]
        if any(sent.posted.outcome is not None for sent in left):
            self._publish(Warned(message=_may_have_run(left)))
        self._queue.clear()
        self._coming, self._next = iter(()), None
        posted = [*running, *(sent.posted for sent in left)]
        if posted:
            await asyncio.gather(*(one.call_off() for one in reversed(posted)))


async def _revoke(session: Session, posted: Sequence[Posted]) -> None:
    try:
        await session.revoke(posted)
    except WeftError:
        pass  # what became of them is known as little as what becomes of the one that runs


def _refused(posted: Posted) -> bool:
    outcome = posted.outcome
    return isinstance(outcome, RequestFailed) and outcome.kind == NOT_RUN


def _may_be_followed(posted: Posted) -> bool:
    """Whether another one can wait for its good end. What has been answered the agent may have forgotten."""
    outcome = posted.outcome
    return outcome is None or (isinstance(outcome, Reply) and not outcome.result.get("failed"))


def _may_have_run(left: Collection[_Sent]) -> str:
    names = ", ".join(str(sent.task.name or sent.task.action) for sent in left)
    return f"What comes next was on its way already, and may have been run if all before it ended well: {names}"
