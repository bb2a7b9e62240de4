"""`--start-at-task`, `--step`, `--list-*`, `--syntax-check`: what runs, and what would."""

from __future__ import annotations

import pytest

from tests.support.builder import Project


@pytest.mark.parametrize("name", ["third task", "thi*", "*task"])
def test_start_at_task(project: Project, name: str) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          pre_tasks:
            - {name: before, debug: }
          tasks:
            - {name: first, debug: }
            - block:
                - {name: second, debug: }
                - {name: third task, debug: }
              always:
                - {name: always, debug: }
            - {name: fourth, debug: }
        - hosts: a
          gather_facts: no
          tasks:
            - {name: next play, debug: }
        """,
        f"--start-at-task '{name}'",
    )
    assert ran.tasks == ["a: third task (ok)", "a: always (ok)", "a: fourth (ok)", "a: next play (ok)"]


def test_start_in_a_later_play(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks: [{name: first, debug: }]
        - hosts: a
          gather_facts: no
          tasks: [{name: second, debug: }, {name: third, debug: }]
        """,
        "--start-at-task third",
    )
    ran.prints("""
        PLAY [a]
        PLAY [a]
        TASK [third]
        ok: [a] => {
            "msg": "Hello world!"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_start_in_a_role(project: Project) -> None:
    project.files(roles__r__tasks__main="[{name: one, debug: }, {name: two, debug: }]")
    ran = project.play("- {hosts: a, gather_facts: no, roles: [r]}", "--start-at-task 'r : two'")
    assert ran.tasks == ["a: r : two (ok)"]


def test_facts_are_gathered_all_the_same(project: Project) -> None:
    ran = project.play("- {hosts: a, tasks: [{name: one, debug: }, {name: two, debug: }]}", "--start-at-task two")
    assert ran.tasks == ["a: Gathering Facts (ok)", "a: two (ok)"]


def test_no_task_to_start_at(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [{name: one, debug: }]}", "--start-at-task nope")
    ran.prints("""
        PLAY [a]
        PLAY RECAP
    """)
    ran.complains("""
        [ERROR]: No matching task "nope" found. Note: --start-at-task can only follow static includes.
    """)


def test_step(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - {name: one, debug: }
            - {name: two, debug: }
            - {name: three, debug: }
            - {name: four, debug: }
        """,
        "--step",
        answers=["y", "n", "c"],
    )
    assert [task for task in ran.tasks if task.startswith("a")] == ["a: one (ok)", "a: three (ok)", "a: four (ok)"]
    assert ran.questions == [
        "Perform task: TASK: one (N)o/(y)es/(c)ontinue: ",
        "Perform task: TASK: two (N)o/(y)es/(c)ontinue: ",
        "Perform task: TASK: three (N)o/(y)es/(c)ontinue: ",
    ]
    assert [line for line in ran.lines if line.startswith("TASK")] == ["TASK [one]", "TASK [three]", "TASK [four]"]
    assert [line for line in ran.lines if line.startswith("Perform")] == [text.strip() for text in ran.questions]


def test_step_asks_again_in_the_next_play(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - {name: one, debug: }
            - {name: two, debug: }
        - hosts: a
          gather_facts: no
          tasks:
            - {name: three, debug: }
        """,
        "--step",
        answers=["c", "n"],
    )
    assert ran.tasks == ["a: one (ok)", "a: two (ok)"]
    assert [text.split()[3] for text in ran.questions] == ["one", "three"]


def test_list_tasks(project: Project) -> None:
    project.files(
        roles__r__tasks__main="[{name: in role, debug: }, {debug: }]",
        i="- {name: inc, debug: }",
    )
    ran = project.play(
        """
        - name: first play
          hosts: all
          pre_tasks: [{debug: , tags: q}]
          roles: [r]
          tasks:
            - {name: first, debug: , tags: [b, a]}
            - block:
                - {name: in block, debug: }
              rescue:
                - {name: in rescue, debug: }
            - include_tasks: i.yml
            - import_tasks: i.yml
            - meta: flush_handlers
          handlers: [{name: h, debug: }]
        - hosts: a
          tags: pt
          tasks: []
        """,
        "--list-tasks",
    )
    ran.prints("""
        playbook: play.yml
          play #1 (all): first play	TAGS: []
            tasks:
              debug	TAGS: [q]
              r : in role	TAGS: []
              debug	TAGS: []
              first	TAGS: [a, b]
              in block	TAGS: []
              include_tasks	TAGS: []
              inc	TAGS: []
              meta	TAGS: []
          play #2 (a): a	TAGS: [pt]
            tasks:
    """)


def test_list_tags(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          tags: [pt]
          tasks:
            - {name: first, debug: , tags: [b, a]}
            - {name: x, debug: , tags: [never, z]}
        """,
        "--list-tags",
    )
    ran.prints("""
        playbook: play.yml
          play #1 (all): all	TAGS: [pt]
              TASK TAGS: [a, b, never, pt, z]
    """)


def test_list_hosts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          tasks: [debug: ]
        - name: second
          hosts: nobody
          tasks: [debug: ]
        """,
        "--list-hosts",
    )
    ran.prints("""
        playbook: play.yml
          play #1 (a): a	TAGS: []
            pattern: ['a']
            hosts (1):
              a
          play #2 (nobody): second	TAGS: []
            pattern: ['nobody']
            hosts (0):
    """)


def test_syntax_check(project: Project) -> None:
    ran = project.play("- {hosts: all, tasks: [debug: ]}", "--syntax-check")
    ran.prints("""
        playbook: play.yml
    """)
    assert project.play("- {hosts: all, tasks: [debgu: ]}", "--syntax-check").code == 4


def test_a_run_does_not_start_in_a_rescue(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - block:
                - {name: first, debug: }
              rescue:
                - {name: here, debug: }
              always:
                - {name: here too, debug: }
        """,
        "--start-at-task 'here*'",
    )
    assert ran.tasks == ["a: here too (ok)"]


def test_lists_say_which_settings_they_were_made_with(project: Project) -> None:
    project.file("ansible.cfg", "")
    ran = project.play("- {hosts: a, tasks: [debug: ]}", "--list-hosts -v")
    assert ran.lines[0] == "Using ansible.cfg as config file"
    assert "playbook: play.yml" in ran.lines
