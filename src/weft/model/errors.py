"""Errors that reach users: one clear message each, with its place in the playbook."""

from __future__ import annotations

import itertools
from typing import Any

from weft.model.values import Origin, Written


class WeftError(Exception):
    """Base of every error that is meant to be read by a user.

    ``origin`` is the place it speaks of, ``hint`` says what to do about it, ``exit_code`` is the command's.
    """

    exit_code = 1
    apart = False  # as the cause of another error it is shown below that, even where it adds but its message

    def __init__(self, message: str, origin: Origin | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.origin = origin
        self.hint = hint

    def __str__(self) -> str:
        return self.message

    def describe(self) -> str:
        """The message with its place, the source line and a caret, and the hint, where they are known."""
        parts = [self.message]
        if self.origin is not None:
            parts.append(f"Origin: {self.origin}")
            excerpt = source_excerpt(self.origin)
            if excerpt:
                parts.append("\n" + excerpt + "\n")
        if self.hint:
            parts.append(self.hint)
        return "\n".join(parts)


class OptionsError(WeftError):
    """The command line asks for what can't be."""

    exit_code = 5


class LoadError(WeftError):
    """A playbook, role, vars file or inventory can't be read or isn't what the language allows."""

    exit_code = 4


class Malformed(LoadError):
    """A playbook isn't what the language allows, in one of the ways for which ansible-playbook exits with 1."""

    exit_code = 1


class FileMissing(LoadError):
    """A file that is named is not there."""

    exit_code = 1


class UndefinedName(WeftError):
    """A template reads a variable that has no value."""


class TemplateFailed(WeftError):
    """A template can't be compiled or evaluated.

    ``because``: the end of the message, where it is told as a cause by itself.
    """

    def __init__(
        self, message: str, origin: Origin | None = None, hint: str | None = None, *, because: str | None = None
    ) -> None:
        super().__init__(message, origin, hint)
        self.because = because


class VaultFailed(WeftError):
    """Something encrypted can't be decrypted."""


class TaskFailed(WeftError):
    """A task ends as failed. ``result`` holds what else its result should carry."""

    def __init__(
        self, message: str, origin: Origin | None = None, hint: str | None = None, result: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message, origin, hint)
        self.result = result or {}


class TaskSkipped(WeftError):
    """An action decides that there is nothing to do."""

    def __init__(self, message: str, result: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.result = result or {}


class Unreachable(WeftError):
    """No session with a host can be had, or it is lost for good. The message says what was tried."""

    exit_code = 4

    def __init__(self, message: str, result: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.result = result or {}


def source_excerpt(origin: Origin, before: int = 2, width: int = 120) -> str:
    """The lines up to ``origin`` with their numbers and a caret below the column; empty where no line is known.

    Of what is in no file it is what stands there.

    Lines are cut at ``width`` columns. Where the text can't be shown, one line says why: the file is gone, is not
    text, is shorter than expected, or is encrypted.
    """
    if isinstance(origin, Written):
        import textwrap

        return textwrap.shorten(origin.text, width)
    if not origin.line or origin.path.startswith("<"):
        return ""
    first = max(1, origin.line - before)
    try:
        with open(origin.path, encoding="utf-8") as file:
            head = file.readline()
            lines = list(itertools.islice(itertools.chain((head,), file), first - 1, origin.line))
    except (OSError, ValueError) as error:
        return f"(source not shown: {type(error).__name__})"
    if head.startswith("$ANSIBLE_VAULT"):
        return "(source not shown: content encrypted)"
    if len(lines) != origin.line - first + 1:
        return "(source not shown: file truncated)"
    label = len(str(origin.line))
    room = width - label - 1
    whole = [line.rstrip("\n").replace("\t", " ") for line in lines]
    shown = [line if len(line) <= room else f"{line[: room - 3]}..." for line in whole]
    text = [f"{number:>{label}}{' ' if line else ''}{line}" for number, line in enumerate(shown, first)]
    caret = _caret(origin.column, len(shown[-1]), room, room if shown == whole else room - 3)
    return "\n".join([*text, f"{'':{label}} {caret}"] if caret else text)


def _caret(column: int, length: int, room: int, usable: int) -> str:
    """The mark below a line of ``length``: what is in ``room`` but not ``usable`` was cut off."""
    if not column:
        return "^" * length
    if column > usable:
        return ""
    mark = f"column {column}"
    if column + 1 + len(mark) > room:  # no room to its right
        return f"{' ' * (column - 2 - len(mark))}{mark} ^"
    return f"{' ' * (column - 1)}^ {mark}"
