"""Links that break in the middle of a task, hosts that freeze, agents that are killed: nothing is lost or run twice."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Done
from tests.support.job_runs import SOON, Events, Site, until
from tests.support.trouble import assert_no_traceback, tasks, unreachable, write_inventory
from weft.lab import BackgroundProxy, Lab, LabHost

pytestmark = pytest.mark.e2e

MakeHost = Callable[..., LabHost]
MakeProxy = Callable[..., BackgroundProxy]

LIBRARY = """#!/usr/bin/python
import time
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"to": {}})
with open(module.params["to"], "a") as file:
    file.write("module\\n")
time.sleep(1.2)
module.exit_json(changed=True)
"""


class Trouble:
    """A run that goes on while the test makes trouble. The inventory's host is reached through a proxy."""

    def __init__(self, folder: Path, host: LabHost, way: BackgroundProxy) -> None:
        self.site = Site(folder, [host])
        self.host = host.name
        variables = {
            **host.through(way.address).variables(),
            "ansible_ssh_extra_args": "-o ServerAliveInterval=1 -o ServerAliveCountMax=2",
            "ansible_ssh_timeout": 2,
        }
        write_inventory(folder / "hosts", {host.name: variables})
        (folder / "library").mkdir()
        (folder / "library" / "slow.py").write_text(LIBRARY)
        self._run: subprocess.Popen[str] | None = None

    def begin(self, play: str, *arguments: str, wait_for: str = "", env: dict[str, str] | None = None) -> None:
        """Start the play; ``wait_for``: until a process with this text is on the host."""
        (self.site.folder / "play.yml").write_text(play)
        self._run = self.site.begin("play", "-i", "hosts", "play.yml", "--json", *arguments, env=env)
        if wait_for:
            until(lambda: self.site.processes(self.host, wait_for), f"the start of {wait_for}")

    def end(self, code: int = 0) -> Events:
        assert self._run is not None
        began = time.monotonic()
        out, err = self._run.communicate(timeout=60)
        done = Done(self._run.returncode, out, err, time.monotonic() - began)
        assert done.code == code, done
        assert_no_traceback(Done(0, "", err, 0))
        return Events(done, [json.loads(line) for line in out.splitlines()])

    def kill(self) -> None:
        assert self._run is not None
        self._run.send_signal(signal.SIGKILL)
        self._run.communicate(timeout=SOON)

    @property
    def over(self) -> bool:
        assert self._run is not None
        return self._run.poll() is not None


@pytest.fixture
def way(proxy: MakeProxy, fresh_host: LabHost) -> BackgroundProxy:
    return proxy(fresh_host)


@pytest.fixture
def trouble(tmp_path: Path, fresh_host: LabHost, way: BackgroundProxy) -> Trouble:
    return Trouble(tmp_path, fresh_host, way)


def quiet(lab: Lab, trouble: Trouble, before: set[int]) -> bool:
    """Whether the host runs nothing that it did not run before."""
    return set(lab.pids(trouble.host)) <= before


def left_on_the_host(trouble: Trouble) -> list[str]:
    """Files of weft's, other than its cache."""
    listed = trouble.site.on(trouble.host, "find /root/.ansible /var/tmp /tmp -type f -o -type s -o -type p | sort")
    return [path for path in listed.split() if not re.search("/weft/(blobs/|code/|checked$|swept$)", path)]


EACH_ONCE = tasks(
    "{name: command, shell: 'echo command >> /root/said; sleep 1.21; echo end'}",
    "{name: module, slow: {to: /root/said}}",
    "{name: raw, raw: 'echo raw >> /root/said; sleep 1.2; echo end'}",
    "{name: job, shell: 'echo job >> /root/said; sleep 1.2; echo end', async: 20, poll: 1}",
    "{name: become, shell: 'echo become; sleep 1.2; whoami', become: true, become_user: alice}",
    "{name: copy, copy: {src: big, dest: /root/big}}",
    "{name: loop, shell: 'echo loop{{ item }} >> /root/said; sleep 0.3', loop: [1, 2, 3]}",
)


def test_a_link_that_breaks_again_and_again_loses_no_outcome_and_nothing_runs_twice(
    trouble: Trouble, way: BackgroundProxy, lab: Lab
) -> None:
    before = set(lab.pids(trouble.host))
    big = bytes(range(256)) * 40_000
    (trouble.site.folder / "big").write_bytes(big)
    trouble.begin(EACH_ONCE, wait_for="sleep 1.21")
    cuts = 0
    while not trouble.over and cuts < 30:
        way.cut()
        cuts += 1
        time.sleep(0.6)
    run = trouble.end()
    said = trouble.site.on(trouble.host, "cat /root/said").split()
    assert said == ["command", "module", "raw", "job", "loop1", "loop2", "loop3"]
    assert run.result("command")["stdout"] == "end"
    assert run.result("raw")["stdout"].strip() == "end"
    assert run.result("job")["stdout"] == "end"
    assert run.result("become")["stdout_lines"] == ["become", "alice"]
    assert lab.path(trouble.host, "/root/big").read_bytes() == big
    assert cuts > 5
    assert way.accepted > cuts // 2
    until(lambda: quiet(lab, trouble, before), "the end of the agent")
    assert left_on_the_host(trouble) == []


@pytest.mark.parametrize("kind", ["stall", "freeze"])
def test_a_silence_that_ends_costs_nothing_but_time(
    trouble: Trouble, way: BackgroundProxy, lab: Lab, kind: str
) -> None:
    mark = "sleep 1.4"
    trouble.begin(tasks(f"{{name: work, shell: 'echo x >> /root/said; {mark}; echo end'}}"), wait_for=mark)
    if kind == "stall":
        way.stall()
    else:
        lab.freeze(trouble.host)
    time.sleep(4)  # longer than ssh's keep-alive takes to notice
    assert not trouble.over
    way.resume() if kind == "stall" else lab.thaw(trouble.host)
    assert trouble.end().result("work")["stdout"] == "end"
    assert trouble.site.on(trouble.host, "cat /root/said").split() == ["x"]


def test_a_host_that_stays_away_becomes_unreachable_with_the_reason(
    trouble: Trouble, way: BackgroundProxy, lab: Lab
) -> None:
    trouble.begin(tasks("{name: work, command: sleep 2.5}"), wait_for="sleep 2.5", env={"WEFT_RECONNECT_WINDOW": "2"})
    way.refuse()
    way.cut()
    why = unreachable(trouble.end(code=4))[trouble.host]
    assert f"The connection to {trouble.host} was lost and could not be restored within 2 seconds" in why
    assert "Connection refused" in why


def beside(trouble: Trouble, other: LabHost) -> None:
    """A second host in the inventory that nothing happens to."""
    with (trouble.site.folder / "hosts").open("a") as file:
        file.write("other " + " ".join(f"{key}='{value}'" for key, value in other.variables().items()) + "\n")


def test_a_host_that_falls_silent_becomes_unreachable_and_the_other_goes_on(
    trouble: Trouble, way: BackgroundProxy, lab: Lab
) -> None:
    beside(trouble, lab.host("lab1"))
    play = tasks("{name: work, shell: 'sleep 1.6; echo end'}", "{name: after, command: echo here}")
    trouble.begin(play, wait_for="sleep 1.6", env={"WEFT_RECONNECT_WINDOW": "2"})
    way.stall()
    run = trouble.end(code=4)
    assert "could not be restored within 2 seconds" in unreachable(run)[trouble.host]
    assert run.result("after", "other")["stdout"] == "here"
    assert run.done.seconds < 40


def test_an_idle_host_that_falls_silent_does_not_hold_up_the_end(
    trouble: Trouble, way: BackgroundProxy, lab: Lab
) -> None:
    beside(trouble, lab.host("lab1"))
    play = tasks(
        "{name: first, command: echo here}", "{name: work, command: sleep 1.61, when: inventory_hostname == 'other'}"
    )
    trouble.begin(play)
    other = Site(trouble.site.folder / "library", [lab.host("lab1")])
    until(lambda: other.processes("lab1", "sleep 1.61"), "the second task")
    way.stall()
    assert trouble.end().done.seconds < 40


def test_a_power_cycle_in_a_task_is_told_at_once(trouble: Trouble, lab: Lab) -> None:
    trouble.begin(tasks("{name: work, command: sleep 30.2}"), wait_for="sleep 30.2")
    lab.restart(trouble.host)
    run = trouble.end(code=4)
    assert "and with it what ran there" in unreachable(run)[trouble.host]
    assert run.done.seconds < 40


def test_the_death_of_the_agent_in_a_task_is_told_and_the_next_host_goes_on(
    tmp_path: Path, lab: Lab, fresh_host: LabHost
) -> None:
    other = lab.host("lab1")
    site = Site(tmp_path, [fresh_host, other])
    kill = "kill -9 $PPID; sleep 30"
    run = site.play(
        tasks(
            f"{{name: work, shell: '{kill}', when: inventory_hostname == '{fresh_host.name}'}}",
            "{name: after, command: echo here}",
        ),
        code=4,
    )
    (why,) = unreachable(run).values()
    assert f"The connection to {fresh_host.name} was lost" in why
    assert "and with it what ran there" in why
    assert run.result("after", "lab1")["stdout"] == "here"
    assert run.done.seconds < 40
    assert run.done.err == ""


def test_a_killed_agent_is_replaced_where_nothing_was_under_way(tmp_path: Path, fresh_host: LabHost) -> None:
    site = Site(tmp_path, [fresh_host])
    run = site.play(
        tasks(
            "{name: job, shell: 'p=$PPID; (sleep 0.3; kill -9 $p) > /dev/null 2>&1 &'}",
            "{name: pause, wait_for: {timeout: 1}, delegate_to: localhost}",
            "{name: after, command: echo here}",
            "{name: module, setup: {gather_subset: '!all'}}",
        )
    )
    assert run.result("after")["stdout"] == "here"


def test_nothing_but_the_cache_is_left_after_a_run(trouble: Trouble, lab: Lab) -> None:
    before = set(lab.pids(trouble.host))
    (trouble.site.folder / "script.sh").write_text("echo script\n")
    trouble.begin(
        tasks(
            "{name: setup, setup: {}}",
            "{name: copy, copy: {content: text, dest: /root/text}}",
            "{name: template, template: {src: script.sh, dest: /root/template}}",
            "{name: script, script: script.sh}",
            "{name: become, command: whoami, become: true, become_user: alice}",
            "{name: fails, command: 'false', ignore_errors: true}",
            "{name: slow, slow: {to: /root/said}, timeout: 1, ignore_errors: true}",
        )
    )
    trouble.end()
    until(lambda: quiet(lab, trouble, before), "the end of the agent")
    assert left_on_the_host(trouble) == []
    assert trouble.site.on(trouble.host, "find /home/alice/.ansible -type s -o -type p -o -path '*/agents/*'") == ""


def test_an_agent_whose_controller_was_killed_finishes_what_runs_and_ends(trouble: Trouble, lab: Lab) -> None:
    before = set(lab.pids(trouble.host))
    play = tasks("{name: work, shell: 'sleep 1.7; echo end > /root/said'}")
    trouble.begin(play, wait_for="sleep 1.7", env={"WEFT_RECONNECT_WINDOW": "0"})
    trouble.kill()
    until(lambda: quiet(lab, trouble, before), "the end of the agent")
    assert trouble.site.on(trouble.host, "cat /root/said").strip() == "end"
    assert left_on_the_host(trouble) == []
