"""A second, small program for a controller that comes back: joins stdin and stdout to a waiting agent's socket.

Arguments: the socket's path, the agent's token. Prints ``WEFT-GONE reason`` and exits with 3 if there is no such
agent. Needs nothing else of the agent.
"""

from __future__ import absolute_import, division, print_function

import errno
import fcntl
import os
import select
import sys

LIMIT = 1 << 20  # bytes held for a side that is slower


class Way(object):
    """One direction: bytes from ``source`` to ``target``."""

    def __init__(self, source, target):
        self.source = source
        self.target = target
        self.held = b""

    def read(self):
        data = _retry(os.read, self.source, 65536)
        if data == b"":
            while self.held:
                select.select([], [self.target], [])
                self.write()
            os._exit(0)
        self.held += data or b""

    def write(self):
        self.held = self.held[_retry(os.write, self.target, self.held) or 0 :]


def _retry(call, *args):
    try:
        return call(*args)
    except (OSError, IOError) as error:
        if error.errno in (errno.EAGAIN, errno.EINTR, errno.EWOULDBLOCK):
            return None
        os._exit(1)


def main():
    """Connect and carry bytes until either side ends."""
    import _socket

    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        os.chdir(os.path.dirname(sys.argv[5]))  # the address of a socket has room for a short path only
        sock.connect(os.path.basename(sys.argv[5]))
        sock.sendall((sys.argv[6] + "\n").encode("ascii"))
    except (OSError, _socket.error) as error:
        sys.stdout.write("WEFT-GONE %s\n" % error)
        sys.stdout.flush()
        os._exit(3)
    fd = sock.fileno()
    for one in (0, 1, fd):
        fcntl.fcntl(one, fcntl.F_SETFL, fcntl.fcntl(one, fcntl.F_GETFL) | os.O_NONBLOCK)
    carry([Way(0, fd), Way(fd, 1)])


def carry(ways):
    while True:
        readers = [way.source for way in ways if len(way.held) < LIMIT]
        writers = [way.target for way in ways if way.held]
        try:
            readable, writable, _ = select.select(readers, writers, [])
        except (OSError, select.error):
            continue
        for way in ways:
            if way.target in writable:
                way.write()
            if way.source in readable:
                way.read()
