"""Random plays, by weft and by ansible-core itself: the same banners, results, recap and exit code.

Slow, and for whoever changes the engine's control flow: `WEFT_DIFFERENTIAL=100 pytest tests/differential` plays a
hundred of them.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from tests.support.play_model import HOSTS, Maker, Writer, as_debug

COUNT = int(os.environ.get("WEFT_DIFFERENTIAL", "0"))
ANSIBLE = shutil.which("ansible-playbook", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

pytestmark = pytest.mark.skipif(not COUNT or ANSIBLE is None, reason="WEFT_DIFFERENTIAL says how many plays")

BANNER = re.compile(r"(PLAY|TASK|RUNNING HANDLER) \[.*?\]|NO MORE HOSTS LEFT|PLAY RECAP")
RESULT = re.compile(r"(ok|changed|skipping|fatal): \[h\d\](: \w+!)?|\.\.\.ignoring")
RECAP = re.compile(r"h\d +: .*")


def outline(text: str) -> list[str]:
    """Banners, the results below each in the order of their text, and the recap."""
    lines: list[str] = []
    results: list[str] = []
    for line in text.splitlines():
        if (found := RESULT.match(line)) is not None:
            results.append(found[0])
        elif (found := BANNER.match(line) or RECAP.match(line)) is not None:
            lines += [*sorted(results), found[0].rstrip()]
            results = []
    return lines


def run(folder: Path, *command: str) -> list[str]:
    words = [
        *command,
        "-i",
        "inventory",
        "-c",
        "local",
        "-e",
        "ansible_python_interpreter=/usr/bin/python3",
        "play.yml",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "WEFT_"))}
    environment |= {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_SSH_RETRIES": "0", "ANSIBLE_HOST_KEY_CHECKING": "0"}
    environment["PYTHONPATH"] = str(Path(weft.__file__).parents[1])
    done = subprocess.run(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100
    )
    return [*outline(done.stdout), f"exit {done.returncode}"]


@pytest.mark.parametrize("seed", range(COUNT))
def test_the_same_play(tmp_path: Path, seed: int) -> None:
    assert ANSIBLE is not None
    writer = Writer(as_debug)
    play = Maker(random.Random(seed).randrange).play()
    (tmp_path / "play.yml").write_text(json.dumps([writer.play(play)], indent=1))
    for name, nodes in writer.files.items():
        (tmp_path / name).write_text(json.dumps(nodes, indent=1))
    (tmp_path / "inventory").write_text("".join(f"{host} ansible_host=127.0.0.1\n" for host in HOSTS))
    assert run(tmp_path, sys.executable, "-m", "weft", "play") == run(tmp_path, ANSIBLE)
