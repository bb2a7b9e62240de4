"""`run_once`: one host does it for all."""

from __future__ import annotations

from tests.support.builder import Project

REFUSED = "Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused"


def test_the_first_host_runs_it_and_all_have_the_result(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg="{{ inventory_hostname }}"
              run_once: true
            - command: echo hi
              run_once: true
              register: r
            - debug: var=r.stdout
            - set_fact: {x: 1}
              run_once: yes
            - debug: var=x
            - debug: msg="{{ item }}"
              run_once: true
              loop: [1, 2]
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "a"
        }
        TASK [command]
        changed: [a]
        TASK [debug]
        ok: [a] => {
            "r.stdout": "hi"
        }
        ok: [b] => {
            "r.stdout": "hi"
        }
        TASK [set_fact]
        ok: [a]
        TASK [debug]
        ok: [a] => {
            "x": 1
        }
        ok: [b] => {
            "x": 1
        }
        TASK [debug]
        ok: [a] => (item=1) => {
            "msg": 1
        }
        ok: [a] => (item=2) => {
            "msg": 2
        }
        PLAY RECAP
        a : ok=6 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_the_first_host_s_condition_counts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - debug:
              run_once: true
              when: inventory_hostname == 'b'
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [debug]
        skipping: [a]
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
    """)


def test_its_failure_is_everybody_s(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - fail: msg=bad
              run_once: true
            - debug: msg=never
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: bad
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - fail: msg=bad
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "bad"}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_an_ignored_failure_is_nobody_s(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - fail: msg=bad
              run_once: true
              ignore_errors: yes
            - debug: msg=after
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: bad
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - fail: msg=bad
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "bad"}
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "msg": "after"
        }
        ok: [b] => {
            "msg": "after"
        }
        PLAY RECAP
        a : ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=1
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_rescue_is_for_the_one_that_ran_it(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - fail: msg=bad
                  run_once: true
                - debug: msg=body
              rescue:
                - debug: msg=rescue
              always:
                - debug: msg=always
            - debug: msg=after
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: bad
        Origin: play.yml:5:11
        3   tasks:
        4     - block:
        5         - fail: msg=bad
                    ^ column 11
        fatal: [a]: FAILED! => {"changed": false, "msg": "bad"}
        TASK [debug]
        ok: [a] => {
            "msg": "rescue"
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
            "msg": "after"
        }
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=1 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_an_always_without_rescue(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - block:
                    - fail:
                      run_once: true
                  always:
                    - debug: msg=always
              rescue:
                - debug: msg=rescue
            - debug: msg=after
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:6:15
        4     - block:
        5         - block:
        6             - fail:
                        ^ column 15
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        TASK [debug]
        ok: [a] => {
            "msg": "always"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "rescue"
        }
        ok: [b] => {
            "msg": "rescue"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "after"
        }
        ok: [b] => {
            "msg": "after"
        }
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=1 ignored=0
        b : ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_in_an_included_file(project: Project) -> None:
    project.file("inc.yml", "- {fail: , run_once: true}")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - include_tasks: inc.yml
              rescue:
                - debug: msg=rescue
              always:
                - debug: msg=always
            - debug: msg=after
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=second play
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [include_tasks]
        included: inc.yml for a, b
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: inc.yml:1:3
        1 - {fail: , run_once: true}
            ^ column 3
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        TASK [debug]
        ok: [a] => {
            "msg": "rescue"
        }
        ok: [b] => {
            "msg": "rescue"
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
            "msg": "after"
        }
        ok: [b] => {
            "msg": "after"
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
        a : ok=4 changed=0 unreachable=0 failed=1 skipped=0 rescued=1 ignored=0
        b : ok=4 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_it_is_not_done_where_the_first_host_is_unreachable(project: Project) -> None:
    project.hosts.host("a").unreachable(REFUSED)
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - ping:
              run_once: true
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
        PLAY RECAP
        a : ok=0 changed=0 unreachable=1 failed=0 skipped=0 rescued=0 ignored=0
        """,
        code=4,
    )


def test_with_delegation(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo hi
              run_once: true
              delegate_to: b
              register: r
            - debug: var=r.stdout
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [command]
        changed: [a -> b]
        TASK [debug]
        ok: [a] => {
            "r.stdout": "hi"
        }
        ok: [b] => {
            "r.stdout": "hi"
        }
        PLAY RECAP
        a : ok=2 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_actions_that_always_run_once(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - add_host: {name: new, groups: fresh, flavour: "{{ inventory_hostname }}"}
            - debug: msg="{{ groups.fresh }} {{ hostvars.new.flavour }}"
        - hosts: fresh
          gather_facts: no
          tasks:
            - debug: msg="{{ flavour }}"
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [add_host]
        changed: [a]
        TASK [debug]
        ok: [a] => {
            "msg": "['new'] a"
        }
        ok: [b] => {
            "msg": "['new'] a"
        }
        PLAY [fresh]
        TASK [debug]
        ok: [new] => {
            "msg": "a"
        }
        PLAY RECAP
        a : ok=2 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        new : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_what_an_action_does_once_by_its_nature_is_registered_for_the_host_that_did_it(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - add_host: name=c
              register: by_nature
            - add_host: name=d
              register: by_keyword
              run_once: yes
            - debug: {msg: "{{ [by_nature is defined, by_keyword is defined] }}"}
        """
    )
    assert (ran.messages("a"), ran.messages("b")) == ([[True, True]], [[False, True]])


def test_its_failure_is_every_host_s_and_can_be_rescued(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - add_host: {}
              rescue:
                - debug: msg=rescued
            - debug: msg=behind
        """
    )
    assert ran.messages("a") == ran.messages("b") == ["rescued", "behind"]
