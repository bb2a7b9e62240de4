"""The entry point of `weft`. Importing it costs nothing; what a command needs is imported by the command."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (``sys.argv`` unless told) and return the exit code. Never raises, but for SystemExit."""
    args = list(sys.argv[1:] if argv is None else argv)
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
