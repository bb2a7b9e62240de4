"""What views can fail with."""

from __future__ import annotations

from weft.model.errors import WeftError


class CallbackBroke(WeftError):
    """A callback plugin can't be loaded, or has ended the run."""
