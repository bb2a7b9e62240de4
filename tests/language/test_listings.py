"""--list-tasks and its kin: the lists on stdout, what there is to warn of on stderr, and nothing runs."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

PLAY = """
    - hosts: a,nowhere
      tasks:
        - {name: one, command: echo}
"""


@pytest.mark.parametrize("option", ["--list-tasks", "--list-tags", "--list-hosts", "--syntax-check"])
def test_hosts_that_nobody_knows(project: Project, option: str) -> None:
    ran = project.play(PLAY, option)
    ran.complains("[WARNING]: Could not match supplied host pattern, ignoring: nowhere")
    assert (ran.code, ran.hosts.commands()) == (0, [])


def test_a_syntax_check_asks_for_no_hosts_of_a_template(project: Project) -> None:
    play = "- {hosts: \"{{ where | default('nowhere') }}\", tasks: [{debug: }]}"
    assert project.play(play, "--syntax-check").problems == []
    assert len(project.play(play, "--list-tasks").problems) == 1


def test_hosts_that_are_null(project: Project) -> None:
    ran = project.play('- {hosts: "{{ nothing | default(omit) }}", name: x, tasks: []}', "--list-hosts")
    assert ran.lines[1:] == ["  play #1 (): x\tTAGS: []", "    pattern: None", "    hosts (0):"]
    ran.complains("[WARNING]: Could not match supplied host pattern, ignoring: None")


def test_an_inventory_that_is_not_there(project: Project) -> None:
    ran = project.play(PLAY, "--list-tasks -i gone")
    ran.complains("""
        [WARNING]: Unable to parse gone as an inventory source
        [WARNING]: No inventory was parsed, only implicit localhost is available
        [WARNING]: provided hosts list is empty, only localhost is available. Note that the implicit localhost does not match 'all'
        [WARNING]: Could not match supplied host pattern, ignoring: a
        [WARNING]: Could not match supplied host pattern, ignoring: nowhere
    """)


def test_a_limit_that_leaves_nothing(project: Project) -> None:
    ran = project.play(PLAY, "--list-tasks --limit '!all'")
    assert (ran.code, ran.out) == (1, "")
    ran.complains("[ERROR]: Specified inventory, host pattern and/or --limit leaves us with no hosts to target.")


def test_an_action_that_was_removed(project: Project) -> None:
    assert project.play("- {hosts: a, tasks: [{include: other.yml}]}", "--list-tasks").code == 1
