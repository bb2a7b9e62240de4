"""Where text leaves weft: one thread writes, so that a slow terminal, pipe or disk never holds up the run.

Comes below every sink that writes text (``screen``, ``json_lines``). Order is kept over all streams together, which is
what makes stdout and stderr come out right on one terminal.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable
from typing import TextIO

from msgspec import Struct

#: Seconds that text waits for more: each waking of the thread costs the run's own as much as several lines do, since
#: only one of them computes at a time.
_GATHERED = 0.004


class Streams(Struct, frozen=True):
    """The two streams of a command."""

    stdout: TextIO
    stderr: TextIO

    @classmethod
    def standard(cls) -> Streams:
        """The process's own, told to show ``?`` for what can't be encoded rather than fail."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        return cls(sys.stdout, sys.stderr)


class Output:
    """A bounded queue of text and the thread that writes it out. ``capacity`` is in characters.

    A full queue makes the writer wait: memory stays bounded and nothing is lost. A stream that breaks (``| head``)
    is left out from then on, without a word.
    """

    def __init__(self, capacity: int = 32 * 2**20) -> None:
        self._capacity = capacity
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)  # something was written out
        self._filled = threading.Condition(self._lock)  # there is something to write
        self._hurry = threading.Condition(self._lock)  # somebody waits for it, or nothing more will come
        self._waiting = 0
        self._queue: list[tuple[TextIO, str]] = []
        self._queued = 0
        self._writing = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._broken: set[int] = set()

    def write(self, stream: TextIO, text: str) -> None:
        """Queue text for a stream. After ``close`` it is written at once."""
        with self._lock:
            if not self._closed:
                if self._thread is None:
                    self._start()
                if self._queued >= self._capacity:
                    self._wait_for(lambda: self._queued < self._capacity)
                if not self._queue:
                    self._filled.notify()
                self._queue.append((stream, text))
                self._queued += len(text)
                return
        self._put(stream, text)

    def flush(self) -> None:
        """Everything queued so far is out when this returns. For prompts, and for the end."""
        with self._lock:
            self._wait_for(lambda: not self._queue and not self._writing)

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        self._waiting += 1
        self._hurry.notify()
        try:
            self._changed.wait_for(condition)
        finally:
            self._waiting -= 1

    async def drained(self) -> None:
        """As ``flush``, without holding up the loop."""
        import asyncio

        await asyncio.to_thread(self.flush)

    def close(self) -> None:
        """Write out what is queued and end the thread. May be called twice."""
        with self._lock:
            self._closed = True
            self._filled.notify()
            self._hurry.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
            self._thread = None
            atexit.unregister(self.close)

    def _start(self) -> None:
        # a daemon, so that a run that dies without closing can still end; what is queued goes out at exit
        self._thread = threading.Thread(target=self._run, name="weft-output", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _run(self) -> None:
        while True:
            with self._lock:
                self._filled.wait_for(lambda: self._queue or self._closed)
                self._hurry.wait_for(lambda: self._waiting or self._closed, _GATHERED)
                batch, self._queue, self._queued = self._queue, [], 0
                self._writing = bool(batch)
                self._changed.notify_all()
            if not batch:
                return
            for stream, text in _joined(batch):
                self._put(stream, text)
            with self._lock:
                self._writing = False
                self._changed.notify_all()

    def _put(self, stream: TextIO, text: str) -> None:
        if id(stream) in self._broken:
            return
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):  # a broken pipe, a full disk; a stream closed under us
            self._broken.add(id(stream))
            _discard(stream)


def _joined(batch: list[tuple[TextIO, str]]) -> list[tuple[TextIO, str]]:
    """Neighbours for one stream become one write."""
    runs: list[tuple[TextIO, list[str]]] = []
    for stream, text in batch:
        if runs and runs[-1][0] is stream:
            runs[-1][1].append(text)
        else:
            runs.append((stream, [text]))
    return [(stream, "".join(parts)) for stream, parts in runs]


def _discard(stream: TextIO) -> None:
    """Lead a broken standard stream to nowhere, so that the interpreter's own flush at exit has nothing to say."""
    if stream is not sys.__stdout__ and stream is not sys.__stderr__:
        return
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
