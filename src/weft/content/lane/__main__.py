"""A lane process: ansible-core loaded once, and a forked worker for each task, as ansible-core itself has them.

Standard input is a socket. What comes: a worker's number together with that worker's socket, or its number alone: it
is to end. What goes: a byte once ansible-core is loaded, then the number and the exit status of each worker that ends.
Where the other side is gone, all workers are killed and the process ends; workers end with it, however that is.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator

from weft.content.lane.channel import COMMAND, ENDED, READY

_GRACE = 2.0  # seconds between TERM and KILL
_STUB = b"ansible_connection_cli_stub.py"
_SET_PDEATHSIG = 1  # prctl(2)
_LONGEST_HINT = 1024  # bytes

Hint = Callable[[str], None]


class Nursery:
    """The workers. One thread; ``serve`` returns when the controller is gone."""

    def __init__(
        self, control: socket.socket, work: Callable[[socket.socket, Hint], None], warm: Callable[[str], None]
    ) -> None:
        """``warm`` is called with each hint that a worker gives, while nobody asks for anything."""
        self._control = control
        self._work = work
        self._warm = warm
        self._hints, self._hint = socket.socketpair(type=socket.SOCK_DGRAM)
        self._chores: dict[str, bool] = {}  # hint -> whether it has been followed
        self._workers: dict[int, int] = {}  # pid -> number
        self._deadlines: dict[int, float] = {}  # pid -> when it is killed, by the monotonic clock
        self._woken, self._wake = socket.socketpair()

    def serve(self) -> None:
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            selector.register(self._hints, selectors.EVENT_READ)
            self._control.sendall(READY)
            while True:
                ready = {key.fileobj for key, _ in selector.select(self._patience())}
                if self._hints in ready:
                    self._chores.setdefault(self._hints.recv(_LONGEST_HINT).decode(), False)
                if not ready:
                    self._chore()
                if self._woken in ready:
                    with contextlib.suppress(BlockingIOError):
                        self._woken.recv(4096)
                self._reap()
                self._kill_late()
                if self._control in ready and not self._command():
                    break
        for pid in self._workers:
            _signal(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for pid in _connections(os.getpid()):
            _signal(pid, signal.SIGTERM)

    def _chore(self) -> None:
        chore = next((hint for hint, followed in self._chores.items() if not followed), None)
        if chore is not None:
            self._chores[chore] = True
            with contextlib.suppress(Exception):  # whoever needs it will say so
                self._warm(chore)

    def _patience(self) -> float | None:
        if not all(self._chores.values()):
            return 0
        return max(0.0, min(self._deadlines.values()) - time.monotonic()) if self._deadlines else None

    def _command(self) -> bool:
        """False: the controller is gone."""
        try:
            data, fds, _, _ = socket.recv_fds(self._control, COMMAND.size, 1)
        except OSError:
            return False
        if len(data) < COMMAND.size:
            return False
        (number,) = COMMAND.unpack(data)
        if fds:
            self._start(number, socket.socket(fileno=fds[0]))
        else:
            self._stop(number)
        return True

    def _start(self, number: int, sock: socket.socket) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._workers[pid] = number
            sock.close()
            return
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()  # so that it ends together with what it starts
            die_with(parent)
            self._control.close()
            self._woken.close()
            self._wake.close()
            self._hints.close()
            self._work(sock, self._tell)
            status = 0
        finally:
            os._exit(status)

    def _tell(self, hint: str) -> None:
        """In a worker."""
        with contextlib.suppress(OSError):
            self._hint.send(hint.encode(), socket.MSG_DONTWAIT)

    def _stop(self, number: int) -> None:
        for pid, known in self._workers.items():
            if known == number:
                _signal(pid, signal.SIGTERM)
                self._deadlines.setdefault(pid, time.monotonic() + _GRACE)

    def _kill_late(self) -> None:
        now = time.monotonic()
        for pid, deadline in list(self._deadlines.items()):
            if deadline <= now:
                _signal(pid, signal.SIGKILL)
                del self._deadlines[pid]

    def _reap(self) -> None:
        for pid in list(self._workers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            number = self._workers.pop(pid)
            if self._deadlines.pop(pid, None) is not None:
                _signal(pid, signal.SIGKILL)  # what it started and did not end
            with contextlib.suppress(OSError):
                self._control.sendall(ENDED.pack(number, os.waitstatus_to_exitcode(status)))


def _connections(parent: int) -> Iterator[int]:
    """Processes in which ansible-core keeps network connections between tasks: started for us, they stay when idle."""
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else ():
        with contextlib.suppress(OSError):
            if entry.isdigit():
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                if any(word.endswith(_STUB) for word in words) and str(parent).encode() in words:
                    yield int(entry)


def _signal(pid: int, number: int) -> None:
    """To the worker and all that it has started."""
    for send in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(pid, number)


def die_with(parent: int) -> None:
    """Have the kernel (Linux) end this process when its parent ends, however that ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's to answer
    control = socket.socket(fileno=os.dup(0))
    gc.disable()  # what is loaded stays
    from weft.content.lane import warming
    from weft.content.lane.worker import load, work

    load()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(nowhere, fd)
    os.close(nowhere)
    gc.freeze()  # workers share it with this process as long as nobody writes to it
    gc.enable()
    Nursery(control, work, warming.read).serve()
    os._exit(0)  # taking ansible-core down piece by piece is a third of what it took to load it


if __name__ == "__main__":
    main()
