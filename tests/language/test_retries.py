"""`until`, `retries`, `delay`."""

from __future__ import annotations

from tests.support.builder import Project
from tests.support.fake_host import command_gives


def test_until_it_holds(project: Project) -> None:
    command_gives(project.hosts.host("a"), "count", stdout=["1", "2", "3"])
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - name: wait for three
              command: count
              register: r
              until: r.stdout | int >= 3
              retries: 5
              delay: 10
            - debug: msg="{{ r.attempts }} {{ r.retries | default('none') }}"
        """
    )
    assert ran.lines[2:6] == [
        "FAILED - RETRYING: [a]: wait for three (5 retries left).",
        "FAILED - RETRYING: [a]: wait for three (4 retries left).",
        "changed: [a]",
        "TASK [debug]",
    ]
    assert ran.messages() == ["3 none"]
    assert ran.seconds == 20


def test_it_never_holds(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: /bin/false
              register: r
              until: r.rc == 0
              retries: 2
              delay: 1
              ignore_errors: yes
            - debug: msg="{{ r.attempts }} {{ r.failed }}"
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        FAILED - RETRYING: [a]: command (2 retries left).
        FAILED - RETRYING: [a]: command (1 retries left).
        [ERROR]: Task failed: Module failed: non-zero return code
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - command: /bin/false
                ^ column 7
        fatal: [a]: FAILED! => {"attempts": 2, "changed": true, "cmd": ["/bin/false"], "delta": "0:00:00.000000", "end": "2000-01-01 00:00:00.000000", "msg": "non-zero return code", "rc": 1, "start": "2000-01-01 00:00:00.000000", "stderr": "", "stderr_lines": [], "stdout": "", "stdout_lines": []}
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "msg": "2 True"
        }
        PLAY RECAP
        a : ok=2 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=1
    """)


def test_retries_without_until_are_for_failures(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - fail: msg=x
              retries: 2
              delay: 1
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [fail]
        FAILED - RETRYING: [a]: fail (2 retries left).
        FAILED - RETRYING: [a]: fail (1 retries left).
        [ERROR]: Task failed: Action failed: x
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - fail: msg=x
                ^ column 7
        fatal: [a]: FAILED! => {"attempts": 2, "changed": false, "msg": "x"}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_three_retries_and_five_seconds_unless_told(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo x
              register: r
              until: r.stdout == 'y'
        """
    )
    assert ran.out.count("FAILED - RETRYING") == 3
    assert ran.seconds == 15


def test_the_result_of_debug_is_shown_with_each_retry(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg=x
              until: false
              retries: 1
              delay: 1
              register: r
              ignore_errors: yes
            - debug: var=r
            - debug: msg=x
              until: nope
              delay: 1
              ignore_errors: yes
            - debug: msg=x
              until: false
              retries: 0
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [debug]
        FAILED - RETRYING: [a]: debug (1 retries left).Result was: {
            "attempts": 1,
            "changed": false,
            "msg": "x",
            "retries": 2
        }
        [ERROR]: Task failed: Action failed: x
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - debug: msg=x
                ^ column 7
        fatal: [a]: FAILED! => {
            "msg": "x"
        }
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "r": {
                "attempts": 1,
                "changed": false,
                "exception": "(traceback unavailable)",
                "failed": true,
                "msg": "x"
            }
        }
        TASK [debug]
        [ERROR]: Task failed: Error while evaluating conditional: 'nope' is undefined
        Task failed.
        Origin: play.yml:11:7
         9       ignore_errors: yes
        10     - debug: var=r
        11     - debug: msg=x
                 ^ column 7
        <<< caused by >>>
        Error while evaluating conditional: 'nope' is undefined
        Origin: play.yml:12:14
        10     - debug: var=r
        11     - debug: msg=x
        12       until: nope
                        ^ column 14
        fatal: [a]: FAILED! => {"msg": "Task failed: Error while evaluating conditional: 'nope' is undefined"}
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "msg": "x"
        }
        PLAY RECAP
        a : ok=4 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=2
    """)


def test_each_item_is_retried(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - name: named
              debug: msg={{ item }}
              loop: [1, 2]
              register: r
              until: item == 2
              retries: 1
              delay: 1
            - debug: msg=never
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [named]
        FAILED - RETRYING: [a]: named (1 retries left).Result was: {
            "attempts": 1,
            "changed": false,
            "msg": 1,
            "retries": 2
        }
        [ERROR]: Task failed: Action failed: 1
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - name: named
                ^ column 7
        failed: [a] (item=1) => {
            "msg": 1
        }
        ok: [a] => (item=2) => {
            "msg": 2
        }
        fatal: [a]: FAILED! => {"msg": "One or more items failed"}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_all_conditions_must_hold(project: Project) -> None:
    command_gives(project.hosts.host("a"), "count", stdout=["1", "2", "3"])
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: count
              register: r
              until:
                - r.stdout | int >= 2
                - r.stdout | int >= 3
              delay: 0
            - debug: msg="{{ r.attempts }}"
        """
    )
    assert ran.messages() == [3]


def test_hosts_retry_side_by_side(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: /bin/false
              retries: 3
              delay: 10
              failed_when: false
              register: r
              until: false
              ignore_errors: yes
        """,
        "-f 5",
        hosts="h[1:5]",
    )
    assert ran.seconds == 30


def test_backoff_and_max_delay(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: /bin/false
              retries: 4
              delay: 1
              backoff: 3
              max_delay: 10
              ignore_errors: yes
        """
    )
    assert ran.seconds == 1 + 3 + 9 + 10


def test_templates_and_a_negative_delay(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: /bin/false
              retries: "{{ n }}"
              delay: -5
              ignore_errors: yes
          vars: {n: 2}
        """
    )
    assert ran.out.count("FAILED - RETRYING") == 2
    assert ran.seconds == 2
