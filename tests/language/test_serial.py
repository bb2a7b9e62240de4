"""`serial`: a play's hosts in batches, and what a failed batch means for those after it."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

EIGHT = "h[1:8]"


@pytest.mark.parametrize(
    ("serial", "batches"),
    [
        ("3", [3, 3, 2]),
        ('"50%"', [4, 4]),
        ('"1%"', [1] * 8),
        ("[1, 2, 3]", [1, 2, 3, 2]),
        ('[1, "40%", 3]', [1, 3, 3, 1]),
        ("0", [8]),
        ("100", [8]),
        ('"{{ 5 }}"', [5, 3]),
    ],
)
def test_hosts_come_in_batches(project: Project, serial: str, batches: list[int]) -> None:
    ran = project.play(
        f"""
        - hosts: all
          gather_facts: no
          serial: {serial}
          tasks:
            - debug: msg="{{{{ ansible_play_batch | length }}}}"
        """,
        hosts=EIGHT,
    )
    assert ran.out.count("PLAY [all]") == len(batches)
    sizes = [int(ran.messages(f"h{n}")[0]) for n in range(1, 9)]
    assert sizes == [size for size in batches for _ in range(size)]


def test_each_batch_is_a_play_of_its_own(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          serial: 1
          tasks:
            - debug: msg="{{ ansible_play_batch }} of {{ ansible_play_hosts }}"
              notify: h
              changed_when: true
          handlers:
            - name: h
              debug: msg="{{ ansible_play_batch }}"
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [debug]
        changed: [a] => {
            "msg": "['a'] of ['a', 'b']"
        }
        RUNNING HANDLER [h]
        ok: [a] => {
            "msg": [
                "a"
            ]
        }
        PLAY [all]
        TASK [debug]
        changed: [b] => {
            "msg": "['b'] of ['a', 'b']"
        }
        RUNNING HANDLER [h]
        ok: [b] => {
            "msg": [
                "b"
            ]
        }
        PLAY RECAP
        a : ok=2 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=2 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_batch_that_failed_as_a_whole_ends_the_run(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          serial: 2
          tasks:
            - fail:
              when: inventory_hostname in ['h3', 'h4']
            - debug:
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=second play
        """,
        hosts="h[1:6]",
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        skipping: [h1]
        skipping: [h2]
        TASK [debug]
        ok: [h1] => {
            "msg": "Hello world!"
        }
        ok: [h2] => {
            "msg": "Hello world!"
        }
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:5:7
        3   serial: 2
        4   tasks:
        5     - fail:
                ^ column 7
        fatal: [h3]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        fatal: [h4]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        PLAY RECAP
        h1 : ok=1 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        h2 : ok=1 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        h3 : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        h4 : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_a_batch_that_failed_in_part_does_not(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          serial: 2
          tasks:
            - fail:
              when: inventory_hostname in ['h1', 'h3']
            - debug: msg="{{ ansible_play_hosts }} {{ ansible_play_batch }} {{ ansible_play_hosts_all }}"
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg="{{ ansible_play_hosts }}"
        """,
        hosts="h[1:4]",
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:5:7
        3   serial: 2
        4   tasks:
        5     - fail:
                ^ column 7
        fatal: [h1]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [h2]
        TASK [debug]
        ok: [h2] => {
            "msg": "['h2', 'h3', 'h4'] ['h2'] ['h1', 'h2', 'h3', 'h4']"
        }
        PLAY [all]
        TASK [fail]
        fatal: [h3]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [h4]
        TASK [debug]
        ok: [h4] => {
            "msg": "['h2', 'h4'] ['h4'] ['h1', 'h2', 'h3', 'h4']"
        }
        PLAY [all]
        TASK [debug]
        ok: [h2] => {
            "msg": [
                "h2",
                "h4"
            ]
        }
        ok: [h4] => {
            "msg": [
                "h2",
                "h4"
            ]
        }
        PLAY RECAP
        h1 : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        h2 : ok=2 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        h3 : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        h4 : ok=2 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_any_errors_fatal_holds_for_its_batch(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          serial: 2
          any_errors_fatal: yes
          tasks:
            - fail:
              when: inventory_hostname == 'h1'
            - debug: msg=body
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=after
        """,
        hosts="h[1:4]",
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:6:7
        4   any_errors_fatal: yes
        5   tasks:
        6     - fail:
                ^ column 7
        fatal: [h1]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [h2]
        PLAY RECAP
        h1 : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        h2 : ok=0 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_run_once_runs_once_a_batch(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          serial: 2
          tasks:
            - debug: msg="{{ inventory_hostname }}"
              run_once: yes
        """,
        hosts="h[1:4]",
    )
    assert ran.tasks == ["h1: debug (ok)", "h3: debug (ok)"]


def test_serial_that_is_no_number(project: Project) -> None:
    ran = project.play("- {hosts: all, gather_facts: no, serial: some, tasks: [debug: ]}")
    assert ran.code != 0
    assert "some" in ran.err
