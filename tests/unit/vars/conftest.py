from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from vars_kit import Run


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    if made._made is not None:
        made.variables.close()
