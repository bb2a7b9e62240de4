"""The ``lock.*`` operations: flock(2) on a path, the same lock as ``flock PATH`` takes.

Comes after ``agent``. A lock belongs to an open file that only this process has, so the kernel frees it whatever
happens to the agent. Waiting needs no retries: a fork waits in flock(2) on the agent's own open file, and ends when it
holds it. Who holds a lock is kept beside the module cache, for messages only.
"""

from __future__ import absolute_import, division, print_function

import errno
import fcntl
import os

from . import compat, host, procs
from . import loop as loops
from .agent import BadRequest
from .compat import signal


class Held(object):
    """A lock that the agent holds."""

    def __init__(self, fd, lease, note):
        self.fd = fd
        self.lease = lease
        self.note = note


class Locks(object):
    """All locks of an agent, held or waited for."""

    def __init__(self, agent):
        self._agent = agent
        self.held = {}  # path -> [Held]
        self.waiting = []
        agent.on_expire.append(self.close)

    def keep(self, path, fd, lease):
        self.held.setdefault(path, []).append(Held(fd, lease, write_note(self._agent, fd, path, lease)))

    def release(self, path, lease=None):
        """Give a lock back; BadRequest if it isn't held."""
        found = [item for item in self.held.get(path, ()) if lease is None or item.lease == lease]
        if not found:
            raise BadRequest("lock.release: %s is not held" % compat.to_text(path))
        item = found[0]
        self.held[path].remove(item)
        if not self.held[path]:
            del self.held[path]
        if item.note:
            compat.remove_file(item.note)
        os.close(item.fd)

    def close(self):
        for waiter in self.waiting[:]:
            waiter.give_up()
        for path in list(self.held):
            while path in self.held:
                self.release(path)


def locks_of(agent):
    if not hasattr(agent, "locks"):
        agent.locks = Locks(agent)
    return agent.locks


def op_lock_acquire(request):
    mode = request.args.get("mode") or "exclusive"
    if mode not in ("exclusive", "shared"):
        raise BadRequest("lock.acquire: mode is exclusive or shared, not %r" % mode)
    how = fcntl.LOCK_EX if mode == "exclusive" else fcntl.LOCK_SH
    path = request.path("path")
    lease = request.args.get("lease") or "agent %d" % os.getpid()
    locks = locks_of(request.agent)
    fd, taken = open_lock(path, how)
    if taken:
        locks.keep(path, fd, lease)
        request.reply({"lease": lease, "waited": 0.0})
    else:
        Waiter(request, locks, path, fd, how, lease)


def op_lock_release(request):
    locks_of(request.agent).release(request.path("path"), request.args.get("lease"))
    request.reply({})


def open_lock(path, how):
    """Open a lock file, made if need be, and try to lock it: (descriptor, whether it is locked)."""
    flags = os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK
    try:
        fd = compat.open_fd(path, flags | os.O_CREAT, 0o666)
    except OSError as error:
        if error.errno != errno.EISDIR:
            raise
        fd = compat.open_fd(path, flags)
    try:
        return fd, try_lock(fd, how)
    except (OSError, IOError) as error:
        os.close(fd)
        if compat.error_number(error) not in (errno.EBADF, errno.EIO):
            raise
    fd = compat.open_fd(path, os.O_RDWR | os.O_NOCTTY)  # NFS locks only what is open for writing
    try:
        return fd, try_lock(fd, how)
    except BaseException:
        os.close(fd)
        raise


def try_lock(fd, how):
    """Whether the lock could be had at once."""
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except (OSError, IOError) as error:
        if compat.again(error) or compat.error_number(error) == errno.EACCES:
            return False
        raise
    return True


class Waiter(object):
    """A ``lock.acquire`` that waits: a fork stands in the kernel's queue for it."""

    def __init__(self, request, locks, path, fd, how, lease):
        self._request = request
        self._locks = locks
        self._path = path
        self._fd = fd
        self._lease = lease
        self._begun = compat.clock()
        self._timer = None
        self._reason = None
        request.stream({"waiting": True, "holder": holder(request.agent, fd)})
        self._pid = os.fork()
        if self._pid == 0:
            _stand_in(fd, how)
        locks.waiting.append(self)
        request.waits = True
        request.on_cancel = self._stop
        request.agent.loop.child(self._pid, self._ended)
        timeout = request.args.get("timeout")
        if timeout is not None:
            self._timer = request.agent.loop.call_later(timeout, lambda: self._stop("timeout"))

    def _stop(self, reason):
        if self._reason is None:
            self._reason = reason
            try:
                os.kill(self._pid, signal.SIGKILL)
            except OSError:
                pass

    def give_up(self):
        self._stop("cancelled")

    def _ended(self, status):
        """The fork has ended: with 0 when it got the lock, which is ours too then."""
        self._locks.waiting.remove(self)
        if self._timer is not None:
            self._timer.cancel()
        waited = compat.clock() - self._begun
        if self._reason is None and status == 0:
            self._locks.keep(self._path, self._fd, self._lease)
            self._request.reply({"lease": self._lease, "waited": waited})
            return
        found = holder(self._request.agent, self._fd)
        os.close(self._fd)
        if self._reason == "timeout":
            by = " (held by %s)" % describe(found) if found else ""
            text = "%s was not free within %g seconds%s" % (
                compat.to_text(self._path),
                self._request.args["timeout"],
                by,
            )
            self._request.error("timeout", text, holder=found)
        elif self._reason is not None:
            self._request.stopped(self._reason)
        else:
            number = os.WEXITSTATUS(status) if os.WIFEXITED(status) else errno.EINTR
            text = "%s: %s" % (os.strerror(number), compat.to_text(self._path))
            self._request.error("os", text, errno=number, strerror=os.strerror(number))


def _stand_in(fd, how):
    """In the fork: wait for the lock. If the agent dies meanwhile, the lock goes free again with this process."""
    code = errno.EIO
    try:
        loops.leave()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        compat.close_others([fd])
        compat.null_stdio([0, 1, 2])
        _die_with_parent()
        while True:
            try:
                fcntl.flock(fd, how)
                code = 0
                break
            except (OSError, IOError) as error:
                if compat.error_number(error) != errno.EINTR:
                    code = compat.error_number(error)
                    break
    finally:
        os._exit(code)


def _die_with_parent():
    """Have the kernel end this process with the agent, where it can (else it ends once it got the lock)."""
    try:
        import ctypes

        parent = os.getppid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != parent or parent == 1:
            os._exit(1)
    except Exception:
        pass


# who holds it


def _note_path(agent, fd):
    root = agent.store.root
    if not root:
        return None
    found = os.fstat(fd)
    name = compat.to_bytes("%d-%d-%d" % (found.st_dev, found.st_ino, os.getpid()))
    return os.path.join(root, b"locks", name)


def write_note(agent, fd, path, lease):
    """Write down that this agent holds a lock; returns the note's path, None where it can't be."""
    note = _note_path(agent, fd)
    if note is None:
        return None
    content = {
        "pid": os.getpid(),
        "start": procs.start_ticks(os.getpid()),
        "lease": lease,
        "path": compat.to_text(path),
    }
    content["user"] = host.user_name(os.geteuid())
    note += b"-" + compat.to_bytes(compat.random_hex(4))
    try:
        compat.make_private_dir(os.path.dirname(note))
        compat.write_file(note, compat.dumps(content))
    except (OSError, IOError):
        return None
    return note


def holder(agent, fd):
    """Who holds the lock of an open file: ``{pid, user, command, lease}`` as far as is known; None if nothing is."""
    return _noted(agent, fd) or _in_kernel(fd)


def _noted(agent, fd):
    """What another agent of this user (or this one) wrote down."""
    note = _note_path(agent, fd)
    if note is None:
        return None
    folder, name = os.path.split(note)
    start = name.rpartition(b"-")[0] + b"-"
    try:
        names = [name for name in os.listdir(folder) if name.startswith(start)]
    except OSError:
        return None
    for name in names:
        path = os.path.join(folder, name)
        try:
            content = compat.loads(compat.read_file(path))
        except (OSError, IOError, ValueError):
            continue
        if procs.is_same(content["pid"], content["start"]):
            return {"pid": content["pid"], "lease": content["lease"], "user": content["user"], "command": "weft"}
        compat.remove_file(path)
    return None


def _in_kernel(fd):
    """What /proc/locks says."""
    found = os.fstat(fd)
    wanted = "%02x:%02x:%d" % (os.major(found.st_dev), os.minor(found.st_dev), found.st_ino)
    try:
        lines = compat.to_text(compat.read_file(b"/proc/locks")).splitlines()
    except (OSError, IOError):
        return None
    for line in lines:
        fields = line.split()
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == wanted and int(fields[4]) > 0:
            return _process(int(fields[4]))
    return None


def _process(pid):
    result = {"pid": pid, "lease": None, "user": None, "command": None}
    try:
        result["user"] = host.user_name(os.stat("/proc/%d" % pid).st_uid)
        words = compat.read_file(compat.to_bytes("/proc/%d/cmdline" % pid)).split(b"\0")
        result["command"] = compat.to_text(b" ".join(words).strip())[:200]
    except (OSError, IOError):
        pass
    return result


def describe(found):
    """A holder for messages."""
    name = found["lease"] or found["command"] or "a process"
    return "%s, pid %d of %s" % (name, found["pid"], found["user"] or "an unknown user")
