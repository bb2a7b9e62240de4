"""Where the packed agent starts: sets the process up and runs the loop until the agent ends."""

from __future__ import absolute_import, division, print_function

import os
import sys

from . import compat, process
from .agent import Agent
from .compat import signal
from .loop import Loop

OTHERS = 2  # agents of other installations whose compiled code is kept beside our own


def main():
    """Run the agent on stdin and stdout. Does not return."""
    process.hangup_ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    in_fd, out_fd = take_stdio()
    go_somewhere()
    loop = Loop()
    agent = Agent(loop, in_fd, out_fd)
    agent.at_end.append(lambda: keep_codes(agent.store.root))
    agent.at_end.append(lambda: agent.store.sweep())
    loop.on_signal(signal.SIGTERM, agent.leave)
    loop.on_error = complain
    agent.hello()
    code = 0
    try:
        loop.run()
    except BaseException:
        complain()
        code = 70
    try:
        agent.end()
        sys.stderr.flush()
    finally:
        os._exit(code)


def complain():
    """Say on stderr what went wrong: the controller keeps it for its messages."""
    import traceback

    traceback.print_exc()


def keep_codes(root):
    """Leave this program's compiled code for its next run on this host, and that of the last few others."""
    finder = getattr(sys.modules[__name__.rpartition(".")[0]], "__loader__", None)
    codes = getattr(finder, "codes", None)
    data = codes.packed() if codes is not None and root else None
    if data is None:
        return
    folder = os.path.join(root, b"code")
    try:
        for name in others(folder, compat.to_bytes("-%x" % sys.hexversion), compat.to_bytes(codes.name))[OTHERS:]:
            compat.remove_file(os.path.join(folder, name))
        compat.write_file(os.path.join(folder, compat.to_bytes(codes.name)), data)
    except (OSError, IOError):
        pass  # no room: the next one compiles again


def others(folder, kind, own):
    """Compiled code of other agents for this Python, the youngest first."""
    import time

    from .blobs import age

    now = time.time()
    found = [name for name in os.listdir(folder) if name.startswith(b"agent-") and name.endswith(kind) and name != own]
    return sorted(found, key=lambda name: age(os.path.join(folder, name), now))


def take_stdio():
    """Move the link away from descriptors 0 and 1, so that nothing that prints can disturb it."""
    fds = []
    for fd in (0, 1):
        copy = os.dup(fd)
        while copy <= 2:
            copy = os.dup(copy)
        fds.append(copy)
    compat.null_stdio([0, 1])
    return fds


def go_somewhere():
    """Be in a directory that exists and that this user may look into; after ``sudo`` it may be somebody else's home."""
    env = compat.environ()
    for path in (b".", env.get(b"HOME"), compat.home_of(), env.get(b"TMPDIR"), b"/tmp", b"/"):
        try:
            if path and os.access(path, os.R_OK | os.X_OK):
                os.chdir(path)
                os.getcwd()
                return
        except OSError:
            continue
