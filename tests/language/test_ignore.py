"""`ignore_errors`, `ignore_unreachable`, and hosts that can't be reached."""

from __future__ import annotations

from tests.support.builder import Project

REFUSED = "Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused"


def test_an_ignored_failure(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - fail: msg=no
              ignore_errors: yes
              register: r
            - debug: var=r
            - command: /bin/false
              ignore_errors: yes
            - shell: echo out; echo err >&2; exit 3
              ignore_errors: yes
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [fail]
        [ERROR]: Task failed: Action failed: no
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - fail: msg=no
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "no"}
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "r": {
                "changed": false,
                "exception": "(traceback unavailable)",
                "failed": true,
                "msg": "no"
            }
        }
        TASK [command]
        [ERROR]: Task failed: Module failed: non-zero return code
        Origin: play.yml:8:7
        6       register: r
        7     - debug: var=r
        8     - command: /bin/false
                ^ column 7
        fatal: [a]: FAILED! => {"changed": true, "cmd": ["/bin/false"], "delta": "0:00:00.000000", "end": "2000-01-01 00:00:00.000000", "msg": "non-zero return code", "rc": 1, "start": "2000-01-01 00:00:00.000000", "stderr": "", "stderr_lines": [], "stdout": "", "stdout_lines": []}
        ...ignoring
        TASK [shell]
        [ERROR]: Task failed: Module failed: non-zero return code
        Origin: play.yml:10:7
         8     - command: /bin/false
         9       ignore_errors: yes
        10     - shell: echo out; echo err >&2; exit 3
                 ^ column 7
        fatal: [a]: FAILED! => {"changed": true, "cmd": "echo out; echo err >&2; exit 3", "delta": "0:00:00.000000", "end": "2000-01-01 00:00:00.000000", "msg": "non-zero return code", "rc": 3, "start": "2000-01-01 00:00:00.000000", "stderr": "err", "stderr_lines": ["err"], "stdout": "out", "stdout_lines": ["out"]}
        ...ignoring
        PLAY RECAP
        a : ok=4 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=3
    """)


def test_only_where_a_condition_holds(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - fail: msg=y
              ignore_errors: "{{ inventory_hostname == 'b' }}"
            - debug:
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: y
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - fail: msg=y
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "y"}
        fatal: [b]: FAILED! => {"changed": false, "msg": "y"}
        ...ignoring
        TASK [debug]
        ok: [b] => {
            "msg": "Hello world!"
        }
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=1
        """,
        code=2,
    )


def test_items_of_a_loop(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - fail: msg="{{ item }}"
              loop: [1, 2]
              when: item == 2
              ignore_errors: yes
              register: r
            - debug: msg="{{ r is failed }} {{ r.results | map('extract', ['failed']) | default('-') | list | length }}"
            - fail: msg="{{ item }}"
              loop: [1, 2]
              ignore_errors: "{{ item == 1 }}"
            - debug: msg=never
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [fail]
        skipping: [a] => (item=1)
        [ERROR]: Task failed: Action failed: 2
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - fail: msg="{{ item }}"
                ^ column 7
        failed: [a] (item=2) => {"ansible_loop_var": "item", "changed": false, "item": 2, "msg": 2}
        ...ignoring
        TASK [debug]
        [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': object of type 'list' has no attribute {'changed': False, 'skipped': True, 'skip_reason': 'Conditional result was False', 'false_condition': 'item == 2', 'item': 1, 'ansible_loop_var': 'item'}
        Task failed: Finalization of task args for 'ansible.builtin.debug' failed.
        Origin: play.yml:9:7
        7       ignore_errors: yes
        8       register: r
        9     - debug: msg="{{ r is failed }} {{ r.results | map('extract', ['failed']) | default('-') | list | length }}"
                ^ column 7
        <<< caused by >>>
        Error while resolving value for 'msg': object of type 'list' has no attribute {'changed': False, 'skipped': True, 'skip_reason': 'Conditional result was False', 'false_condition': 'item == 2', 'item': 1, 'ansible_loop_var': 'item'}
        Origin: play.yml:9:14
        7       ignore_errors: yes
        8       register: r
        9     - debug: msg="{{ r is failed }} {{ r.results | map('extract', ['failed']) | default('-') | list | length }}"
                       ^ column 14
        fatal: [a]: FAILED! => {"msg": "Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': object of type 'list' has no attribute {'changed': False, 'skipped': True, 'skip_reason': 'Conditional result was False', 'false_condition': 'item == 2', 'item': 1, 'ansible_loop_var': 'item'}"}
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=1
        """,
        code=2,
    )


def test_an_unreachable_host_is_out_of_the_run(project: Project) -> None:
    project.hosts.host("b").unreachable(REFUSED)
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=1
            - ping:
            - block:
                - debug: msg=2
              rescue:
                - debug: msg=never
            - debug: msg="{{ ansible_play_hosts }}"
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=second play
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "1"
        }
        ok: [b] => {
            "msg": "1"
        }
        TASK [ping]
        ok: [a]
        [ERROR]: Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused
        Origin: play.yml:5:7
        3   tasks:
        4     - debug: msg=1
        5     - ping:
                ^ column 7
        fatal: [b]: UNREACHABLE! => {"changed": false, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}
        TASK [debug]
        ok: [a] => {
            "msg": "2"
        }
        TASK [debug]
        ok: [a] => {
            "msg": [
                "a"
            ]
        }
        PLAY [all]
        TASK [debug]
        [ERROR]: Task failed: Action 'ansible.builtin.debug' does not support raw params.
        Origin: play.yml:14:7
        12   gather_facts: no
        13   tasks:
        14     - debug: msg=second play
                 ^ column 7
        fatal: [a]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        PLAY RECAP
        a : ok=4 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=1 failed=0 skipped=0 rescued=0 ignored=0
        """,
        code=4,
    )


def test_neither_rescue_nor_always_for_an_unreachable_host(project: Project) -> None:
    project.hosts.host("b").unreachable(REFUSED)
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - ping:
                - debug: msg=2
              rescue:
                - debug: msg=rescue
              always:
                - debug: msg=always
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [ping]
        ok: [a]
        [ERROR]: Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused
        Origin: play.yml:5:11
        3   tasks:
        4     - block:
        5         - ping:
                    ^ column 11
        fatal: [b]: UNREACHABLE! => {"changed": false, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}
        TASK [debug]
        ok: [a] => {
            "msg": "2"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "always"
        }
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=0 changed=0 unreachable=1 failed=0 skipped=0 rescued=0 ignored=0
        """,
        code=4,
    )


def test_all_hosts_are_unreachable(project: Project) -> None:
    for name in ("a", "b"):
        project.hosts.host(name).unreachable(REFUSED)
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - ping:
            - debug: msg=2
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=2
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [ping]
        [ERROR]: Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - ping:
                ^ column 7
        fatal: [a]: UNREACHABLE! => {"changed": false, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}
        fatal: [b]: UNREACHABLE! => {"changed": false, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=1 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=0 changed=0 unreachable=1 failed=0 skipped=0 rescued=0 ignored=0
        """,
        code=4,
    )


def test_ignore_unreachable(project: Project) -> None:
    project.hosts.host("b").unreachable(REFUSED)
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          ignore_unreachable: yes
          tasks:
            - ping:
              register: r
            - debug: msg="{{ r.unreachable | default('reached') }}"
            - ping:
              ignore_unreachable: no
            - debug: msg=3
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [ping]
        ok: [a]
        [ERROR]: Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused
        Origin: play.yml:5:7
        3   ignore_unreachable: yes
        4   tasks:
        5     - ping:
                ^ column 7
        fatal: [b]: UNREACHABLE! => {"changed": false, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "msg": "reached"
        }
        ok: [b] => {
            "msg": true
        }
        TASK [ping]
        ok: [a]
        [ERROR]: Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused
        Origin: play.yml:8:7
        6       register: r
        7     - debug: msg="{{ r.unreachable | default('reached') }}"
        8     - ping:
                ^ column 7
        fatal: [b]: UNREACHABLE! => {"changed": false, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}
        TASK [debug]
        ok: [a] => {
            "msg": "3"
        }
        PLAY RECAP
        a : ok=4 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=2 changed=0 unreachable=1 failed=0 skipped=0 rescued=0 ignored=1
        """,
        code=4,
    )


def test_ignore_unreachable_in_a_loop(project: Project) -> None:
    project.hosts.host("b").unreachable(REFUSED)
    ran = project.play(
        """
        - hosts: b
          gather_facts: no
          tasks:
            - ping:
              loop: [1, 2]
              ignore_unreachable: yes
            - debug: msg=after
        """
    )
    ran.prints("""
        PLAY [b]
        TASK [ping]
        [ERROR]: Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - ping:
                ^ column 7
        failed: [b] (item=1) => {"ansible_loop_var": "item", "changed": false, "item": 1, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}
        failed: [b] (item=2) => {"ansible_loop_var": "item", "changed": false, "item": 2, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}
        fatal: [b]: UNREACHABLE! => {"changed": false, "msg": "All items completed", "results": [{"ansible_loop_var": "item", "changed": false, "exception": "(traceback unavailable)", "item": 1, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}, {"ansible_loop_var": "item", "changed": false, "exception": "(traceback unavailable)", "item": 2, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}], "unreachable": true}
        ...ignoring
        TASK [debug]
        ok: [b] => {
            "msg": "after"
        }
        PLAY RECAP
        b : ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=1
    """)


def test_what_can_t_be_evaluated_counts_as_set(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - fail:
              ignore_errors: "{{ nope }}"
            - fail:
              ignore_errors: notabool
            - debug: msg=on
        """
    )
    assert ran.recap == {"a": "ok=3 ignored=2"}
    assert ran.code == 0
