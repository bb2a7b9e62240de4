"""Strands: async work of a run that is no job on a host (a template, a role, a block ...), known by an id as jobs are.

Comes beside ``registry`` (jobs on hosts). The executor and the engine start strands; `async_status`, `await` and
`cancel` ask about them; the engine joins a host's strands at the end of its play, and the run closes what is left.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

from weft.connection.results import NO_TRACEBACK, fold
from weft.content.programs import Interrupted
from weft.events.deferred import stand_apart
from weft.model.errors import TaskFailed, Unreachable, WeftError

Work = Callable[[], Awaitable[Mapping[str, Any]]]

CANCELLED = "The job was cancelled"
_TIMED_OUT = "Timeout exceeded: the job was stopped after its limit of {:g} seconds"

#: The strands that the running code is part of, outermost first: none of them can wait for itself.
_inside: ContextVar[tuple[str, ...]] = ContextVar("weft_strands", default=())


class Strand:
    """One strand. Only ``Strands`` changes it.

    ``observed``: somebody was told its end. ``error``: what its work raised, if it did. ``owner`` is whatever was given
    to ``start``: who started it finds there what it needs at the join.
    """

    def __init__(
        self,
        jid: str,
        host: str,
        title: str,
        limit: float | None,
        on_join: Callable[[], None] | None,
        owner: object,
    ) -> None:
        self.jid = jid
        self.host = host
        self.title = title
        self.limit = limit
        self.owner = owner
        self.started = time.monotonic()
        self.started_at = time.time()
        self.result: dict[str, Any] | None = None
        self.error: BaseException | None = None
        self.observed = False
        self._on_join = on_join
        self._taken = False
        self._cancelled = False
        self._forgotten = False
        self._task: asyncio.Task[None]

    def __repr__(self) -> str:
        return f"<Strand {self.jid} of {self.host} {'done' if self.done else 'running'}: {self.title}>"

    @property
    def done(self) -> bool:
        return self.result is not None

    @property
    def failed(self) -> bool:
        """Whether it has ended badly."""
        return self.result is not None and bool(self.result.get("failed") or self.result.get("unreachable"))

    def state(self) -> dict[str, Any]:
        """As a job's result file has it."""
        return {**(self.result or {}), "ansible_job_id": self.jid, "started": True, "finished": self.done}


class Strands:
    """All strands of a run."""

    def __init__(self) -> None:
        self._known: dict[str, Strand] = {}
        self._left: dict[str, dict[str, Strand]] = {}  # host -> those that were not joined yet, in order of their start
        self._running: dict[str, Strand] = {}

    def __repr__(self) -> str:
        return f"<Strands known={len(self._known)} running={list(self._running)}>"

    def start(
        self,
        host: str,
        title: str,
        work: Work,
        *,
        limit: float | None,
        on_join: Callable[[], None] | None = None,
        on_end: Callable[[], None] | None = None,
        owner: object = None,
    ) -> Strand:
        """Begin ``work`` for a host (by its inventory name). It is cancelled once ``limit`` seconds are over.

        What ``work`` returns is the result; a WeftError that it raises becomes one. ``on_join`` is called once: when
        the strand has ended, and somebody asks about it or it is joined. A WeftError of that is its result too.
        ``on_end`` is called when it has ended, even where it never began.
        """
        strand = Strand(self._new_id(), host, title, limit, on_join, owner)
        self._known[strand.jid] = self._running[strand.jid] = strand
        self._left.setdefault(host, {})[strand.jid] = strand
        strand._task = asyncio.create_task(_run(strand, work), name=f"strand {strand.jid} of {host}")
        strand._task.add_done_callback(lambda _: self._over(strand, on_end))
        return strand

    @property
    def begun(self) -> bool:
        """Whether there ever was one."""
        return bool(self._known)

    # -- asking --------------------------------------------------------------------------------------------------

    def find(self, host: str, jid: str) -> Strand | None:
        """A strand that tasks of the host can see: its own. That is not told anything of it yet."""
        strand = self._known.get(jid)
        return strand if strand is not None and strand.host == host and not strand._forgotten else None

    def of_host(self, host: str) -> tuple[Strand, ...]:
        """Strands whose end nobody of the host was told, in the order of their start, without those one is in."""
        inside = _inside.get()
        left = self._left.get(host, {}).values()
        return tuple(s for s in left if not s.observed and not s._forgotten and s.jid not in inside)

    def status(self, host: str, jid: str) -> Mapping[str, Any] | None:
        """How a strand stands, as a job's result file has it; None: the host has no such strand. Tells its end."""
        strand = self.find(host, jid)
        if strand is None:
            return None
        if strand.done:
            self._observe(strand)
        return strand.state()

    def forget(self, host: str, jid: str) -> bool:
        """Nobody may ask about it any more. If it runs it goes on. False: the host has no such strand."""
        strand = self.find(host, jid)
        if strand is None:
            return False
        strand._forgotten = True
        return True

    async def wait(self, jid: str) -> None:
        """Until it has ended. Raises WeftError for a strand that would wait for itself."""
        strand = self._known[jid]
        if jid in _inside.get():
            raise WeftError(f"{jid} can't wait for its own end.")
        if strand.done:
            return
        await asyncio.wait([strand._task])

    # -- ending --------------------------------------------------------------------------------------------------

    async def cancel(self, jid: str) -> bool:
        """End it, and wait until what it has begun is over. Whether that was what ended it."""
        strand = self._running.get(jid)
        if strand is None or strand.done or jid in _inside.get():
            return False
        strand._task.cancel()
        await asyncio.wait([strand._task])
        return strand._cancelled

    async def join(self, host: str) -> list[Strand]:
        """Wait for all strands of a host. Returns those that failed and whose end nobody was told."""
        inside = _inside.get()
        while running := [s for s in self._left.get(host, {}).values() if not s.done and s.jid not in inside]:
            await asyncio.wait([strand._task for strand in running])
        failed = []
        left = self._left.get(host, {})
        for strand in [strand for strand in left.values() if strand.done]:
            del left[strand.jid]
            told = strand.observed or strand._forgotten
            self._observe(strand)
            if strand.failed and not told:
                failed.append(strand)
        return failed

    async def close(self) -> None:
        """The run ends: cancel what still runs, and wait until it is over."""
        while self._running:
            tasks = [strand._task for strand in self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    # -- inside --------------------------------------------------------------------------------------------------

    def _over(self, strand: Strand, on_end: Callable[[], None] | None) -> None:
        self._running.pop(strand.jid, None)
        if strand.result is None:  # it was cancelled before it began
            _cancelled(strand)
        if on_end is not None:
            on_end()

    def _observe(self, strand: Strand) -> None:
        strand.observed = True
        if strand._taken:
            return
        strand._taken = True
        take_in, strand._on_join = strand._on_join, None
        if take_in is None:
            return
        try:
            take_in()
        except WeftError as error:
            strand.error, strand.result = error, failed_result(error)

    def _new_id(self) -> str:
        while True:
            jid = f"j{int.from_bytes(os.urandom(6), 'big') % 10**12}.{os.getpid()}"
            if jid not in self._known:
                return jid


async def _run(strand: Strand, work: Work) -> None:
    """The work to its end, however it ends. Raises nothing: the end is the strand's result."""
    stand_apart()
    _inside.set((*_inside.get(), strand.jid))
    try:
        async with asyncio.timeout(strand.limit) as limit:
            strand.result = dict(await work())
    except (asyncio.CancelledError, Interrupted):
        _cancelled(strand)
    except Exception as error:
        strand.error = error
        if limit.expired():
            message = _TIMED_OUT.format(strand.limit)
            strand.result = {"failed": True, "timedout": True, "msg": message, "exception": NO_TRACEBACK}
        else:
            strand.result = failed_result(error)


def _cancelled(strand: Strand) -> None:
    strand._cancelled = True
    strand.result = {"failed": True, "cancelled": True, "msg": CANCELLED, "exception": NO_TRACEBACK}


def failed_result(error: Exception) -> dict[str, Any]:
    """What has failed with an exception, as a result."""
    result: dict[str, Any] = {"changed": False, "msg": _message(error)}
    if isinstance(error, Unreachable):
        return {**result, "unreachable": True, **error.result}
    more: Mapping[str, Any] = getattr(error, "result", None) or {}
    return {**result, "failed": True, "exception": NO_TRACEBACK, **more}


def _message(error: BaseException) -> str:
    """An action that fails speaks for itself; what fails round it is told with its causes."""
    messages = []
    cause: BaseException | None = error
    while cause is not None:
        text = cause.message if isinstance(cause, WeftError) else f"{type(cause).__name__}: {cause}"
        messages.append(text.removesuffix(": "))
        if isinstance(cause, TaskFailed | Unreachable):
            break
        cause = cause.__cause__
    return fold(messages)
