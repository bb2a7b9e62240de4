"""SSH as a transport: by asyncssh one connection a host, shared by all users on it; by the OpenSSH client if need be.

Comes after ``native`` and ``client``; the pool asks ``SshWays`` for a transport.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncssh
from msgspec import Struct, field

from weft.connection.api import Target
from weft.connection.channel import Channel, Ended, Receiver, Transport
from weft.connection.reconnect import connect_retry, turned_away_retry
from weft.connection.ssh import client, native, plan
from weft.connection.ssh.dial import Dialer, JumpDialer
from weft.connection.ssh.early import Early
from weft.connection.ssh.syntax import BadConfig
from weft.model.errors import Unreachable

_PTY_ECHO = 53  # RFC 4254, section 8
_MAX_CONNECTIONS = 4  # to one host, where its sshd allows few sessions in one (MaxSessions)

Notice = Callable[[str], None]
Gate = Callable[[str], AbstractAsyncContextManager[None]]  # held round each set-up; takes the endpoint's name


class SshChannel(asyncssh.SSHClientSession[bytes]):
    """One program on the host. asyncssh calls the upper half, sessions the lower."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self._channel: Any = None
        self._ended = Ended()
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, chan: Any) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is None:
            self.receiver.on_data(data)
        else:
            self.receiver.on_error(data)

    def eof_received(self) -> bool:
        return True  # the other direction stays open

    def exit_status_received(self, status: int) -> None:
        self._ended = Ended(rc=status)

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._ended = Ended(rc=128, signal=signal)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._gone.done():
            return
        self._gone.set_result(None)
        ended = self._ended
        if ended.rc is None:
            ended = Ended(reason=str(exc) if exc else "the connection was closed")
        self.receiver.on_end(ended)

    # as a channel

    def write(self, data: bytes) -> None:
        try:
            self._channel.write(data)
        except OSError:
            return  # it has ended; on_end says so

    def write_eof(self) -> None:
        try:
            self._channel.write_eof()
        except OSError:
            return

    def close(self) -> None:
        self._channel.abort()

    async def wait_closed(self) -> None:
        await asyncio.shield(self._gone)


class SshTransport:
    """A connection (or, where the host wants that, several) to one host."""

    def __init__(self, first: native.Connected, another: Callable[[], Any], environment: dict[str, str]) -> None:
        self._connections = [first]
        self._another = another
        self._environment = environment
        self._closing = False

    def __repr__(self) -> str:
        return f"<SshTransport connections={len(self._connections)} alive={self.alive}>"

    @property
    def alive(self) -> bool:
        return not self._closing and not self._connections[-1].connection.is_closed()

    @property
    def banner(self) -> str:
        return self._connections[0].banner

    async def start(self, command: str, receiver: Receiver, *, pty: bool = False) -> Channel:
        while True:
            one = self._connections[-1]
            try:
                return await self._start_on(one, command, receiver, pty)
            except asyncssh.ChannelOpenError as error:
                if one.connection.is_closed() or not _no_more(error) or len(self._connections) >= _MAX_CONNECTIONS:
                    raise Unreachable(f"Failed to connect to the host via ssh: {error.reason}") from error
            except (asyncssh.Error, OSError) as error:
                why = getattr(error, "reason", None) or str(error)
                raise Unreachable(f"Failed to connect to the host via ssh: {why}") from error
            another = await self._another()
            if self._closing:
                await another.close()
                raise Unreachable("The connection was closed.")
            self._connections.append(another)

    async def _start_on(self, one: native.Connected, command: str, receiver: Receiver, pty: bool) -> SshChannel:
        terminal: dict[str, Any] = {"request_pty": False}
        if pty:
            terminal = {"request_pty": "force", "term_type": "dumb", "term_modes": {_PTY_ECHO: 0}}
        if self._environment:
            terminal["env"] = self._environment
        _, session = await one.connection.create_session(
            lambda: SshChannel(receiver), command, encoding=None, **terminal
        )
        assert isinstance(session, SshChannel)
        one.dialer.settled()
        return session

    async def close(self) -> None:
        self._closing = True
        await asyncio.gather(*(one.close() for one in self._connections))


def _no_more(error: asyncssh.ChannelOpenError) -> bool:
    """sshd refuses a session beyond MaxSessions with "open failed"."""
    return error.code in (asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, asyncssh.OPEN_CONNECT_FAILED) and (
        "request" not in error.reason.lower()
    )


class SshWays(Struct):
    """Makes transports for a run: reads files and keys once, shares jump hosts, falls back to the OpenSSH client."""

    notice: Notice
    gate: Gate
    confirm: native.Confirm | None = None
    early: Early = field(default_factory=Early)
    _shared: native.Shared = field(default_factory=native.Shared)
    _jumps: dict[plan.Plan, asyncio.Task[native.Connected]] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)
    _askpass: client.Askpass = field(default_factory=client.Askpass)

    def __post_init__(self) -> None:
        self._shared.confirm = self.confirm

    async def transport(self, target: Target) -> Transport:
        """A way to the host, connected. Raises Unreachable."""
        try:
            made = await self.early.plan(target)
        except (BadConfig, ValueError) as error:
            raise Unreachable(f"Failed to connect to the host via ssh: {error}") from error
        if made.unsupported:
            return self._fall_back(target, made, ", ".join(made.unsupported))
        try:
            connected = await self._with_retries(target, made)
        except native.OnlyOpenSSH as why:
            return self._fall_back(target, made, str(why))

        async def another() -> native.Connected:
            return await self._with_retries(target, made)

        return SshTransport(connected, another, dict(made.environment))

    def _fall_back(self, target: Target, made: plan.Plan, why: str) -> Transport:
        if target.private_key is not None:
            what = "a private key that is not in a file can't be given to the OpenSSH client, which is needed for"
            raise Unreachable(f"Failed to connect to the host via ssh: {what}: {why}")
        if why not in self._said:
            self._said.add(why)
            self.notice(f"{target.host} is reached with the OpenSSH client, one process a session: {why}")
        return client.transport(target, self._askpass, made.keepalive)

    async def _with_retries(self, target: Target, made: plan.Plan) -> native.Connected:
        attempt = 0
        while True:
            try:
                return await self._turned_away(target, made)
            except Unreachable as error:
                pause = connect_retry(attempt, target.retries)
                if pause is None or "Permission denied" in error.message:
                    raise Unreachable(f"Failed to connect to the host via ssh: {error.message}") from error
            attempt += 1
            await asyncio.sleep(pause)

    async def _turned_away(self, target: Target, made: plan.Plan) -> native.Connected:
        """Connect; again if sshd had too many connections in the making."""
        attempt = 0
        clock = asyncio.get_running_loop().time
        end: float | None = None  # counted from the first refusal: waiting for one's turn is no part of it
        while True:
            try:
                through = await self._jump(target, made.jump) if made.jump is not None else None
                async with self.gate(made.where):
                    return await native.connect(target, made, self._shared, lambda: self._dialer(made, through))  # noqa: B023
            except native.TurnedAway:
                end = end or clock() + target.timeout
                pause = turned_away_retry(attempt, random.random(), end - clock())
                if pause is None:
                    raise
            attempt += 1
            await asyncio.sleep(pause)

    def _dialer(self, made: plan.Plan, through: asyncssh.SSHClientConnection | None) -> Dialer | JumpDialer:
        return Dialer(made, self.early.take(made)) if through is None else JumpDialer(made, through)

    async def _jump(self, target: Target, made: plan.Plan) -> asyncssh.SSHClientConnection:
        """The connection to a jump host: one a run. The target's password is not given to it."""
        task = self._jumps.get(made)
        if task is None or _spent(task):
            own = Target(host=made.alias, private_key_passphrase=target.private_key_passphrase)
            task = self._jumps[made] = asyncio.create_task(self._turned_away(own, made))
        try:
            return (await asyncio.shield(task)).connection
        except Unreachable as error:
            raise Unreachable(f"jump host {made.alias}: {error.message}") from error

    async def close(self) -> None:
        jumps, self._jumps = list(self._jumps.values()), {}
        for task in reversed(jumps):  # those reached through others come later
            if task.done() and not task.cancelled() and task.exception() is None:
                await task.result().close()
            else:
                task.cancel()
                await asyncio.wait([task])
        self._askpass.close()


def _spent(task: asyncio.Task[native.Connected]) -> bool:
    if not task.done():
        return False
    return task.cancelled() or task.exception() is not None or task.result().connection.is_closed()
