"""What the native filters, tests and lookups share: conversions to text and bytes, the error they raise, notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class PluginError(Exception):
    """A filter, test or lookup can't do what it is asked. The caller adds which plugin it was."""


class Notices(Protocol):
    """Where plugins say what the user should know."""

    def warn(self, message: str) -> None: ...

    def deprecate(
        self,
        message: str,
        version: str | None,
        *,
        date: str | None = None,
        collection: str | None = "ansible.builtin",
        advice: str | None = None,
    ) -> None:
        """``version``: the release of ansible-core, or of another collection, in which it ends; or ``date``."""

    def say(self, message: str, verbosity: int) -> None:
        """For those who asked for it with so many -v."""


NOTICES = "weft_notices"


def with_notices(function: F) -> F:
    """Mark a plugin's function: it takes a ``Notices`` before its other arguments."""
    setattr(function, NOTICES, True)
    return function


SETTINGS = "weft_settings"


def with_setting(setting: str, argument: str) -> Callable[[F], F]:
    """Mark a plugin's function: it takes the value of a setting as a keyword argument."""

    def mark(function: F) -> F:
        setattr(function, SETTINGS, (setting, argument))
        return function

    return mark


def to_text(value: Any, encoding: str = "utf-8") -> str:
    """Text of anything: bytes are decoded, what is no text is shown as ``str`` shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(encoding, "surrogateescape")
    return str(value)


def to_bytes(value: Any, encoding: str = "utf-8") -> bytes:
    """Bytes of anything; bytes that were no valid text before come back as they were."""
    if isinstance(value, bytes):
        return value
    return to_text(value).encode(encoding, "surrogateescape")


def is_sequence(value: Any) -> bool:
    """Lists, tuples and their like; not text."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
