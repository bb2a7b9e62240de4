"""RETRY_FILES_ENABLED: the file of hosts to play again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builder import Project

PLAY = """
    - hosts: all
      gather_facts: no
      tasks:
        - fail:
          when: inventory_hostname == 'b'
"""


def test_hosts_that_failed_are_in_a_file_beside_the_playbook(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_RETRY_FILES_ENABLED", "1")
    ran = project.play(PLAY)
    assert ran.lines[ran.lines.index("PLAY RECAP") - 1] == "\tto retry, use: --limit @play.retry"
    assert project.folder.joinpath("play.retry").read_text() == "b\n"
    again = project.play(PLAY, f"--limit @{project.folder}/play.retry")
    assert list(again.recap) == ["b"]


def test_a_folder_for_them(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANSIBLE_RETRY_FILES_ENABLED", "1")
    monkeypatch.setenv("ANSIBLE_RETRY_FILES_SAVE_PATH", str(tmp_path / "new"))
    project.play(PLAY)
    assert (tmp_path / "new" / "play.retry").read_text() == "b\n"


def test_one_that_cannot_be_written_is_warned_of(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ANSIBLE_RETRY_FILES_ENABLED", "1")
    monkeypatch.setenv("ANSIBLE_RETRY_FILES_SAVE_PATH", str(tmp_path / "file"))
    ran = project.play(PLAY)
    assert "[WARNING]: Could not create retry file" in ran.err
    assert "to retry" not in ran.out


def test_without_failures_or_unless_asked_for_there_is_none(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.play(PLAY)
    monkeypatch.setenv("ANSIBLE_RETRY_FILES_ENABLED", "1")
    project.play(PLAY, "--limit a")
    assert not project.folder.joinpath("play.retry").exists()
