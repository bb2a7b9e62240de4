"""Ctrl-C while a template is evaluated on the controller: the task has not started, so it doesn't."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.command import environment, normal

PLAY = """
- hosts: localhost
  gather_facts: no
  tasks:
    - debug: msg=before
    - block:
        - debug: msg="{{ lookup('pipe', 'touch started; sleep 300; echo') | default('no', true) }}"
      rescue:
        - debug: msg=rescue
      always:
        - debug: msg=always
    - debug: msg=after
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_programs_of_lookups_end_with_the_run(tmp_path: Path, number: int) -> None:
    (tmp_path / "play.yml").write_text(PLAY)
    run = subprocess.Popen(
        [sys.executable, "-m", "weft", "play", "play.yml"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # a run in the background of a shell has Ctrl-C switched off, and hands that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )
    while not (tmp_path / "started").exists():
        assert run.poll() is None
        time.sleep(0.02)
    run.send_signal(number)
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    assert normal(out)[-2:] == [
        "PLAY RECAP ***",
        "localhost : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0",
    ]
    assert "rescue" not in out.replace("rescued", "")
    assert "always" not in out
