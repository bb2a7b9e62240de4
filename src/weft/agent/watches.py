"""Waiting for the ends of jobs, whoever started them, without looking again and again.

Comes after ``jobfiles``; ``jobs`` asks. A supervisor holds a FIFO open while it lives: the agent waits on that. Only
jobs without one (ansible-core's) are looked at from time to time, all of a directory by one stat(2) of it.
"""

from __future__ import absolute_import, division, print_function

import os
import time

from . import compat, jobfiles, process

TICK = 0.05  # seconds between looks at a directory with jobs that have no FIFO
LIVENESS = 5.0  # seconds between looks for their processes
SOME = 200  # jobs whose processes are looked for at once


class Lazy(object):
    """What ``make()`` gives, made when it is first looked at and then kept."""

    def __init__(self, make):
        self._make = make
        self._list = None

    def __iter__(self):
        if self._list is None:
            self._list = list(self._make())
        return iter(self._list)


class Watch(object):
    """One unfinished job and those who wait for it."""

    __slots__ = ("fd", "job", "listeners", "seen")

    def __init__(self, job):
        self.job = job
        self.listeners = []
        self.fd = None
        self.seen = None


class Watches(object):
    """All jobs that somebody waits for."""

    def __init__(self, loop):
        self._loop = loop
        self._watches = {}
        self._polled = {}  # folder -> {key: Watch}
        self._stamps = {}
        self._timer = None
        self._next_look = 0.0
        self._round = []

    def add(self, job, listener, now=None):
        """Call ``listener(status)`` once when the job ends; soon, if it has.

        ``now`` is its status, where it is known already.
        """
        key = (job.folder, job.jid)
        watch = self._watches.get(key)
        if watch is None:
            now = jobfiles.status(job) if now is None else now
            if now["finished"]:
                self._loop.soon(lambda: listener(now))
                return
            watch = self._watches[key] = Watch(job)
            self._attach(key, watch)
        watch.listeners.append(listener)

    def drop(self, job, listener):
        """Take a listener back."""
        watch = self._watches.get((job.folder, job.jid))
        if watch is not None and listener in watch.listeners:
            watch.listeners.remove(listener)
            if not watch.listeners:
                self._detach((job.folder, job.jid), watch)

    def _attach(self, key, watch):
        if len(self._watches) > 200:
            process.raise_limits()
        try:
            watch.fd = jobfiles.open_fifo(watch.job)
        except OSError:
            watch.fd = None  # no descriptor left: it is looked at from time to time
        if watch.fd is None:
            self._poll_it(key, watch)
            return
        self._loop.reader(watch.fd, lambda: self._fifo(key, watch))
        # a FIFO whose writer went before it was opened never says so by itself
        self._loop.soon(lambda: self._fifo(key, watch))

    def _fifo(self, key, watch):
        if watch.fd is None or compat.read_some(watch.fd, 16) is None:
            return
        self._look(key, watch)
        if watch.fd is not None:  # the writer is gone, yet it is not known to have ended
            self._close(watch)
            self._poll_it(key, watch)

    def _close(self, watch):
        if watch.fd is not None:
            self._loop.forget(watch.fd)
            os.close(watch.fd)
            watch.fd = None

    def _detach(self, key, watch):
        self._close(watch)
        self._watches.pop(key, None)
        polled = self._polled.get(key[0])
        if polled is not None:
            polled.pop(key, None)
            if not polled:
                del self._polled[key[0]]

    def _look(self, key, watch, commands=None):
        """Find out whether it has ended; tell if so."""
        now = jobfiles.status(watch.job, commands)
        if now["finished"]:
            self._detach(key, watch)
            for listener in watch.listeners:
                listener(now)

    # jobs without a FIFO

    def _poll_it(self, key, watch):
        watch.seen = None  # it may have ended since its status was read: the first look is at all of them
        self._stamps.pop(key[0], None)
        self._polled.setdefault(key[0], {})[key] = watch
        if self._timer is None:
            self._timer = self._loop.call_later(TICK, self._tick)

    def _tick(self):
        self._timer = None
        for folder in list(self._polled):
            stamp = _stamp(folder)
            if stamp != self._stamps.get(folder):
                self._stamps[folder] = stamp if _is_settled(stamp) else None
                self._look_through(folder)
        if compat.clock() >= self._next_look:
            self._next_look = compat.clock() + LIVENESS
            self._look_for_processes()
        if self._polled:
            self._timer = self._loop.call_later(TICK, self._tick)

    def _look_through(self, folder):
        """A directory has changed: find the result files that have."""
        commands = Lazy(jobfiles.wrappers)
        for key, watch in list(self._polled.get(folder, {}).items()):
            seen = _stamp(watch.job.path)
            if seen != watch.seen:
                watch.seen = seen
                self._look(key, watch, commands)

    def _look_for_processes(self):
        """See whether jobs are lost: some of them each time, so that very many cost no more than a few."""
        if not self._round:
            self._round = [item for polled in self._polled.values() for item in polled.items()]
        commands = Lazy(jobfiles.wrappers)
        some, self._round = self._round[:SOME], self._round[SOME:]
        for key, watch in some:
            if self._watches.get(key) is watch:
                self._look(key, watch, commands)


def _is_settled(stamp):
    """Whether a further change would show in the time: file systems count in milliseconds, some in seconds."""
    if stamp is None:
        return False
    changed = stamp[1] / 1e9 if isinstance(stamp[1], int) else stamp[1]
    return time.time() - changed > (0.1 if changed % 1 else 2.0)


def _stamp(path):
    """What changes when a file is replaced, or a directory's entries change."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, getattr(found, "st_mtime_ns", found.st_mtime), found.st_size
