"""Any play: no deadlock, no task twice, none lost, the order kept, and the recap that a small model expects."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.builder import Project
from tests.support.fake_host import Hosts
from tests.support.fake_session import Call
from tests.support.play_model import HOSTS, ABlock, AnInclude, ATask, Model, Node, Writer, plays
from weft.model.errors import Unreachable

FIGURES = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
QUICK = settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def tasks_of(nodes: tuple[Node, ...]) -> dict[str, ATask]:
    found: dict[str, ATask] = {}
    for node in nodes:
        if isinstance(node, ATask):
            found[node.name] = node
        elif isinstance(node, ABlock):
            found |= tasks_of((*node.body, *node.rescue, *node.always))
        else:
            assert isinstance(node, AnInclude)
            found |= tasks_of(node.nodes)
    return found


def prepare(project: Project, nodes: tuple[Node, ...], strategy: str) -> None:
    """Write the play, and script the hosts to do what its tasks say."""
    writer = Writer()
    body = writer.nodes(nodes, 4)
    for name, text in writer.files.items():
        (project.folder / name).write_text(text)
    head = f"- hosts: all\n  gather_facts: no\n  strategy: {strategy}\n  tasks:\n"
    (project.folder / "play.yml").write_text(head + body)
    project.hosts = Hosts()
    tasks = tasks_of(nodes)

    def answer(call: Call) -> Any:
        outcome = tasks[call.arguments["argv"][0]].outcome(call.host)
        if outcome == "unreachable":
            raise Unreachable("gone")
        failed = {"failed": True, "msg": "no", "rc": 1} if outcome == "failed" else {"rc": 0}
        return {"changed": outcome == "changed", "stdout": "", "stderr": "", **failed}

    for number, host in enumerate(HOSTS):
        project.hosts.host(host).answers("command", answer)
        project.hosts.host(host).latency = 1 + number * 2 % 3


def check_figures(project: Project, nodes: tuple[Node, ...], arguments: str) -> list[tuple[str, str]]:
    """Play, and compare with the model. Returns which task ran on which host, in order."""
    ran = project.play(None, arguments)
    model = Model()
    model.play(nodes)
    runs = [(call.arguments["argv"][0], call.host) for call in ran.hosts.calls if call.op == "command"]
    assert len(set(runs)) == len(runs), "a task ran twice"
    expected = {
        host: " ".join(f"{name}={figures[name]}" for name in FIGURES if figures[name])
        for host, figures in model.recap.items()
    }
    assert {host: ran.recap.get(host, "") for host in HOSTS} == expected, ran
    assert ran.code == model.code, ran
    assert sorted(runs) == sorted(model.runs)
    return runs


@pytest.mark.parametrize("forks", ["1", "10"])
@QUICK
@given(nodes=plays())
def test_in_lockstep(project: Project, forks: str, nodes: tuple[Node, ...]) -> None:
    prepare(project, nodes, "linear")
    runs = check_figures(project, nodes, f"-i inventory -f {forks}")
    model = Model()
    model.play(nodes)
    assert _by_task(runs) == _by_task(model.runs), "another order"
    if forks == "1":
        assert runs == model.runs, "hosts in another order"


def _by_task(runs: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Rounds; within one, hosts that take their time side by side come in any order."""
    return [(task, sorted(host for _, host in group)) for task, group in groupby(runs, key=itemgetter(0))]


@pytest.fixture(autouse=True)
def inventory(project: Project) -> None:
    project.file("inventory", "h[1:4]")


@QUICK
@given(nodes=plays())
def test_each_at_its_own_pace(project: Project, nodes: tuple[Node, ...]) -> None:
    without_once = tuple(map(everybody, nodes))
    prepare(project, without_once, "free")
    runs = check_figures(project, without_once, "-f 10")
    model = Model()
    model.play(without_once)
    for host in HOSTS:
        assert [task for task, at in runs if at == host] == [task for task, at in model.runs if at == host]


def everybody(node: Node) -> Node:
    """The same without `run_once`, which has no meaning in `free`."""
    if isinstance(node, ATask):
        return ATask(node.name, node.outcomes, node.ignore)
    if isinstance(node, ABlock):
        body, rescue, always = (tuple(map(everybody, part)) for part in (node.body, node.rescue, node.always))
        return ABlock(body, rescue, always)
    return AnInclude(node.name, tuple(map(everybody, node.nodes)), node.static)
