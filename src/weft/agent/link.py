"""One connection with the controller: frames in, frames out, nothing ever blocks.

Comes after ``frames`` and ``loop``; the ``agent`` owns one at a time and outlives it.
"""

from __future__ import absolute_import, division, print_function

import os

try:
    from _collections import deque  # without what collections imports
except ImportError:
    from collections import deque

from . import compat, frames

# more than this unsent: stop taking requests until half of it is gone
FULL = 32 << 20


class Link(object):
    """Reads requests from ``in_fd``, writes answers to ``out_fd``.

    Calls ``on_frame(header, payload)`` for each frame, ``on_lost(reason)`` once when the connection has ended.
    """

    def __init__(self, loop, in_fd, out_fd, on_frame, on_lost):
        self._loop = loop
        self._in = in_fd
        self._out = out_fd
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._decoder = frames.Decoder()
        self._queue = deque()
        self._first = 0  # what of the queue's first part is already written
        self._unsent = 0
        self._paused = False
        self.closed = False
        for fd in (in_fd, out_fd):
            compat.set_nonblocking(fd)
            compat.set_cloexec(fd)
        loop.reader(in_fd, self._read)

    def send(self, parts):
        """Queue bytes to be written in order."""
        if self.closed:
            return
        idle = not self._queue
        self._queue.extend(parts)
        self._unsent += sum(len(part) for part in parts)
        if idle:
            self._write()

    def drained(self):
        """Whether everything that was sent is written."""
        return self.closed or not self._queue

    def close(self):
        """Drop the connection; calls nobody."""
        if self.closed:
            return
        self.closed = True
        for fd in {self._in, self._out}:
            self._loop.forget(fd)
            compat.close(fd)
        self._queue.clear()

    def _lost(self, reason):
        if not self.closed:
            self.close()
            self._on_lost(reason)

    def _read(self):
        try:
            data = compat.read_some(self._in, 262144)
        except (OSError, IOError) as error:
            self._lost("cannot read: %s" % error)
            return
        if data is None:
            return
        if not data:
            self._lost("end of input")
            return
        try:
            found = self._decoder.feed(data)
        except frames.Corrupt as error:
            self._lost("corrupt input: %s" % error)
            return
        for header, payload in found:
            if self.closed:
                return
            self._on_frame(header, payload)

    def _write(self):
        while self._queue:
            part = memoryview(self._queue[0])[self._first : self._first + (1 << 20)]
            try:
                count = os.write(self._out, part)
            except (OSError, IOError) as error:
                if compat.again(error):
                    break
                self._lost("cannot write: %s" % error)
                return
            self._first += count
            self._unsent -= count
            if self._first >= len(self._queue[0]):
                self._queue.popleft()
                self._first = 0
        self._loop.writer(self._out, self._write if self._queue else None)
        if not self._paused and self._unsent > FULL:
            self._paused = True
            self._loop.reader(self._in, None)
        elif self._paused and self._unsent < FULL // 2:
            self._paused = False
            self._loop.reader(self._in, self._read)
