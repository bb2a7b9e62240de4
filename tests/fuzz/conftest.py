"""Fuzzing: whatever the input, the answer is success or a clear error; never a traceback, never a hang.

Without more, each test tries a few inputs, always the same ones. `WEFT_FUZZ=50` (or `make fuzz`) tries 50 times as
many, other ones each time.
"""

from __future__ import annotations

from tests.language.conftest import project

__all__ = ["project"]
