"""An SSH server in the tests' own process, on a loopback port, that runs commands for real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from weft.connection.api import Target


@dataclass
class Door:
    """What the server lets in, and what it saw."""

    password: str | None = None
    keys: list[asyncssh.SSHKey] = field(default_factory=list)
    keyboard: list[tuple[str, bool]] | None = None  # prompts that the password answers
    sessions: int = 100  # in one connection
    tried: list[str] = field(default_factory=list)
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    environment: list[dict[str, str]] = field(default_factory=list)
    jumped: list[tuple[str, int]] = field(default_factory=list)


class _Server(asyncssh.SSHServer):
    def __init__(self, door: Door) -> None:
        self._door = door
        self._open = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._door.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return bool(self._door.keys)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._door.tried.append("key")
        return key.public_data in {known.public_data for known in self._door.keys}

    def password_auth_supported(self) -> bool:
        return self._door.password is not None and self._door.keyboard is None

    def validate_password(self, username: str, password: str) -> bool:
        self._door.tried.append(f"password {password}")
        return password == self._door.password

    def kbdint_auth_supported(self) -> bool:
        return self._door.keyboard is not None

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "", "", "", self._door.keyboard

    def validate_kbdint_response(self, username: str, responses: Any) -> bool:
        self._door.tried.append(f"keyboard {','.join(responses)}")
        return list(responses) == [self._door.password]

    def session_requested(self) -> Any:
        if self._open >= self._door.sessions:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "open failed")
        self._open += 1
        return _Session(self._door)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        self._door.jumped.append((dest_host, dest_port))
        return True


class _Session(asyncssh.SSHServerSession[bytes]):
    """Runs the command with /bin/sh and joins its pipes to the channel."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._input: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, chan: Any) -> None:
        chan.set_encoding(None)
        self._channel = chan

    def exec_requested(self, command: str) -> bool:
        self._door.commands.append(command)
        self._door.environment.append(dict(self._channel.get_environment()))
        self._task = asyncio.create_task(self._run(command))
        _running.add(self._task)
        self._task.add_done_callback(_running.discard)
        return True

    def data_received(self, data: bytes, datatype: Any) -> None:
        self._input.put_nowait(data)

    def eof_received(self) -> bool:
        self._input.put_nowait(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._input.put_nowait(None)

    async def _run(self, command: str) -> None:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", command, stdin=pipe, stdout=pipe, stderr=pipe)
        assert process.stdin and process.stdout and process.stderr
        feed = asyncio.create_task(self._feed(process.stdin))
        await asyncio.gather(
            self._pump(process.stdout, self._channel.write), self._pump(process.stderr, self._channel.write_stderr)
        )
        feed.cancel()
        await asyncio.wait([feed])
        process.stdin.close()
        rc = await process.wait()
        if not self._channel.is_closing():
            self._channel.exit(rc)

    async def _feed(self, stdin: asyncio.StreamWriter) -> None:
        while (data := await self._input.get()) is not None:
            stdin.write(data)
        stdin.close()

    async def _pump(self, stream: asyncio.StreamReader, write: Callable[[bytes], None]) -> None:
        while data := await stream.read(65536):
            if not self._channel.is_closing():
                write(data)


_running: set[asyncio.Task[None]] = set()


@dataclass
class Lab:
    """A running server."""

    port: int
    host_key: asyncssh.SSHKey
    folder: Path

    @property
    def public(self) -> str:
        """The host key as known_hosts has it."""
        return " ".join(self.host_key.export_public_key().decode().split()[:2])

    def know(self, *lines: str) -> Path:
        path = self.folder / "known_hosts"
        path.write_text("".join(line + "\n" for line in lines or (f"[127.0.0.1]:{self.port} {self.public}",)))
        return path

    def target(self, *, options: str = "", **given: Any) -> Target:
        """A target on it that reads nobody's configuration."""
        path = self.folder / "known_hosts"
        common = (
            f"-F none -o UserKnownHostsFile={path} -o GlobalKnownHostsFile=/dev/null -o IdentityAgent=none {options}"
        )
        base: dict[str, Any] = {
            "host": "web1", "address": "127.0.0.1", "port": self.port, "user": "me", "ssh_common_args": common,
            "private_key_file": "/nonexistent/key", "interpreter_fallback": ("python3",),
        }  # fmt: skip
        return Target(**{**base, **given})


@asynccontextmanager
async def serve(door: Door, folder: Path, **options: Any) -> AsyncIterator[Lab]:
    """A server for the time of a block."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    acceptor = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=lambda: _Server(door), encoding=None, login_timeout=5,
        **{"server_host_keys": [key], **options},
    )  # fmt: skip
    try:
        yield Lab(acceptor.get_port(), key, folder)
    finally:
        acceptor.close()
        await acceptor.wait_closed()
        for connection in door.connections:
            connection.abort()
            await connection.wait_closed()
        if _running:
            await asyncio.wait(_running, timeout=5)
