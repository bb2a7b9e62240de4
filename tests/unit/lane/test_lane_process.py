"""The process with ansible-core in it: when it starts, when it ends, and what it does ahead of its workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from weft.lane import Lane
from weft.model.settings import Settings

WARM = """
import json, sys
from weft.content.lane import warming
from weft.content.lane.worker import load

load()
folder = sys.argv[1]
told = []
warming.read("shell sh")
warming.read("become sudo")
told.append(sorted(warming.known()))
warming.forget([folder + "/nothing"])
told.append(sorted(warming.known()))
warming.forget([folder])
told.append(sorted(warming.known()))
from ansible.plugins.loader import connection_loader
connection_loader.add_directory(folder + "/connection_plugins")
warming.read("connection local")
told.append(sorted(warming.known()))
print(json.dumps(told))
"""


def lane() -> Lane:
    return Lane(Settings(), secrets=list)


async def test_nothing_starts_unless_it_is_expected() -> None:
    unused = lane()
    await unused.close()
    assert unused.pid is None


async def test_what_was_expected_and_not_needed_ends_with_the_run() -> None:
    prepared = lane()
    prepared.prepare()
    pid = prepared.pid
    assert pid is not None
    prepared.prepare()
    assert prepared.pid == pid
    await prepared.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_options_are_read_ahead_but_not_where_a_playbook_has_plugins_of_its_own(tmp_path: Path) -> None:
    for kind, name in (("shell", "other"), ("connection", "local")):
        (tmp_path / f"{kind}_plugins").mkdir()
        (tmp_path / f"{kind}_plugins" / f"{name}.py").write_text("")
    done = subprocess.run([sys.executable, "-c", WARM, str(tmp_path)], capture_output=True, text=True, check=True)
    read, kept, forgotten, own = json.loads(done.stdout)
    assert read == kept == ["become sudo", "shell sh"]
    assert forgotten == ["become sudo"]
    assert own == ["become sudo"]
