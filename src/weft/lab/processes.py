"""Process trees of this machine, as /proc tells them, and signals to a whole one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

_MOST_ROUNDS = 100


def descendants(root: int) -> list[int]:
    """The processes below ``root``, parents before their children."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    level = children.get(root, [])
    while level:
        found += level
        level = [child for pid in level for child in children.get(pid, [])]
    return found


def stop_tree(root: int) -> None:
    """SIGSTOP to ``root`` and all below it. Parents first, so that none sees a child of its own stop."""
    stopped: set[int] = set()
    for _ in range(_MOST_ROUNDS):
        new = [pid for pid in (root, *descendants(root)) if pid not in stopped]
        if not new:
            return
        send(new, signal.SIGSTOP)
        stopped.update(new)


def continue_tree(root: int) -> None:
    """SIGCONT to ``root`` and all below it, children first."""
    send([*reversed(descendants(root)), root], signal.SIGCONT)


def kill_below(root: int) -> None:
    """SIGKILL to all below ``root``, until none that it does not know of is left."""
    killed: set[int] = set()
    for _ in range(_MOST_ROUNDS):
        new = [pid for pid in descendants(root) if pid not in killed]
        if not new:
            return
        send(new, signal.SIGKILL)
        killed.update(new)


def send(pids: Iterable[int], number: int) -> None:
    """A signal to each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _parents() -> Iterable[tuple[int, int]]:
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as stat:
                # the command's name stands in brackets and may itself hold brackets and spaces
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            continue
        yield int(entry), int(fields[1])
