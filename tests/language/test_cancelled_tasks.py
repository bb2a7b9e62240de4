"""A task that was under way when its strand was cancelled: it has no result, but it is told of."""

from __future__ import annotations

from tests.support.builder import Project, Ran
from weft.events.types import TaskCancelled

HOST = "a\n"


def cancelled(ran: Ran) -> list[str]:
    events = [event for event in ran.events if isinstance(event, TaskCancelled)]
    return [f"{event.host}: {event.task.name} ({event.task.strand})" for event in events]


def play(project: Project, tasks: str, *, hosts: str = HOST, ctrl_c: tuple[float, ...] = ()) -> Ran:
    return project.play(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}", "-f 5", hosts=hosts, ctrl_c=ctrl_c)


SIBLINGS = """
    - name: both
      parallel: {on_failure: cancel}
      block:
        - {name: long, command: sleep 100}
        - {name: waits for long, needs: [long], command: echo}
        - {name: breaks, shell: sleep 1; false}
      rescue:
        - {name: rescued, command: echo}
"""


def test_siblings_that_a_failure_stops_are_told_of(project: Project) -> None:
    ran = play(project, SIBLINGS)
    assert cancelled(ran) == ["a: long (long)"]
    banner = ran.lines.index("TASK [long]")
    assert ran.lines[banner : banner + 4] == ["TASK [long]", "cancelled: [a]", "TASK [rescued]", "changed: [a]"]
    assert ran.recap == {"a": "ok=1 changed=1 rescued=1"}


def test_the_task_of_a_strand_that_is_cancelled_is_told_of(project: Project) -> None:
    ran = play(
        project,
        """
    - name: beside
      async: 600
      poll: 0
      register: strand
      block:
        - {name: done, command: echo}
        - {name: under way, command: "sleep {{ item }}", loop: [0.5, 100]}
        - {name: never, command: echo}
    - command: sleep 1
    - {name: stop, cancel: {jobs: "{{ strand }}"}}
""",
        hosts="a\nb\n",
    )
    assert ran.code == 0
    assert sorted(cancelled(ran)) == ["a: under way (beside)", "b: under way (beside)"]
    assert "TASK [under way] (beside)" in ran.lines
    assert not any("never" in line for line in ran.lines)


def test_a_strand_that_comes_to_its_limit_tells_of_its_task(project: Project) -> None:
    ran = play(
        project,
        """
    - {name: beside, async: 3, poll: 0, register: strand, block: [{name: long, command: sleep 100}]}
    - {name: wait, await: {jobs: "{{ strand }}"}}
""",
    )
    assert (ran.code, ran.seconds) == (2, 3)
    assert cancelled(ran) == ["a: long (beside)"]


def test_a_task_that_waits_for_a_lock_is_told_of_too(project: Project) -> None:
    ran = play(
        project,
        """
    - name: beside
      async: 3
      poll: 0
      register: strand
      lock: {name: it}
      block: [{name: inside, command: sleep 100}]
    - name: other
      async: 60
      poll: 0
      register: other
      block: [{name: waits, command: echo, lock: {name: it}}]
    - command: sleep 2
    - cancel: {jobs: "{{ other }}"}
    - await: {jobs: "{{ strand }}"}
      ignore_errors: true
""",
    )
    assert cancelled(ran) == ["a: waits (other)", "a: inside (beside)"]


def test_ctrl_c_twice_tells_of_nothing_more(project: Project) -> None:
    ran = play(project, "    - {parallel: true, block: [{command: sleep 9}, {command: sleep 8}]}\n", ctrl_c=(1, 2))
    assert ran.code == 130
    assert cancelled(ran) == []
