"""The zygote: a process that has imported ansible.module_utils.basic once and forks itself for each module.

``Zygote`` is the agent's side; ``serve`` the process; ``runner`` what a fork does. They talk over a socket pair:
the agent sends three descriptors (the request, stdout, stderr), the zygote answers with the fork's pid and later its
status. The zygote has one thread and does nothing between forks but wait.
"""

from __future__ import absolute_import, division, print_function

import os
import struct
import sys

from . import compat, importer, process, runner
from . import loop as loops
from .compat import signal

RUN = b"R"
JOB = b"J"
_REQUEST = struct.Struct(">cI")
_EVENT = struct.Struct(">cIi")
_FDS = struct.Struct("3i")
PRELOAD = (
    "ansible.module_utils.basic",
    "ansible.module_utils._internal._ansiballz._loader",
    "ansible.module_utils._internal._json._profiles._module_legacy_c2m",
    "ansible.module_utils._internal._json._profiles._module_legacy_m2c",
    "ansible.module_utils.common.json",
    "ansible.modules",
)


def can_pass():
    """Whether this Python can send descriptors over a socket."""
    if not compat.PY2:
        return True
    try:
        from _multiprocessing import sendfd  # noqa: F401
    except ImportError:
        return False
    return True


def _send_fds(sock, data, fds):
    """Send a message with three descriptors. Python 2 sends them one by one, which a blocking socket allows."""
    if compat.PY2:
        from _multiprocessing import sendfd

        sock.sendall(data)
        for fd in fds:
            sendfd(sock.fileno(), fd)
    else:
        import _socket

        sock.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _FDS.pack(*fds))])


def _receive_fds(sock):
    """The next message and its descriptors; (b"", ()) at the end."""
    if compat.PY2:
        from _multiprocessing import recvfd

        data = b""
        while len(data) < _REQUEST.size:
            part = sock.recv(_REQUEST.size - len(data))
            if not part:
                return b"", ()
            data += part
        return data, [recvfd(sock.fileno()) for _ in range(3)]
    import _socket

    data, control, _, _ = sock.recvmsg(_REQUEST.size, _socket.CMSG_SPACE(_FDS.size))
    if not data or not control:
        return b"", ()
    return data, _FDS.unpack(control[0][2])


class Zygote(object):
    """The agent's handle on a zygote process. ``failed`` once it is gone."""

    def __init__(self, loop, blobs, manifest, path):
        import _socket

        self._loop = loop
        self._runs = {}
        self._count = 0
        self._buffer = b""
        self._waiting = []
        self.failed = False
        self.used = compat.clock()
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self.pid = os.fork()
        if self.pid == 0:
            _in_child(serve, theirs, blobs, manifest, path)
        theirs.close()
        self._sock = ours
        compat.set_cloexec(ours.fileno())
        compat.set_nonblocking(ours.fileno())
        loop.child(self.pid, lambda status: self._lost())
        loop.reader(ours.fileno(), self._events)

    def run(self, kind, fds, started=None, exited=None, lost=None):
        """Fork for one request; the descriptors are closed here once they are sent.

        ``started(pid)``, then ``exited(status)``; or ``lost()`` when the zygote dies before.
        """
        self._count += 1
        self.used = compat.clock()
        self._runs[self._count] = (started, exited, lost)
        self._waiting.append((_REQUEST.pack(kind, self._count), fds))
        self._flush()

    @property
    def idle(self):
        return not self._runs

    def close(self):
        """Let the zygote end; what it has forked goes on."""
        if not self.failed:
            self.failed = True
            self._loop.forget(self._sock.fileno())
            self._sock.close()

    def ended(self):
        """Whether the process is gone, and taken away."""
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except OSError:
            return True

    def _flush(self):
        while self._waiting and not self.failed:
            data, fds = self._waiting[0]
            try:
                if compat.PY2:
                    self._sock.setblocking(1)
                _send_fds(self._sock, data, fds)
            except (OSError, IOError) as error:
                if compat.again(error):
                    self._loop.writer(self._sock.fileno(), self._flush)
                    return
                self._lost()
                return
            finally:
                if compat.PY2 and not self.failed:
                    self._sock.setblocking(0)
            self._waiting.pop(0)
            for fd in fds:
                os.close(fd)
        if not self.failed:
            self._loop.writer(self._sock.fileno(), None)

    def _events(self):
        try:
            data = compat.read_some(self._sock.fileno(), 65536)
        except (OSError, IOError):
            data = b""
        if data is None:
            return
        if not data:
            self._lost()
            return
        self._buffer += data
        while len(self._buffer) >= _EVENT.size:
            what, number, value = _EVENT.unpack(self._buffer[: _EVENT.size])
            self._buffer = self._buffer[_EVENT.size :]
            started, exited, _ = self._runs.get(number, (None, None, None))
            if what == b"P":
                if started is not None:
                    started(value)
            else:
                self._runs.pop(number, None)
                if exited is not None:
                    exited(value)

    def _lost(self):
        self.close()
        for _, fds in self._waiting:
            for fd in fds:
                os.close(fd)
        self._waiting = []
        runs, self._runs = self._runs, {}
        for _, _, lost in runs.values():
            if lost is not None:
                lost()


class Direct(object):
    """Stands in where descriptors can't be passed: forks the agent itself, and imports everything each time."""

    failed = False
    idle = True
    used = 0.0

    def __init__(self, loop, blobs, manifest, path):
        self._loop = loop
        self._setup = (blobs, manifest, path)

    def run(self, kind, fds, started=None, exited=None, lost=None):
        pid = os.fork()
        if pid == 0:
            _in_child(_direct, kind, fds, *self._setup)
        for fd in fds:
            os.close(fd)
        self._loop.child(pid, exited if exited is not None else lambda status: None)
        if started is not None:
            started(pid)

    def close(self):
        pass

    def ended(self):
        return True


def _direct(kind, fds, blobs, manifest, path):
    loops.leave()
    process.own_session()
    _begin(kind, fds, set_up_python(blobs, manifest, path, preload=False))


def _in_child(function, *args):
    """Run ``function`` in a fresh fork; never return into the parent's code."""
    code = 70
    try:
        function(*args)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        try:
            traceback.print_exc()
        except Exception:
            pass
    finally:
        os._exit(code)


def serve(sock, blobs, manifest, path):
    """The zygote: prepare, then fork whenever asked, until the agent is gone."""
    loops.leave()
    process.own_session()
    compat.close_others([sock.fileno()])
    compat.null_stdio([0, 1, 2])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    finder = set_up_python(blobs, manifest, path)
    Server(sock, finder).run()


class Server(object):
    """The zygote's life: a blocking wait for requests and for the ends of its forks."""

    def __init__(self, sock, finder):
        self._sock = sock
        self._finder = finder
        self._runs = {}
        self._loop = loops.Loop()

    def run(self):
        self._loop.reader(self._sock.fileno(), self._take)
        self._loop.run()

    def _take(self):
        data, fds = _receive_fds(self._sock)
        if not data:
            self._loop.stop()
            return
        kind, number = _REQUEST.unpack(data)
        pid = os.fork()
        if pid == 0:
            _in_child(self._fork, kind, fds)
        for fd in fds:
            os.close(fd)
        self._tell(b"P", number, pid)
        self._loop.child(pid, lambda status: self._tell(b"X", number, status))

    def _fork(self, kind, fds):
        loops.leave()
        process.own_session()
        _begin(kind, fds, self._finder)

    def _tell(self, what, number, value):
        try:
            compat.write_all(self._sock.fileno(), _EVENT.pack(what, number, value))
        except (OSError, IOError):
            self._loop.stop()


def _begin(kind, fds, finder):
    """In the fork: become the module, or the supervisor of a job."""
    if kind == JOB:
        from . import supervisor

        supervisor.begin(fds[0], fds[1], finder)
        return
    request_fd, out_fd, err_fd = fds
    process.redirect((None, out_fd, err_fd))
    compat.close_others([request_fd])
    request = compat.loads(compat.read_all(request_fd))
    os.close(request_fd)
    runner.run_module(request, finder)


def set_up_python(blobs, manifest, path, preload=True):
    """Make this process the Python that a module expects, with its site-packages, PYTHONPATH and module_utils.

    Returns the Finder.
    """
    use_site()
    for entry in reversed([entry for entry in path.split(os.pathsep) if entry]):
        sys.path.insert(0, entry)
    finder = importer.Finder(blobs)
    finder.use(manifest)
    sys.meta_path.insert(0, finder)
    if compat.PY2:
        sys.path_hooks.insert(0, finder.hook)
    if preload:
        _preload(finder)
    return finder


def _preload(finder):
    """Import what each module needs. Nothing of it is garbage: the collector needs not look at it, now or in forks."""
    import gc

    gc.disable()
    for name in PRELOAD:
        if name in finder.names:
            try:
                __import__(name)
            except Exception:
                break  # modules that import it will say why
    import atexit  # noqa: F401
    import runpy  # noqa: F401
    import tempfile  # noqa: F401
    import threading  # noqa: F401
    import traceback  # noqa: F401

    from . import popen

    popen.install()
    finder.remember()
    if hasattr(gc, "freeze"):
        gc.freeze()
    else:
        gc.collect()
    gc.enable()


def use_site():
    """Do what -S left out at the start: find site-packages, and let .pth files have their say."""
    if sys.flags.no_site and "site" not in sys.modules:
        import site

        if not compat.PY2:
            site.main()
