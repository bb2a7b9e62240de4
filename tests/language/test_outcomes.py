"""`changed_when` and `failed_when`."""

from __future__ import annotations

from tests.support.builder import Project
from tests.support.fake_session import Call
from weft.connection.api import Reply


def test_changed_when(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo x
              changed_when: false
            - command: echo x
              register: r
              changed_when: "'y' in r.stdout"
            - debug: msg=x
              changed_when: true
            - debug: msg=x
              changed_when: [true, false]
            - debug: msg=x
              changed_when: nope
              ignore_errors: yes
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        ok: [a]
        TASK [command]
        ok: [a]
        TASK [debug]
        changed: [a] => {
            "msg": "x"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "x"
        }
        TASK [debug]
        [ERROR]: Task failed: Action failed: x
        Origin: play.yml:13:7
        11     - debug: msg=x
        12       changed_when: [true, false]
        13     - debug: msg=x
                 ^ column 7
        fatal: [a]: FAILED! => {
            "msg": "x"
        }
        ...ignoring
        PLAY RECAP
        a : ok=5 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=1
    """)


def test_failed_when(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: /bin/false
              failed_when: false
              register: r
            - debug: msg="{{ r.failed }} {{ r.failed_when_result }} {{ r.failed_when_suppressed_exception }}"
            - command: echo bad
              register: r
              failed_when: "'bad' in r.stdout"
              ignore_errors: yes
            - debug: msg="{{ r.failed }} {{ r.failed_when_result }}"
            - command: echo bad
              register: r
              failed_when:
                - "'bad' in r.stdout"
                - r.rc == 1
            - command: /bin/false
              failed_when: true
              ignore_errors: yes
            - debug: msg=x
              failed_when: nope
              ignore_errors: yes
            - debug: msg=x
              failed_when: "'text'"
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [command]
        changed: [a]
        TASK [debug]
        ok: [a] => {
            "msg": "False False (traceback unavailable)"
        }
        TASK [command]
        [ERROR]: Task failed: Action failed.
        Origin: play.yml:8:7
        6       register: r
        7     - debug: msg="{{ r.failed }} {{ r.failed_when_result }} {{ r.failed_when_suppressed_exception }}"
        8     - command: echo bad
                ^ column 7
        fatal: [a]: FAILED! => {"changed": true, "cmd": ["echo", "bad"], "delta": "0:00:00.000000", "end": "2000-01-01 00:00:00.000000", "failed_when_result": true, "msg": "", "rc": 0, "start": "2000-01-01 00:00:00.000000", "stderr": "", "stderr_lines": [], "stdout": "bad", "stdout_lines": ["bad"]}
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "msg": "True True"
        }
        TASK [command]
        changed: [a]
        TASK [command]
        [ERROR]: Task failed: Module failed: non-zero return code
        Origin: play.yml:18:7
        16         - "'bad' in r.stdout"
        17         - r.rc == 1
        18     - command: /bin/false
                 ^ column 7
        fatal: [a]: FAILED! => {"changed": true, "cmd": ["/bin/false"], "delta": "0:00:00.000000", "end": "2000-01-01 00:00:00.000000", "failed_when_result": true, "msg": "non-zero return code", "rc": 1, "start": "2000-01-01 00:00:00.000000", "stderr": "", "stderr_lines": [], "stdout": "", "stdout_lines": []}
        ...ignoring
        TASK [debug]
        [ERROR]: Task failed: Action failed: x
        Origin: play.yml:21:7
        19       failed_when: true
        20       ignore_errors: yes
        21     - debug: msg=x
                 ^ column 7
        fatal: [a]: FAILED! => {
            "msg": "x"
        }
        ...ignoring
        TASK [debug]
        [ERROR]: Task failed: Action failed: x
        Origin: play.yml:24:7
        22       failed_when: nope
        23       ignore_errors: yes
        24     - debug: msg=x
                 ^ column 7
        fatal: [a]: FAILED! => {
            "msg": "x"
        }
        PLAY RECAP
        a : ok=7 changed=4 unreachable=0 failed=1 skipped=0 rescued=0 ignored=3
        """,
        code=2,
    )


def test_changed_counts_for_failed_when(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo x
              register: r
              changed_when: false
              failed_when: r is changed
            - debug: msg=after
        """
    )
    assert ran.recap == {"a": "ok=2"}


def test_for_each_item(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo {{ item }}
              loop: [1, 2]
              register: r
              changed_when: r.stdout == '1'
              failed_when: r.stdout == '2'
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [command]
        changed: [a] => (item=1)
        [ERROR]: Task failed: Action failed.
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - command: echo {{ item }}
                ^ column 7
        failed: [a] (item=2) => {"ansible_loop_var": "item", "changed": false, "cmd": ["echo", "2"], "delta": "0:00:00.000000", "end": "2000-01-01 00:00:00.000000", "failed_when_result": true, "item": 2, "msg": "", "rc": 0, "start": "2000-01-01 00:00:00.000000", "stderr": "", "stderr_lines": [], "stdout": "2", "stdout_lines": ["2"]}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_skipped_tasks_are_not_judged(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo
              when: false
              register: r
              failed_when: r.stdout == 'x'
              changed_when: r.stdout == 'x'
        """
    )
    assert ran.recap == {"a": "skipped=1"}


def test_a_failure_that_nobody_has_thought_of_costs_its_task_alone(project: Project) -> None:
    def broken(call: Call) -> Reply:
        raise KeyError("rc")

    project.hosts.host("a").answers("command", broken)
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: "true"
            - ping:
        """
    )
    assert ran.result("command")["msg"] == "Task failed: Unexpected failure, this is probably a bug: KeyError: 'rc'"
    assert ran.recap == {"a": "failed=1", "b": "ok=2 changed=1"}
    assert ran.code == 2
