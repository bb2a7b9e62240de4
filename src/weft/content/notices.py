"""What plugins tell the user, as events."""

from __future__ import annotations

from collections.abc import Callable

from weft.events.deferred import Notice
from weft.events.types import Deprecated, Message, Warned


class EventNotices:
    """Implements ``Notices``: hands each to ``tell``."""

    def __init__(self, tell: Callable[[Notice], None]) -> None:
        self._tell = tell

    def warn(self, message: str) -> None:
        self._tell(Warned(message=message))

    def deprecate(
        self,
        message: str,
        version: str | None,
        *,
        date: str | None = None,
        collection: str | None = "ansible.builtin",
        advice: str | None = None,
    ) -> None:
        self._tell(Deprecated(message=message, version=version, date=date, collection=collection, help=advice))

    def say(self, message: str, verbosity: int) -> None:
        self._tell(Message(text=message, verbosity=verbosity))
