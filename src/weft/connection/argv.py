"""Transports that run a client program per channel: the local shell, docker, podman.

Each is a function from a command line to an argv; ``ArgvTransport`` runs it (so do the OpenSSH client and kubectl).
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Callable, Mapping, Sequence

from weft.connection.api import Target
from weft.connection.channel import Channel, Ended, Receiver
from weft.connection.errors import NoTransport
from weft.connection.process import Explain, ProcessChannel, spawn
from weft.model.errors import Unreachable, WeftError

Build = Callable[[str, bool], Sequence[str]]  # command line, on a terminal -> argv


class ArgvTransport:
    """Runs one client process per channel. ``local_pty``: the client wants a terminal itself if the program shall.

    ``on_close`` is called once, when the last of them has ended.
    """

    def __init__(
        self,
        build: Build,
        *,
        explain: Explain | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        local_pty: bool = True,
        on_close: Callable[[], object] = lambda: None,
    ) -> None:
        self._build = build
        self._explain = explain
        self._env = env
        self._cwd = cwd
        self._local_pty = local_pty
        self._on_close = on_close
        self._channels: set[ProcessChannel] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"<ArgvTransport {shlex.join(self._build('...', False))} channels={len(self._channels)}>"

    @property
    def alive(self) -> bool:
        return not self._closed

    async def start(self, command: str, receiver: Receiver, *, pty: bool = False) -> Channel:
        argv = self._build(command, pty)
        try:
            channel = spawn(
                argv, receiver, env=self._env, cwd=self._cwd, pty=pty and self._local_pty, explain=self._explain
            )
        except OSError as error:
            raise Unreachable(f"Failed to start {argv[0]}: {error.strerror or error}") from error
        self._channels = {known for known in self._channels if not known.over} | {channel}
        return channel

    async def close(self) -> None:
        on_close, self._on_close = self._on_close, lambda: None
        self._closed = True
        channels, self._channels = self._channels, set()
        for channel in channels:
            channel.close()
        try:
            await asyncio.gather(*(channel.wait_closed() for channel in channels))
        finally:
            on_close()


def local(target: Target) -> ArgvTransport:
    """This machine, as the user who runs weft."""
    return ArgvTransport(lambda command, pty: shell(command), cwd=target.cwd)


def container(target: Target) -> ArgvTransport:
    """docker or podman, by ``target.connection``. Raises NoTransport, WeftError."""
    build = {"docker": _docker, "podman": _podman}.get(target.connection)
    if build is None:
        raise NoTransport("connection", target.connection)
    before, after = build(target, dict(target.extra))

    def argv(command: str, pty: bool) -> list[str]:
        return [*before, "-it" if pty else "-i", *after, *shell(command)]

    return ArgvTransport(argv, explain=_explain(target))


def shell(command: str) -> list[str]:
    """The arguments that have a shell run a command line."""
    # one that only starts another shell makes room for it
    return ["/bin/sh", "-c", f"exec {command}" if command.startswith("/bin/sh -c ") else command]


_Parts = tuple[list[str], list[str]]  # before and after the -i


def _docker(target: Target, extra: Mapping[str, str]) -> _Parts:
    user = ["-u", target.user] if target.user else []
    folder = ["-w", extra["working_dir"]] if extra.get("working_dir") else []
    program = [extra.get("executable", "docker"), *words(extra.get("extra_args", ""), "extra_args"), "exec"]
    privileged = ["--privileged"] if extra.get("privileged") else []
    return program, [*user, *folder, *privileged, target.address or target.host]


def _podman(target: Target, extra: Mapping[str, str]) -> _Parts:
    user = ["--user", target.user] if target.user else []
    program = [extra.get("executable", "podman"), *words(extra.get("extra_args", ""), "extra_args"), "exec"]
    return program, [*user, target.address or target.host]


def words(text: str, name: str) -> list[str]:
    """An option's arguments for the program, as a shell would split them. Raises WeftError."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise WeftError(f"{name} can't be split into arguments ({error}): {text}") from None


_CLIENT_FAILED = re.compile(
    r"^(?:error\b|Error\b|Cannot connect to|Unable to connect|The connection to the server|OCI runtime|time=|FATA)"
    r"|No such container|is not running|executable file not found|^unable to find user ",
    re.MULTILINE,
)


def _explain(target: Target) -> Explain:
    def explain(ended: Ended, errors: str, output: bool) -> str:
        if ended.signal:
            return f"{target.connection}: {ended}"
        if output or not ended.rc or not _CLIENT_FAILED.search(errors):
            return ""
        name = target.address or target.host
        return f"Failed to connect to {name} via {target.connection}: {errors}"

    return explain
