"""Runs one command with a time limit: ``python keeper.py SECONDS LOG COMMAND...``

A target may leave daemons, jobs and shells behind. A keeper is a process of its own, to which all that its command
started comes when its parents end (PR_SET_CHILD_SUBREAPER, see prctl(2)): so it can end the lot, and nothing else. Its
exit status is the command's, or TIMED_OUT. The command's output goes to LOG through a pipe, as with `2>&1 | tee LOG`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import BinaryIO

TIMED_OUT = 124  # as timeout(1) has it
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE = 1.0  # seconds after TERM, before KILL


def main(arguments: Sequence[str]) -> int:
    limit, log, *command = arguments
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)  # a runner that is killed takes its targets with it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TIMED_OUT))
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    assert process.stdout is not None
    writer = threading.Thread(target=_copy, args=(process.stdout, log), daemon=True)
    writer.start()
    try:
        return process.wait(float(limit))
    except subprocess.TimeoutExpired:
        return TIMED_OUT
    finally:
        _end_all()
        writer.join(timeout=1)


def _copy(source: BinaryIO, log: str) -> None:
    with open(log, "wb") as target:
        while data := os.read(source.fileno(), 1 << 16):
            target.write(data)
            target.flush()


def _end_all() -> None:
    """TERM for all that is left, KILL for what is left of that."""
    killing_from = time.monotonic() + _PATIENCE
    while left := descendants(os.getpid()):
        kind = signal.SIGTERM if time.monotonic() < killing_from else signal.SIGKILL
        for pid in left:
            try:
                os.kill(pid, kind)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
        _reap()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def descendants(root: int) -> list[int]:
    """The processes below one, zombies left out, by what /proc says now."""
    children: dict[int, list[int]] = {}
    dead: set[int] = set()
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat") if entry.isdigit() else open(os.devnull) as stat:
                state, parent = stat.read().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):  # no process, or gone meanwhile
            continue
        children.setdefault(int(parent), []).append(int(entry))
        if state == "Z":
            dead.add(int(entry))
    found = list(children.get(root, ()))
    for pid in found:
        found += children.get(pid, ())
    return [pid for pid in found if pid not in dead]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
