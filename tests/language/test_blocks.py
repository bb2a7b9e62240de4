"""`block`, `rescue`, `always`."""

from __future__ import annotations

from tests.support.builder import Project


def test_a_failure_goes_to_the_rescue_and_always_follows(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - name: outer
              block:
                - debug: msg=1
                - name: break it
                  fail: msg="oops {{ inventory_hostname }}"
                  when: inventory_hostname == 'a'
                - debug: msg=2
              rescue:
                - debug: msg="{{ ansible_failed_task.name }}, {{ ansible_failed_result.msg }}"
                - debug: var=ansible_failed_result
                - debug: msg="{{ ansible_failed_task.action }} {{ ansible_failed_task.args }}"
              always:
                - debug: msg=always
            - debug: msg=end
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "1"
        }
        ok: [b] => {
            "msg": "1"
        }
        TASK [break it]
        [ERROR]: Task failed: Action failed: oops a
        Origin: play.yml:7:11
        5       block:
        6         - debug: msg=1
        7         - name: break it
                    ^ column 11
        fatal: [a]: FAILED! => {"changed": false, "msg": "oops a"}
        skipping: [b]
        TASK [debug]
        ok: [b] => {
            "msg": "2"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "break it, oops a"
        }
        TASK [debug]
        ok: [a] => {
            "ansible_failed_result": {
                "changed": false,
                "exception": "(traceback unavailable)",
                "failed": true,
                "msg": "oops a"
            }
        }
        TASK [debug]
        ok: [a] => {
            "msg": "fail {'msg': 'oops a'}"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "always"
        }
        ok: [b] => {
            "msg": "always"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "end"
        }
        ok: [b] => {
            "msg": "end"
        }
        PLAY RECAP
        a : ok=6 changed=0 unreachable=0 failed=0 skipped=0 rescued=1 ignored=0
        b : ok=4 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
    """)


def test_what_fails_in_rescue_and_always(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - block:
                - block:
                    - fail: msg=oops
                  rescue:
                    - fail: msg=again
                    - debug: msg=never
                  always:
                    - debug: msg=always 1
              rescue:
                - debug: msg=rescue 2
              always:
                - debug: msg=always 2
                - block:
                    - fail: msg=in always
                  rescue:
                    - debug: msg=rescue 3
            - block:
                - debug: msg=x
              always:
                - fail: msg=always fails
                - debug: msg=never
            - debug: msg=never
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [fail]
        [ERROR]: Task failed: Action failed: oops
        Origin: play.yml:6:15
        4     - block:
        5         - block:
        6             - fail: msg=oops
                        ^ column 15
        fatal: [a]: FAILED! => {"changed": false, "msg": "oops"}
        TASK [fail]
        [ERROR]: Task failed: Action failed: again
        Origin: play.yml:8:15
        6             - fail: msg=oops
        7           rescue:
        8             - fail: msg=again
                        ^ column 15
        fatal: [a]: FAILED! => {"changed": false, "msg": "again"}
        TASK [debug]
        [ERROR]: Task failed: Action 'ansible.builtin.debug' does not support raw params.
        Origin: play.yml:11:15
         9             - debug: msg=never
        10           always:
        11             - debug: msg=always 1
                         ^ column 15
        fatal: [a]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        TASK [debug]
        [ERROR]: Task failed: Action 'ansible.builtin.debug' does not support raw params.
        Origin: play.yml:13:11
        11             - debug: msg=always 1
        12       rescue:
        13         - debug: msg=rescue 2
                     ^ column 11
        fatal: [a]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        TASK [debug]
        [ERROR]: Task failed: Action 'ansible.builtin.debug' does not support raw params.
        Origin: play.yml:15:11
        13         - debug: msg=rescue 2
        14       always:
        15         - debug: msg=always 2
                     ^ column 11
        fatal: [a]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=2 skipped=0 rescued=3 ignored=0
        """,
        code=2,
    )


def test_always_runs_where_nothing_rescues(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - fail:
                  when: inventory_hostname == 'a'
              always:
                - debug: msg=always
            - debug: msg=after
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:5:11
        3   tasks:
        4     - block:
        5         - fail:
                    ^ column 11
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
        TASK [debug]
        ok: [a] => {
            "msg": "always"
        }
        ok: [b] => {
            "msg": "always"
        }
        TASK [debug]
        ok: [b] => {
            "msg": "after"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=2 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_keywords_hold_for_what_is_inside(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - when: inventory_hostname == 'b'
              vars: {z: 1}
              block:
                - debug: msg=1
                  when: false
                - debug: msg="{{ z }}"
            - ignore_errors: yes
              vars: {z: block}
              block:
                - fail: msg=1
                - debug: msg="{{ z }}"
                - debug: msg="{{ z }}"
                  vars: {z: task}
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [debug]
        skipping: [a]
        skipping: [b]
        TASK [debug]
        skipping: [a]
        ok: [b] => {
            "msg": 1
        }
        TASK [fail]
        [ERROR]: Task failed: Action failed: 1
        Origin: play.yml:13:11
        11       vars: {z: block}
        12       block:
        13         - fail: msg=1
                     ^ column 11
        fatal: [a]: FAILED! => {"changed": false, "msg": "1"}
        ...ignoring
        fatal: [b]: FAILED! => {"changed": false, "msg": "1"}
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "msg": "block"
        }
        ok: [b] => {
            "msg": "block"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "task"
        }
        ok: [b] => {
            "msg": "task"
        }
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=2 rescued=0 ignored=1
        b : ok=4 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=1
    """)


def test_hosts_part_and_meet_again(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - name: fails on a
                  fail:
                  when: inventory_hostname == 'a'
                - name: body
                  debug:
              rescue:
                - name: rescue
                  debug:
            - name: together
              debug:
        """,
        hosts="a\nb\nc",
    )
    assert ran.tasks == [
        "a: fails on a (failed)",
        "b: fails on a (skipped)",
        "c: fails on a (skipped)",
        "b: body (ok)",
        "c: body (ok)",
        "a: rescue (ok)",
        "a: together (ok)",
        "b: together (ok)",
        "c: together (ok)",
    ]
    assert ran.recap["a"] == "ok=2 rescued=1"
    assert ran.code == 0


def test_empty_sections(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - block: []
            - block:
                - debug:
              rescue: []
              always: []
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


def test_a_failed_block_inside_an_include(project: Project) -> None:
    project.file(
        "inc.yml",
        """
        - block:
            - fail: msg=inside
          always:
            - debug: msg=always of the file
        - debug: msg=never
        """,
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - block:
                - include_tasks: inc.yml
                - debug: msg=never
              rescue:
                - debug: msg="{{ ansible_failed_result.msg }}"
            - block:
                - import_tasks: inc.yml
              rescue:
                - debug: msg="{{ ansible_failed_task.args.msg }}"
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [include_tasks]
        included: inc.yml for a
        TASK [fail]
        [ERROR]: Task failed: Action failed: inside
        Origin: inc.yml:2:7
        1 - block:
        2     - fail: msg=inside
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "inside"}
        TASK [debug]
        [ERROR]: Task failed: Action 'ansible.builtin.debug' does not support raw params.
        Origin: inc.yml:4:7
        2     - fail: msg=inside
        3   always:
        4     - debug: msg=always of the file
                ^ column 7
        fatal: [a]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        TASK [debug]
        ok: [a] => {
            "msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."
        }
        TASK [fail]
        fatal: [a]: FAILED! => {"changed": false, "msg": "inside"}
        TASK [debug]
        fatal: [a]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        TASK [debug]
        ok: [a] => {
            "msg": "always"
        }
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=4 ignored=0
    """)


def test_a_block_can_t_loop(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - debug:
              loop: [1]
        """
    )
    assert ran.code == 4
    assert ran.problems[:2] == ["[ERROR]: 'loop' is not a valid attribute for a Block", "Origin: play.yml:6:7"]


def test_a_rescue_without_a_block(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - rescue:
                - debug:
        """
    )
    assert ran.code == 4
    assert "rescue" in ran.err


def test_the_failure_of_a_loop_is_rescued_once(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - block:
                - fail: msg="{{ item }}"
                  loop: [1, 2]
              rescue:
                - debug: msg="{{ ansible_failed_result.results | map(attribute='msg') | list }}"
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [fail]
        [ERROR]: Task failed: Action failed: 1
        Origin: play.yml:5:11
        3   tasks:
        4     - block:
        5         - fail: msg="{{ item }}"
                    ^ column 11
        failed: [a] (item=1) => {"ansible_loop_var": "item", "changed": false, "item": 1, "msg": 1}
        [ERROR]: Task failed: Action failed: 2
        Origin: play.yml:5:11
        3   tasks:
        4     - block:
        5         - fail: msg="{{ item }}"
                    ^ column 11
        failed: [a] (item=2) => {"ansible_loop_var": "item", "changed": false, "item": 2, "msg": 2}
        TASK [debug]
        ok: [a] => {
            "msg": [
                1,
                2
            ]
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=1 ignored=0
    """)


def test_undefined_variables_are_rescued(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - block:
                - debug: msg="{{ nope }}"
              rescue:
                - debug: msg="{{ ansible_failed_result.msg }}"
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [debug]
        [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': 'nope' is undefined
        Task failed: Finalization of task args for 'ansible.builtin.debug' failed.
        Origin: play.yml:5:11
        3   tasks:
        4     - block:
        5         - debug: msg="{{ nope }}"
                    ^ column 11
        <<< caused by >>>
        Error while resolving value for 'msg': 'nope' is undefined
        Origin: play.yml:5:18
        3   tasks:
        4     - block:
        5         - debug: msg="{{ nope }}"
                           ^ column 18
        fatal: [a]: FAILED! => {"msg": "Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': 'nope' is undefined"}
        TASK [debug]
        ok: [a] => {
            "msg": "Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': 'nope' is undefined"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=1 ignored=0
    """)
