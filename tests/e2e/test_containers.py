"""A container of podman's as a host: modules, files, become, jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import NAME, Container, NoContainer, container
from tests.support.job_runs import Site
from tests.support.trouble import tasks, unreachable, write_inventory

pytestmark = pytest.mark.e2e

PLAY = tasks(
    "{name: facts, setup: {gather_subset: '!all,!min,user'}}",
    "{name: raw, raw: 'echo $HOME'}",
    "{name: copy, copy: {src: data, dest: '~/data', mode: '0600'}}",
    "{name: stat, stat: {path: '~/data'}}",
    "{name: fetch, fetch: {src: '~/data', dest: 'from-{{ inventory_hostname }}', flat: true}}",
    "{name: script, script: say.sh}",
    "{name: polled, shell: 'sleep 0.3; echo done', async: 20, poll: 1}",
    "{name: slow, command: sleep 60, timeout: 1, ignore_errors: true}",
    "{name: reset, meta: reset_connection}",
    "{name: last, ping: }",
) + tasks(
    "{name: become, command: id -un}",
    "{name: start, command: id -un, async: 20, poll: 0, register: job}",
    "{name: end, async_status: {jid: '{{ job.ansible_job_id }}'}, register: end, until: end.finished, retries: 30}",
    hosts="pod\n  become: true\n  become_method: su\n  become_user: alice",
)


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    try:
        with container(tmp_path_factory.mktemp("container")) as running:
            yield running
    except NoContainer as reason:
        pytest.skip(str(reason))


def test_a_container_is_a_host_like_any_other(pod: Container, tmp_path: Path) -> None:
    site = Site(tmp_path, [])
    write_inventory(
        tmp_path / "hosts",
        {
            "pod": pod.variables(),
            "alice": {**pod.variables(), "ansible_user": "alice"},
            "gone": {**pod.variables(), "ansible_host": "nosuch"},
            "bob": {**pod.variables(), "ansible_user": "bob"},
        },
    )
    (tmp_path / "data").write_bytes(bytes(range(256)) * 1000)
    (tmp_path / "say.sh").write_text("#!/bin/sh\necho script\n")
    run = site.play(PLAY, code=4)
    assert unreachable(run) == {
        "gone": 'Task failed: Failed to connect to nosuch via podman: Error: no container with name or ID "nosuch" found: '
        "no such container",
        "bob": "Task failed: Failed to connect to weft-test via podman: Error: unable to find user bob: no matching entries"
        " in passwd file",
    }
    for host, user, home in (("pod", "root", "/root"), ("alice", "alice", "/home/alice")):
        assert run.result("facts", host)["ansible_facts"]["ansible_user_id"] == user
        assert run.result("raw", host)["stdout"] == f"{home}\n"
        assert run.finished("copy", host)["status"] == "changed"
        stat = run.result("stat", host)["stat"]
        assert (stat["size"], stat["mode"], stat["pw_name"]) == (256000, "0600", user)
        assert (tmp_path / f"from-{host}").read_bytes() == (tmp_path / "data").read_bytes()
        assert run.result("script", host)["stdout"] == "script\n"
        assert run.result("polled", host)["stdout"] == "done"
        assert "Timed out after 1 second(s)." in str(run.result("slow", host))
        assert run.result("last", host)["ping"] == "pong"
    assert run.result("become", "pod")["stdout"] == "alice"
    assert run.result("end", "pod")["stdout"] == "alice"


def test_the_agent_leaves_no_zombies_where_there_is_no_init(pod: Container, tmp_path: Path) -> None:
    site = Site(tmp_path, [])
    write_inventory(tmp_path / "hosts", {"pod": pod.variables()})
    before = zombies(pod)
    site.play(tasks("{name: module, stat: {path: /}}"))
    assert zombies(pod) == before


def zombies(pod: Container) -> int:
    listing = "for p in /proc/[0-9]*; do read -r line < $p/stat && echo $line; done 2>/dev/null"
    lines = pod.run("exec", NAME, "sh", "-c", listing).splitlines()
    return sum(line.rpartition(")")[2].split()[0] == "Z" for line in lines)
