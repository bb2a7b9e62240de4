"""The lane's process: started when it is foreseen or needed, asked for a worker for each task, ended with the run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping

from msgspec import Struct

from weft.content.helpers import helper_command
from weft.content.lane.channel import COMMAND, ENDED, READY
from weft.model.errors import WeftError

_MODULE = "weft.content.lane"
_KILL_AFTER = 3.0  # seconds that the process may take to end


class LaneBroken(WeftError):
    """There is no lane process, or no longer one."""


class Worker(Struct, frozen=True, eq=False):
    """One worker: its socket (ours), and its exit status once it has ended."""

    number: int
    socket: socket.socket
    ended: asyncio.Future[int]


class Nursery:
    """One process that forks workers. Owned by ``Lane``."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """``environment`` is added to this process's."""
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._loading: socket.socket | None = None  # to a process that is not ready yet
        self._control: socket.socket | None = None  # to one that is
        self._reader: asyncio.Task[None] | None = None
        self._workers: dict[int, Worker] = {}
        self._starting = asyncio.Lock()
        self._numbers = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Have the process load ansible-core, which takes longer than what is done meanwhile. Raises OSError."""
        if self._closed or self._loading is not None or self._control is not None:
            return
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            self._process = _spawn(theirs, self._environment)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._loading = ours

    async def worker(self) -> Worker:
        """A new worker that waits for a request. Raises LaneBroken."""
        await self._ready()
        assert self._control is not None
        self._numbers += 1
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        worker = Worker(self._numbers, ours, asyncio.get_running_loop().create_future())
        self._workers[worker.number] = worker
        try:
            socket.send_fds(self._control, [COMMAND.pack(worker.number)], [theirs.fileno()])
        except OSError as error:
            del self._workers[worker.number]
            ours.close()
            raise LaneBroken(f"The process for ansible-core's plugins is gone: {error.strerror}") from error
        finally:
            theirs.close()
        return worker

    def stop(self, worker: Worker) -> None:
        """End a worker that is not wanted any more, with all that it has started."""
        if self._control is not None and not worker.ended.done():
            with contextlib.suppress(OSError):
                self._control.send(COMMAND.pack(worker.number))

    async def close(self) -> None:
        """Workers are killed, the process ends."""
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        if self._control is not None:
            self._control.close()
        if self._loading is not None:  # nobody needed it
            self._loading.close()
            self._abandon()
        if self._process is not None:
            await asyncio.to_thread(_ended, self._process)

    # -- starting ----------------------------------------------------------------------------------------------------

    async def _ready(self) -> None:
        async with self._starting:
            if self._closed:
                raise LaneBroken("The run is over.")
            if self._control is None:
                self.start()
                await self._loaded()

    async def _loaded(self) -> None:
        """Raises LaneBroken."""
        ours, process = self._loading, self._process
        assert ours is not None
        assert process is not None
        assert process.stderr is not None
        said = b""
        with contextlib.suppress(OSError):
            said = await asyncio.get_running_loop().sock_recv(ours, 1)
        self._loading = None
        if said != READY:
            ours.close()
            output = await asyncio.to_thread(process.stderr.read)
            process.stderr.close()
            await asyncio.to_thread(process.wait)
            self._process = None
            raise LaneBroken(_why(output))
        process.stderr.close()
        self._control = ours
        self._reader = asyncio.create_task(self._read(ours), name="lane")

    def _abandon(self) -> None:
        """End a process that has not done anything yet."""
        assert self._process is not None
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._process.kill()

    async def _read(self, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        data = b""
        while True:
            try:
                more = await loop.sock_recv(control, 4096)
            except OSError:
                more = b""
            if not more:
                break
            data += more
            while len(data) >= ENDED.size:
                number, status = ENDED.unpack(data[: ENDED.size])
                data = data[ENDED.size :]
                self._has_ended(number, status)
        for number in list(self._workers):
            self._has_ended(number, -signal.SIGKILL)
        # the next task starts another process
        self._control = None
        control.close()
        if self._process is not None:
            await asyncio.to_thread(_ended, self._process)

    def _has_ended(self, number: int, status: int) -> None:
        worker = self._workers.pop(number, None)
        if worker is not None and not worker.ended.done():
            worker.ended.set_result(status)


def _spawn(stdin: socket.socket, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        helper_command(_MODULE),
        stdin=stdin.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        start_new_session=True,
    )


def _why(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return f"The process for ansible-core's plugins could not start: {lines[-1] if lines else 'it said nothing'}"


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_KILL_AFTER)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
