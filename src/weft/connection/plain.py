"""A session with a host that has no Python: ``raw`` and file transfer by plain shell, one channel for each.

Implements ``Session`` with the same names and results as the agent's operations; any other says that Python is missing.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from weft.connection.api import AgentInfo, Posted, Reply, RequestFailed, Target
from weft.connection.bootstrap import Launch, shell_command, start
from weft.connection.channel import Ended, Transport
from weft.connection.exchange import Callback
from weft.connection.names import LOCAL, transport_name
from weft.model.errors import Unreachable, WeftError


class PlainSession:
    """Runs each request as a shell command. ``missing`` makes what an operation that needs Python fails with."""

    def __init__(
        self,
        target: Target,
        transport: Callable[[], Awaitable[Transport]],
        missing: Callable[[], WeftError],
        release: Callable[[], Any],
    ) -> None:
        self._target = target
        self._transport = transport
        self._missing = missing
        self._release = release
        self._closed = False

    def __repr__(self) -> str:
        return f"<PlainSession {self._target.host}>"

    @property
    def idle(self) -> bool:
        """Nothing of it stays on the host between requests."""
        return False

    @property
    def target(self) -> Target:
        return self._target

    @property
    def info(self) -> AgentInfo | None:
        return None

    @property
    def alive(self) -> bool:
        return not self._closed

    async def request(
        self,
        op: str,
        arguments: Mapping[str, Any] | None = None,
        payload: bytes = b"",
        *,
        on_stream: Callback | None = None,
    ) -> Reply:
        if self._closed:
            raise Unreachable("The session was closed.")
        operation = getattr(self, f"_op_{op}", None)
        if operation is None:
            raise self._missing()
        reply: Reply = await operation(arguments or {}, payload)
        return reply

    def post(self, op: str, arguments: Mapping[str, Any], *, after: Posted | None = None) -> Posted | None:
        return None  # nobody is there who could wait

    async def revoke(self, posted: Sequence[Posted]) -> None:
        """Nothing is ever posted."""

    def on_push(self, name: str, callback: Callback) -> Callable[[], None]:
        return lambda: None  # nobody is there to push anything

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._release()

    # operations, as in docs/agent-protocol.md

    async def _op_ping(self, arguments: Mapping[str, Any], payload: bytes) -> Reply:
        return Reply({})

    async def _op_raw(self, arguments: Mapping[str, Any], payload: bytes) -> Reply:
        script = str(arguments["text"])
        exports = "".join(f"export {key}={shlex.quote(str(value))}; " for key, value in _environment(arguments))
        shell = str(arguments.get("executable") or "/bin/sh")
        try:
            async with asyncio.timeout(arguments.get("timeout")):
                rc, out, errors = await self._run(exports + script, payload, shell=shell)
        except TimeoutError:
            raise RequestFailed("timeout", f"raw: not done after {arguments.get('timeout')} seconds") from None
        return Reply({"rc": rc, "stdout_len": len(out), "stderr_len": len(errors)}, out + errors)

    async def _op_put(self, arguments: Mapping[str, Any], payload: bytes) -> Reply:
        path, offset, more = str(arguments["path"]), int(arguments.get("offset") or 0), bool(arguments.get("more"))
        part, target = _quoted(f"{path}.weft-part"), _quoted(path)
        write = f"umask 077; cat {'>>' if offset else '>'} {part}"
        if not more:
            mode = arguments.get("mode")
            write += f" && chmod {shlex.quote(str(mode))} {part}" if mode else ""
            write += f" && mv -f {part} {target}"
        await self._must(write, payload, path)
        return Reply({"size": offset + len(payload)})

    async def _op_get(self, arguments: Mapping[str, Any], payload: bytes) -> Reply:
        path, offset = str(arguments["path"]), int(arguments.get("offset") or 0)
        length = int(arguments.get("length") or 32 * 1024 * 1024)
        file = _quoted(path)
        script = f"wc -c < {file} && tail -c +{offset + 1} {file} | head -c {length}"
        out = await self._must(script, b"", path)
        size_line, _, data = out.partition(b"\n")
        size = int(size_line.strip() or 0)
        return Reply({"size": size, "eof": offset + len(data) >= size}, data)

    async def _op_tempdir(self, arguments: Mapping[str, Any], payload: bytes) -> Reply:
        base = str(arguments.get("base") or self._target.remote_tmp)
        name = f"{arguments.get('prefix') or 'weft-'}{secrets.token_hex(8)}"
        script = f'umask 077; d={_quoted(base)}; mkdir -p "$d" && d="$d/"{shlex.quote(name)} && mkdir "$d" && echo "$d"'
        out = await self._must(script, b"", base)
        return Reply({"path": out.decode("utf-8", "surrogateescape").strip()})

    async def _op_remove(self, arguments: Mapping[str, Any], payload: bytes) -> Reply:
        paths = " ".join(_quoted(str(path)) for path in arguments.get("paths") or ())
        await self._must(f"rm -f{'r' if arguments.get('recursive') else ''} -- {paths}", b"", paths)
        return Reply({})

    # running

    async def _must(self, script: str, stdin: bytes, subject: str) -> bytes:
        rc, out, errors = await self._run(script, stdin)
        if rc != 0:
            said = errors.decode("utf-8", "replace").strip() or f"status {rc}"
            raise RequestFailed("os", f"{subject}: {said}")
        return out

    async def _run(self, script: str, stdin: bytes, *, shell: str = "/bin/sh") -> tuple[int, bytes, bytes]:
        """Exit status, stdout and stderr of a shell script on the host. Raises Unreachable, BecomeFailed."""
        mark = f"WEFT-SHELL-{secrets.token_hex(8)}"
        # on a terminal there is no end of file: say how much there is
        fed = f"head -c {len(stdin)} | {shlex.quote(shell)} -c {shlex.quote(script)}" if stdin else script
        launch = Launch(
            command=shell_command(mark, fed, shell="/bin/sh" if stdin else shell, stdin=bool(stdin)),
            become=self._target.become,
            timeout=self._target.become_timeout,
            local=transport_name(self._target) == LOCAL,
            mark=mark.encode(),
            python=False,
        )
        started = await start(await self._transport(), launch)
        assert started is not None
        collector = _Collector()
        try:
            started.attach(collector)
            started.channel.write(stdin)
            if not self._target.become:
                started.channel.write_eof()
            ended = await collector.done
        finally:
            started.channel.close()
        if ended.rc is None:
            raise Unreachable(f"The connection to {self._target.host} was lost: {ended}")
        return ended.rc, bytes(collector.out), bytes(collector.errors)


class _Collector:
    """Keeps all output of a channel."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.errors = bytearray()
        self.done: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    def on_data(self, data: bytes) -> None:
        self.out += data

    def on_error(self, data: bytes) -> None:
        self.errors += data

    def on_end(self, ended: Ended) -> None:
        if not self.done.done():
            self.done.set_result(ended)


def _environment(arguments: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return list((arguments.get("environment") or {}).items())


def _quoted(path: str) -> str:
    """A path for the shell, with a ``~`` at its start left to be expanded."""
    if path == "~" or path.startswith("~/"):
        return '"$HOME"' + shlex.quote(path[1:]) if len(path) > 1 else '"$HOME"'
    return shlex.quote(path)
