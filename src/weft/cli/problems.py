"""The end of a command that failed: one clear message on stderr, and ansible-playbook's exit codes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from weft.model.errors import WeftError

WRONG_USAGE = 2  # as argparse has it
UNEXPECTED = 250
INTERRUPTED = 130  # as a shell says of SIGINT
_TRACEBACK_FROM = 3  # -vvv


def report(error: BaseException, args: Sequence[str]) -> int:
    """Say what went wrong and return the exit code."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]  # a task group's wrapping says nothing to users
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, BrokenPipeError):
        _let_go_of_stdout()
        return 0
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        _say("[ERROR]: User interrupted execution\n")
        return INTERRUPTED
    if isinstance(error, WeftError):
        _say(f"[ERROR]: {_described(error)}")
        code = error.exit_code
    elif (usage := _usage(error)) is not None:
        _say(f"[ERROR]: {usage}\n")
        code = WRONG_USAGE
    else:
        _say(f"[ERROR]: Unexpected Exception, this is probably a bug: {type(error).__name__}: {error}\n")
        code = UNEXPECTED
    if verbosity_of(args) >= _TRACEBACK_FROM:
        import traceback

        sys.stderr.write("".join(traceback.format_exception(error)))
    elif code == UNEXPECTED:
        sys.stderr.write("With -vvv it says where.\n")
    return code


def verbosity_of(args: Sequence[str]) -> int:
    """How many -v there are, as far as that can be seen without knowing the command."""
    flags = sum(len(arg) - 1 for arg in args if re.fullmatch("-v+", arg))
    told = os.environ.get("ANSIBLE_VERBOSITY", "")
    return flags + args.count("--verbose") + (int(told) if told.isdigit() else 0)


def _described(error: WeftError) -> str:
    from weft.sinks.problems import error_text, info_of

    return error_text(info_of(error))


def _usage(error: BaseException) -> str | None:
    """What click says of a wrong command line; None: it is none of click's errors."""
    if not type(error).__module__.startswith("click."):
        return None
    import click

    if not isinstance(error, click.ClickException):
        return None
    text = error.format_message()
    context: Any = getattr(error, "ctx", None)
    return f"{text}\n\n{context.get_usage()}\nTry '{context.command_path} --help'." if context is not None else text


def _say(text: str) -> None:
    from weft.sinks.style import Palette, wants_color

    try:
        forced = os.environ.get("ANSIBLE_FORCE_COLOR", "").lower() in ("1", "true", "yes", "on")
        refused = bool(os.environ.get("NO_COLOR") or os.environ.get("ANSIBLE_NOCOLOR"))
        palette = Palette(wants_color(sys.stderr, forced=forced, refused=refused))
        sys.stderr.write(palette.paint(text.removesuffix("\n"), "error") + "\n")
    except OSError:  # nobody listens
        pass


def _let_go_of_stdout() -> None:
    """Lead what is still buffered to nowhere: the interpreter's flush at exit would fail too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        pass
    finally:
        os.close(nowhere)
