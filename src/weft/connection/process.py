"""A local child process as a channel: pipes or a terminal, a process group of its own, no helper threads.

asyncio's own subprocesses cost a thread each before Python 3.12; here a pidfd tells the loop of the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from weft.connection.channel import Ended, Receiver

_CHUNK = 256 * 1024
_KILL_AFTER = 2.0  # seconds between TERM and KILL
_KEPT_ERRORS = 8192  # bytes
_LINGER = 0.5  # seconds that output may still come after the exit while a grandchild holds the pipes
#: A session leader that opens a terminal gets it as its controlling one: no code between fork and exec is needed.
_ON_TERMINAL = 'exec 0<>"$0" 1>&0 2>&0; exec "$@"'

#: How a client ended, the last of its stderr, whether there was output -> why there is no link; "": it was the program.
Explain = Callable[[Ended, str, bool], str]


class ProcessChannel:
    """One child. ``close`` ends its whole group: TERM, then KILL."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        receiver: Receiver,
        *,
        terminal: int | None = None,
        explain: Explain | None = None,
    ) -> None:
        self.receiver = receiver
        self._explain = explain
        self._terminal = terminal
        self._errors = b""  # the last of stderr; on a terminal, of everything
        self._output = False
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._timers: list[asyncio.TimerHandle] = []
        self._ended = False
        self._readers: set[int] = set()
        if terminal is not None:
            self._writer = _Writer(self._loop, os.dup(terminal))
            self._read(terminal, errors=False)
        else:
            assert process.stdin and process.stdout and process.stderr
            self._writer = _Writer(self._loop, _take(process.stdin))
            self._read(_take(process.stdout), errors=False)
            self._read(_take(process.stderr), errors=True)
        self._watch()

    def __repr__(self) -> str:
        return f"<ProcessChannel pid={self._process.pid} rc={self._process.returncode}>"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def over(self) -> bool:
        return self._ended

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def write_eof(self) -> None:
        self._writer.close_when_written()

    def close(self) -> None:
        self._writer.close()
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
            self._timers.append(self._loop.call_later(_KILL_AFTER, self._signal, signal.SIGKILL))
        else:
            self._end()

    async def wait_closed(self) -> None:
        await asyncio.shield(self._gone)

    def _signal(self, number: int) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    # output

    def _read(self, fd: int, *, errors: bool) -> None:
        os.set_blocking(fd, False)
        self._readers.add(fd)
        self._loop.add_reader(fd, self._readable, fd, errors)

    def _readable(self, fd: int, errors: bool) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # a terminal whose other side is gone
            data = b""
        if not data:
            self._stop_reading(fd)
            if not self._readers and self._process.returncode is not None:
                self._end()
            return
        if errors or fd == self._terminal:
            self._errors = (self._errors + data)[-_KEPT_ERRORS:]
        if errors:
            self.receiver.on_error(data)
        else:
            self._output = True
            self.receiver.on_data(data)

    def _stop_reading(self, fd: int) -> None:
        if fd in self._readers:
            self._readers.discard(fd)
            self._loop.remove_reader(fd)
            os.close(fd)

    # the end

    def _watch(self) -> None:
        try:
            fd = os.pidfd_open(self._process.pid)
        except (AttributeError, OSError):
            threading.Thread(target=self._wait_in_thread, daemon=True).start()
        else:
            self._loop.add_reader(fd, self._exited, fd)

    def _wait_in_thread(self) -> None:
        self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop may be gone
            self._loop.call_soon_threadsafe(self._exited, None)

    def _exited(self, fd: int | None) -> None:
        if fd is not None:
            self._loop.remove_reader(fd)
            os.close(fd)
        self._process.wait()
        self._writer.close()
        if self._readers:
            self._timers.append(self._loop.call_later(_LINGER, self._end))
        else:
            self._end()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        for timer in self._timers:
            timer.cancel()
        for fd in tuple(self._readers):
            self._stop_reading(fd)
        self._writer.close()
        rc = self._process.returncode
        ended = Ended(rc=rc) if rc >= 0 else Ended(rc=128 - rc, signal=_signal_name(-rc))
        if self._explain is not None:
            why = self._explain(ended, self._errors.decode("utf-8", "replace").strip(), self._output)
            ended = Ended(reason=why) if why else ended
        self._gone.set_result(None)
        self.receiver.on_end(ended)


class _Writer:
    """Bytes on their way into a descriptor that may be full."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        os.set_blocking(fd, False)
        self._loop = loop
        self._fd: int | None = fd
        self._queue: deque[memoryview] = deque()
        self._finish = False

    def write(self, data: bytes) -> None:
        if self._fd is None or self._finish or not data:
            return
        self._queue.append(memoryview(data))
        if len(self._queue) == 1:
            self._drain()
            if self._queue and self._fd is not None:
                self._loop.add_writer(self._fd, self._drain)

    def _drain(self) -> None:
        while self._queue and self._fd is not None:
            head = self._queue[0]
            try:
                sent = os.write(self._fd, head)
            except BlockingIOError:
                return
            except OSError:  # nobody reads any more
                self.close()
                return
            if sent < len(head):
                self._queue[0] = head[sent:]
            else:
                self._queue.popleft()
        if self._fd is not None:
            self._loop.remove_writer(self._fd)
            if self._finish:
                self.close()

    def close_when_written(self) -> None:
        self._finish = True
        if not self._queue:
            self.close()

    def close(self) -> None:
        if self._fd is not None:
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = None
        self._queue.clear()


def spawn(
    argv: Sequence[str],
    receiver: Receiver,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    pty: bool = False,
    explain: Explain | None = None,
) -> ProcessChannel:
    """Start a child in a session of its own; ``env`` is added to this process's. Raises OSError."""
    environment = {**os.environ, **env} if env else None
    if not pty:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
        return ProcessChannel(process, receiver, explain=explain)
    ours, theirs = os.openpty()
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _ON_TERMINAL, os.ttyname(theirs), *argv],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            bufsize=0,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return ProcessChannel(process, receiver, terminal=ours, explain=explain)


def _take(stream: object) -> int:
    """The descriptor of one of Popen's pipes, ours to close."""
    fd = os.dup(stream.fileno())  # type: ignore[attr-defined]
    stream.close()  # type: ignore[attr-defined]
    return fd


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
