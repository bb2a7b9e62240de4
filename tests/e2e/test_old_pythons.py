"""Hosts with every Python that the agent runs on: the agent's own work on all, modules where ansible-core's run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.job_runs import Events, Site
from tests.support.trouble import tasks, write_inventory
from weft.lab import Lab

pytestmark = pytest.mark.e2e

FOLDERS = (Path("/root/.pyenv/versions"), Path("/opt/python"), Path("/usr/local/python"))
FOUND = {path.parent.parent.name: str(path) for folder in FOLDERS for path in sorted(folder.glob("*/bin/python"))}
OLDEST_FOR_MODULES = (3, 8)


def version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".") if part.isdigit())


PLAY = (
    tasks(
        "{name: command, command: 'echo {{ word }}'}",
        "{name: chdir, command: pwd, args: {chdir: /usr}}",
        "{name: shell, shell: 'echo $WORD; echo err >&2; exit 3', environment: {WORD: '{{ word }}'}, ignore_errors: true}",
        "{name: bytes, shell: 'printf \"\\\\377\\\\376\"', ignore_errors: true}",
        "{name: raw, raw: 'echo {{ word }}'}",
        "{name: script, script: say.sh one}",
        "{name: ping, ping: {data: '{{ word }}'}, ignore_errors: true}",
        "{name: start, shell: 'sleep 0.4; echo {{ word }}', async: 30, poll: 0, register: job}",
        "{name: end, async_status: {jid: '{{ job.ansible_job_id }}'}, register: end, until: end.finished, retries: 30}",
        "{name: polled, command: 'echo {{ word }}', async: 30, poll: 1}",
        "{name: hangs, command: sleep 60, timeout: 1, ignore_errors: true}",
        "{name: wait, wait_for: {path: /etc/passwd, timeout: 5}, ignore_errors: true}",
        "{name: fetch, fetch: {src: /etc/hostname, dest: 'fetched-{{ inventory_hostname }}', flat: true}}",
        "{name: become, command: whoami, become: true, become_user: alice, when: can_become}",
        "{name: copy, copy: {src: data, dest: '/tmp/data-{{ inventory_hostname }}'}, ignore_errors: true}",
        "{name: module, file: {path: '/tmp/data-{{ inventory_hostname }}', state: absent}, ignore_errors: true}",
        "{name: setup, setup: {gather_subset: '!all,!min,python'}, ignore_errors: true}",
        "{name: last, command: echo still}",
    )
    + '  vars: {word: "w\xf6rd-\u2713"}\n'
)


@pytest.fixture(scope="module")
def run(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Events:
    """One play over one host under many names, each with another interpreter."""
    if not FOUND:
        pytest.skip("no other interpreters on this machine")
    folder = tmp_path_factory.mktemp("pythons")
    host = lab.host("lab1")
    site = Site(folder, [host])
    (folder / "say.sh").write_text("#!/bin/sh\necho script $1\n")
    (folder / "data").write_bytes(bytes(range(256)) * 300)
    ways = {
        f"py{name}": {**host.variables(), "ansible_python_interpreter": path, "can_become": path[:5] != "/root"}
        for name, path in FOUND.items()
    }
    write_inventory(folder / "hosts", ways)
    return site.play(PLAY)


@pytest.mark.parametrize("name", FOUND)
def test_the_agent_does_its_work_on_every_python(run: Events, name: str) -> None:
    host, word = f"py{name}", "w\xf6rd-\u2713"
    assert run.result("command", host)["stdout"] == word
    assert run.result("chdir", host)["stdout"] == "/usr"
    shell = run.result("shell", host)
    assert (shell["stdout"], shell["stderr"], shell["rc"]) == (word, "err", 3)
    assert "Refusing to deserialize an invalid UTF8 string value." in run.result("bytes", host)["msg"]
    assert run.result("raw", host)["stdout"].strip() == word
    assert run.result("script", host)["stdout"].strip() == "script one"
    assert run.result("end", host)["stdout"] == word
    assert run.result("polled", host)["stdout"] == word
    assert "Timed out after 1 second(s)." in str(run.result("hangs", host))
    assert run.finished("fetch", host)["status"] == "changed"
    assert run.finished("become", host)["status"] in ("changed", "skipped")
    assert run.result("last", host)["stdout"] == "still"


@pytest.mark.parametrize("name", FOUND)
def test_modules_run_where_they_can_and_say_why_elsewhere(run: Events, name: str) -> None:
    host = f"py{name}"
    if version(name) >= OLDEST_FOR_MODULES:
        assert run.result("ping", host)["ping"] == "w\xf6rd-\u2713"
        assert run.finished("wait", host)["status"] == "ok"
        assert run.finished("copy", host)["status"] == "changed"
        assert run.finished("module", host)["status"] == "changed"
        found = run.result("setup", host)["ansible_facts"]["ansible_python"]["version"]
        assert (found["major"], found["minor"]) == version(name)[:2]
        return
    for task in ("ping", "wait", "copy", "module", "setup"):
        finished = run.finished(task, host)
        assert finished["status"] == "failed", finished
        said = finished["result"]["msg"]
        assert "Python 3.8" in said, said
        assert ".".join(name.split(".")[:2]) in said, said
        assert "Traceback" not in said and "SyntaxError" not in said, said
