"""Programs that templates run on the controller (the lookups `pipe` and `lines`), and how they end with the run.

They run in threads, which nobody can cancel: whoever ends the run ends the programs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading


class Interrupted(BaseException):
    """Ctrl-C, while a template was evaluated. Not an error: no plugin and no `default()` may swallow it."""


class Programs:
    """The programs of one run. May be used from several threads."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._interrupted = False

    def output(self, command: str, folder: str) -> tuple[int, bytes]:
        """Exit status and stdout of a shell command; its stderr is weft's. Raises Interrupted."""
        with self._lock:
            if self._interrupted:
                raise Interrupted
            pipe = subprocess.PIPE
            program = subprocess.Popen(command, shell=True, cwd=folder, stdin=pipe, stdout=pipe)
            self._running.add(program)
        try:
            with program:
                stdout, _ = program.communicate()
        finally:
            with self._lock:
                self._running.discard(program)
        if self._interrupted:
            raise Interrupted
        return program.returncode, stdout

    def interrupt(self) -> None:
        """End all that runs, and whatever would be started from now on."""
        with self._lock:
            self._interrupted = True
            for program in self._running:
                if program.poll() is None:
                    for pid in (program.pid, *_below(program.pid)):
                        _end(pid)


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass


def _below(pid: int) -> list[int]:
    """What a shell has started itself. Programs stay in weft's process group, so that they can ask at the terminal."""
    found: list[int] = []
    ahead = [pid]
    while ahead:
        parent = ahead.pop()
        try:
            with open(f"/proc/{parent}/task/{parent}/children") as file:
                children = [int(child) for child in file.read().split()]
        except (OSError, ValueError):  # gone meanwhile, or a system without this file
            continue
        found += children
        ahead += children
    return found
