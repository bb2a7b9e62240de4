"""A TCP proxy that makes a network: it delays, cuts, stalls and refuses. For tests and benches of slow or broken links.

Delay is one way and each way: bytes wait in a queue until they are due, and any number of them may be under way, so
throughput does not suffer. A connection costs what a TCP handshake costs on such a line: the far side hears of it after
three one-way delays (SYN, SYN-ACK, ACK). ``Proxy`` lives in the caller's event loop; ``BackgroundProxy`` has its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from weft.lab.errors import LabError

#: Bytes that may be under way in one direction before the sender has to wait.
MOST_UNDER_WAY = 32 * 1024 * 1024

_HANDSHAKE = 3  # one-way delays
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_START_SECONDS = 10.0
_T = TypeVar("_T")


class _End:
    """What can be queued besides bytes."""

    FINISHED = "finished"  # the sender has no more to say
    RESET = "reset"  # the connection broke


class _Lane:
    """One direction of one connection: what came in, when it is due, and where it goes."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[float, bytes | str]] = deque()
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._sink_full = False
        self.source: asyncio.Transport | None = None
        self.sink: asyncio.Transport | None = None
        self.not_before = 0.0
        self.finished = False  # the source has no more to say
        self.over = False  # and the sink knows

    def feed(self, item: bytes | str) -> None:
        due = max(self._loop.time() + self._link.proxy.delay, self.not_before)
        self.not_before = due  # the order stays, even if the delay shrinks
        self._queue.append((due, item))
        if isinstance(item, bytes):
            self._under_way += len(item)
        self.deliver()
        self.hold_source()

    def deliver(self) -> None:
        """Send what is due, and come back when the next is."""
        self._cancel_timer()
        if self.sink is None or self._sink_full or self._link.proxy.stalled:
            return
        while self._queue and self._queue[0][0] <= self._loop.time() and not self._sink_full:
            self._send(self._queue.popleft()[1])
        if self._queue and not self._sink_full:
            self._timer = self._loop.call_at(self._queue[0][0], self.deliver)
        self.hold_source()

    def sink_full(self, full: bool) -> None:
        self._sink_full = full
        if not full:
            self.deliver()

    def close(self) -> None:
        self._cancel_timer()
        self._queue.clear()

    def _send(self, item: bytes | str) -> None:
        if self.sink is None or self.sink.is_closing():
            return
        if isinstance(item, bytes):
            self._under_way -= len(item)
            self.sink.write(item)
        elif item == _End.RESET:
            self._link.reset()
        else:
            self.over = True
            with contextlib.suppress(OSError):
                self.sink.write_eof()
            self._link.lane_over()

    def hold_source(self) -> None:
        """Don't take in more than may be under way; while stalled, nothing."""
        if self.source is None or self.source.is_closing() or self.finished:
            return
        hold = self._link.proxy.stalled or self._under_way > MOST_UNDER_WAY
        if hold and self.source.is_reading():
            self.source.pause_reading()
        elif not hold and not self.source.is_reading():
            self.source.resume_reading()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Side(asyncio.Protocol):
    """One end of a connection: reads into one lane, writes from the other."""

    def __init__(self, reads: _Lane, writes: _Lane, link: _Link) -> None:
        self._reads = reads
        self._writes = writes
        self._link = link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._reads.source = transport
        self._writes.sink = transport
        self._link.opened(transport)
        self._reads.hold_source()
        self._writes.deliver()

    def data_received(self, data: bytes) -> None:
        self._link.proxy.bytes_forwarded += len(data)
        self._reads.feed(data)

    def eof_received(self) -> bool:
        self._reads.finished = True
        self._reads.feed(_End.FINISHED)
        return True  # the other direction may go on

    def connection_lost(self, error: Exception | None) -> None:
        self._link.lost(self._reads, error)

    def pause_writing(self) -> None:
        self._writes.sink_full(True)

    def resume_writing(self) -> None:
        self._writes.sink_full(False)


class _Link:
    """One connection through the proxy: two lanes, two transports."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self._transports: list[asyncio.Transport] = []
        self._up = _Lane(self)
        self._down = _Lane(self)
        self._opener: asyncio.Task[None] | None = None
        self._broken = False

    def client_side(self) -> _Side:
        return _Side(self._up, self._down, self)

    def opened(self, transport: asyncio.Transport) -> None:
        self._transports.append(transport)
        if self._broken:
            self.reset()
        elif self._opener is None:
            loop = asyncio.get_running_loop()
            self._up.not_before = loop.time() + _HANDSHAKE * self.proxy.delay
            self._opener = loop.create_task(self._open_far_side(_HANDSHAKE * self.proxy.delay))
            self.proxy.openers.add(self._opener)
            self._opener.add_done_callback(self.proxy.openers.discard)

    def lane_over(self) -> None:
        if self._up.over and self._down.over:
            self._finish()
            for transport in self._transports:
                transport.close()

    def lost(self, lane: _Lane, error: Exception | None) -> None:
        if error is not None:
            lane.feed(_End.RESET)  # the other side hears of it after the delay, as of anything else
        elif self._broken or all(transport.is_closing() for transport in self._transports):
            self._finish()

    def reset(self) -> None:
        """Break both sides, so that their peers see a reset and not an orderly end."""
        self._broken = True
        for transport in self._transports:
            peer: socket.socket | None = transport.get_extra_info("socket")
            if peer is not None and not transport.is_closing():
                with contextlib.suppress(OSError):
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        self._finish()

    def deliver(self) -> None:
        for lane in (self._up, self._down):
            lane.deliver()
            lane.hold_source()

    def _finish(self) -> None:
        for lane in (self._up, self._down):
            lane.close()
        if self._opener is not None:
            self._opener.cancel()
        self.proxy.links.discard(self)

    async def _open_far_side(self, wait: float) -> None:
        await asyncio.sleep(wait)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: _Side(self._down, self._up, self), *self.proxy.target
            )
        except OSError:
            self.reset()


class Proxy:
    """Listens at ``listen``:``listen_port`` (0: any free port) for connections to ``host``:``port``.

    ``delay``: seconds each way; a change holds for bytes that come in afterwards. Use it as an async context manager.
    """

    def __init__(
        self, host: str, port: int, *, listen: str = "127.0.0.1", listen_port: int = 0, delay: float = 0.0
    ) -> None:
        self.target = (host, port)
        self.delay = delay
        self.stalled = False
        self.accepted = 0  # connections since the start
        self.bytes_forwarded = 0  # taken in, both ways together
        self._listen = (listen, listen_port)
        self._server: asyncio.Server | None = None
        self.links: set[_Link] = set()  # each link takes itself out
        self.openers: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect to; known once it has been started."""
        return self._listen

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self.links)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Listen. Raises OSError. Does nothing if it listens already."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._accept, *self._listen, backlog=1024)
            self._listen = self._server.sockets[0].getsockname()[:2]

    async def close(self) -> None:
        """Stop listening and break what is open. Leaves no task."""
        self.refuse()
        self.cut()
        await asyncio.gather(*self.openers, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes sockets in its next round

    def cut(self) -> None:
        """Break all current connections: both ends see a reset."""
        for link in list(self.links):
            link.reset()

    def stall(self) -> None:
        """Hold everything back, new connections too, until ``resume``. Nobody is told, as when packets get lost."""
        self.stalled = True
        self._each_delivers()

    def resume(self) -> None:
        self.stalled = False
        self._each_delivers()

    def refuse(self) -> None:
        """Refuse new connections until ``start``; those that are open stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _each_delivers(self) -> None:
        for link in list(self.links):
            link.deliver()

    def _accept(self) -> asyncio.Protocol:
        self.accepted += 1
        link = _Link(self)
        self.links.add(link)
        return link.client_side()


class BackgroundProxy:
    """A ``Proxy`` in a thread with an event loop of its own, for callers that block. Use it as a context manager."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="weft-lab-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait(self._proxy.close())
        self._end()

    @property
    def address(self) -> tuple[str, int]:
        return self._proxy.address

    @property
    def accepted(self) -> int:
        return self._proxy.accepted

    @property
    def connections(self) -> int:
        return self._call(lambda: self._proxy.connections)

    @property
    def delay(self) -> float:
        return self._proxy.delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        self._proxy.delay = seconds

    def start(self) -> None:
        self._wait(self._proxy.start())

    def cut(self) -> None:
        self._call(self._proxy.cut)

    def stall(self) -> None:
        self._call(self._proxy.stall)

    def resume(self) -> None:
        self._call(self._proxy.resume)

    def refuse(self) -> None:
        self._call(self._proxy.refuse)

    def _call(self, function: Callable[[], _T]) -> _T:
        async def inside() -> _T:
            return function()

        return self._wait(inside())

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        if self._loop is None or not self._thread.is_alive():
            work.close()
            raise LabError("the proxy isn't running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_SECONDS)

    def _run(self) -> None:
        assert self._loop is not None
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _end(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_SECONDS)
