"""A loop that starts jobs does not wait for one item's answer before it starts the next."""

from __future__ import annotations

import itertools

import pytest

from tests.support.builder import Project
from weft.connection.api import RequestFailed

LOOP = """
- hosts: all
  gather_facts: false
  tasks:
    - name: start
      command: {command}
      async: 30
      poll: 0
      loop: [1, 2, 3, 4]
      register: started
{keywords}
    - debug:
        msg: "{{{{ started.results | map(attribute='ansible_job_id') | list }}}}"
"""


def play(project: Project, command: str = "sleep {{ item }}", keywords: str = "", latency: float = 2.0):
    host = project.hosts.host("a")

    def start(call):
        number = starts(host).index(call) + 1  # as they came
        return {"ansible_job_id": f"j{number}.1", "started": 1, "finished": 0, "results_file": "x"}

    host.latency = latency
    host.answers("job.start", start).answers("job.status", {"jobs": {}})
    lines = "".join(f"      {line}\n" for line in keywords.splitlines())
    return project.play(LOOP.format(command=command, keywords=lines), hosts="a\n"), host


def starts(host):
    return [call for call in host.calls if call.op == "job.start"]


def test_all_are_sent_at_once_and_told_of_in_order(project: Project) -> None:
    ran, host = play(project)
    assert ran.code == 0, ran.err
    assert {call.at for call in starts(host)} == {starts(host)[0].at}
    assert [call.arguments["request"]["argv"][-1] for call in starts(host)] == ["1", "2", "3", "4"]
    assert [event.label for event in ran.events if type(event).__name__ == "ItemFinished"] == [1, 2, 3, 4]
    assert ran.messages() == [["j1.1", "j2.1", "j3.1", "j4.1"]]


@pytest.mark.parametrize(
    ("command", "keywords"),
    [
        ("sleep {{ item }} {{ started.rc | default('') }}", ""),
        ("sleep {{ other }}", "vars:\n  other: \"{{ started | default('1') }}\""),
        ("sleep {{ lookup('env', 'HOME') }}", ""),
        ("sleep 1", "when: item > 0"),
        ("sleep 1", "loop_control: {pause: 0.5}"),
        ("sleep 1", "changed_when: false"),
        ("sleep 1", "retries: 2\nuntil: true"),
        ("sleep 1", "environment: {A: \"{{ started.rc | default('') }}\"}"),
    ],
)
def test_one_after_the_other_where_one_may_depend_on_another(project: Project, command: str, keywords: str) -> None:
    ran, host = play(project, command, keywords)
    assert ran.code == 0, ran.err
    times = [call.at for call in starts(host)]
    assert all(later - earlier >= 2.0 for earlier, later in itertools.pairwise(times))
    assert ran.messages() == [["j1.1", "j2.1", "j3.1", "j4.1"]]


def test_what_fails_to_start_leaves_the_others_alone(project: Project) -> None:
    host = project.hosts.host("a")
    host.answers("job.status", {"jobs": {}}).answers(
        "job.start",
        RequestFailed("os", "no room"),
        {"ansible_job_id": "j2.1", "started": 1, "finished": 0, "results_file": "x"},
    )
    ran = project.play(LOOP.format(command="sleep {{ item }}", keywords=""), hosts="a\n")
    assert ran.code == 2
    assert len(starts(host)) == 4
    items = [line for line in ran.lines if "(item=" in line]
    assert [line.partition(" =>")[0] for line in items] == [
        "failed: [a] (item=1)",
        "changed: [a]",
        "changed: [a]",
        "changed: [a]",
    ]
