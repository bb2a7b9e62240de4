"""The entry point of `weft`. Importing it costs nothing; what a command needs is imported by the command."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

#: Objects more than there were at the last look before Python looks for garbage again. With its own 700, a fifth of the
#: CPU of a run over many hosts went into that; what is loaded at the start mostly stays. So many are some megabytes.
GARBAGE = 100_000
_UNWRITTEN = 120  # the interpreter's exit code where the last of the output can't be written


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit code. Never raises, but for SystemExit.

    Without ``argv`` it is the process's own, which ends with it.
    """
    return _run(argv) if argv is not None else alone(lambda: _run(sys.argv[1:]))


def alone(command: Callable[[], int]) -> NoReturn:
    """Run what this process is there for, and end it with the exit code that comes of it."""
    gc.set_threshold(GARBAGE)
    try:
        code = command()
        if not _has_plugins():
            _end(code)
        sys.exit(code)
    finally:
        gc.disable()  # it would look for cycles among all that is left: a fifth of the time that a short play takes
        gc.freeze()


def _has_plugins() -> bool:
    """Whether code of others ran in this process. The interpreter writes out what it has left in open files."""
    return "ansible" in sys.modules or any(name.startswith("weft_plugins_") for name in sys.modules)


def _end(code: int) -> NoReturn:
    """End as the interpreter would, but leave its memory to the kernel: tidying it up takes 7 ms and more."""
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # nobody reads it any more
            code = code or _UNWRITTEN
    os._exit(code & 0xFF)


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
