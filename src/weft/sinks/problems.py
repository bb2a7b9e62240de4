"""Errors, warnings and deprecations as text: message, place with its source lines, help, and the chain of causes.

The layout is ansible-core 2.19's: one line where there is only a message, otherwise a paragraph of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.events.types import Cause, Deprecated, ErrorInfo, Warned
from weft.model.errors import WeftError, source_excerpt
from weft.model.values import Origin

CAUSED_BY = "<<< caused by >>>"
_ENDS = (".", "!", "?")


def error_text(error: ErrorInfo, *, traceback: bool = False) -> str:
    """What stands after ``[ERROR]: ``, with the line end; the stack of calls too, if asked for."""
    chain = error.chain or (Cause(message=error.message, origin=error.origin, help=error.help),)
    text = _chain_text(chain)
    if traceback:
        text = f"{text.rstrip()}\n\n{error.traceback or '(traceback missing)'}"
    return _closed(text)


def warning_text(warning: Warned) -> str:
    """What stands after ``[WARNING]: ``, with the line end."""
    return _closed("\n".join(_lines(warning.message, warning.origin, warning.help)))


def deprecation_text(notice: Deprecated) -> str:
    """What stands after ``[DEPRECATION WARNING]: ``, with the line end."""
    message = _sentences(notice.message, _removal(notice))
    return _closed("\n".join(_lines(message, notice.origin, notice.help)))


def brief(error: ErrorInfo) -> str:
    """An error in one line, its causes joined by colons."""
    return _folded([cause.message for cause in error.chain]) if error.chain else error.message


def deprecation_of(notice: Mapping[str, Any]) -> Deprecated:
    """One entry of a result's ``deprecations``."""
    version, date = notice.get("version"), notice.get("date")
    return Deprecated(
        message=str(notice.get("msg", "")),
        version=None if version is None else str(version),
        date=None if date is None else str(date),
        collection=notice.get("collection_name"),
        help=notice.get("help_text"),
    )


def info_of(error: WeftError) -> ErrorInfo:
    """An error of the run itself, with the errors that caused it."""
    chain: list[Cause] = []
    cause: BaseException | None = error
    while isinstance(cause, WeftError):
        chain.append(Cause(message=cause.message, origin=cause.origin, help=cause.hint, apart=cause.apart))
        cause = cause.__cause__
    return ErrorInfo(message=error.message, origin=error.origin, help=error.hint, chain=tuple(chain))


def _chain_text(chain: Sequence[Cause]) -> str:
    """Each cause a paragraph; those that add nothing but their message are folded into the one before them."""
    segments: list[str] = []
    rest = list(chain)
    while rest:
        first = rest.pop(0)
        messages = [first.message]
        while rest and _adds_nothing(rest[0], first):
            messages.append(rest.pop(0).message)
        lines = _lines(_folded(messages), first.origin, first.help)
        segments.append("\n".join([*lines, *_parts(first.parts)]) + "\n")
    text = f"\n{CAUSED_BY}\n\n".join(segments)
    if len(segments) > 1:
        text = f"{_folded([cause.message for cause in chain])}\n\n{text}"
    return text


def _parts(parts: Sequence[ErrorInfo]) -> list[str]:
    """Errors that happened side by side, each in a frame of its own."""
    lines: list[str] = []
    for number, part in enumerate(parts, 1):
        text = _chain_text(part.chain or (Cause(message=part.message, origin=part.origin, help=part.help),))
        lines += ["", f"+--[ Sub-Event {number} of {len(parts)} ]---"]
        lines += [f"| {line}" for line in ("", *text.split("\n"))]
    return [*lines, "+--[ End Sub-Event ]---"] if parts else []


def _adds_nothing(cause: Cause, to: Cause) -> bool:
    if cause.parts or cause.apart:
        return False
    return (not cause.origin and not cause.help) or (cause.origin == to.origin and cause.help == to.help)


def _folded(messages: Sequence[str]) -> str:
    """``A: B: C``; a message that already ends with its cause is not said twice."""
    text = messages[-1]
    for outer in reversed(messages[:-1]):
        text = outer if outer.endswith(text) else f"{outer.rstrip('. ')}: {text}"
    return text


def _lines(message: str, origin: Origin | None, help: str | None) -> list[str]:
    if origin is None and help and "\n" not in message and "\n" not in help:
        return [f"{message} {help}"]
    lines = [message]
    if origin is not None:
        lines.append(f"Origin: {origin}")
        excerpt = source_excerpt(origin)
        if excerpt:
            lines += ["", excerpt]
    if help:
        lines += ["", help]
    return lines


def _closed(text: str) -> str:
    text = text.strip()
    return f"{text}\n\n" if "\n" in text else f"{text}\n"


def _removal(notice: Deprecated) -> str:
    """When, and from what, a feature goes or went."""
    words = ["This feature was removed" if notice.removed else "This feature will be removed"]
    if notice.collection:
        core = notice.collection == "ansible.builtin"
        words += ["from", "ansible-core" if core else f"collection {notice.collection!r}"]
    if not notice.collection:
        words.append("" if notice.removed else "in the future")
    elif notice.date:
        words.append(f"in a release after {notice.date}")
    elif notice.version:
        words.append(f"version {notice.version}")
    else:
        words.append("" if notice.removed else "in a future release")
    return " ".join(word for word in words if word) + "."


def _sentences(*parts: str) -> str:
    stripped = [part.strip() for part in parts if part.strip()]
    return " ".join(part if part.endswith(_ENDS) else f"{part}." for part in stripped)
