"""All sessions of a run: each opened at first need, shared by equal targets, several users on one connection to a host.

Implements ``Sessions``. Comes after every transport and ``session``; jobs, actions and the executor see only the
protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from weft.connection import argv, discovery, pack
from weft.connection.api import Session, Target
from weft.connection.bootstrap import Launch, Started, candidates, start
from weft.connection.channel import Transport
from weft.connection.errors import AgentFailed, AgentGone, NoTransport
from weft.connection.names import LOCAL, PODS, SSH, transport_name
from weft.connection.once import Once
from weft.connection.plain import PlainSession
from weft.connection.reconnect import turned_away_retry
from weft.connection.session import AgentSession
from weft.connection.traced import Traced
from weft.model.errors import Unreachable, WeftError

if TYPE_CHECKING:
    from weft.connection.ssh.early import Early
    from weft.connection.ssh.native import Confirm
    from weft.connection.ssh.transport import SshWays

SETUPS = 64  # connections in the making at once
SETUPS_EACH = 8  # of them to one endpoint: sshd's MaxStartups begins to refuse at 10
_LINGER_MORE = 30.0  # seconds that an agent waits longer than we try

AnySession = AgentSession | PlainSession
T = TypeVar("T")


class SessionPool:
    """Owns everything that is open. ``notice`` gets what the user should know, ``confirm`` asks about new host keys.

    ``reconnect_window`` is how long a lost link is mended, in seconds. ``trace`` gets each command that a host is to
    run, with the host's address.
    """

    def __init__(
        self,
        *,
        reconnect_window: float = 60.0,
        notice: Callable[[str], None] = lambda text: None,
        confirm: Confirm | None = None,
        trace: Callable[[str, str], None] | None = None,
        setups: int = SETUPS,
        setups_each: int = SETUPS_EACH,
    ) -> None:
        self._window = reconnect_window
        self._notice = notice
        self._confirm = confirm
        self._trace = trace
        self.gate = Gate(setups, setups_each)
        self._slots: dict[Target, _Slot] = {}
        self._opening: set[asyncio.Task[AnySession]] = set()
        self._lines: dict[Target, Line] = {}
        self._ended: set[AgentSession] = set()
        self._early: Early | None = None
        self._ssh: SshWays | None = None
        self._transports = Once(_import_transports)
        self._packed = Once(pack.pack)
        self._closed = False

    def __repr__(self) -> str:
        return f"<SessionPool sessions={len(self._slots)} connections={len(self._lines)}>"

    async def open(self, target: Target) -> Session:
        """The session with a target. Raises Unreachable, BecomeFailed, NoTransport."""
        if self._closed:
            raise Unreachable("The run is over.")
        slot = self._slots.get(target)
        if slot is None or slot.spent:
            task = asyncio.create_task(self._open(target), name=f"open {target.host}")
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
            slot = self._slots[target] = _Slot(task)
        slot.waiting += 1
        try:
            return await asyncio.shield(slot.task)
        except asyncio.CancelledError:
            if self._closed and slot.task.cancelled():
                raise Unreachable("The run is over.") from None
            if slot.waiting == 1:
                slot.give_up()
            raise
        finally:
            slot.waiting -= 1
            if slot.spent and self._slots.get(target) is slot:
                del self._slots[target]

    async def reset(self, target: Target, *, user: str | None = None) -> None:
        slots = {
            known: slot
            for known, slot in self._slots.items()
            if known.host == target.host and (user is None or (_became(known, user) and slot.idle))
        }
        for known in slots:
            del self._slots[known]
        await self._finish(slot.task for slot in slots.values())

    async def close(self) -> None:
        self._closed = True
        slots, self._slots = self._slots, {}
        for task in self._opening:
            task.cancel()
        await self._finish({*self._opening, *(slot.task for slot in slots.values())})
        await _all(session.close() for session in self._ended)
        self._ended.clear()
        await _all(line.close() for line in tuple(self._lines.values()))
        if self._ssh is not None:
            await self._ssh.close()
        if self._early is not None:
            await self._early.close()

    async def _finish(self, tasks: Iterable[asyncio.Task[AnySession]]) -> None:
        waiting = list(tasks)
        if waiting:
            await asyncio.wait(waiting)
        await _all(session.close() for session in map(_result, waiting) if session is not None)

    # opening

    async def _open(self, target: Target) -> AnySession:
        line = self._line(target)
        line.users += 1
        connector = Connector(line, target, self._packed)
        try:
            return await self._start(target, connector)
        except BaseException:
            await connector.release()
            raise

    async def _start(self, target: Target, connector: Connector) -> AnySession:
        local = transport_name(target) == LOCAL
        try:
            started = await connector.try_launch()
        except AgentFailed as error:
            failed = error
            return PlainSession(target, connector.transport, lambda: failed, connector.release)
        if started is None:
            others = await connector.other_interpreters()
            missing = functools.partial(discovery.missing, target, others)
            return PlainSession(target, connector.transport, missing, connector.release)
        session = AgentSession(
            target,
            connector,
            window=self._window,
            linger=0.0 if local or self._window <= 0 else self._window + _LINGER_MORE,
            on_gone=self._gone,
        )
        await session.start(started)
        return session

    def _gone(self, session: AgentSession) -> None:
        """It can't be used any more: the next ``open`` makes a new one."""
        slot = self._slots.get(session.target)
        if slot is not None and slot.holds(session):
            del self._slots[session.target]
            self._ended.add(session)

    # connections

    def _line(self, target: Target) -> Line:
        """The host's one connection, whoever one is on it."""
        key = replace(
            target, connection=transport_name(target), become=None, interpreter="", interpreter_fallback=(),
            remote_tmp="", async_dir="", shell_executable="",
        )  # fmt: skip
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(lambda: self._connect(target), lambda: self._lines.pop(key, None))
        return line

    async def _connect(self, target: Target) -> Transport:
        transport = await self._connect_plain(target)
        if self._trace is None:
            return transport
        return Traced(transport, functools.partial(self._trace, target.address or target.host))

    async def _connect_plain(self, target: Target) -> Transport:
        name = transport_name(target)
        if name == LOCAL:
            return argv.local(target)
        if name == SSH:
            return await (await self._ssh_ways(target)).transport(target)
        if name in PODS:
            from weft.connection import kubectl

            return kubectl.transport(replace(target, connection=name))
        return argv.container(replace(target, connection=name))

    async def _ssh_ways(self, first: Target) -> SshWays:
        """``first``: whom they are for, if they are not there yet; the host gets ready while asyncssh is imported."""
        if self._ssh is None:
            early = self._early = self._early or _early()
            await early.begin(first)
            module = await self._transports.get()
            if self._ssh is None:
                self._ssh = module.SshWays(notice=self._notice, gate=self.gate, confirm=self._confirm, early=early)
        return self._ssh


def _early() -> Early:
    from weft.connection.ssh.early import Early

    return Early()


def _import_transports() -> Any:
    return importlib.import_module("weft.connection.ssh.transport")


def _became(target: Target, user: str) -> bool:
    return target.become is not None and target.become.user == user


async def _all(closing: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Close everything, whatever one of them says; then say it."""
    outcomes = await asyncio.gather(*closing, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


def _result(task: asyncio.Task[T]) -> T | None:
    """What a task has brought; None as long as that is nothing, and where it never will be anything."""
    if not task.done() or task.cancelled() or task.exception() is not None:
        return None
    return task.result()


class _Slot(Struct, eq=False):
    """One target's session, or the attempt to open it that everybody waits for."""

    task: asyncio.Task[AnySession]
    waiting: int = 0
    given_up: bool = False

    def give_up(self) -> None:
        """Nobody waits any more."""
        if not self.task.done():
            self.given_up = True
            self.task.cancel()

    @property
    def spent(self) -> bool:
        """Whether the next ``open`` has to try anew."""
        if self.given_up:
            return True
        if not self.task.done():
            return False
        session = _result(self.task)
        return session is None or not session.alive

    @property
    def idle(self) -> bool:
        """Whether there is a session, and nobody uses it."""
        session = _result(self.task)
        return session is not None and session.idle

    def holds(self, session: AgentSession) -> bool:
        return _result(self.task) is session


class Gate:
    """Lets so many connections be set up at once: in all, and to one endpoint."""

    def __init__(self, total: int, each: int) -> None:
        self._total = asyncio.Semaphore(total)
        self._each = each
        self._endpoints: dict[str, tuple[asyncio.Semaphore, list[int]]] = {}

    @contextlib.asynccontextmanager
    async def __call__(self, endpoint: str) -> AsyncIterator[None]:
        semaphore, users = self._endpoints.setdefault(endpoint, (asyncio.Semaphore(self._each), [0]))
        users[0] += 1
        try:
            async with semaphore, self._total:
                yield
        finally:
            users[0] -= 1
            if not users[0]:
                self._endpoints.pop(endpoint, None)


class Line:
    """One host's transport: connected at first need, again when it was lost, closed when nobody uses it."""

    def __init__(self, connect: Callable[[], Coroutine[Any, Any, Transport]], on_closed: Callable[[], object]) -> None:
        self.users = 0
        self._connect = connect
        self._on_closed = on_closed
        self._task: asyncio.Task[Transport] | None = None
        self._closed = False

    @property
    def connected(self) -> bool:
        return self._transport() is not None

    async def transport(self) -> Transport:
        """A live transport; all who ask at the same time wait for the same attempt. Raises Unreachable."""
        if self._closed:
            raise Unreachable("The connection was closed.")
        if self._task is None or (self._task.done() and self._transport() is None):
            self._task = asyncio.create_task(self._replace(self._task))
        return await asyncio.shield(self._task)

    async def release(self) -> None:
        self.users -= 1
        if self.users <= 0:
            await self.close()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._on_closed()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            await _close_result(self._task)

    def _transport(self) -> Transport | None:
        transport = _result(self._task) if self._task is not None else None
        return transport if transport is not None and transport.alive else None

    async def _replace(self, before: asyncio.Task[Transport] | None) -> Transport:
        if before is not None:
            await _close_result(before)
        return await self._connect()


async def _close_result(task: asyncio.Task[Transport]) -> None:
    transport = _result(task)
    if transport is not None:
        await transport.close()


class Connector:
    """Gives one session its links: a new agent, or the one that waits."""

    def __init__(self, line: Line, target: Target, packed: Once[pack.Packed]) -> None:
        self._line = line
        self._target = target
        self._packed = packed
        self._released = False

    @property
    def connected(self) -> bool:
        return self._line.connected

    async def transport(self) -> Transport:
        return await self._line.transport()

    async def try_launch(self) -> Started | None:
        """A new agent; None where there is no interpreter. Raises Unreachable, TaskFailed."""
        packed, _ = await asyncio.gather(self._packed.get(), self._line.transport())
        return await self._run(pack.start_command(candidates(self._target), packed), packed.program)

    async def launch(self) -> Started:
        started = await self.try_launch()
        if started is None:
            raise discovery.missing(self._target)
        return started

    async def rejoin(self, token: str, socket: str | None) -> Started:
        if socket is None:
            raise AgentGone("it does not wait for anybody")
        packed = await asyncio.to_thread(pack.pack_relay)
        started = await self._run(pack.relay_command(candidates(self._target), socket, token), packed.program)
        if started is None:
            raise AgentGone("the host has no Python any more")
        return started

    async def other_interpreters(self) -> tuple[str, ...]:
        """What the host has in place of the interpreter that it was told to use."""
        fallback = replace(self._target, interpreter="auto")
        if not self._target.interpreter_fallback or candidates(self._target) == candidates(fallback):
            return ()
        probe = PlainSession(self._target, self.transport, lambda: discovery.missing(self._target), self.release)
        found = []
        with contextlib.suppress(WeftError):
            names = " ".join(candidates(fallback))
            reply = await probe.request("raw", {"text": f"for p in {names}; do command -v $p; done; true"})
            found = reply.payload[: int(reply.result["stdout_len"])].decode("utf-8", "replace").split()
        return tuple(dict.fromkeys(found))

    async def release(self) -> None:
        if not self._released:
            self._released = True
            await self._line.release()

    async def _run(self, command: str, program: bytes) -> Started | None:
        launch = Launch(
            command=command,
            payload=program,
            become=self._target.become,
            timeout=self._target.become_timeout,
            local=transport_name(self._target) == LOCAL,
        )
        attempt, reused = 0, self._line.connected
        clock = asyncio.get_running_loop().time
        end: float | None = None
        while True:
            transport = await self._line.transport()
            try:
                return await start(transport, launch)
            except Unreachable as error:
                stale = reused and not transport.alive  # it had died unnoticed
                pause = 0.0 if stale else None
                if "kex_exchange_identification" in error.message:  # the OpenSSH client was turned away
                    end = end or clock() + self._target.timeout
                    pause = turned_away_retry(attempt, random.random(), end - clock())
                if pause is None:
                    raise
            reused, attempt = False, attempt + 1
            await asyncio.sleep(pause)


__all__ = ["Gate", "NoTransport", "SessionPool"]
