"""The proxy's network: late, cut, stalled, refused. Against an echo server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import pytest

from weft.lab import BackgroundProxy, LabError, Proxy

LATE = 0.03  # seconds: far above what loopback needs, short enough to wait for
SOON = 5.0  # seconds: longer than anything here takes


@dataclass
class Echo:
    """A server that greets and sends back what it gets; it remembers how its connections ended."""

    port: int = 0
    ends: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"hello\n")
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write(b"bye\n")
            self.ends.put_nowait("orderly")
        except ConnectionError:
            self.ends.put_nowait("reset")
        finally:
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo()
    before = asyncio.all_tasks()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    yield echo
    server.close()
    await server.wait_closed()
    current = asyncio.current_task()
    left = {task for task in asyncio.all_tasks() - before if task is not current}
    if left:  # they end with their connections
        assert not (await asyncio.wait(left, timeout=SOON))[1]


@contextlib.asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*proxy.address)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 -- the proxy has no event for it
            await asyncio.sleep(0)


async def echoed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> float:
    """Seconds until the data have come back."""
    start = time.monotonic()
    writer.write(data)
    assert await asyncio.wait_for(reader.readexactly(len(data)), SOON) == data
    return time.monotonic() - start


async def test_bytes_and_ends_are_passed_on(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port) as proxy, connected(proxy) as (reader, writer):
        writer.write(b"data")
        writer.write_eof()
        assert await reader.read() == b"hello\ndatabye\n"
        assert await echo.ends.get() == "orderly"
        assert (proxy.accepted, proxy.connections) == (1, 0)


async def test_delay_is_paid_each_way(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port, delay=LATE) as proxy, connected(proxy) as (reader, writer):
        await reader.readline()
        assert 2 * LATE <= await echoed(reader, writer, b"x") < 2 * LATE + 0.5


async def test_a_connection_costs_two_round_trips_to_the_first_byte(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port, delay=LATE) as proxy:
        start = time.monotonic()
        async with connected(proxy) as (reader, _):
            await reader.readline()
        assert 4 * LATE <= time.monotonic() - start < 4 * LATE + 0.5


async def test_delay_does_not_limit_throughput(echo: Echo) -> None:
    data = bytes(8 * 1024 * 1024)
    async with Proxy("127.0.0.1", echo.port, delay=LATE) as proxy, connected(proxy) as (reader, writer):
        await reader.readline()
        # one 64 KiB read for each round trip would take 128 of them
        assert await echoed(reader, writer, data) < 60 * LATE


async def test_order_stays_when_the_delay_shrinks(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port, delay=LATE) as proxy, connected(proxy) as (reader, writer):
        await reader.readline()
        writer.write(b"first")
        await until(lambda: proxy.bytes_forwarded == len(b"hello\nfirst"))
        proxy.delay = 0.0
        writer.write(b"second")
        assert await reader.readexactly(11) == b"firstsecond"


async def test_cut_resets_both_ends_and_new_connections_work(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port) as proxy:
        async with connected(proxy) as (reader, _):
            await reader.readline()
            proxy.cut()
            with pytest.raises(ConnectionResetError):
                await reader.read()
            assert await echo.ends.get() == "reset"
            assert proxy.connections == 0
        async with connected(proxy) as (again, _):
            assert await again.readline() == b"hello\n"


async def test_nothing_passes_while_stalled_and_nothing_is_lost(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port) as proxy, connected(proxy) as (reader, writer):
        await reader.readline()
        proxy.stall()
        writer.write(b"held")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 2 * LATE)
        proxy.resume()
        assert await reader.readexactly(4) == b"held"


async def test_a_connection_made_while_stalled_goes_on_afterwards(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port) as proxy:
        proxy.stall()
        async with connected(proxy) as (reader, writer):
            writer.write(b"early")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 2 * LATE)
            proxy.resume()
            assert await reader.readexactly(11) == b"hello\nearly"


async def test_an_end_that_came_while_stalled_is_passed_on_once(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port) as proxy, connected(proxy) as (reader, writer):
        await reader.readline()
        writer.write_eof()
        assert await echo.ends.get() == "orderly"
        proxy.stall()
        proxy.resume()
        assert await reader.read() == b"bye\n"


async def test_refused_connections_leave_open_ones_alone(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port) as proxy, connected(proxy) as (reader, writer):
        await reader.readline()
        address = proxy.address
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        await echoed(reader, writer, b"still here")
        await proxy.start()
        assert proxy.address == address
        async with connected(proxy) as (again, _):
            assert await again.readline() == b"hello\n"


async def test_a_reset_of_one_end_reaches_the_other(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port, delay=LATE) as proxy, connected(proxy) as (reader, writer):
        await reader.readline()
        peer = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()
        assert await echo.ends.get() == "reset"


async def test_a_host_that_is_down_looks_like_a_reset() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with Proxy(*unused.getsockname()) as proxy, connected(proxy) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await reader.read()


async def test_closing_ends_connections_that_are_still_being_made(echo: Echo) -> None:
    async with Proxy("127.0.0.1", echo.port, delay=60.0) as proxy:
        _, writer = await asyncio.open_connection(*proxy.address)
        await until(lambda: proxy.connections == 1)
    assert proxy.connections == 0
    assert not proxy.openers
    writer.close()


@pytest.fixture
def blocking_server() -> Iterator[int]:
    """A greeting and the end, from a thread; for callers without a loop."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    connection.sendall(b"hello\n")
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(SOON)


def test_a_caller_that_blocks_has_the_proxy_in_the_background(blocking_server: int) -> None:
    with BackgroundProxy(Proxy("127.0.0.1", blocking_server)) as proxy:
        with socket.create_connection(proxy.address, SOON) as connection:
            assert connection.recv(100) == b"hello\n"
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(proxy.address, SOON)
    with pytest.raises(LabError, match="isn't running"):
        proxy.cut()
