"""Parallel blocks, strands and locks round blocks over real connections."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.job_runs import SOON, Events, Site, until
from weft.lab import Lab

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(tmp_path: Path, lab: Lab) -> Site:
    return Site(tmp_path, [lab.host("lab1"), lab.host("lab2")])


def begin_and_end(events: Events, host: str, task: str) -> tuple[int, int]:
    """Where among all events a task begins and ends on a host."""
    order = [
        (event["event"], event["task"]["name"])
        for event in events.events
        if event["event"] in ("host_started", "task_finished") and event["host"] == host
    ]
    return order.index(("host_started", task)), order.index(("task_finished", task))


def test_the_branches_of_the_guide_run_beside_each_other(site: Site) -> None:
    """Task 1 is 1a then 1b, task 2 is 2a then 2b, task 3 stands alone; task 4 comes when all are done."""
    events = site.play(
        """
- hosts: all
  gather_facts: false
  tasks:
    - name: the first three
      parallel: true
      block:
        - name: task 1
          block:
            - {name: task 1a, command: sleep 0.6}
            - {name: task 1b, command: sleep 0.6}
        - name: task 2
          block:
            - {name: task 2a, command: sleep 0.3}
            - {name: task 2b, command: sleep 0.9}
        - {name: task 3, command: sleep 1}
    - {name: task 4, command: "true"}
"""
    )
    for host in site.hosts:
        spans = {name: begin_and_end(events, host, f"task {name}") for name in ("1a", "1b", "2a", "2b", "3", "4")}
        assert spans["1a"][1] < spans["1b"][0] and spans["2a"][1] < spans["2b"][0], "a branch keeps its order"
        begun_together = max(spans[name][0] for name in ("1a", "2a", "3"))
        assert begun_together < min(spans[name][1] for name in ("1a", "2a", "3"))
        assert spans["4"][0] > max(end for name, (_, end) in spans.items() if name != "4")


def test_cancelling_siblings_leaves_no_process_of_theirs(site: Site) -> None:
    events = site.play(
        """
- hosts: lab1
  gather_facts: false
  tasks:
    - parallel: {on_failure: cancel}
      block:
        - name: long
          shell: "(sleep 5432 & sleep 5433); true"
        - name: breaks
          shell: until pgrep -f 'sleep 5433'; do sleep 0.05; done; false
      rescue:
        - debug: {msg: "{{ ansible_failed_tasks | map(attribute='name') }}"}
"""
    )
    assert events.result("debug")["msg"] == ["breaks"]
    until(lambda: not site.processes("lab1", "sleep 543"), "their end")


def test_cancelling_a_strand_ends_what_it_runs_with_all_its_children(site: Site) -> None:
    site.play(
        """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: beside
      async: 600
      poll: 0
      register: beside
      block:
        - shell: "(sleep 5434 & sleep 5435); true"
    - shell: until pgrep -f 'sleep 5435'; do sleep 0.05; done
    - cancel: {jobs: "{{ beside }}"}
      register: ended
      failed_when: not ended.cancelled
"""
    )
    until(lambda: not site.processes("lab1", "sleep 543"), "their end")


def test_a_lock_file_is_held_round_a_whole_block(site: Site) -> None:
    both = """
- hosts: all
  gather_facts: false
  tasks:
    - delegate_to: lab1
      lock: /tmp/block.lock
      block:
        - shell: mkdir /tmp/inside
        - shell: sleep 0.1; rmdir /tmp/inside
"""
    (site.folder / "both.yml").write_text(both)
    other = site.begin("play", "-i", "hosts", "both.yml")
    site.play(both)
    assert other.wait(SOON) == 0
    assert site.on("lab1", "flock -n /tmp/block.lock echo free") == "free\n"
    site.close()
