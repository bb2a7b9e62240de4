"""Parallel loops over real connections: how long they take, what is left when they are stopped."""

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


COMMANDS = """
- hosts: all
  gather_facts: false
  tasks:
    - ping:
    - name: work
      command: sleep {{ item }}
      loop: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
      loop_control: {parallel: 3}
      register: work
"""


def test_three_at_once_take_a_third_of_the_time(site: Site) -> None:
    events = site.play(COMMANDS)
    for host in site.hosts:
        result = events.result("work", host)
        assert [row["item"] for row in result["results"]] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
        # 2.8 seconds of sleep; a window of three needs 1.2
        assert events.finished("work", host)["duration"] < 1.25 + 0.4
    items = [event["label"] for event in events.named("item_finished") if event["host"] == "lab1"]
    assert items == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], "as they end"


def test_modules_and_jobs_side_by_side(site: Site) -> None:
    events = site.play(
        """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: modules
      wait_for: {timeout: 1}
      loop: [1, 2, 3, 4]
      loop_control: {parallel: 4}
    - name: jobs
      command: sleep 0.5
      async: 20
      poll: 5
      loop: [1, 2, 3, 4]
      loop_control: {parallel: 4}
    - name: copies
      copy: {content: "{{ item }}", dest: "/root/parallel.{{ item }}"}
      loop: [1, 2, 3, 4]
      loop_control: {parallel: 4}
"""
    )
    assert events.finished("modules")["duration"] < 1 + 1.5
    assert events.finished("jobs")["duration"] < 0.5 + 1
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
