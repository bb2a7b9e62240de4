"""What stops an evaluation, and which types stand for it: all that has to be known before Jinja is imported.

Markers (``weft.templating.markers``) are Jinja's undefined values. Jinja is imported with the first template that needs
it; until then there can be no marker.
"""

from __future__ import annotations

from typing import Any, Final

from weft.model.errors import TemplateFailed, VaultFailed
from weft.model.values import MapNode, SeqNode, Trusted, VaultText
from weft.templating.types import reason

#: Exact types of markers, for quick checks on hot paths; filled when they are defined.
MARKERS: Final[set[type]] = set()
#: Exact types of what a lazy container has to evaluate, or wrap, when it is read.
LIVE: Final[set[type]] = {Trusted, VaultText, MapNode, SeqNode, dict, list}


def add_markers(*kinds: type) -> None:
    MARKERS.update(kinds)
    LIVE.update(kinds)


def marker_of(error: Exception) -> Any:
    """The marker that stands for an exception; with it comes Jinja."""
    from weft.templating.markers import marker_for

    return marker_for(error)


class Tripped(Exception):
    """A marker was used. Never leaves the templating package."""

    marker: Any


class SyntaxFailed(TemplateFailed):
    """Text is no template. ``line`` is counted from its first one."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def plugin_failed(
    kind: str, name: str, error: Exception, hint: str | None = None, *, foreign: bool = False
) -> TemplateFailed:
    """What a plugin raised. Of a ``foreign`` one, what was raised while another error was handled is told apart."""
    why = reason(error)
    handling = error.__cause__ is None and error.__context__ is not None and not error.__suppress_context__
    message = f"The {kind} plugin {name!r} failed: {why}"
    return TemplateFailed(message, hint=hint, because=why if foreign and handling else None)


class Undecryptable(VaultFailed):
    """An encrypted value for which there is no key. The filter `unvault` may still have one."""

    def __init__(self, value: VaultText, cause: VaultFailed | None = None) -> None:
        reason = f": {cause.message}" if cause is not None else "."
        hint = cause.hint if cause is not None else None
        super().__init__(f"Attempt to use undecryptable variable{reason}", value.origin, hint)
        self.ciphertext = value.ciphertext
