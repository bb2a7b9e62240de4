"""What came of a task on a host."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field


class Status(enum.Enum):
    """How a task ended on a host, in the recap's words."""

    OK = "ok"
    CHANGED = "changed"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


class Outcome(Struct, frozen=True, kw_only=True):
    """The end of one task, or of one item of its loop, on one host.

    ``result`` is what `register` stores: plain data, without keys that begin with ``_ansible``.
    """

    status: Status
    result: Mapping[str, Any]
    ignored: bool = False  # it failed, or was unreachable, and the task says to go on
    no_log: bool = False
    items: tuple[Outcome, ...] = ()
    notify: tuple[str, ...] = ()  # rendered names of handlers to notify, if it changed
    facts: Mapping[str, Any] = field(default_factory=dict)
    delegated_to: str | None = None

    @property
    def failed(self) -> bool:
        return self.status is Status.FAILED

    @property
    def unreachable(self) -> bool:
        return self.status is Status.UNREACHABLE

    @property
    def skipped(self) -> bool:
        return self.status is Status.SKIPPED

    @property
    def changed(self) -> bool:
        return self.status is Status.CHANGED
