"""The entry point of `weft`. Importing it costs nothing; what a command needs is imported by the command."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

#: Objects more than there were at the last look before Python looks for garbage again. With its own 700, a fifth of the
#: CPU of a run over many hosts went into that; what is loaded at the start mostly stays. So many are some megabytes.
_GARBAGE = 100_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (``sys.argv`` unless told) and return the exit code. Never raises, but for SystemExit."""
    if argv is not None:
        return _run(argv)
    let_garbage_lie()
    try:
        return _run(sys.argv[1:])
    finally:
        leave_garbage()


def let_garbage_lie() -> None:
    """Look for cycles less often, from the very start."""
    gc.set_threshold(_GARBAGE)


def leave_garbage() -> None:
    """The process ends: what it leaves goes with it. Python would look for cycles among all of it: a fifth of the time
    that a short play takes."""
    gc.disable()
    gc.freeze()


def _run(argv: Sequence[str]) -> int:
    args = list(argv)
    problem = locale_problem()
    if problem is not None:
        sys.stderr.write(f"ERROR: {problem}\n")
        return 1
    if args in (["--version"], ["-V"]):
        from weft import __version__

        print(f"weft {__version__}")
        return 0
    try:
        from weft.cli.app import run

        return run(args)
    except BaseException as error:
        from weft.cli.problems import report

        return report(error, args)


def locale_problem() -> str | None:
    """Why text can't be read and shown here as it was written. What programs that weft starts make of it counts too."""
    import locale

    try:
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error as error:
        return f"Ansible could not initialize the preferred locale: {error}"
    encoding = sys.getfilesystemencoding()
    if encoding.lower() != "utf-8":
        return f"Ansible requires the locale encoding to be UTF-8; Detected {encoding}."
    return None
