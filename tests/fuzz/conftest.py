"""Fuzzing: whatever the input, the answer is success or a clear error; never a traceback, never a hang.

Without more, each test tries a few inputs, always the same ones. `WEFT_FUZZ=50` (or `make fuzz`) tries 50 times as
many, other ones each time.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from tests.language.conftest import project

__all__ = ["project"]

MEMORY = 6 << 30  # bytes: an input that wants more is found here, not by the machine


@pytest.fixture(scope="module", autouse=True)
def _bounded() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)
