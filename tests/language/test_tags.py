"""`tags`, `--tags`, `--skip-tags`."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

TASKS = """
    - hosts: a
      gather_facts: no
      tasks:
        - {name: a, debug: , tags: a}
        - {name: ab, debug: , tags: [a, b]}
        - {name: b, debug: , tags: b}
        - {name: none, debug: }
        - {name: always, debug: , tags: always}
        - {name: never, debug: , tags: never}
        - {name: never a, debug: , tags: [never, a]}
"""


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("", ["a", "ab", "b", "none", "always"]),
        ("--tags a", ["a", "ab", "always", "never a"]),
        ("--tags a,b", ["a", "ab", "b", "always", "never a"]),
        ("--tags a --tags b", ["a", "ab", "b", "always", "never a"]),
        ("--tags untagged", ["none", "always"]),
        ("--tags tagged", ["a", "ab", "b", "always"]),
        ("--tags all", ["a", "ab", "b", "none", "always"]),
        ("--tags never", ["always", "never", "never a"]),
        ("--tags always", ["always"]),
        ("--tags nosuch", ["always"]),
        ("--skip-tags a", ["b", "none", "always"]),
        ("--skip-tags always", ["a", "ab", "b", "none"]),
        ("--skip-tags tagged", ["none"]),
        ("--skip-tags untagged", ["a", "ab", "b", "always"]),
        ("--skip-tags all", ["always"]),
        ("--tags a --skip-tags b", ["a", "always", "never a"]),
        ("--tags all --skip-tags never", ["a", "ab", "b", "none", "always"]),
    ],
)
def test_what_is_chosen(project: Project, arguments: str, names: list[str]) -> None:
    ran = project.play(TASKS, arguments)
    assert ran.tasks == [f"a: {name} (ok)" for name in names]


def test_tags_are_inherited(project: Project) -> None:
    project.files(
        imported="- {name: imported, debug: }",
        included="[{name: included, debug: }, {name: included and tagged, debug: , tags: a}]",
        roles__r__tasks__main="- {name: role, debug: }",
        roles__s__tasks__main="[{name: other role, debug: }, {name: other role tagged, debug: , tags: a}]",
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          roles: [{role: r, tags: a}, s]
          tasks:
            - tags: a
              block:
                - {name: in block, debug: }
            - import_tasks: imported.yml
              tags: a
            - include_tasks: included.yml
              tags: a
            - include_tasks: {file: included.yml, apply: {tags: a}}
              tags: a
            - include_tasks: included.yml
        - hosts: a
          gather_facts: no
          tags: a
          tasks:
            - {name: in play, debug: }
        """,
        "--tags a",
    )
    assert [task for task in ran.tasks if "include_tasks" not in task] == [
        f"a: {name} (ok)"
        for name in [
            "r : role",
            "s : other role tagged",
            "in block",
            "imported",
            "included and tagged",
            "included",
            "included and tagged",
            "in play",
        ]
    ]


def test_facts_are_gathered_whatever_is_chosen(project: Project) -> None:
    ran = project.play("- {hosts: a, tasks: [{name: x, debug: , tags: a}, {name: y, debug: }]}", "--tags a")
    assert ran.tasks == ["a: Gathering Facts (ok)", "a: x (ok)"]


def test_but_not_in_a_tagged_play_that_is_not_chosen(project: Project) -> None:
    ran = project.play("- {hosts: a, tags: b, tasks: [{name: x, debug: }]}", "--tags a")
    assert ran.tasks == []


def test_tags_with_templates_and_commas(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {t: a, l: [a, c]}
          tasks:
            - {name: template, debug: , tags: "{{ t }}"}
            - {name: list, debug: , tags: "{{ l }}"}
            - {name: commas, debug: , tags: "b, a"}
            - {name: other, debug: , tags: "{{ t }}b"}
        """,
        "--tags a",
    )
    assert ran.tasks == ["a: template (ok)", "a: list (ok)", "a: commas (ok)"]


def test_tags_of_the_settings(project: Project) -> None:
    project.file("ansible.cfg", "[tags]\nrun = a\nskip = b\n")
    assert project.play(TASKS).tasks == ["a: a (ok)", "a: always (ok)", "a: never a (ok)"]


def test_a_rescue_of_which_nothing_is_chosen_rescues_nothing(project: Project) -> None:
    project.files(
        included="""
            - block: [{fail: , tags: chosen}]
              rescue:
                - block: [{debug: {msg: not chosen}}]
                  always: [{debug: {msg: not chosen}, tags: never}]
        """
    )
    text = """
        - hosts: a
          gather_facts: no
          tasks:
            - block:
                - block:
                    - include_tasks: included.yml
                      tags: chosen
                  rescue:
                    - {debug: {msg: not chosen}, tags: other}
              rescue:
                - {debug: {msg: rescued}, tags: RESCUE}
    """
    rescued = project.play(text.replace("RESCUE", "chosen"), "--tags chosen")
    assert (rescued.messages(), rescued.recap, rescued.code) == (["rescued"], {"a": "ok=2 rescued=1"}, 0)
    failed = project.play(text.replace("RESCUE", "other"), "--tags chosen")
    assert (failed.messages(), failed.recap, failed.code) == ([], {"a": "ok=1 failed=1"}, 2)
