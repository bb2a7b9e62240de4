"""Where a controller that lost its link finds the agent again: a Unix socket in a folder named by the token.

Comes after ``agent``; made by ``configure`` when the agent is to linger. Answers for which there is no link are kept
here when they are big, in files only this user can read.
"""

from __future__ import absolute_import, division, print_function

import os

from . import blobs, compat

BIG = 256 << 10  # an answer longer than this is kept in a file while no link is up


class Spooled(object):
    """An answer in a file. Calling it gives the bytes again, as a list."""

    def __init__(self, path):
        self._path = path

    def __call__(self):
        return [compat.read_file(self._path)]

    def drop(self):
        compat.remove_file(self._path)


class Station(object):
    """The folder and the listening socket."""

    def __init__(self, agent, folder, sock):
        self._agent = agent
        self._folder = folder
        self._sock = sock
        self._greeting = {}
        self.path = os.path.join(folder, b"socket")
        agent.loop.reader(sock.fileno(), self._accept)
        agent.on_expire.append(self._deaf)
        agent.at_end.append(self.close)

    @classmethod
    def open(cls, agent):
        """Make folder and socket in the first place where that can be; None if there is none."""
        import _socket

        for place in ([agent.store.root] if agent.store.root else []) + blobs.places():
            folder = os.path.join(place, b"agents", compat.to_bytes(agent.token))
            try:
                compat.check_private_dir(compat.make_private_dir(place))
                compat.check_private_dir(compat.make_private_dir(folder))
                sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
                path = os.path.join(folder, b"socket")
                with compat.directory_of(path):
                    sock.bind("socket")
                os.chmod(path, 0o600)
                sock.listen(8)
            except (OSError, _socket.error):
                continue
            compat.set_cloexec(sock.fileno())
            compat.set_nonblocking(sock.fileno())
            sweep(os.path.dirname(folder), compat.to_bytes(agent.token))
            return cls(agent, folder, sock)
        return None

    def spool(self, number, parts):
        """Keep an answer until it is asked for: in a file if it is big and there is room, else as it is."""
        if sum(len(part) for part in parts) < BIG:
            return parts
        path = os.path.join(self._folder, compat.to_bytes("%d" % number))
        try:
            compat.write_file(path, b"".join(parts))
        except (OSError, IOError):
            return parts
        return Spooled(path)

    def _accept(self):
        try:
            fd = self._accepted()
        except (OSError, IOError):
            return
        compat.set_cloexec(fd)
        compat.set_nonblocking(fd)
        self._greeting[fd] = b""
        self._agent.loop.reader(fd, lambda: self._greet(fd))

    def _accepted(self):
        if hasattr(self._sock, "_accept"):
            return self._sock._accept()[0]
        connection, _ = self._sock.accept()
        return os.dup(connection.fileno())

    def _greet(self, fd):
        """A relay says the token first, and a line's end."""
        data = compat.read_some(fd, 33 - len(self._greeting[fd]))
        if data is None:
            return
        self._greeting[fd] += data
        said = self._greeting[fd]
        if data and len(said) < 33:
            return
        self._agent.loop.forget(fd)
        del self._greeting[fd]
        if said == compat.to_bytes(self._agent.token) + b"\n":
            self._agent.connected(fd, os.dup(fd))
        else:
            os.close(fd)

    def _deaf(self):
        """Take no more connections."""
        if self._sock is not None:
            self._agent.loop.forget(self._sock.fileno())
            self._sock.close()
            self._sock = None

    def close(self):
        self._deaf()
        try:
            for name in os.listdir(self._folder):
                compat.remove_file(os.path.join(self._folder, name))
            os.rmdir(self._folder)
        except OSError:
            pass


def sweep(folder, own):
    """Remove what agents left that were killed: folders whose socket nobody listens on."""
    import _socket

    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name == own:
            continue
        probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            probe.settimeout(0)
            with compat.directory_of(os.path.join(path, b"socket")):
                probe.connect("socket")
        except (OSError, _socket.error) as error:
            if compat.error_number(error) in (2, 111, 61):  # not there, refused (Linux, BSD)
                for inner in os.listdir(path) if os.path.isdir(path) else ():
                    compat.remove_file(os.path.join(path, inner))
                try:
                    os.rmdir(path)
                except OSError:
                    pass
        finally:
            probe.close()
