"""What ansible-core's configuration reference says of settings that it is going to remove.

It is read only where somebody sets one of them: there is much of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from weft.config.yaml import load_file
from weft.content.core import installed_core
from weft.model.errors import WeftError


class Removal(Struct, frozen=True):
    """``version``: the release of ansible-core that will not have it."""

    message: str
    version: str


def removals(names: Sequence[str]) -> list[Removal]:
    """In that order. A setting that the reference doesn't know, or doesn't call deprecated, is left out."""
    if not names:
        return []
    try:
        reference = load_file(os.path.join(installed_core().path, "config", "base.yml"))
    except WeftError:
        return []
    return [removal for name in names if (removal := _removal(name, reference)) is not None]


def _removal(name: str, reference: Any) -> Removal | None:
    entry = reference.get(name) if isinstance(reference, dict) else None
    reason = entry.get("deprecated") if isinstance(entry, dict) else None
    if not isinstance(reason, dict):
        return None
    text = f"{name} option. Reason: {reason.get('why')}\nAlternatives: {reason.get('alternatives') or 'none'}"
    return Removal(text, str(reason.get("version")))
