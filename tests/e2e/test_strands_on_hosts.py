"""Async actions of the controller over real connections: whatever ends one ends what runs on the host for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.job_runs import Site
from weft.lab import Lab

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(tmp_path: Path, lab: Lab) -> Site:
    return Site(tmp_path, [lab.host("lab1")])


# a child, a child's child, and one in a session of its own that takes no notice of TERM
FAMILY = """
sh -c 'sleep 71.1 & sleep 71.2' &
setsid sh -c "trap '' TERM; touch /tmp/up; while :; do sleep 0.3; : 71.3; done" &
sleep 71.4
"""

PLAY = """
- hosts: lab1
  gather_facts: false
  tasks:
    - {name: cancelled, script: family.sh, async: 60, poll: 0, register: family}
    - shell: until [ -e /tmp/up ]; do sleep 0.1; done; rm /tmp/up
    - name: stop
      cancel: {jobs: "{{ family }}"}
    - name: after
      raw: ps -e -o args | grep '[7]1[.]'
      failed_when: false
    - name: late
      raw: sleep 72.1
      async: 1
      poll: 1
      ignore_errors: true
    - name: after the limit
      raw: ps -e -o args | grep '[7]2[.]'
      failed_when: false
    - {name: begun, template: {src: a.j2, dest: /tmp/made}, async: 30, poll: 0, become: true, become_user: alice}
    - await: {jobs: all}
    - {name: made, command: stat -c %U /tmp/made}
"""


def test_what_ends_a_strand_ends_all_its_processes(site: Site) -> None:
    (site.folder / "family.sh").write_text("#!/bin/sh\n" + FAMILY)
    (site.folder / "a.j2").write_text("{{ inventory_hostname }}\n")
    events = site.play(PLAY)
    stop = events.result("stop")
    assert stop["cancelled"] == [events.result("cancelled")["ansible_job_id"]]
    assert stop["results"][0]["cancelled"] is True
    assert events.result("after")["stdout"] == ""
    assert events.result("late")["timedout"] is True
    assert events.result("after the limit")["stdout"] == ""
    assert events.result("made")["stdout"] == "alice"
    assert site.on("lab1", "cat /tmp/made") == "lab1\n"
    assert site.processes("lab1", "71.") == []
