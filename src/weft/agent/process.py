"""Starting programs and collecting what they write: without threads, and without subprocess (10-30 ms to import).

Comes after ``loop``. ``command``, ``modules``, ``zygote`` and ``supervisor`` stand on it.
"""

from __future__ import absolute_import, division, print_function

import errno
import os
import struct

from . import compat, loop
from .compat import signal

KILL_AFTER = 2.0  # seconds between TERM and KILL
_FAILURE = struct.Struct(">iB")
_RESET = [
    getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ", "SIGHUP", "SIGTERM", "SIGINT") if hasattr(signal, name)
]
hangup_ignored = False  # whether whoever started the agent had SIGHUP ignored (nohup): programs inherit that
_without = [] if hasattr(os, "posix_spawn") else ["posix_spawn"]  # why posix_spawn(3) does not do here
original_nofile = None  # resource limits to restore in programs, when the agent has raised its own


class StartFailed(OSError):
    """A program could not be started; ``at_directory`` says that the directory to start in was the reason."""

    at_directory = False


def start(argv, env, cwd=None, stdin=None, stdout=None, stderr=None, umask=None, executable=None, keep=(), nofile=None):
    """Run a program in a session (so: process group) of its own; return its pid.

    ``argv``, ``env``, ``cwd`` are bytes; ``stdin``, ``stdout``, ``stderr`` descriptors (None: /dev/null); ``nofile``
    is how many descriptors it may open.
    Looks along the PATH of ``env``, as subprocess does. Raises StartFailed, IndexError for an empty ``argv``.
    """
    name = executable or argv[0]
    candidates = [name]
    if b"/" not in name:
        path = env.get(b"PATH", compat.to_bytes(os.defpath))
        candidates = [os.path.join(folder, name) for folder in path.split(b":")]
    stdio = (stdin, stdout, stderr)
    if cwd is None and umask is None and not keep and not nofile and can_spawn(stdio):
        try:
            return _spawn(name, candidates, argv, env, stdio)
        except NotImplementedError:
            _without.append("sessions")
    return _fork(name, candidates, argv, env, cwd, stdio, umask, keep, nofile)


def _fork(name, candidates, argv, env, cwd, stdio, umask, keep, nofile):
    """``start`` with a fork of this process, which then becomes the program."""
    read_end, write_end = compat.pipe()
    try:
        pid = os.fork()
    except OSError:
        compat.close(read_end)
        compat.close(write_end)
        raise
    if pid == 0:
        _become(candidates, argv, env, cwd, stdio, umask, write_end, keep, nofile)
    os.close(write_end)
    try:
        data = compat.read_all(read_end)
    finally:
        os.close(read_end)
    if len(data) >= _FAILURE.size:
        while True:
            try:
                os.waitpid(pid, 0)
                break
            except OSError as error:
                if error.errno != errno.EINTR:
                    break
        number, at_directory = _FAILURE.unpack(data[: _FAILURE.size])
        failure = StartFailed(number, os.strerror(number), cwd if at_directory else name)
        failure.at_directory = bool(at_directory)
        raise failure
    return pid


def can_spawn(stdio):
    """Whether posix_spawn(3) does for a program with these descriptors. It takes half the time of a fork of Python."""
    return not _without and original_nofile is None and all(fd is None or fd > 2 for fd in stdio)


def _spawn(name, candidates, argv, env, stdio):
    """``start`` in the current directory, with nothing else that takes code of ours in the child.

    Raises NotImplementedError where the C library has no sessions for it.
    """
    actions = []
    for target, fd in enumerate(stdio):
        if fd is None:
            actions.append((os.POSIX_SPAWN_OPEN, target, os.devnull, os.O_RDWR, 0))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, fd, target))
    # signals that are caught go back by themselves
    reset = [number for number in _RESET if not (hangup_ignored and number == signal.SIGHUP)]
    number = errno.ENOENT
    for candidate in candidates:
        if len(candidates) > 1 and _is_missing(candidate):
            continue
        try:
            return os.posix_spawn(candidate, argv, env, file_actions=actions, setsid=True, setsigdef=reset)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR) or len(candidates) == 1:
                number = error.errno
        except ValueError:  # a zero byte in a word
            number = errno.EINVAL
    raise StartFailed(number, os.strerror(number), name)


def _is_missing(path):
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.ENOTDIR)
    return False


def _become(candidates, argv, env, cwd, stdio, umask, report, keep, nofile):
    """In the child: set everything up, then execute. Never returns."""
    number, at_directory = errno.ENOENT, 0
    try:
        own_session()
        redirect(stdio)
        reset_signals()
        restore_limits(nofile)
        if umask is not None:
            os.umask(umask)
        if compat.PY2:
            compat.close_others(set(keep) | {report})
        if cwd is not None:
            at_directory = 1
            os.chdir(cwd)
            at_directory = 0
        for candidate in candidates:
            try:
                os.execve(candidate, argv, env)
            except OSError as error:
                # as execvp(3): go on, but remember what is more telling than "not there"
                if error.errno not in (errno.ENOENT, errno.ENOTDIR) or len(candidates) == 1:
                    number = error.errno
    except OSError as error:
        number = error.errno or errno.EINVAL
    except BaseException:
        number = errno.EINVAL
    try:
        os.write(report, _FAILURE.pack(number, at_directory))
    finally:
        os._exit(255)


def own_session():
    """A session of one's own: no terminal, and a process group that can be signalled as a whole."""
    try:
        os.setsid()
    except OSError:
        pass  # a group leader already


def redirect(stdio):
    """Make the three descriptors (None: /dev/null) standard input, output and error."""
    sources = [os.open(os.devnull, os.O_RDWR) if fd is None else os.dup(fd) for fd in stdio]
    sources = [_above(fd) for fd in sources]
    for target, fd in enumerate(sources):
        os.dup2(fd, target)
        os.close(fd)


def _above(fd):
    """``fd`` or a copy of it that is none of 0, 1 and 2."""
    spare = []
    while fd <= 2:
        spare.append(fd)
        fd = os.dup(fd)
    for other in spare:
        os.close(other)
    return fd


def reset_signals():
    """What Python and the agent changed goes back to how a program expects it."""
    loop.leave()
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    if hangup_ignored:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def restore_limits(nofile=None):
    """Undo ``raise_limits`` for a program that is about to be run; ``nofile``: it may open that many descriptors."""
    if original_nofile is None and not nofile:
        return
    import resource

    if original_nofile is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, original_nofile)
    if nofile:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        soft = nofile if hard == resource.RLIM_INFINITY else min(hard, nofile)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        except ValueError:
            pass  # a system whose limits are lower than it says


def raise_limits():
    """Allow this process as many descriptors as the system lets it have (65,536 at most)."""
    global original_nofile
    if original_nofile is not None:
        return
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
        if wanted > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            original_nofile = (soft, hard)
    except (ImportError, ValueError, OSError):
        pass


def exit_code(status):
    """The status of waitpid(2) as subprocess gives it: the exit code, or minus the signal's number."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def signal_group(pid, number):
    """Send a signal to the group ``pid`` leads; whether there was one."""
    try:
        os.killpg(pid, number)
    except OSError:
        try:
            os.kill(pid, number)
        except OSError:
            return False
    return True


class Feeder(object):
    """Writes bytes to a pipe as they are taken, then closes it."""

    def __init__(self, loop, fd, data):
        compat.set_nonblocking(fd)
        self._loop = loop
        self._fd = fd
        self._view = memoryview(data)
        self._write()

    def _write(self):
        while len(self._view):
            try:
                self._view = self._view[os.write(self._fd, self._view[:65536]) :]
            except (OSError, IOError) as error:
                if compat.error_number(error) == errno.EINTR:
                    continue
                if compat.again(error):
                    self._loop.writer(self._fd, self._write)
                    return
                break  # nobody reads any more, which is the program's right
        self.end()

    def end(self):
        """Close the pipe, whatever is left."""
        if self._fd is not None:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = None


class Capture(object):
    """One running process group: feeds its stdin, collects stdout and stderr, ends when it is over.

    It is over when the process has ended and its pipes are drained. A process left behind may hold them open: then it
    is over after ``quiet`` seconds in which nothing came. ``done(capture)`` is called once, with ``code``, ``out`` and
    ``err`` set and ``reason`` None, "timeout" or "cancelled".
    """

    def __init__(self, loop, done, quiet=0.0, on_data=None):
        self._loop = loop
        self._done = done
        self._quiet = quiet
        self._on_data = on_data
        self._parts = {}
        self._order = []
        self._stdin = None
        self._last = compat.clock()
        self._timers = []
        self._silence = None
        self._hard = False
        self.grace = KILL_AFTER
        self.pid = None
        self.code = None
        self.reason = None
        self.killer = signal_group
        self.out = self.err = b""
        self.finished = False

    def pipes(self):
        """Make the pipes for stdout and stderr and start reading them; returns the two ends for the process."""
        ends = []
        for _ in range(2):
            read_end, write_end = compat.pipe()
            compat.set_nonblocking(read_end)
            self._parts[read_end] = []
            self._order.append(read_end)
            self._loop.reader(read_end, self._reading(read_end))
            ends.append(write_end)
        return ends

    def started(self, pid):
        """The process runs as ``pid``, the leader of its group."""
        self.pid = pid
        if self.reason is not None and not self.finished:
            self._terminate()

    def feed(self, fd, data):
        """Write ``data`` to ``fd`` as it is taken, then close it."""
        self._stdin = Feeder(self._loop, fd, data)

    def limit(self, seconds):
        """End the group after so many seconds, with ``reason`` "timeout"."""
        self._timers.append(self._loop.call_later(seconds, lambda: self.kill("timeout")))

    def kill(self, reason, grace=KILL_AFTER):
        """TERM to the group, KILL after ``grace`` seconds. ``done`` is called as always, when it has ended."""
        if self.reason is not None or self.finished:
            return
        self.reason = reason
        self.grace = grace
        if self.pid is not None:
            self._terminate()

    def _terminate(self):
        self.killer(self.pid, signal.SIGTERM)
        self._timers.append(self._loop.call_later(self.grace, self._kill_hard))

    def _kill_hard(self):
        self._hard = True
        self.killer(self.pid, signal.SIGKILL)
        if self.code is not None:
            self._finish()

    def exited(self, status):
        """The process has ended with this status of waitpid(2)."""
        self.code = exit_code(status)
        for fd in list(self._parts):
            self._read(fd, 32)  # a pipe holds a MiB at most: this is all that the process itself wrote
        if self.finished:
            return
        if not any(fd is not None for fd in self._order):
            self._finish()
        elif self.reason is None:
            self._wait_for_silence()
        elif self._hard or not self.killer(self.pid, 0):
            self._finish()

    def abandon(self):
        """Nothing was started after all: close the pipes, call nobody."""
        self._done = lambda capture: None
        self._finish()

    def gone(self):
        """The process is lost: nobody will tell how it ended."""
        if not self.finished:
            self.code = -signal.SIGKILL
            self._finish()

    def _reading(self, fd):
        return lambda: self._read(fd, 16)

    def _read(self, fd, rounds):
        """Take what is there. A flood must not keep other requests waiting, hence ``rounds``."""
        for _ in range(rounds):
            data = compat.read_some(fd, 65536)
            if data is None:
                return
            self._last = compat.clock()
            if not data:
                self._close(fd)
                return
            self._parts[fd].append(data)
            if self._on_data is not None:
                self._on_data(data)

    def _close(self, fd):
        self._loop.forget(fd)
        os.close(fd)
        which = self._order.index(fd)
        self._order[which] = None
        self._keep(which, self._parts.pop(fd))
        if self.code is not None and not any(left is not None for left in self._order):
            self._finish()

    def _keep(self, which, parts):
        if which == 0:
            self.out = b"".join(parts)
        else:
            self.err = b"".join(parts)

    def _wait_for_silence(self):
        left = self._last + self._quiet - compat.clock()
        if left <= 0:
            self._finish()
        else:
            self._silence = self._loop.call_later(left, self._silence_over)

    def _silence_over(self):
        if not self.finished:
            self._wait_for_silence()

    def _finish(self):
        if self.finished:
            return
        self.finished = True
        if self._stdin is not None:
            self._stdin.end()
        for timer in self._timers:
            timer.cancel()
        if self._silence is not None:
            self._silence.cancel()
        for which, fd in enumerate(self._order):
            if fd is not None:
                self._loop.forget(fd)
                os.close(fd)
                self._keep(which, self._parts.pop(fd))
        self._order = []
        self._done(self)
