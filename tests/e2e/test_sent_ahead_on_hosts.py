"""Tasks that are sent ahead, over a real line: less waiting, and nothing else is another, whatever happens to the line."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.job_runs import Events, Site, until
from tests.support.trouble import tasks, write_inventory
from weft.lab import BackgroundProxy, LabHost

pytestmark = pytest.mark.e2e

COUNT = 12


@pytest.fixture
def far(tmp_path: Path, fresh_host: LabHost, proxy: Callable[..., BackgroundProxy]) -> tuple[Site, BackgroundProxy]:
    """A site whose host is 100 ms away."""
    return behind(tmp_path, fresh_host, proxy(fresh_host, delay=0.05))


def behind(folder: Path, host: LabHost, way: BackgroundProxy) -> tuple[Site, BackgroundProxy]:
    site = Site(folder, [host])
    variables = {**host.through(way.address).variables(), "ansible_python_interpreter": "/usr/bin/python3"}
    write_inventory(folder / "hosts", {host.name: variables})
    return site, way


def seconds(run: Events, name: str) -> float:
    """Of the whole run, what passed from the first task of that name to the end of the last."""
    started = [event["at"] for event in run.named("task_started") if event["task"]["name"].startswith(name)]
    finished = [event["at"] for event in run.named("task_finished") if event["task"]["name"].startswith(name)]
    assert len(started) == len(finished) == COUNT
    return float(finished[-1] - started[0])


def test_many_tasks_share_a_few_round_trips(far: tuple[Site, BackgroundProxy]) -> None:
    alone = [f"{{name: alone {n}, command: echo {n}}}" for n in range(COUNT)]
    read = "{{ (r | default({})).rc | default(0) }}"
    chain = [f"{{name: chained {n}, command: 'echo {read}', register: r}}" for n in range(COUNT)]
    run = far[0].play(tasks(*chain, *alone))
    assert [run.result(f"alone {n}")["stdout"] for n in range(COUNT)] == [str(n) for n in range(COUNT)]
    assert seconds(run, "alone") < seconds(run, "chained") / 2
    assert all(event["duration"] > 0 for event in run.named("task_finished"))


def test_what_comes_behind_a_failure_leaves_no_trace(far: tuple[Site, BackgroundProxy], fresh_host: LabHost) -> None:
    say = "echo {} >> /root/said"
    body = "".join(f"\n        - {{name: t{n}, shell: '{say.format(n)}; test {n} != 3'}}" for n in range(8))
    play = tasks("{name: first, command: mkdir -p /root}") + (
        f"    - block:{body}\n      rescue:\n        - {{name: rescue, shell: '{say.format('rescue')}'}}\n"
    )
    run = far[0].play(play)
    assert far[0].on(fresh_host.name, "cat /root/said").split() == ["0", "1", "2", "3", "rescue"]
    names = [event["task"]["name"] for event in run.named("task_finished")]
    assert names == ["first", "t0", "t1", "t2", "t3", "rescue"]


def test_a_link_that_breaks_again_and_again_runs_each_once_and_in_order(
    tmp_path: Path, fresh_host: LabHost, proxy: Callable[..., BackgroundProxy]
) -> None:
    site, way = behind(tmp_path, fresh_host, proxy(fresh_host))
    (site.folder / "play.yml").write_text(
        tasks(*(f"{{name: t{n}, shell: 'echo {n} >> /root/said; sleep 0.15; echo {n}'}}" for n in range(COUNT)))
    )
    run = site.begin("play", "-i", "hosts", "play.yml")
    until(lambda: site.on(fresh_host.name, "cat /root/said"), "the first task")
    cuts = 0
    while run.poll() is None and cuts < 6:
        way.cut()
        cuts += 1
        time.sleep(0.8)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (0, "")
    assert f"ok={COUNT} " in out
    assert site.on(fresh_host.name, "cat /root/said").split() == [str(n) for n in range(COUNT)]
    assert cuts > 2


def test_after_ctrl_c_all_that_ran_is_told_and_nothing_more_begins(
    far: tuple[Site, BackgroundProxy], fresh_host: LabHost
) -> None:
    site, _ = far
    (site.folder / "play.yml").write_text(
        tasks(*(f"{{name: t{n}, shell: 'echo t{n} >> /root/said; sleep 0.5'}}" for n in range(COUNT)))
    )
    run = site.begin("play", "-i", "hosts", "play.yml")
    until(lambda: "t1" in site.on(fresh_host.name, "cat /root/said"), "the second task")
    os.kill(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130
    said = site.on(fresh_host.name, "sleep 1; cat /root/said").split()
    assert 2 <= len(said) < COUNT
    assert [line.split("[")[1].split("]")[0] for line in out.splitlines() if line.startswith("TASK")] == said
    assert f"ok={len(said)} " in out
    assert "Traceback" not in err
