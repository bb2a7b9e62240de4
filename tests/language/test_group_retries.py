"""`until`, `retries`, `delay`, `timeout` on blocks, includes and roles; `register` on blocks."""

from __future__ import annotations

import pytest

from tests.support.builder import Project
from weft.events.types import Retrying

HOST = "a\n"


def test_a_block_is_tried_again_from_its_first_task(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: flaky
              retries: 3
              delay: 4
              block:
                - command: echo {{ ansible_block_attempt }}
                - command: "{{ 'true' if ansible_block_attempt == 3 else 'false' }}"
            - debug: {msg: "{{ ansible_block_attempt | default('gone') }}"}
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.hosts.commands("a") == ["echo 1", "false", "echo 2", "false", "echo 3", "true"]
    assert ran.seconds == pytest.approx(8)
    assert ran.messages() == ["gone"]
    assert ran.recap == {"a": "ok=5 changed=4 rescued=2"}
    assert [line for line in ran.lines if "RETRYING" in line] == [
        "FAILED - RETRYING: [a]: flaky (3 retries left).",
        "FAILED - RETRYING: [a]: flaky (2 retries left).",
    ]


def test_the_delay_grows_with_backoff(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {retries: 3, delay: 2, backoff: 3, max_delay: 10, block: [{command: "false"}]}
        """,
        hosts=HOST,
    )
    assert ran.code == 2
    assert ran.seconds == pytest.approx(2 + 6 + 10)
    assert ran.recap == {"a": "failed=1 rescued=3"}


def test_until_is_asked_behind_each_attempt(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - until: said.stdout == '2'
              delay: 1
              block:
                - {command: "echo {{ ansible_block_attempt }}", register: said}
              register: whole
            - debug: {msg: "{{ whole }}"}
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.messages() == [{"changed": True, "failed": False, "attempts": 2}]


def test_an_until_that_never_holds_fails_the_host(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: hopeless
              until: false
              retries: 1
              delay: 1
              block: [{command: "true"}]
              register: whole
            - debug: {msg: wrong}
        """,
        hosts=HOST,
    )
    assert ran.code == 2
    assert "until" in ran.result("hopeless")["msg"]
    assert len([event for event in ran.events if isinstance(event, Retrying)]) == 1


def test_an_attempt_fails_behind_its_own_rescue(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - retries: 2
              delay: 0
              block: [{command: "false"}]
              rescue: [{command: "{{ 'true' if ansible_block_attempt == 2 else 'false' }}"}]
              always: [{command: echo {{ ansible_block_attempt }}}]
        """.replace("echo {{ ansible_block_attempt }}", '"echo {{ ansible_block_attempt }}"'),
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.hosts.commands("a") == ["false", "false", "echo 1", "false", "true", "echo 2"]


def test_each_host_counts_its_own_attempts_and_the_others_wait_behind(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - retries: 5
              delay: 1
              block:
                - {command: "{{ 'true' if ansible_block_attempt == need else 'false' }}"}
              vars: {need: "{{ {'a': 1, 'b': 3}[inventory_hostname] }}"}
            - name: behind
              debug: {msg: "{{ 1 }}"}
        """,
        hosts="a\nb\n",
    )
    assert ran.code == 0
    assert ran.hosts.commands("a") == ["true"]
    assert ran.hosts.commands("b") == ["false", "false", "true"]
    assert ran.tasks[-2:] == ["a: behind (ok)", "b: behind (ok)"]


def test_includes_and_roles_are_tried_again(project: Project) -> None:
    text = "- command: \"{{ 'true' if ansible_block_attempt == 2 else 'false' }}\"\n"
    project.file("more.yml", text)
    project.file("roles/flaky/tasks/main.yml", text)
    for task in ("include_tasks: more.yml", "import_tasks: more.yml", "include_role: {name: flaky}"):
        ran = project.play(
            f"- hosts: all\n  gather_facts: false\n  tasks: [{{{task}, retries: 2, delay: 0}}]\n", hosts=HOST
        )
        assert ran.code == 0, task
        assert ran.hosts.commands("a")[-2:] == ["false", "true"], task
    ran = project.play(
        "- hosts: all\n  gather_facts: false\n  roles: [{role: flaky, retries: 2, delay: 0}]\n", hosts=HOST
    )
    assert ran.hosts.commands("a")[-2:] == ["false", "true"]


def test_each_item_of_an_include_is_tried_again(project: Project) -> None:
    project.file("more.yml", "- command: \"{{ 'true' if ansible_block_attempt == item else 'false' }}\"\n")
    ran = project.play(
        "- hosts: all\n  gather_facts: false\n"
        "  tasks: [{include_tasks: more.yml, loop: [2, 1], retries: 2, delay: 0}]\n",
        hosts=HOST,
    )
    assert ran.hosts.commands("a") == ["false", "true", "true"]


def test_a_parallel_block_is_tried_again_as_a_whole(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - parallel: true
              retries: 2
              delay: 1
              block:
                - command: sleep 2
                - command: "{{ 'true' if ansible_block_attempt == 2 else 'false' }}"
        """,
        "-f 5",
        hosts="a\nb\n",
    )
    assert ran.code == 0
    assert ran.seconds == pytest.approx(5)
    assert sorted(ran.hosts.commands("b")) == ["false", "sleep 2", "sleep 2", "true"]


def test_a_timeout_round_a_block_ends_the_task_that_runs(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - timeout: 5
              block:
                - command: sleep 3
                - command: sleep 3
                - command: sleep 3
              rescue:
                - debug: {msg: "{{ ansible_failed_result.msg }}"}
                - command: sleep 4
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.messages() == ["Task failed: Timed out after 5 second(s)."]
    assert ran.hosts.commands("a") == ["sleep 3", "sleep 3", "sleep 4"]
    assert ran.seconds == pytest.approx(9)


def test_each_attempt_has_its_own_time(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - timeout: 3
              retries: 1
              delay: 0
              block:
                - command: sleep {{ 5 if ansible_block_attempt == 1 else 2 }}
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.seconds == pytest.approx(5)


def test_the_nearest_timeout_counts(project: Project) -> None:
    project.file("more.yml", "- command: sleep 9\n")
    for inner in ("block: [{command: sleep 9}]", "include_tasks: more.yml"):
        ran = project.play(
            f"""
            - hosts: all
              gather_facts: false
              tasks:
                - timeout: 2
                  block:
                    - timeout: 7
                      {inner}
            """,
            hosts=HOST,
        )
        assert ran.code == 2, inner
        assert ran.seconds == pytest.approx(2), inner


def test_a_block_without_retries_registers_its_result(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - block:
                - block: [{command: "false"}]
                  register: inner
              rescue: [{debug: {msg: "{{ [inner.failed, inner.changed] }}"}}]
        """,
        hosts=HOST,
    )
    assert ran.messages() == [[True, True]]
