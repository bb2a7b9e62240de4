"""The byte stream that an SSH connection runs over: TCP or a ProxyCommand, given to asyncssh as its tunnel.

asyncssh lets anything with ``create_connection`` carry a connection. Doing it here keeps names, time-outs and refusals
apart from what SSH itself says, and lets us acknowledge at once while a connection is set up.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable
from typing import Any

from weft.connection.channel import Ended
from weft.connection.process import ProcessChannel, spawn
from weft.connection.ssh.plan import Plan
from weft.model.errors import Unreachable

_SMALL = 100  # bytes: an empty packet, with the longest of the checksums


class CantDial(Unreachable):
    """There is no byte stream: the name has no address, nobody listens, nobody answers."""


class Dialer:
    """Opens one stream for a plan, or takes the one that is being opened. asyncssh calls ``create_connection``."""

    def __init__(self, plan: Plan, begun: asyncio.Task[socket.socket] | None = None) -> None:
        self._plan = plan
        self._begun = begun
        self._wire: Wire | None = None
        self._proxy: ProxyPipe | None = None

    @property
    def proxy_errors(self) -> str:
        """What the ProxyCommand said on stderr."""
        return self._proxy.errors if self._proxy else ""

    async def create_connection(self, factory: Callable[[], Any], host: str, port: int) -> tuple[Any, Any]:
        """The stream and the connection on it. Raises CantDial."""
        protocol = factory()
        if self._plan.proxy_command is not None:
            self._proxy = ProxyPipe(protocol)
            self._proxy.start(self._plan.proxy_command)
            return self._proxy, protocol
        connected = await (self._begun or open_stream(self._plan))
        wire = self._wire = Wire(protocol, connected)
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: wire, sock=connected)
        return transport, protocol

    def settled(self) -> None:
        """The first program runs: from now on acknowledge as the kernel thinks best."""
        if self._wire is not None:
            self._wire.hasty = False

    async def wait_closed(self) -> None:
        if self._proxy is not None:
            await self._proxy.wait_closed()


async def open_stream(plan: Plan) -> socket.socket:
    """A TCP connection to where a plan goes. Raises CantDial."""
    host, port, why = plan.host, plan.port, f"ssh: Could not resolve hostname {plan.host}: no address"
    for attempt in range(plan.attempts):
        if attempt:
            await asyncio.sleep(1)
        for family, address in await _addresses(host, port, plan.family):
            try:
                async with asyncio.timeout(plan.connect_timeout or None):
                    return await _open(family, address, plan.bind_address)
            except TimeoutError:
                why = f"ssh: connect to host {host} port {port}: Connection timed out"
            except OSError as error:
                why = f"ssh: connect to host {host} port {port}: {os.strerror(error.errno or 0)}"
    raise CantDial(why)


async def _addresses(host: str, port: int, family: int) -> list[tuple[int, Any]]:
    """Where to try, in order. A literal address needs no resolver. Raises CantDial."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return [(socket.AF_INET if literal.version == 4 else socket.AF_INET6, (host, port))]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise CantDial(f"ssh: Could not resolve hostname {host}: {error.strerror}") from None
    except UnicodeError:
        raise CantDial(f"ssh: Could not resolve hostname {host}: it is no name") from None
    return [(family, address) for family, _, _, _, address in found]


async def _open(family: int, address: Any, bind_address: str | None) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        if bind_address:
            opened.bind((bind_address, 0))
        await asyncio.get_running_loop().sock_connect(opened, address)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        opened.close()
        raise
    return opened


class JumpDialer:
    """Opens the stream through another SSH connection."""

    proxy_errors = ""

    def __init__(self, plan: Plan, through: Any) -> None:
        self._plan = plan
        self._through = through

    async def create_connection(self, factory: Callable[[], Any], host: str, port: int) -> tuple[Any, Any]:
        """The stream and the connection on it. Raises CantDial."""
        import asyncssh

        jump = self._plan.jump.where if self._plan.jump else "the jump host"
        try:
            async with asyncio.timeout(self._plan.connect_timeout or None):
                channel, connection = await self._through.create_connection(factory, host, port)
        except TimeoutError:
            raise CantDial(f"ssh: connect to host {host} port {port} through {jump}: Connection timed out") from None
        except (asyncssh.Error, OSError) as error:
            why = getattr(error, "reason", None) or str(error)
            raise CantDial(f"ssh: connect to host {host} port {port} through {jump}: {why}") from error
        return channel, connection

    def settled(self) -> None:
        """There is no socket of ours."""

    async def wait_closed(self) -> None:
        """The jump host's connection is somebody else's."""


class Wire(asyncio.Protocol):
    """Between the socket and asyncssh. Until it starts a program, sshd waits for the acknowledgement of one small
    packet before it sends the next (Nagle's algorithm). A delayed one costs 40 ms a connection, so every packet before
    that is acknowledged at once; on a jump host's connection, which starts none, always."""

    def __init__(self, protocol: Any, connected: socket.socket) -> None:
        self.hasty = hasattr(socket, "TCP_QUICKACK")
        self._protocol = protocol
        self._socket: socket.socket | None = connected

    def connection_made(self, transport: Any) -> None:
        self._protocol.connection_made(JoinedWrites(transport))

    def data_received(self, data: bytes) -> None:
        if self.hasty and self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._protocol.data_received(data)

    def eof_received(self) -> None:
        self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._socket = None
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


class JoinedWrites:
    """As much of a transport as asyncssh needs, which sends a small packet together with the one behind it.

    asyncssh puts an empty packet ahead of each one that is encrypted. Alone that is a system call here, a packet on the
    wire, and sshd woken up, for nothing.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        elif len(data) <= _SMALL:
            self._held = data
            self._loop.call_soon(self._flush)  # if nothing follows at once
            return
        self._transport.write(data)

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._transport.write(held)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._held = b""
        self._transport.abort()

    def is_closing(self) -> bool:
        return bool(self._transport.is_closing())

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


class ProxyPipe:
    """A ProxyCommand's stdin and stdout, as much of an asyncio transport as ``JoinedWrites`` needs."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._channel: ProcessChannel | None = None
        self._errors = b""
        self._closing = False

    @property
    def errors(self) -> str:
        return self._errors.decode("utf-8", "replace").strip()

    def start(self, command: str) -> None:
        """Run it, in the user's shell as ssh does. Raises CantDial."""
        shell = os.environ.get("SHELL") or "/bin/sh"
        try:
            self._channel = spawn([shell, "-c", f"exec {command}"], self)
        except OSError as error:
            raise CantDial(f"ssh: ProxyCommand {command!r} can't be started: {error.strerror}") from None
        self._protocol.connection_made(JoinedWrites(self))

    async def wait_closed(self) -> None:
        if self._channel is not None:
            await self._channel.wait_closed()

    # as a receiver

    def on_data(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def on_error(self, data: bytes) -> None:
        self._errors = (self._errors + data)[-8192:]

    def on_end(self, ended: Ended) -> None:
        self._protocol.connection_lost(None)

    # as a transport

    def write(self, data: bytes) -> None:
        if self._channel is not None:
            self._channel.write(bytes(data))

    def close(self) -> None:
        self._closing = True
        if self._channel is not None:
            self._channel.close()

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default
