"""A hundred hosts that take each its own time: what Ansible promises about order holds all the same."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.support.builder import Project, Ran
from tests.support.fake_session import Call

COUNT = 100
HOSTS = f"h[1:{COUNT}]"
ALL = [f"h{n}" for n in range(1, COUNT + 1)]


@pytest.fixture
def crowd(project: Project) -> Project:
    """Each request takes between 1 and 7 seconds, another host each time."""
    project.file("inventory", HOSTS)
    for number, name in enumerate(ALL):
        project.hosts.host(name).latency = 1 + number * 37 % 7
    return project


def commands(ran: Ran, text: str) -> list[Call]:
    return [call for call in ran.hosts.calls if call.op == "command" and call.arguments["argv"][-1] == text]


def names(calls: list[Call]) -> list[str]:
    return [call.host for call in calls]


def test_linear_no_host_starts_a_task_before_all_have_done_the_one_before(crowd: Project) -> None:
    ran = crowd.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo one
            - command: echo two
            - command: echo three
        """,
        "-f 30",
    )
    rounds = [commands(ran, text) for text in ("one", "two", "three")]
    assert [names(calls) for calls in rounds] == [ALL] * 3
    for before, after in pairwise(rounds):
        assert max(call.at + ran.hosts.host(call.host).latency for call in before) <= min(call.at for call in after)


def test_forks_bound_what_runs_at_once(crowd: Project) -> None:
    ran = crowd.play("- {hosts: all, gather_facts: no, tasks: [command: echo one]}", "-f 7")
    calls = commands(ran, "one")
    ends = [(call.at + ran.hosts.host(call.host).latency, call) for call in calls]
    for call in calls:
        assert sum(other.at <= call.at < end for end, other in ends) <= 7
    assert names(calls) == ALL


def test_free_each_host_keeps_its_own_order(crowd: Project) -> None:
    ran = crowd.play(
        """
        - hosts: all
          gather_facts: no
          strategy: free
          tasks:
            - command: echo one
            - command: echo two
            - command: echo three
        """,
        "-f 100",
    )
    for name in ALL:
        assert [call.arguments["argv"][-1] for call in ran.hosts.host(name).calls] == ["one", "two", "three"]
    assert ran.seconds == 3 * 7
    first_third = min(call.at for call in commands(ran, "three"))
    last_first = max(call.at + ran.hosts.host(call.host).latency for call in commands(ran, "one"))
    assert first_third < last_first


def test_serial_a_batch_begins_when_the_one_before_has_ended(crowd: Project) -> None:
    ran = crowd.play(
        """
        - hosts: all
          gather_facts: no
          serial: [1, 9, "30%"]
          tasks:
            - command: echo one
            - command: echo two
        """,
        "-f 100",
    )
    sizes = [1, 9, 30, 30, 30]
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    batches = [ALL[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    assert [call.host for call in commands(ran, "one")] == [name for batch in batches for name in batch]
    for before, after in pairwise(batches):
        ended = max(call.at + ran.hosts.host(call.host).latency for call in commands(ran, "two") if call.host in before)
        assert ended <= min(call.at for call in commands(ran, "one") if call.host in after)


def test_throttle_bounds_one_task_only(crowd: Project) -> None:
    ran = crowd.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo free
            - command: echo narrow
              throttle: 3
        """,
        "-f 100",
    )
    calls = commands(ran, "narrow")
    ends = [(call.at + ran.hosts.host(call.host).latency, call) for call in calls]
    assert max(sum(other.at <= call.at < end for end, other in ends) for call in calls) == 3
    assert len({call.at for call in commands(ran, "free")}) == 1


def test_run_once_comes_between_and_all_wait_for_it(crowd: Project) -> None:
    ran = crowd.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo before
            - command: echo once
              run_once: yes
              register: r
            - command: echo {{ r.stdout }}-after
        """,
        "-f 100",
    )
    (once,) = commands(ran, "once")
    assert once.host == "h1"
    assert once.at == 7
    assert {call.at for call in commands(ran, "once-after")} == {7 + ran.hosts.host("h1").latency}
    assert names(commands(ran, "once-after")) == ALL


def test_rescue_some_hosts_go_another_way_and_all_meet_again(crowd: Project) -> None:
    broken = [name for number, name in enumerate(ALL) if number % 3 == 0]
    ran = crowd.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - command: echo check
                  register: r
                  failed_when: inventory_hostname[1:] | int % 3 == 1
                - command: echo body
              rescue:
                - command: echo rescue
              always:
                - command: echo always
            - command: echo after
        """,
        "-f 100",
    )
    assert names(commands(ran, "body")) == [name for name in ALL if name not in broken]
    assert names(commands(ran, "rescue")) == broken
    assert names(commands(ran, "always")) == names(commands(ran, "after")) == ALL
    order = [call.arguments["argv"][-1] for call in ran.hosts.calls if call.op == "command"]
    assert [text for text, following in pairwise([*order, ""]) if text != following] == [
        "check",
        "body",
        "rescue",
        "always",
        "after",
    ]
    assert ran.recap["h1"] == "ok=3 changed=3 rescued=1"
    assert ran.recap["h2"] == "ok=4 changed=4"
    assert ran.code == 0


def test_failing_and_unreachable_hosts_drop_out_one_by_one(crowd: Project) -> None:
    for name in ALL[50:60]:
        crowd.hosts.host(name).unreachable("gone")
    ran = crowd.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo one
              register: r
              failed_when: inventory_hostname[1:] | int <= 20
            - command: echo two
        """,
        "-f 100",
    )
    assert names(commands(ran, "two")) == ALL[20:50] + ALL[60:]
    assert sum("failed=1" in figures for figures in ran.recap.values()) == 20
    assert sum("unreachable=1" in figures for figures in ran.recap.values()) == 10
    assert ran.code == 4


def test_handlers_run_for_those_that_changed(crowd: Project) -> None:
    ran = crowd.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo task
              changed_when: inventory_hostname[1:] | int is even
              notify: handler
          handlers:
            - name: handler
              command: echo handled
        """,
        "-f 100",
    )
    assert names(commands(ran, "handled")) == ALL[1::2]


def test_includes_group_hosts_by_what_they_ask_for(crowd: Project) -> None:
    crowd.file("odd.yml", "- command: echo odd")
    crowd.file("even.yml", "- command: echo even")
    ran = crowd.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - include_tasks: "{{ 'even' if inventory_hostname[1:] | int is even else 'odd' }}.yml"
            - command: echo after
        """,
        "-f 100",
    )
    assert ran.lines[2:4] == [
        f"included: odd.yml for {', '.join(ALL[::2])}",
        f"included: even.yml for {', '.join(ALL[1::2])}",
    ]
    assert names(commands(ran, "odd")) == ALL[::2]
    assert names(commands(ran, "even")) == ALL[1::2]
    assert max(call.at for call in commands(ran, "odd")) < min(call.at for call in commands(ran, "even"))
    assert names(commands(ran, "after")) == ALL
