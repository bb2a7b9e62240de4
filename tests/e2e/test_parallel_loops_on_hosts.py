"""Parallel loops over real connections: what runs at once, what is left when they are stopped."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.support.job_runs import SOON, Site, until
from weft.lab import Lab

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(tmp_path: Path, lab: Lab) -> Site:
    return Site(tmp_path, [lab.host("lab1"), lab.host("lab2")])


WINDOW = """
- hosts: all
  gather_facts: false
  tasks:
    - name: work
      shell: |
        mkdir -p /tmp/window; touch /tmp/window/{{ item }}; ls /tmp/window | wc -l
        [ {{ item }} != 7 ] || touch /tmp/window.last
        until [ {{ item }} != 3 ] || [ -e /tmp/window.last ]; do sleep 0.05; done
        rm /tmp/window/{{ item }}
      loop: [1, 2, 3, 4, 5, 6, 7]
      loop_control: {parallel: 3}
"""


def test_the_next_item_starts_when_one_has_ended_not_when_three_have(site: Site) -> None:
    """The third item goes on until the last one has begun: in batches that would never be."""
    events = site.play(WINDOW)
    for host in site.hosts:
        rows = events.result("work", host)["results"]
        assert [row["item"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
        at_once = [int(row["stdout"]) for row in rows]
        assert 2 <= max(at_once) <= 3, at_once
        items = [event["label"] for event in events.named("item_finished") if event["host"] == host]
        assert items.index(3) >= 5, "as they end"


BARRIER = """#!/usr/bin/python3
import os, time
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({"item": {"type": "int"}})
os.makedirs("/tmp/barrier", exist_ok=True)
open("/tmp/barrier/%s" % module.params["item"], "w").close()
while len(os.listdir("/tmp/barrier")) < 4:
    time.sleep(0.05)
module.exit_json()
"""


def test_modules_and_jobs_side_by_side(site: Site) -> None:
    """Each of the items waits for all the others."""
    (site.folder / "library").mkdir()
    (site.folder / "library" / "barrier.py").write_text(BARRIER)
    events = site.play(
        """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: modules
      barrier: {item: "{{ item }}"}
      loop: [1, 2, 3, 4]
      loop_control: {parallel: 4}
    - name: jobs
      shell: touch /tmp/job.{{ item }}; until [ "$(ls /tmp/job.? | wc -l)" = 4 ]; do sleep 0.05; done
      async: 60
      poll: 5
      loop: [1, 2, 3, 4]
      loop_control: {parallel: 4}
    - name: copies
      copy: {content: "{{ item }}", dest: "/root/parallel.{{ item }}"}
      loop: [1, 2, 3, 4]
      loop_control: {parallel: 4}
"""
    )
    assert [row["rc"] for row in events.result("jobs")["results"]] == [0, 0, 0, 0]
    assert site.on("lab1", "cat /root/parallel.?") == "1234"


LONG = """
- hosts: all
  gather_facts: false
  tasks:
    - command: sleep {{ item }}
      loop: [51.5, 52.5, 53.5, 54.5]
      loop_control: {parallel: 2}
"""


def test_ctrl_c_twice_leaves_no_running_item(site: Site) -> None:
    (site.folder / "long.yml").write_text(LONG)
    run = site.begin("play", "-i", "hosts", "long.yml")

    def running() -> list[str]:
        return [line for host in site.hosts for line in site.processes(host, "sleep 5") if ".5" in line]

    until(lambda: len(running()) == 4, "two items on each host")
    run.send_signal(signal.SIGINT)
    time.sleep(0.3)  # two at once are one
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=SOON)
    assert run.returncode == 130, (out, err)
    until(lambda: not running(), "the end of the items")
