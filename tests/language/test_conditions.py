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
        ('[yes_, "1 == 2"]', False),
        ('[yes_, "1 == 1"]', True),
        ("[]", True),
        ("word | bool", True),
        ("word == 'yes' and zero == 0", True),
        ("nothing is none", True),
        ("undefined_ is defined", False),
        ("undefined_ is not defined", True),
        ("undefined_ | default(false)", False),
        ("1 in items_", True),
        ("inventory_hostname == 'a'", True),
        ("\"'a' in group_names\"", False),
        ("text is search('b')", True),
        ("hostvars['a'].inventory_hostname == inventory_hostname", True),
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
        ("yes_ and", "Task failed: Syntax error in expression: unexpected 'end of template'"),
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
    ran.prints(
        """
        PLAY [a]
        TASK [debug]
        [ERROR]: Task failed: Error while evaluating conditional: 'nobody' is undefined
        Task failed.
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - debug:
                ^ column 7
        <<< caused by >>>
        Error while evaluating conditional: 'nobody' is undefined
        Origin: play.yml:5:13
        3   tasks:
        4     - debug:
        5       when: nobody.knows
                      ^ column 13
        fatal: [a]: FAILED! => {"msg": "Task failed: Error while evaluating conditional: 'nobody' is undefined"}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


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
    ran.prints("""
        PLAY [a]
        TASK [debug]
        ok: [a] => {
            "msg": "Hello world!"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)
    ran.complains("""
        [WARNING]: Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg.
        [DEPRECATION WARNING]: Conditionals should not be surrounded by templating delimiters such as {{ }} or {% %}. This feature will be removed from ansible-core version 2.23.
        Origin: play.yml:6:13
        4   tasks:
        5     - debug:
        6       when: "{{ yes_ }}"
                      ^ column 13
    """)


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
    ran.prints("""
        PLAY [a]
        TASK [debug]
        ok: [a] => (item=1) => {
            "msg": 1
        }
        skipping: [a] => (item=2)
        ok: [a] => (item=3) => {
            "msg": 3
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


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
    ran.prints("""
        No config file found; using defaults
        PLAY [a]
        TASK [debug]
        skipping: [a] => {"false_condition": "1 == 2"}
        TASK [debug]
        ok: [a] => {
            "r": {
                "changed": false,
                "false_condition": "1 == 2",
                "skip_reason": "Conditional result was False",
                "skipped": true
            }
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
    """)
