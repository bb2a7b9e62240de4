"""Errors that reach users: one clear message each, with its place in the playbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.model.values import Origin


class WeftError(Exception):
    """Base of every error that is meant to be read by a user.

    ``origin`` is the place it speaks of, ``hint`` says what to do about it, ``exit_code`` is the command's.
    """

    exit_code = 1

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


class UndefinedName(WeftError):
    """A template reads a variable that has no value."""


class TemplateFailed(WeftError):
    """A template can't be compiled or evaluated."""


class VaultFailed(WeftError):
    """Something encrypted can't be decrypted."""

    exit_code = 4


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


def source_excerpt(origin: Origin, before: int = 2) -> str:
    """The lines up to ``origin`` with their numbers and a caret below the column; empty where there is no such line."""
    if not origin.line:
        return ""
    try:
        lines = Path(origin.path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    if origin.line > len(lines):
        return ""
    first = max(1, origin.line - before)
    shown = [(number, lines[number - 1]) for number in range(first, origin.line + 1)]
    while len(shown) > 1 and not shown[0][1].strip():
        shown.pop(0)
    width = len(str(origin.line))
    text = [f"{number:>{width}} {line}" for number, line in shown]
    if origin.column:
        text.append(" " * (width + origin.column) + f"^ column {origin.column}")
    return "\n".join(text)
