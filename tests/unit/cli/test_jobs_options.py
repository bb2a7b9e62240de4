"""`weft jobs`: which command is meant, wherever its options stand."""

from __future__ import annotations

import pytest

from weft.cli.jobs import jobs


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], "list"),
        (["web*"], "list"),
        (["-i", "hosts"], "list"),
        (["wait", "-i", "hosts"], "wait"),
        (["-i", "hosts", "wait"], "wait"),
        (["-i", "hosts", "list", "--finished"], "list"),
    ],
)
def test_the_command_may_stand_behind_options(words: list[str], command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr("weft.cli.jobs._run", lambda name, params: ran.append(name) or 0)
    jobs.main(words, standalone_mode=False)
    assert ran == [command]
