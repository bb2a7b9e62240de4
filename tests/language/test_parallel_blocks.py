"""`parallel:` on blocks, includes and roles: children side by side."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from tests.support.builder import Project, Ran
from tests.support.fake_session import Call
from weft.events.types import TaskStarted
from weft.model.errors import Unreachable

HEAD = "- hosts: all\n  gather_facts: false\n  tasks:\n"
HOST = "a\n"


def play(project: Project, tasks: str, arguments: str = "-f 5", hosts: str = HOST) -> Ran:
    body = "\n".join(f"    {line}" if line else line for line in _dedented(tasks))
    return project.play(HEAD + body + "\n", arguments, hosts=hosts)


def _dedented(text: str) -> list[str]:
    return textwrap.dedent(text).strip("\n").splitlines()


def test_branches_take_as_long_as_the_longest(project: Project) -> None:
    ran = play(
        project,
        """
        - name: build both
          parallel: true
          block:
            - name: thing 1
              block:
                - command: sleep 1
                - command: sleep 2
            - name: thing 2
              block:
                - command: sleep 4
                - command: sleep 1
            - command: sleep 2
        - command: sleep 1
        """,
    )
    assert ran.code == 0
    assert ran.seconds == pytest.approx(6)


def test_hosts_stay_in_step_within_a_branch(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: true
          block:
            - name: one
              block: [{command: "sleep {{ 1 if inventory_hostname == 'a' else 3 }}"}, {debug: {msg: x}}]
            - name: two
              command: sleep 1
        """,
        hosts="a\nb\n",
    )
    # the second task of `one` waits for b's first
    assert [line for line in ran.tasks if "debug" in line] == ["a: debug (ok)", "b: debug (ok)"]
    assert ran.tasks[-2:] == ["a: debug (ok)", "b: debug (ok)"]
    banners = [event.task.strand for event in ran.events if isinstance(event, TaskStarted)]
    assert sorted(map(str, banners)) == ["one", "one", "two"]


def test_a_limit_is_a_sliding_window(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: 2
          block:
            - command: sleep 3
            - command: sleep 1
            - command: sleep 1
            - command: sleep 1
        """,
    )
    assert ran.seconds == pytest.approx(3)


def test_a_limit_may_be_a_template(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: {limit: "{{ most }}"}
          vars: {most: 1}
          block:
            - command: sleep 3
            - command: sleep 1
        """,
    )
    assert ran.seconds == pytest.approx(4)


def test_a_child_waits_for_those_it_needs_and_sees_what_they_set(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: true
          block:
            - name: link
              needs: [thing 1]
              debug: {msg: "{{ made }} {{ other | default('unseen') }}"}
            - name: thing 1
              block:
                - command: sleep 2
                - set_fact: {made: it}
            - name: thing 2
              block:
                - set_fact: {other: that}
                - command: sleep 5
        - debug: {msg: "{{ made }} {{ other }}"}
        """,
    )
    assert ran.messages() == ["it unseen", "it that"]
    assert ran.seconds == pytest.approx(5)


def test_what_needs_a_failed_child_is_left_out(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: true
          block:
            - name: breaks
              command: "false"
            - name: builds on it
              needs: [breaks]
              debug: {msg: wrong}
            - name: goes on
              command: sleep 1
        """,
    )
    assert ran.code == 2
    assert ran.tasks == ["a: breaks (failed)", "a: goes on (changed)"]
    assert ran.recap == {"a": "ok=1 changed=1 failed=1"}


def test_siblings_do_not_see_each_others_variables(project: Project) -> None:
    ran = play(
        project,
        """
        - set_fact: {who: nobody}
        - parallel: true
          block:
            - block:
                - set_fact: {who: one}
                - command: sleep 2
                - debug: {msg: "{{ who }}"}
            - block:
                - command: sleep 1
                - debug: {msg: "{{ who }}"}
        - debug: {msg: "{{ who }}"}
        """,
    )
    assert ran.messages() == ["nobody", "one", "one"]


def test_siblings_end_before_the_rescue_which_sees_every_failure(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: true
          block:
            - name: first
              command: "false"
            - name: second
              command: sleep 2
            - name: third
              block: [{command: sleep 1}, {name: deep, command: "false"}]
          rescue:
            - debug: {msg: "{{ ansible_failed_tasks | map(attribute='name') }} {{ ansible_failed_task.name }}"}
          always:
            - debug: {msg: always}
        - debug: {msg: further}
        """,
    )
    assert ran.code == 0
    assert ran.messages() == ["['first', 'deep'] first", "always", "further"]
    assert ran.seconds == pytest.approx(2)
    assert ran.recap == {"a": "ok=5 changed=2 rescued=2"}


def test_on_failure_cancel_ends_what_runs(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: {on_failure: cancel}
          block:
            - name: breaks
              block: [{command: sleep 1}, {command: "false"}]
            - name: long
              block: [{command: sleep 100}, {debug: {msg: wrong}}]
          rescue:
            - debug: {msg: "{{ ansible_failed_tasks | length }}"}
        """,
    )
    assert ran.code == 0
    assert ran.messages() == [1]
    assert ran.seconds == pytest.approx(1)


def test_each_host_fails_by_itself(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: true
          block:
            - {name: one, command: "{{ 'false' if inventory_hostname == 'a' else 'true' }}"}
            - {name: two, command: "true"}
        - debug: {msg: behind}
        """,
        hosts="a\nb\n",
    )
    assert ran.code == 2
    assert ran.messages("b") == ["behind"]
    assert ran.messages("a") == []


def test_any_errors_fatal_in_a_child_fails_every_host(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: true
          any_errors_fatal: true
          block:
            - {name: one, command: "{{ 'false' if inventory_hostname == 'a' else 'true' }}"}
            - {name: two, command: sleep 1}
        - debug: {msg: behind}
        """,
        hosts="a\nb\n",
    )
    assert ran.code == 2
    assert ran.messages("b") == []
    assert "b: two (changed)" in ran.tasks


def test_run_once_in_a_child_is_seen_by_all(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: true
          block:
            - {command: echo once, run_once: true, register: said}
            - command: sleep 1
        - debug: {msg: "{{ said.stdout }}"}
        """,
        hosts="a\nb\n",
    )
    assert [call for call in ran.hosts.commands("b") if "echo" in call] == []
    assert (ran.messages("a"), ran.messages("b")) == (["once"], ["once"])


def test_blocks_nest(project: Project) -> None:
    ran = play(
        project,
        """
        - parallel: true
          block:
            - name: inner
              parallel: true
              block:
                - command: sleep 3
                - command: sleep 3
            - block:
                - command: sleep 1
                - command: sleep 1
        """,
        hosts="a\nb\n",
    )
    assert ran.seconds == pytest.approx(3)
    assert ran.code == 0


def test_tasks_of_a_file_are_the_children(project: Project) -> None:
    project.file("more.yml", "- command: sleep 2\n- command: sleep 3\n- {command: sleep 1, register: last}\n")
    for how in ("include_tasks", "import_tasks"):
        ran = play(
            project,
            f"""
            - {how}: more.yml
              parallel: true
            - debug: {{msg: "{{{{ last.rc }}}}"}}
            """,
            hosts="a\nb\n",
        )
        assert ran.seconds == pytest.approx(3), how
        assert ran.messages("b") == [0]


def test_tasks_of_a_role_are_the_children(project: Project) -> None:
    project.file("roles/slow/tasks/main.yml", "- command: sleep 2\n- command: sleep 3\n")
    project.file("roles/slow/defaults/main.yml", "x: 1\n")
    for how in ("include_role", "import_role"):
        ran = play(project, f"- {how}: {{name: slow}}\n  parallel: true\n- command: sleep 1\n")
        assert ran.seconds == pytest.approx(4), how


def test_children_notify_handlers(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - parallel: true
              block:
                - {command: sleep 1, notify: told}
                - {command: sleep 2, notify: told}
          handlers:
            - {name: told, debug: {msg: handled}}
        """,
        hosts=HOST,
    )
    assert ran.messages() == ["handled"]


def test_hosts_at_their_own_pace(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          strategy: free
          tasks:
            - parallel: true
              block:
                - command: sleep {{ 1 if inventory_hostname == 'a' else 5 }}
                - command: sleep 1
            - command: sleep 2
        """,
        "-f 5",
        hosts="a\nb\n",
    )
    assert ran.seconds == pytest.approx(7)
    ended = [line for line in ran.tasks if "command" in line]
    assert ended[-1] == "b: command (changed)"
    assert ended[:3].count("a: command (changed)") >= 2


def test_a_lost_host_leaves_the_others_alone(project: Project) -> None:
    def lost(call: Call) -> Any:
        raise Unreachable("gone")

    project.hosts.host("a").answers("command", lost)
    ran = play(
        project,
        """
        - parallel: true
          block:
            - command: sleep 1
            - command: sleep 2
        - debug: {msg: further}
        """,
        hosts="a\nb\n",
    )
    assert ran.code == 4
    assert ran.messages("b") == ["further"]


def test_a_skipped_block_skips_its_tasks(project: Project) -> None:
    ran = play(project, "- parallel: true\n  when: false\n  block: [{command: sleep 1}, {debug: {msg: x}}]\n")
    assert ran.recap == {"a": "skipped=2"}


def test_what_no_tag_selects_is_left_out(project: Project) -> None:
    ran = play(
        project,
        "- parallel: true\n  block: [{command: sleep 1, tags: x}, {debug: {msg: y}, tags: y}]\n",
        "--tags y",
    )
    assert ran.messages() == ["y"]
    assert ran.seconds == pytest.approx(0)


@pytest.mark.parametrize("limit", ["0", "'{{ 0 }}'", "'{{ [] }}'"])
def test_a_limit_has_to_be_a_number(project: Project, limit: str) -> None:
    ran = play(project, f"- parallel: {limit}\n  block: [{{debug: {{}}}}]\n")
    assert ran.code != 0
    assert "'parallel' must be" in ran.err
    assert "play.yml:4:" in ran.err
