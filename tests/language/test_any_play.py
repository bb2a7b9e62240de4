"""Any play: no deadlock, no task twice, none lost, the order kept, and the recap and exit code that a model expects."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.builder import Project
from tests.support.fake_host import Hosts
from tests.support.fake_session import Call
from tests.support.play_model import HOSTS, ABlock, AnInclude, APlay, ATask, Maker, Model, Node, Writer
from weft.model.errors import Unreachable

FIGURES = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
#: The same plays each time. Where the engine's control flow changes, others are worth their time: WEFT_PLAYS=1000.
COUNT = int(os.environ.get("WEFT_PLAYS", "0"))
SOME = settings(
    max_examples=COUNT or 100,
    derandomize=not COUNT,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def plays(draw: st.DrawFn, *, lockstep: bool = True) -> APlay:
    return Maker(lambda choices: draw(st.integers(0, choices - 1)), lockstep=lockstep).play()


def tasks_of(nodes: Sequence[Node]) -> dict[str, ATask]:
    found: dict[str, ATask] = {}
    for node in nodes:
        if isinstance(node, ATask):
            found[node.name] = node
        elif isinstance(node, ABlock):
            found |= tasks_of((*node.body, *node.rescue, *node.always))
        elif isinstance(node, AnInclude):
            found |= tasks_of(node.nodes)
    return found


def prepare(project: Project, play: APlay, strategy: str) -> None:
    """Write the play, and script the hosts to do what its tasks say."""
    writer = Writer()
    (project.folder / "play.yml").write_text(json.dumps([writer.play(play, strategy)]))
    for name, nodes in writer.files.items():
        (project.folder / name).write_text(json.dumps(nodes))
    project.hosts = Hosts()
    tasks = tasks_of((*play.nodes, *play.handlers))

    def answer(call: Call) -> Any:
        outcome = tasks[call.arguments["argv"][0]].outcome(call.host)
        if outcome == "unreachable":
            raise Unreachable("gone")
        failed = {"failed": True, "msg": "no", "rc": 1} if outcome == "failed" else {"rc": 0}
        return {"changed": outcome == "changed", "stdout": "", "stderr": "", **failed}

    for number, host in enumerate(HOSTS):
        project.hosts.host(host).answers("command", answer)
        project.hosts.host(host).latency = 1 + number * 2 % 3


def check_figures(project: Project, play: APlay, arguments: str) -> tuple[list[tuple[str, str]], Model]:
    """Play, and compare with the model. Returns which task ran on which host, in order, and the model."""
    ran = project.play(None, arguments)
    model = Model()
    model.play(play)
    runs = [(call.arguments["argv"][0], call.host) for call in ran.hosts.calls if call.op == "command"]
    expected = {
        host: " ".join(f"{name}={figures[name]}" for name in FIGURES if figures[name])
        for host, figures in model.recap.items()
    }
    assert {host: ran.recap.get(host, "") for host in HOSTS} == expected, ran
    assert ran.code == model.code, ran
    assert sorted(runs) == sorted(model.runs), ran
    return runs, model


@pytest.mark.parametrize("forks", ["1", "10"])
@SOME
@given(play=plays())
def test_in_lockstep(project: Project, forks: str, play: APlay) -> None:
    prepare(project, play, "linear")
    runs, model = check_figures(project, play, f"-i inventory -f {forks}")
    assert _by_task(runs) == _by_task(model.runs), "another order"
    if forks == "1":
        assert runs == model.runs, "hosts in another order"


def _by_task(runs: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Rounds; within one, hosts that take their time side by side come in any order."""
    return [(task, sorted(host for _, host in group)) for task, group in groupby(runs, key=itemgetter(0))]


@pytest.fixture(autouse=True)
def inventory(project: Project) -> None:
    project.file("inventory", "h[1:4]")


@SOME
@given(play=plays(lockstep=False))
def test_each_at_its_own_pace(project: Project, play: APlay) -> None:
    prepare(project, play, "free")
    runs, model = check_figures(project, play, "-f 10")
    for host in HOSTS:
        assert [task for task, at in runs if at == host] == [task for task, at in model.runs if at == host]
