"""Pods as hosts: the real kubectl, speaking to an API server of ours."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import kube_client
from tests.support.command import Done
from tests.support.job_runs import SOON, Events, Site, until
from tests.support.kube_api import KubeApi, basic
from tests.support.trouble import tasks, unreachable, write_inventory

pytestmark = pytest.mark.e2e

TOKEN, PASSWORD = "geheim-7c1", "geheim-9f2"
USERS = {f"Bearer {TOKEN}": "robot", basic("bob", PASSWORD): "bob"}
DATA = bytes(range(256)) * 12_000  # 3 MB, with every byte in it

PLAY = tasks(
    "{name: facts, setup: {gather_subset: '!all,!min,env'}}",
    "{name: fails, shell: 'echo out; echo err >&2; exit 3', ignore_errors: true}",
    "{name: raw, raw: 'echo raw; exit 4', ignore_errors: true}",
    "{name: copy, copy: {src: data, dest: '~/data', mode: '0600'}}",
    "{name: fetch, fetch: {src: '~/data', dest: 'from-{{ inventory_hostname }}', flat: true}}",
    "{name: start, shell: 'sleep 0.3; echo done', async: 20, poll: 0, register: job}",
    "{name: end, await: {jobs: '{{ job }}'}}",
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubeApi]:
    if reason := kube_client.missing():
        pytest.skip(reason)
    folder = tmp_path / "cluster"
    folder.mkdir()
    with KubeApi(folder, USERS) as running:
        yield running
        until(lambda: not running.processes() and not kube_client.running(running), "the end of everything in the pods")


PLAIN = {"ansible_connection": "kubectl", "ansible_python_interpreter": "/usr/bin/python3"}


def direct(api: KubeApi, **more: object) -> dict[str, object]:
    """The way to a pod without a kubeconfig."""
    server = {"ansible_kubectl_host": api.url, "ansible_kubectl_ca_cert": api.authority}
    return {**PLAIN, **server, "ansible_kubectl_namespace": "shop", **more}


def site_of(folder: Path, ways: Mapping[str, Mapping[str, object]]) -> Site:
    site = Site(folder, [])
    write_inventory(folder / "hosts", ways)
    return site


def test_a_pod_is_a_host_like_any_other(api: KubeApi, tmp_path: Path) -> None:
    api.add("web-0", namespace="shop", containers=("main", "side"))
    api.add("db-0", namespace="shop")
    api.add("robot", namespace="shop")
    (tmp_path / "config").write_text(json.dumps(kube_client.kubeconfig(api, {"token": TOKEN})))
    ways = {
        "web": {
            **PLAIN,
            "ansible_connection": "kubernetes.core.kubectl",
            "ansible_kubectl_kubeconfig": tmp_path / "config",
            "ansible_kubectl_context": "test",
            "ansible_kubectl_pod": "web-0",
            "ansible_kubectl_container": "side",
        },
        "robot": direct(api, ansible_kubectl_token=TOKEN),
        "bob": direct(api, ansible_host="db-0", ansible_kubectl_username="bob", ansible_kubectl_password=PASSWORD),
    }
    (tmp_path / "data").write_bytes(DATA)
    run = site_of(tmp_path, ways).play(PLAY)
    for host, pod, container in (("web", "web-0", "side"), ("robot", "robot", "main"), ("bob", "db-0", "main")):
        environment = run.result("facts", host)["ansible_facts"]["ansible_env"]
        assert (environment["HOSTNAME"], environment["CONTAINER"]) == (pod, container)
        fails = run.result("fails", host)
        assert (fails["rc"], fails["stdout"], fails["stderr"]) == (3, "out", "err")
        assert (run.result("raw", host)["rc"], run.result("raw", host)["stdout"]) == (4, "raw\n")
        assert (api.folder / "pods" / pod / "data").read_bytes() == DATA
        assert (tmp_path / f"from-{host}").read_bytes() == DATA
        assert run.result("end", host)["results"][0]["stdout"] == "done"
    # one connection a host for all of it
    assert sorted((known.pod.name, known.container, known.who) for known in api.execs) == [
        ("db-0", "main", "bob"),
        ("robot", "main", "robot"),
        ("web-0", "side", "robot"),
    ]


def test_why_a_pod_is_out_of_reach(api: KubeApi, tmp_path: Path) -> None:
    api.add("there", namespace="shop")
    document = json.dumps(kube_client.kubeconfig(api, {"token": "wrong"}))
    (tmp_path / "config").write_text(document)
    token = {"ansible_kubectl_token": TOKEN}
    there = {"ansible_kubectl_pod": "there", **token}
    by_config = {**PLAIN, **there, "ansible_kubectl_context": "test"}  # the token beats the one in there
    ways = {
        "there": direct(api, **token),
        "path": {**by_config, "ansible_kubectl_kubeconfig": tmp_path / "config"},
        "dictionary": {**by_config, "ansible_kubectl_kubeconfig": document},
        "variable": {
            **by_config,
            "ansible_kubectl_local_env_vars": json.dumps({"KUBECONFIG": str(tmp_path / "config")}),
        },
        "trusting": direct(api, **there, ansible_kubectl_ca_cert="", ansible_kubectl_validate_certs=False),
        "stranger": direct(api, **there, ansible_kubectl_ca_cert=""),
        "gone": direct(api, **token),
        "container": direct(api, **there, ansible_kubectl_container="nosuch"),
        "wrong": direct(api, ansible_kubectl_token="wrong"),
        "nobody": direct(api),
        "file": direct(api, **there, ansible_kubectl_kubeconfig="/nosuch"),
        "broken": direct(api, **there, ansible_python_interpreter="/bin/false"),
    }
    run = site_of(tmp_path, ways).play(tasks("{name: ping, ping: }"), code=4)
    failed = "Task failed: Failed to connect to"
    assert unreachable(run) == {
        "gone": f'{failed} gone via kubectl: Error from server (NotFound): pods "gone" not found',
        "container": f"{failed} there via kubectl: Error from server (BadRequest): container nosuch is not valid for pod there",
        "wrong": f"{failed} wrong via kubectl: error: You must be logged in to the server (Unauthorized)",
        "nobody": "Task failed: kubectl: error: error reading input for Password"
        " (kubectl has no credentials for this cluster, and asks for them)",
        "stranger": f"{failed} there via kubectl: Unable to connect to the server: tls: failed to verify certificate: "
        "x509: certificate signed by unknown authority",
        "file": f"{failed} there via kubectl: error: stat /nosuch: no such file or directory",
    }
    for name in ("there", "dictionary", "path", "variable", "trusting"):
        assert run.result("ping", name)["ping"] == "pong"


@pytest.mark.skipif(os.geteuid() != 0, reason="su asks for passwords")
def test_become_on_a_terminal(api: KubeApi, tmp_path: Path) -> None:
    api.add("there", namespace="shop")
    su = {"ansible_become": True, "ansible_become_method": "su", "ansible_become_password": "asked by nobody"}
    ways = {name: direct(api, ansible_kubectl_token=TOKEN, **su) for name in ("there", "gone")}
    run = site_of(tmp_path, ways).play(tasks("{name: who, command: id -un}"), code=4)
    assert run.result("who", "there")["stdout"] == "root"
    assert unreachable(run) == {"gone": 'Task failed: kubectl: Error from server (NotFound): pods "gone" not found'}
    assert {(known.pod.name, known.tty) for known in api.execs} == {("there", True)}


def test_nothing_is_lost_with_the_connection_and_no_secret_is_seen(api: KubeApi, tmp_path: Path) -> None:
    first, second = api.add("first", namespace="shop"), api.add("second", namespace="shop")
    bob = {"ansible_kubectl_username": "bob", "ansible_kubectl_password": PASSWORD}
    ways = {
        "first": direct(api, ansible_kubectl_token=TOKEN),
        "second": direct(api, ansible_python_interpreter="/nosuch", **bob),
    }
    site = site_of(tmp_path, ways)
    wait = "echo ran >> ran{0}; until [ -e go{0} ]; do sleep 0.05; done; echo end"
    (tmp_path / "play.yml").write_text(
        tasks(f"{{name: cut, shell: '{wait.format(1)}', args: {{chdir: '~'}}}}", hosts="first")
        + tasks(f"{{name: killed, shell: '{wait.format(2)}', args: {{chdir: '~'}}}}", hosts="first")
        + tasks(f"{{name: raw, raw: '{wait.format(3)}'}}", hosts="second")
    )
    begun = site.begin("play", "-i", "hosts", "play.yml", "--json")
    try:
        until((first.home / "ran1").exists, "the first task")
        api.cut(first)
        until(lambda: len(api.execs) == 2, "another connection")
        (first.home / "go1").touch()
        until((first.home / "ran2").exists, "the second task")
        [(pid, seen)] = kube_client.running(api).items()
        assert TOKEN.encode() not in seen
        os.kill(pid, signal.SIGKILL)
        until(lambda: len(api.execs) == 3, "another connection")
        (first.home / "go2").touch()
        until((second.home / "ran3").exists, "the third task")
        assert not any(PASSWORD.encode() in seen for seen in kube_client.running(api).values())
        api.cut(second)
        out, errors = begun.communicate(timeout=SOON)
    finally:
        (second.home / "go3").touch()
        site.close()
    assert begun.returncode == 4, errors
    run = Events(Done(begun.returncode, out, errors, 0.0), [json.loads(line) for line in out.splitlines()])
    assert errors == ""
    for name, number in (("cut", 1), ("killed", 2)):
        assert run.result(name)["stdout"] == "end"
        assert (first.home / f"ran{number}").read_text() == "ran\n"
    # a host without Python has no agent: what a command came to there is not known
    assert (
        "The connection to second was lost: kubectl: error: error reading from error stream"
        in unreachable(run)["second"]
    )
