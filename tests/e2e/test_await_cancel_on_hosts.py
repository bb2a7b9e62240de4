"""`await` and `cancel` over real connections: whoever started a job and wherever, all its processes end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.job_runs import Site, until
from weft.lab import Lab

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(tmp_path: Path, lab: Lab) -> Site:
    return Site(tmp_path, [lab.host("lab1"), lab.host("lab2")])


EVERYWHERE = """
- hosts: lab1
  gather_facts: false
  vars: {ansible_user: deploy}
  tasks:
    - command: id -un
      become: true
      async: 20
      poll: 0
      register: root
    - shell: sleep 0.5; id -un
      become: true
      become_user: alice
      delegate_to: lab2
      async: 20
      poll: 0
      register: alice
    - shell: sleep 63.5
      async: 70
      poll: 0
      register: long
    - name: any
      await: {jobs: "{{ [long, root] }}", for: any}
    - name: two
      await: {jobs: [j1.1, "{{ root }}", "{{ alice }}"]}
      failed_when: false
    - name: in time
      await: {jobs: "{{ long }}", timeout: 0.3}
      ignore_errors: true
    - name: stop
      cancel: {jobs: all}
    - name: afterwards
      async_status: {jid: "{{ long.ansible_job_id }}"}
      ignore_errors: true
"""


def test_jobs_are_found_as_whoever_started_them(site: Site) -> None:
    events = site.play(EVERYWHERE)
    assert [row["stdout"] for row in events.result("any")["results"]] == ["root"]
    missing, *found = events.result("two")["results"]
    assert [row["stdout"] for row in found] == ["root", "alice"]
    assert missing["msg"] == "could not find job"
    late = events.result("in time")
    assert late["msg"].startswith("1 job still runs after 0.3 seconds: j")
    assert late["results"][0]["finished"] is False
    stop = events.result("stop")
    assert stop["cancelled"] == late["running"]
    assert stop["results"][0]["cancelled"] is True
    after = events.result("afterwards")
    assert (after["finished"], after["cancelled"], after["failed"]) == (True, True, True)
    assert site.processes("lab1", "sleep 63.5") == []
    assert events.done.seconds < 20


STUBBORN = """
- hosts: lab1
  gather_facts: false
  tasks:
    - shell: "trap '' TERM; (while :; do sleep 0.2; done) & while :; do sleep 0.21; done"
      async: 60
      poll: 0
      register: job
    - pause: {seconds: 1}
    - name: stop
      cancel: {jobs: "{{ job }}"}
"""


def test_what_ignores_term_is_killed(site: Site) -> None:
    events = site.play(STUBBORN)
    assert events.result("stop")["changed"] is True
    assert 1.5 < events.finished("stop")["duration"] < 5
    until(lambda: not site.processes("lab1", "sleep 0.2"), "the end of all its processes")
