"""The byte stream under an SSH connection: begun early, acknowledged at once until a program runs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import pytest_asyncio
from connection_kit import until
from ssh_server import Door, serve

from weft.connection.api import Target
from weft.connection.pool import SessionPool
from weft.connection.ssh import transport
from weft.connection.ssh.dial import CantDial, Dialer, JoinedWrites, Wire
from weft.connection.ssh.early import Early
from weft.connection.ssh.syntax import BadConfig


class Listener:
    """Counts who comes; says nothing."""

    def __init__(self, server: asyncio.Server, port: int) -> None:
        self.server = server
        self.port = port
        self.came = 0
        self.left = 0

    def target(self, host: str = "a", **more: Any) -> Target:
        return Target(host=host, address="127.0.0.1", port=self.port, user="somebody", **more)


def keyed_door(folder: Path) -> tuple[Door, str]:
    """A server's door, and the file of the key that opens it."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path = folder / "key"
    key.write_private_key(path)
    path.chmod(0o600)
    return Door(keys=[key]), str(path)


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[Listener]:
    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.came += 1
        await reader.read()
        made.left += 1
        writer.close()

    server = await asyncio.start_server(come, "127.0.0.1", 0)
    made = Listener(server, server.sockets[0].getsockname()[1])
    yield made
    server.close()
    await until(lambda: made.left == made.came)


@pytest_asyncio.fixture
async def early() -> AsyncIterator[Early]:
    made = Early()
    yield made
    await made.close()


async def test_a_stream_is_there_before_it_is_asked_for(early: Early, listener: Listener) -> None:
    await early.begin(listener.target())
    await until(lambda: listener.came == 1)
    plan = await early.plan(listener.target())
    begun = early.take(plan)
    assert begun is not None and early.take(plan) is None, "it is given to one"
    (await begun).close()


async def test_an_endpoint_is_dialled_once(early: Early, listener: Listener) -> None:
    for host in ("a", "b"):
        await early.begin(listener.target(host))
    await early.begin(listener.target("a"))
    await until(lambda: listener.came > 0)
    taken = [early.take(await early.plan(listener.target(host))) for host in ("a", "b")]
    streams = [stream for stream in taken if stream is not None]
    assert len(streams) == 1
    (await streams[0]).close()
    assert listener.came == 1


@pytest.mark.parametrize("arguments", ["-o ProxyCommand='nc %h %p'", "-J elsewhere", "-o PermitLocalCommand=yes"])
async def test_what_is_more_than_tcp_is_not_dialled(early: Early, listener: Listener, arguments: str) -> None:
    target = listener.target(ssh_extra_args=arguments)
    await early.begin(target)
    assert early.take(await early.plan(target)) is None


async def test_bad_options_are_said_to_who_asks_for_the_plan(early: Early, listener: Listener) -> None:
    target = listener.target(ssh_extra_args="-F /no/such/file")
    await early.begin(target)
    with pytest.raises(BadConfig, match="/no/such/file"):
        await early.plan(target)


async def test_a_refusal_is_said_to_who_takes_the_stream(early: Early) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        target = Target(host="a", address="127.0.0.1", port=nobody.getsockname()[1], user="somebody")
        await early.begin(target)
        plan = await early.plan(target)
        with pytest.raises(CantDial, match="Connection refused"):
            await Dialer(plan, early.take(plan)).create_connection(asyncio.Protocol, plan.host, plan.port)


async def test_what_nobody_takes_is_closed(listener: Listener) -> None:
    early = Early()
    await early.begin(listener.target())
    await until(lambda: listener.came == 1)
    await early.close()
    await until(lambda: listener.left == 1)


async def test_a_pool_s_first_connection_takes_the_early_stream(tmp_path: Path) -> None:
    door, key = keyed_door(tmp_path)
    async with serve(door, tmp_path) as lab:
        lab.know()
        pool = SessionPool()
        try:
            await pool.open(lab.target(private_key_file=key))
            assert len(door.connections) == 1
        finally:
            await pool.close()


async def test_files_are_read_once_and_programs_asked_each_time(tmp_path: Path) -> None:
    quiet, asking = tmp_path / "quiet", tmp_path / "asking"
    quiet.write_text("Host *\n  Port 2201\n")
    asking.write_text(f"Host x\n  Match exec 'echo %h >>{tmp_path / 'asked'}'\n  Port 2202\n")
    early = Early()
    for host in ("a", "b"):
        for file, port in ((quiet, 2201), (asking, 2202)):
            plan = await early.plan(Target(host=host, user="me", ssh_extra_args=f"-F {file}"))
            assert (plan.host, plan.port) == (host, port)
        assert early.files.at_hand(str(quiet)) and not early.files.at_hand(str(asking))
    assert (tmp_path / "asked").read_text() == "a\nb\n"


# writing


class Sent:
    """A transport that notes what is written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = ""

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = "in order"

    def abort(self) -> None:
        self.closed = "at once"


async def test_a_small_packet_leaves_with_the_next_one() -> None:
    sent = Sent()
    joined = JoinedWrites(sent)
    for data in (b"small", b"x" * 200, b"y" * 200, b"one", b"two"):
        joined.write(data)
    assert sent.writes == [b"small" + b"x" * 200, b"y" * 200, b"onetwo"]


async def test_a_small_packet_leaves_though_nothing_follows() -> None:
    sent = Sent()
    joined = JoinedWrites(sent)
    joined.write(b"small")
    await asyncio.sleep(0)
    assert sent.writes == [b"small"]
    joined.write(b"last")
    joined.close()
    assert (sent.writes, sent.closed) == ([b"small", b"last"], "in order")


async def test_nothing_leaves_after_an_abort() -> None:
    sent = Sent()
    joined = JoinedWrites(sent)
    joined.write(b"small")
    joined.abort()
    await asyncio.sleep(0)
    assert (sent.writes, sent.closed) == ([], "at once")


# acknowledging


class Socket:
    def __init__(self) -> None:
        self.options: list[tuple[int, int, int]] = []

    def setsockopt(self, *option: int) -> None:
        self.options.append(option)  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="the kernel acknowledges as it likes")
def test_each_packet_is_acknowledged_at_once_until_the_set_up_is_over() -> None:
    at_once = (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    fake: Any = Socket()

    class Protocol(asyncio.Protocol):
        pass

    wire = Wire(Protocol(), fake)
    wire.data_received(b"one")
    wire.data_received(b"two")
    assert fake.options == [at_once, at_once]
    wire.hasty = False
    wire.data_received(b"three")
    assert fake.options == [at_once, at_once]


async def test_the_set_up_is_over_when_a_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []

    class Watched(Dialer):
        async def create_connection(self, *arguments: Any) -> tuple[Any, Any]:
            seen.append(("dialled", len(door.commands)))
            return await super().create_connection(*arguments)

        def settled(self) -> None:
            seen.append(("settled", len(door.commands)))
            super().settled()

    monkeypatch.setattr(transport, "Dialer", Watched)
    door, key = keyed_door(tmp_path)
    async with serve(door, tmp_path) as lab:
        lab.know()
        pool = SessionPool()
        try:
            await pool.open(lab.target(private_key_file=key))
        finally:
            await pool.close()
    assert seen == [("dialled", 0), ("settled", 1)]
