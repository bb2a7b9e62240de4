"""The event loop: descriptors, timers and child processes, in one thread.

Comes after ``compat``; everything in the agent and in a job's supervisor runs as callbacks of a Loop. epoll where there
is one (its cost does not grow with the number of idle descriptors), poll elsewhere.
"""

from __future__ import absolute_import, division, print_function

import errno
import heapq
import os
import select

from . import compat
from .compat import signal

READ = select.POLLIN
WRITE = select.POLLOUT
_ENDED = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Timer(object):
    """Something that will be called once; ``cancel`` takes it back."""

    __slots__ = ("callback", "when")

    def __init__(self, when, callback):
        self.when = when
        self.callback = callback

    def cancel(self):
        self.callback = None


class Loop(object):
    """Runs callbacks until ``stop``. Make one per process: it takes the process's SIGCHLD."""

    def __init__(self):
        self._poller = select.epoll() if hasattr(select, "epoll") else select.poll()
        self._scale = 1 if hasattr(select, "epoll") else 1000
        self._fds = {}
        self._always = set()
        self._timers = []
        self._count = 0
        self._ready = []
        self._children = {}
        self._signals = {}
        self._caught = []
        self.on_error = None  # called when a callback raises, in its except clause; without it, ``run`` raises
        self._running = False
        self._wake_read, self._wake_write = compat.pipe()
        compat.set_nonblocking(self._wake_read)
        compat.set_nonblocking(self._wake_write)
        if hasattr(self._poller, "fileno"):
            compat.set_cloexec(self._poller.fileno())
        signal.set_wakeup_fd(self._wake_write)
        self.on_signal(signal.SIGCHLD, self._reap)
        self.reader(self._wake_read, self._drain_wakes)

    # descriptors

    def reader(self, fd, callback):
        """Call ``callback()`` whenever ``fd`` can be read or has ended; None ends it."""
        self._watch(fd, 0, callback)

    def writer(self, fd, callback):
        """Call ``callback()`` whenever ``fd`` can be written or is broken; None ends it."""
        self._watch(fd, 1, callback)

    def forget(self, fd):
        """Stop watching ``fd``. Do this before it is closed."""
        self._watch(fd, 0, None)
        self._watch(fd, 1, None)

    def _watch(self, fd, which, callback):
        entry = self._fds.get(fd)
        before = self._mask(entry)
        if entry is None:
            if callback is None:
                return
            entry = self._fds[fd] = [None, None]
        entry[which] = callback
        after = self._mask(entry)
        if after == 0:
            del self._fds[fd]
            if fd in self._always:
                self._always.discard(fd)
            else:
                try:
                    self._poller.unregister(fd)
                except (OSError, IOError, KeyError):
                    pass  # it was closed before
        elif fd in self._always:
            return
        elif before == 0:
            try:
                self._poller.register(fd, after)
            except (OSError, IOError) as error:
                if compat.error_number(error) != errno.EPERM:  # epoll refuses plain files: they are always ready
                    del self._fds[fd]
                    raise
                self._always.add(fd)
        elif before != after:
            self._poller.modify(fd, after)

    @staticmethod
    def _mask(entry):
        if entry is None:
            return 0
        return (READ if entry[0] else 0) | (WRITE if entry[1] else 0)

    # time

    def call_later(self, seconds, callback):
        """Call ``callback()`` once, ``seconds`` from now; returns its Timer."""
        timer = Timer(compat.clock() + seconds, callback)
        self._count += 1
        heapq.heappush(self._timers, (timer.when, self._count, timer))
        return timer

    def soon(self, callback):
        """Call ``callback()`` in the next round."""
        self._ready.append(callback)

    # processes and signals

    def child(self, pid, callback):
        """Call ``callback(status)`` with the status of waitpid(2) when the child ``pid`` ends.

        Call it right after fork.
        """
        self._children[pid] = callback

    def on_signal(self, number, callback):
        """Call ``callback()`` from the loop when the signal comes."""
        self._signals[number] = callback
        signal.signal(number, self._catch)

    def _catch(self, number, _frame):
        self._caught.append(number)

    def _drain_wakes(self):
        compat.read_some(self._wake_read, 4096)

    def _reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                return
            if pid == 0:
                return
            callback = self._children.pop(pid, None)
            if callback is not None:
                self._call(callback, status)

    # running

    def stop(self):
        self._running = False

    def run(self):
        """Run until ``stop``."""
        self._running = True
        while self._running:
            self._round()

    def _round(self):
        for fd, mask in self._poll(self._patience()):
            entry = self._fds.get(fd)
            if entry is None:
                continue
            if entry[0] is not None and mask & (READ | _ENDED):
                self._call(entry[0])
                entry = self._fds.get(fd, entry)
            if entry[1] is not None and mask & (WRITE | _ENDED):
                self._call(entry[1])
        while self._caught:
            self._call(self._signals[self._caught.pop(0)])
        now = compat.clock()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                self._call(callback)
        ready, self._ready = self._ready, []
        for callback in ready:
            self._call(callback)

    def _call(self, callback, *args):
        """One callback's failure must not take the others with it."""
        try:
            callback(*args)
        except Exception:
            if self.on_error is None:
                raise
            self.on_error()

    def _patience(self):
        """Seconds until something is due; -1 if nothing is."""
        if self._ready or self._always or self._caught:
            return 0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return -1
        return max(0.0, self._timers[0][0] - compat.clock())

    def _poll(self, seconds):
        try:
            # rounded up: waking a moment early would only make an empty round
            found = self._poller.poll(seconds * self._scale + 0.001 if seconds > 0 else seconds)
        except (OSError, IOError, select.error) as error:
            if compat.error_number(error) != errno.EINTR:
                raise
            found = []
        return found + [(fd, READ | WRITE) for fd in self._always] if self._always else found


def leave():
    """In a forked child: undo what the parent's loop set for the process."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
