"""`when`: what runs, and what a condition may be."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

VARS = "{yes_: true, word: 'yes', zero: 0, empty: '', text: 'a b', nothing: null, items_: [1, 2]}"


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        ("yes_", True),
        ("not yes_", False),
        ("true", True),
        ("false", False),
        ("[yes_, \"1 == 2\"]", False),
        ("[yes_, \"1 == 1\"]", True),
        ("[]", True),
        ("word | bool", True),
        ("word == 'yes' and zero == 0", True),
        ("nothing is none", True),
        ("undefined_ is defined", False),
        ("undefined_ is not defined", True),
        ("undefined_ | default(false)", False),
        ("1 in items_", True),
        ("inventory_hostname == 'a'", True),
        ("'a' in group_names", False),
        ("text is search('b')", True),
        ("hostvars['a'].word == word", True),
    ],
)
def test_condition(project: Project, condition: str, runs: bool) -> None:
    ran = project.play(
        f"""
        - hosts: a
          gather_facts: no
          vars: {VARS}
          tasks:
            - debug:
              when: {condition}
        """
    )
    assert ran.tasks == [f"a: debug ({'ok' if runs else 'skipped'})"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("undefined_", "Task failed: Error while evaluating conditional: 'undefined_' is undefined"),
        ("empty", "Task failed: Conditional result (False) was derived from value of type 'str'"),
        ("zero", "Task failed: Conditional result (False) was derived from value of type 'int'"),
        ("word", "Task failed: Conditional result (True) was derived from value of type 'str'"),
        ("items_", "Task failed: Conditional result (True) was derived from value of type 'list'"),
        ("yes_ and", "Task failed: Syntax error in expression: Expected an expression, got 'end of statement'"),
        ("5", "Task failed: Conditional expressions must be strings"),
    ],
)
def test_what_is_no_condition_fails(project: Project, condition: str, message: str) -> None:
    ran = project.play(
        f"""
        - hosts: a
          gather_facts: no
          vars: {VARS}
          tasks:
            - debug:
              when: {condition}
        """
    )
    assert ran.recap == {"a": "failed=1"}
    assert str(ran.result("debug")["msg"]).startswith(message)


def test_broken_conditions_can_be_allowed(project: Project) -> None:
    project.file("ansible.cfg", "[defaults]\nallow_broken_conditionals = yes\n")
    ran = project.play(
        f"""
        - hosts: a
          gather_facts: no
          vars: {VARS}
          tasks:
            - debug:
              when: word
            - debug:
              when: zero
        """
    )
    assert ran.tasks == ["a: debug (ok)", "a: debug (skipped)"]
    assert "[DEPRECATION WARNING]: Conditional result (True) was derived from value of type 'str'" in ran.err


def test_how_a_broken_condition_is_shown(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
              when: nobody.knows
        """
    )
    ran.prints("@@")


def test_braces_in_a_condition_are_deprecated(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {yes_: true}
          tasks:
            - debug:
              when: "{{ yes_ }}"
        """
    )
    ran.prints("@@")
    ran.complains("@@")


def test_it_is_asked_for_each_item(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ item }}"
              loop: [1, 2, 3]
              when: item != 2
        """
    )
    ran.prints("@@")


def test_a_false_condition_makes_the_rest_of_the_task_irrelevant(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ nope }}"
              when: false
            - debug: msg="{{ item }}"
              loop: "{{ nope }}"
              when: nope is defined
            - command: echo {{ nope }}
              become_user: "{{ nope }}"
              environment: "{{ nope }}"
              when: false
        """
    )
    assert ran.recap == {"a": "skipped=3"}


def test_why_it_was_skipped(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
              when: [true, "1 == 2"]
              register: r
            - debug: var=r
        """,
        "-v",
    )
    ran.prints("@@")
