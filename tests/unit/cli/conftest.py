from __future__ import annotations

import os

import pytest
from cli_runs import install


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """No settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("ANSIBLE_", "WEFT_", "_WEFT")) or name in ("NO_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "ansible.cfg"))
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def asked(monkeypatch):
    return install(monkeypatch)


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.yml"
    path.write_text("- hosts: all\n")
    return "site.yml"
