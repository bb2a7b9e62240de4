"""Where a task runs and as whom follows the variables as they are when the task comes, however often they change."""

from __future__ import annotations

from tests.support.builder import Project, Ran


def users(ran: Ran) -> list[str | None]:
    return [call.user for call in ran.hosts.calls if call.op == "command"]


def addresses(ran: Ran) -> list[str]:
    return [target.address for target in ran.hosts.targets]


def test_set_fact_sends_the_tasks_that_follow_elsewhere(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo one
            - command: echo two
            - set_fact: {ansible_host: 1.2.3.4}
            - command: echo three
            - set_fact: {other: x}
            - command: echo four
        """
    )
    assert addresses(ran) == ["a", "1.2.3.4"]


def test_a_template_for_the_address_is_evaluated_for_each_task(project: Project) -> None:
    project.file("more.yml", "ansible_host: third")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {ansible_host: "{{ where | default('first') }}"}
          tasks:
            - command: echo one
            - set_fact: {where: second}
            - command: echo two
            - include_vars: more.yml
            - command: echo three
        """
    )
    assert addresses(ran) == ["first", "second", "third"]


def test_the_items_of_a_loop_go_as_the_user_that_each_names(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo {{ item }}
              vars: {ansible_user: "{{ item }}"}
              loop: [eve, bob, eve]
            - command: echo {{ ansible_user }}
              loop: [mallory]
              loop_control: {loop_var: ansible_user}
        """
    )
    assert users(ran) == ["eve", "bob", "eve", "mallory"]


def test_keywords_of_a_task_count_for_that_task(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          remote_user: "{{ 'al' ~ 'ice' }}"
          tasks:
            - command: echo one
            - command: echo two
              become: yes
              become_user: postgres
            - command: echo three
              remote_user: bob
            - command: echo four
        """
    )
    assert users(ran) == ["alice", "postgres", "bob", "alice"]


def test_a_delegate_is_reached_by_its_own_variables(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo one
              delegate_to: b
            - command: echo two
            - command: echo three
              delegate_to: b
        """,
        hosts="a ansible_host=1.1.1.1\nb ansible_host=2.2.2.2\n",
    )
    assert addresses(ran) == ["2.2.2.2", "1.1.1.1"]
    assert [call.host for call in ran.hosts.calls] == ["b", "a", "b"]
