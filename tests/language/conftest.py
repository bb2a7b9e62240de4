"""What every test of the language has: a project of its own, and nothing of the user's settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.builder import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in os.environ:
        if name.startswith(("ANSIBLE_", "WEFT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("ANSIBLE_NOCOLOR", "1")
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)
