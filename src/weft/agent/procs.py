"""Looking at other processes: whether one is still the same, what descends from it, who runs a command.

Comes after ``process``. Reads /proc where there is one; elsewhere says less.
"""

from __future__ import absolute_import, division, print_function

import errno
import os
import time

from . import compat, process
from .compat import signal

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_prctl = []  # the function, once it is loaded


def have_proc():
    """Whether /proc shows the processes of all users."""
    return os.path.exists(b"/proc/1/stat")


def _stat(pid):
    """The fields of /proc/PID/stat after the command's name; None if there is no such process."""
    try:
        data = compat.read_file(compat.to_bytes("/proc/%d/stat" % pid))
    except (OSError, IOError):
        return None
    return data.rpartition(b")")[2].split()


def start_ticks(pid):
    """When a process was started, in clock ticks after boot; None if it can't be known."""
    fields = _stat(pid)
    return int(fields[19]) if fields and len(fields) > 19 else None


def is_same(pid, ticks):
    """Whether ``pid`` runs and is the process that was started at ``ticks`` (None: any process will do)."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        if error.errno != errno.EPERM:
            return False
    if ticks is None or not have_proc():
        return True
    fields = _stat(pid)
    return bool(fields) and int(fields[19]) == ticks and fields[0] not in (b"Z", b"X")


def pids():
    """All process ids that /proc shows."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []


def descendants(roots):
    """Every process below the processes ``roots``, zombies left out."""
    children = {}
    for pid in pids():
        fields = _stat(pid)
        if fields:
            children.setdefault(int(fields[1]), []).append((pid, fields[0]))
    found, queue = [], list(roots)
    while queue:
        for pid, state in children.get(queue.pop(), ()):
            queue.append(pid)
            if state not in (b"Z", b"X"):
                found.append(pid)
    return found


def session_members(leader, ticks=None):
    """The processes of the session that ``leader`` began (at ``ticks``), and all below them; zombies left out.

    None of them where the leader's id is another process's by now, or where there is no /proc. The leader counts from
    the moment it was forked: it begins its session a little later.
    """
    own = _stat(leader)
    if own and ticks is not None and int(own[19]) != ticks:
        return []
    found = []
    for pid in pids():
        fields = _stat(pid)
        if not fields or fields[0] in (b"Z", b"X"):
            continue
        if int(fields[3]) == leader or (pid == leader and ticks is not None):
            found.append(pid)
    return sorted(set(found + descendants(found)))


def command_lines():
    """Pairs of pid and command line (a list of bytes)."""
    for pid in pids():
        try:
            yield pid, compat.read_file(compat.to_bytes("/proc/%d/cmdline" % pid)).split(b"\0")
        except (OSError, IOError):
            continue


def kill_all(processes, number):
    """Send a signal to each; whether any was there."""
    reached = False
    for pid in processes:
        try:
            os.kill(pid, number)
            reached = True
        except OSError:
            continue
    return reached


class Tree(object):
    """Signals a process group, and what descends from its leader in groups of its own; a ``Capture``'s ``killer``.

    Signal 0 asks whether any of them is left. Those found at the first signal are remembered: once the leader has ended
    nobody can tell that they were its descendants.
    """

    def __init__(self):
        self._others = {}

    def __call__(self, leader, number):
        if number != 0:
            self._look(leader)
        reached = process.signal_group(leader, number)
        left = [pid for pid, ticks in self._others.items() if is_same(pid, ticks)]
        return (kill_all(left, number) if left else False) or reached

    def _look(self, leader):
        for pid in descendants([leader] + list(self._others)):
            try:
                if os.getpgid(pid) != leader:
                    self._others.setdefault(pid, start_ticks(pid))
            except OSError:
                continue


def kill_below(root):
    """KILL what descends from ``root`` until nothing is left (at most a second: what can't be killed stays)."""
    deadline = compat.clock() + 1.0
    while compat.clock() < deadline:
        if not kill_all(descendants([root]), signal.SIGKILL):
            return
        time.sleep(0.01)


def load_prctl():
    """Make ``become_subreaper`` ready: ctypes takes long to import, a fork has it from its parent."""
    if not _prctl:
        try:
            import ctypes

            _prctl.append(ctypes.CDLL(None, use_errno=True).prctl)
        except Exception:
            pass  # no such library or function here


def become_subreaper():
    """Have orphaned descendants become this process's children, so that none gets out of sight.

    False if it can't be.
    """
    load_prctl()
    return bool(_prctl) and _prctl[0](_SUBREAPER, 1, 0, 0, 0) == 0


def boot_time():
    """When the machine was started, as seconds since the epoch; None if unknown."""
    try:
        for line in compat.read_file(b"/proc/stat").split(b"\n"):
            if line.startswith(b"btime "):
                return int(line.split()[1])
    except (OSError, IOError, ValueError):
        pass
    return None
