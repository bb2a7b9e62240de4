from __future__ import annotations

from pathlib import Path

import pytest
from playbook_kit import Book


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Writes files and loads playbooks from them."""
    return Book(tmp_path)
