"""Local programs as channels."""

from __future__ import annotations

import asyncio
import os
import shlex
from pathlib import Path

import pytest
from connection_kit import until

from weft.connection.channel import Ended
from weft.connection.process import ProcessChannel, spawn


class Heard:
    """What a channel said."""

    def __init__(self) -> None:
        self.out = b""
        self.errors = b""
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    def on_data(self, data: bytes) -> None:
        self.out += data

    def on_error(self, data: bytes) -> None:
        self.errors += data

    def on_end(self, ended: Ended) -> None:
        self.ended.set_result(ended)


def shell(text: str, *, pty: bool = False) -> tuple[ProcessChannel, Heard]:
    heard = Heard()
    return spawn(["/bin/sh", "-c", text], heard, pty=pty), heard


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


async def test_output_errors_and_status() -> None:
    _, heard = shell("echo out; echo err >&2; exit 3")
    assert await heard.ended == Ended(rc=3)
    assert (heard.out, heard.errors) == (b"out\n", b"err\n")


async def test_a_signal() -> None:
    _, heard = shell("kill -9 $$")
    assert await heard.ended == Ended(rc=137, signal="SIGKILL")
    assert str(heard.ended.result()) == "it was killed by signal SIGKILL"


async def test_much_in_and_out() -> None:
    channel, heard = shell("cat")
    content = os.urandom(5_000_000)
    channel.write(content[:1])
    channel.write(content[1:])
    channel.write_eof()
    assert (await heard.ended).rc == 0
    assert heard.out == content


async def test_a_program_that_does_not_read_is_no_error() -> None:
    channel, heard = shell("exec <&-; sleep 0.05; echo done")
    channel.write(bytes(1_000_000))
    assert (await heard.ended).rc == 0
    channel.write(b"more")
    assert heard.out == b"done\n"


async def test_closing_ends_its_whole_group() -> None:
    channel, heard = shell("sleep 60 & echo $!; wait")
    await until(lambda: bool(heard.out))
    channel.close()
    await channel.wait_closed()
    assert heard.ended.result().signal == "SIGTERM"
    await until(lambda: gone(int(heard.out)))


async def test_a_grandchild_that_keeps_the_pipes_does_not_keep_the_channel(tmp_path: Path) -> None:
    _, heard = shell(f"setsid sleep 60 & echo $! > {shlex.quote(str(tmp_path / 'pid'))}")
    assert (await heard.ended).rc == 0
    os.kill(int((tmp_path / "pid").read_text()), 9)


async def test_a_terminal_of_its_own() -> None:
    channel, heard = shell(
        "test -t 0 && test -t 1 && tty </dev/tty >/dev/null && stty -echo && read x && echo $x", pty=True
    )
    channel.write(b"typed\n")
    assert (await heard.ended).rc == 0
    assert b"typed" in heard.out


async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        spawn(["/no/such/program"], Heard())
