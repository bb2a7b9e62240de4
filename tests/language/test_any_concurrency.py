"""Whatever is nested in whatever and whatever fails: no deadlock, no task lost or done twice, no limit overrun."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.builder import Project
from tests.support.concurrent_model import HOSTS, Group, Model, Node, Step, awaited, groups, playbook, plays, steps
from tests.support.fake_host import Hosts
from tests.support.fake_session import Call

MOST = {"lock": 1, "throttle": 2, "serial": 2}
QUICK = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("strategy", ["linear", "free"])
@QUICK
@given(nodes=plays())
def test_any_nest(project: Project, strategy: str, nodes: tuple[Node, ...]) -> None:
    named = steps(nodes)
    spans: list[tuple[str, str, float, float]] = []  # task, host, begin, end

    async def answer(call: Call) -> Any:
        name = call.arguments["argv"][0]
        step, number = named[name], HOSTS.index(call.host)
        clock = asyncio.get_running_loop().time
        begin = clock()
        await asyncio.sleep(step.seconds[number])
        spans.append((name, call.host, begin, clock()))
        failed = {"failed": True, "msg": "no", "rc": 1} if step.fails[number] else {"rc": 0}
        return {"changed": True, "stdout": "", "stderr": "", **failed}

    project.hosts = Hosts()
    for host in HOSTS:
        project.hosts.host(host).answers("command", answer)
    ran = project.play(playbook(nodes, strategy), "-f 10", hosts="h[1:3]\n")

    models = {}
    for number, host in enumerate(HOSTS):
        models[host] = Model(number)
        models[host].play(nodes)
    for host, model in models.items():
        assert Counter(name for name, at, _, _ in spans if at == host) == model.runs, f"{host}\n{ran}"
    assert ran.code == (2 if any(model.failed for model in models.values()) else 0), ran
    for group in groups(nodes):
        if group.limit is not None:
            check_limit(group, spans)


def check_limit(group: Group, spans: list[tuple[str, str, float, float]]) -> None:
    """At no moment are more hosts inside than the limit says."""
    inside = awaited(group)
    mine = [span for span in spans if span[0] in inside]
    for _, _, begin, end in mine:
        middle = (begin + end) / 2
        hosts = {host for _, host, first, last in mine if first < middle < last}
        assert len(hosts) <= MOST[group.limit or ""], (group.name, middle, hosts)


def test_the_model_itself() -> None:
    fails = Step("t1", (0, 0, 0), (True, False, False))
    never = Step("t2", (0, 0, 0), (False, False, False))
    model = Model(0)
    model.play((Group("g", (fails, never), rescue=(never,), retries=1), never))
    assert (model.runs, model.failed) == (Counter(t1=1, t2=2), False)
