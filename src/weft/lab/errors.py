"""What can go wrong with a lab, said so that a user can act on it."""

from __future__ import annotations

from weft.model.errors import WeftError


class LabError(WeftError):
    """The lab can't do what it was asked."""
