"""What `weft check` has found: one thing each, with its place and how bad it is."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from weft.model.errors import WeftError
from weft.model.values import Origin


class Severity(enum.Enum):
    """How bad. Only errors change the exit code."""

    ERROR = "error"  # the playbook can't be played, or must not be
    WARNING = "warning"  # it can, and something in it is probably not meant so
    HINT = "hint"  # worth a look


class Rule(enum.Enum):
    """What kind of thing."""

    LOAD = "load"  # syntax, unknown keywords, values that can't be, files that aren't there
    CONFLICT = "conflict"  # two strands, or hosts, that write the same at the same time
    JOB = "job"  # a job that nobody waits for
    NOTICE = "notice"  # what loading warns of


class Place(Struct, frozen=True, kw_only=True):
    """Another place that a finding speaks of."""

    origin: Origin
    message: str


class Finding(Struct, frozen=True, kw_only=True):
    """One thing."""

    severity: Severity
    rule: Rule
    message: str
    origin: Origin | None = None
    hint: str | None = None
    related: tuple[Place, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain data, for ``--json``."""
        return {
            "severity": self.severity.value,
            "rule": self.rule.value,
            "message": self.message,
            **_place_json(self.origin),
            "hint": self.hint,
            "related": [{"message": place.message, **_place_json(place.origin)} for place in self.related],
        }


class Checked(Struct, frozen=True, kw_only=True):
    """One playbook and what was found in it. ``path`` is as it was given."""

    path: str
    findings: Sequence[Finding] = field(default_factory=list)

    @property
    def errors(self) -> int:
        return self._count(Severity.ERROR)

    @property
    def summary(self) -> str:
        """``1 error, 2 warnings``."""
        counts = [(self._count(severity), severity.value) for severity in Severity]
        return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count)

    def _count(self, severity: Severity) -> int:
        return sum(1 for finding in self.findings if finding.severity is severity)


def of_error(error: WeftError) -> Finding:
    """An error of loading. Causes that add something are part of the message."""
    messages = [error.message]
    cause = error.__cause__
    origin = error.origin
    while isinstance(cause, WeftError):
        if cause.message not in messages[-1]:
            messages.append(cause.message)
        origin = origin or cause.origin
        cause = cause.__cause__
    text = ": ".join(message.rstrip(".") for message in messages[:-1])
    message = f"{text}: {messages[-1]}" if text else messages[-1]
    return Finding(severity=Severity.ERROR, rule=Rule.LOAD, message=message, origin=origin, hint=error.hint)


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """By place; each once."""
    once = dict.fromkeys(findings)
    return sorted(once, key=lambda found: _key(found.origin))


def shown_path(path: str) -> str:
    """Relative where that is shorter to read: below the working directory."""
    here = os.getcwd()
    return os.path.relpath(path, here) if path.startswith(here + os.sep) else path


def shown_place(origin: Origin | None) -> str:
    """``site.yml:3:7``."""
    if origin is None:
        return ""
    return str(Origin(shown_path(origin.path), origin.line, origin.column))


def lines_of(finding: Finding, path: str) -> Iterator[str]:
    """A finding as text; ``path`` is its playbook, for one without a place."""
    yield f"{shown_place(finding.origin) or path}: {finding.severity.value}: {finding.message}"
    for place in finding.related:
        yield f"  {shown_place(place.origin)}: {place.message}"
    if finding.hint:
        yield from (f"  {line}" for line in finding.hint.splitlines())


def _key(origin: Origin | None) -> tuple[str, int, int]:
    return (origin.path, origin.line, origin.column) if origin is not None else ("", 0, 0)


def _place_json(origin: Origin | None) -> dict[str, Any]:
    if origin is None:
        return {"file": None, "line": None, "column": None}
    return {"file": shown_path(origin.path), "line": origin.line or None, "column": origin.column or None}
