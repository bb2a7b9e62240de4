"""What the language has and this release can't do is refused, with its place; what Ansible has too works as there."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

HEAD = "- hosts: all\n  gather_facts: false\n  tasks:\n"


@pytest.mark.parametrize(
    ("tasks", "what"),
    [
        ("    - block: [{debug: }]\n      parallel: true\n", "`parallel`"),
        ("    - block: [{debug: }]\n      lock: /tmp/lock\n", "`lock`"),
        ("    - block: [{debug: }]\n      serial: 1\n", "`serial` on a block"),
        ("    - block: [{debug: }]\n      async: 5\n", "`async` on a block"),
        ("    - block: [{debug: }]\n      retries: 2\n", "`until` or `retries` on a block"),
        ("    - block: [{debug: }]\n      vars: {weft_throttle: 1}\n", "`weft_throttle` on a block"),
        ("    - debug:\n      serial: 1\n", "`serial` on a task"),
        ("    - include_tasks: more.yml\n      async: 5\n", "`async` on an include"),
    ],
)
def test_it_is_refused_with_its_place(project: Project, tasks: str, what: str) -> None:
    ran = project.play(HEAD + tasks)
    assert ran.code == 4
    assert f"[ERROR]: weft can't do {what} yet" in ran.problems
    assert any(line.startswith("Origin: play.yml:") for line in ran.problems)


def test_throttle_and_timeout_on_a_block_are_inherited_as_in_ansible(project: Project) -> None:
    ran = project.play(HEAD + "    - block: [{debug: {msg: hi}}]\n      throttle: 1\n      timeout: 10\n")
    assert ran.code == 0
