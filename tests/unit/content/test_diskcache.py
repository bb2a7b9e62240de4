"""What runs remember in the user's cache folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from weft.connection import pack
from weft.content.diskcache import load_json, store_json

DAY = 86400
KEY = "0123456789abcdef" * 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path))
    return tmp_path


def age(path: Path, days: float) -> None:
    when = time.time() - days * DAY
    os.utime(path, (when, when))


def test_what_nobody_read_for_a_month_goes_when_something_is_kept(folder: Path) -> None:
    for name in (f"yaml-{KEY}.json", f"main-agent-{KEY}.json", "mine.json", f"yaml-{KEY}.txt"):
        (folder / name).write_text("{}")
        age(folder / name, 31)
    young = folder / f"relay-agent-{KEY}.json"
    young.write_text("{}")
    age(young, 29)
    store_json("imports-1.json", {})
    assert {path.name for path in folder.iterdir()} == {young.name, "imports-1.json", "mine.json", f"yaml-{KEY}.txt"}


def test_what_is_read_stays_young(folder: Path) -> None:
    path = folder / f"yaml-{KEY}.json"
    path.write_text("[1]")
    age(path, 29)
    assert load_json(path.name) == [1]
    assert time.time() - path.stat().st_mtime < DAY


def test_what_was_read_today_is_not_touched_again(folder: Path) -> None:
    path = folder / f"yaml-{KEY}.json"
    path.write_text("[1]")
    age(path, 0.5)
    before = path.stat().st_mtime_ns
    load_json(path.name)
    assert path.stat().st_mtime_ns == before


def test_installations_with_other_sources_each_keep_their_packed_agent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = pack._sources()
    ours = pack._remembered("relay", ["relay"])
    monkeypatch.setattr(pack, "_sources", lambda: {**here, "relay": here["relay"] + "\nOTHER = 1\n"})
    theirs = pack._remembered("relay", ["relay"])
    assert ours.program != theirs.program
    assert len(list(folder.iterdir())) == 2
    monkeypatch.setattr(pack, "_pack", lambda *_: pytest.fail("packed again"))
    assert pack._remembered("relay", ["relay"]) == theirs
    monkeypatch.setattr(pack, "_sources", lambda: here)
    assert pack._remembered("relay", ["relay"]) == ours
