"""`lock:` on hosts: many hosts, several runs and plain flock(1), and never two of them inside."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import inventory
from tests.support.job_runs import SOON, Site, until
from weft.lab import Lab

pytestmark = pytest.mark.e2e

#: Breaks when it runs twice at once.
ALONE = "mkdir {busy} && sleep 0.02 && rmdir {busy}"
MANY = """
- hosts: many
  gather_facts: false
  tasks:
    - name: alone
      shell: {command}
      delegate_to: lab1
      lock: {lock}
"""


@pytest.fixture
def site(tmp_path: Path, lab: Lab) -> Site:
    """lab1 to lab3, and fifty more names for them."""
    site = Site(tmp_path, lab.hosts[:3])
    hosts = {f"alias{number}": lab.hosts[number % 3] for number in range(50)}
    inventory(tmp_path / "aliases", hosts)
    with (tmp_path / "hosts").open("a") as file:
        file.write("[many]\n" + (tmp_path / "aliases").read_text())
    return site


class Watched:
    """A run with `--json` whose events are read while it goes on."""

    def __init__(self, site: Site, name: str, text: str) -> None:
        (site.folder / name).write_text(text)
        self.process = site.begin("play", "-i", "hosts", name, "--json")

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of that kind."""
        assert self.process.stdout
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == kind:
                return event
        raise AssertionError(f"no {kind}: {self.process.communicate()}")

    def end(self) -> int:
        self.process.communicate(timeout=SOON)
        return self.process.returncode


def test_many_hosts_two_runs_and_flock_never_meet(site: Site) -> None:
    lock, busy = "/root/many.lock", "/root/many.busy"
    text = MANY.format(command=ALONE.format(busy=busy), lock=lock)
    (site.folder / "many.yml").write_text(text)
    runs = [site.begin("play", "-i", "hosts", "many.yml") for _ in range(2)]
    loop = f"for i in $(seq 50); do flock {lock} sh -c '{ALONE.format(busy=busy)}' || echo broken; done"
    beside = subprocess.Popen(site.hosts["lab1"].ssh_argv(loop), stdout=subprocess.PIPE, text=True)
    for run in runs:
        out, err = run.communicate(timeout=60)
        assert run.returncode == 0, (out, err)
        assert out.count("ok=1") == 50
    assert beside.communicate(timeout=60)[0] == ""


def test_the_command_breaks_without_the_lock(site: Site) -> None:
    """Or the test above would prove nothing."""
    text = MANY.format(command=ALONE.format(busy="/root/bare.busy"), lock="'{{ omit }}'")
    events = site.play(text, "-f", "20", code=2)
    assert any(event["status"] == "failed" for event in events.named("task_finished"))


HELD = """
- hosts: lab2
  gather_facts: false
  tasks:
    - name: hold
      command: {command}
      lock: {lock}
"""


def test_when_the_holders_agent_is_killed_the_next_goes_on(site: Site) -> None:
    lock = "/root/killed.lock"
    first = Watched(site, "first.yml", HELD.format(command="sleep 30", lock=lock))
    until(lambda: site.processes("lab2", "sleep 30"), "the first run's command")
    second = Watched(site, "second.yml", HELD.format(command="date +%s.%N", lock=lock))
    wait = second.event("lock_wait")
    assert wait["lock"] == lock
    found = re.search(r"hold on lab2 \(weft .*\), pid (\d+) of root", wait["holder"])
    assert found, wait
    killed = float(site.on("lab2", f"date +%s.%N; kill -9 {found[1]}"))
    ended = second.event("task_finished")
    assert float(ended["result"]["stdout"]) - killed < 1, "by the host's clock"
    assert ended["status"] == "changed"
    assert ended["result"]["lock"]["waited"] > 1
    assert second.end() == 0
    first.process.terminate()
    first.process.communicate(timeout=SOON)
    site.on("lab2", "pkill -f 'sleep 30'")


SAME_RUN = """
- hosts: lab1:lab2
  gather_facts: false
  tasks:
    - name: hold
      shell: "{{ 'sleep 31' if inventory_hostname == 'lab1' else 'date +%s.%N' }}"
      delegate_to: lab3
      lock: /root/same.lock
"""


def test_within_a_run_too(site: Site) -> None:
    run = Watched(site, "same.yml", SAME_RUN)
    assert run.event("lock_wait")["holder"] == "hold on lab1"
    look = "for p in /proc/[0-9]*; do ls -l $p/fd 2>/dev/null | grep -q same.lock && basename $p; done"
    (pid,) = site.on("lab3", look).split()
    killed = float(site.on("lab3", f"date +%s.%N; kill -9 {pid}"))
    ends = {end["host"]: end for end in (run.event("task_finished"), run.event("task_finished"))}
    assert {host: end["status"] for host, end in ends.items()} == {"lab1": "unreachable", "lab2": "changed"}
    assert float(ends["lab2"]["result"]["stdout"]) - killed < 2, "a new agent is started for it"
    run.end()
    site.on("lab3", "pkill -f 'sleep 31'")


class Flock:
    """A plain flock(1) on lab2 that holds a lock until it is told to end."""

    def __init__(self, site: Site, lock: str, option: str = "") -> None:
        self._site = site
        self._go = f"{lock}.go"
        held = f"touch {lock}.held; while [ ! -e {self._go} ]; do sleep 0.05; done"
        argv = site.hosts["lab2"].ssh_argv(f"umask 0; flock {option} {lock} sh -c '{held}'")
        self._process = subprocess.Popen(argv)
        until(lambda: site.on("lab2", f"ls {lock}.held"), "flock")

    def end(self) -> None:
        self._site.on("lab2", f"touch {self._go}")
        assert self._process.wait(timeout=SOON) == 0


def test_flock_is_waited_for_and_named_in_the_view(site: Site) -> None:
    holder = Flock(site, "/root/view.lock")
    (site.folder / "view.yml").write_text(HELD.format(command="echo", lock="/root/view.lock"))
    run = site.begin("play", "-i", "hosts", "view.yml")
    assert run.stdout
    line = next(line for line in iter(run.stdout.readline, "") if line.startswith("WAITING"))
    holder.end()
    assert re.fullmatch(r"WAITING: \[lab2\]: lock /root/view.lock, held by flock .*, pid \d+ of root\n", line)
    assert "ok=1" in run.communicate(timeout=SOON)[0]


def test_a_shared_lock_lets_readers_in_together(site: Site) -> None:
    holder = Flock(site, "/root/shared.lock", "-s")
    site.play(HELD.format(command="echo", lock="{path: /root/shared.lock, mode: shared, timeout: 1}"))
    alone = site.play(HELD.format(command="echo", lock="{path: /root/shared.lock, timeout: 0.3}"), code=2)
    assert alone.result("hold")["msg"].startswith(
        "The lock /root/shared.lock was not free within 0.3 seconds (held by "
    )
    holder.end()


def test_after_the_task_the_lock_is_free(site: Site) -> None:
    text = HELD.format(command="echo", lock="/root/free.lock") + "    - command: flock -n /root/free.lock true\n"
    site.play(text)


def test_a_lock_as_another_user_is_the_same_lock(site: Site) -> None:
    holder = Flock(site, "/tmp/users.lock")
    text = HELD.format(command="echo", lock="/tmp/users.lock") + "      become: true\n      become_user: alice\n"
    run = Watched(site, "users.yml", text)
    assert run.event("lock_wait")["lock"] == "/tmp/users.lock"
    holder.end()
    assert run.event("task_finished")["status"] == "changed"
    assert run.end() == 0


def test_a_run_that_is_stopped_while_it_waits_leaves_the_lock_alone(site: Site) -> None:
    holder = Flock(site, "/root/stopped.lock")
    run = Watched(site, "stopped.yml", HELD.format(command="echo", lock="/root/stopped.lock"))
    run.event("lock_wait")
    run.process.terminate()
    assert run.end() == 130
    holder.end()
    assert site.on("lab2", "flock -n /root/stopped.lock echo free") == "free\n"
