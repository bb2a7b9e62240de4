"""Runs a command at a terminal of its own and types an answer when it asks."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.command import Done, environment


def at_a_terminal(argv: Sequence[str], *, cwd: Path, asked: str, answer: str, timeout: float = 60) -> Done:
    """Run to the end; ``answer`` is typed once ``asked`` has been printed. All output is ``out``."""
    ours, theirs = os.openpty()
    start = time.monotonic()
    with subprocess.Popen(
        ["setsid", "--ctty", "--wait", *argv], cwd=cwd, env=environment(cwd), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said, typed = b"", False
        try:
            while (more := _read(ours, start + timeout - time.monotonic())) != b"":
                said += more
                if not typed and asked.encode() in said:
                    os.write(ours, answer.encode() + b"\n")
                    typed = True
        finally:
            os.close(ours)
            process.wait(timeout)
    return Done(process.returncode, said.decode("utf-8", "replace").replace("\r\n", "\n"), "", time.monotonic() - start)


def _read(descriptor: int, seconds: float) -> bytes:
    """What comes next; nothing at the end or when the time is over."""
    ready, _, _ = select.select([descriptor], [], [], max(0.0, seconds))
    if not ready:
        return b""
    try:
        return os.read(descriptor, 65536)
    except OSError:  # EIO: nobody holds the other end any more
        return b""
