"""`any_errors_fatal` and `max_fail_percentage`: when the failure of one is everybody's."""

from __future__ import annotations

from tests.support.builder import Project


def test_one_failure_ends_the_play_for_all(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          any_errors_fatal: yes
          tasks:
            - fail:
              when: inventory_hostname == 'a'
            - debug:
        - hosts: all
          gather_facts: no
          tasks:
            - debug:
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:5:7
        3   any_errors_fatal: yes
        4   tasks:
        5     - fail:
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=0 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_on_a_task(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - debug:
            - fail:
              any_errors_fatal: yes
              when: inventory_hostname == 'a'
            - debug:
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "Hello world!"
        }
        ok: [b] => {
            "msg": "Hello world!"
        }
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:5:7
        3   tasks:
        4     - debug:
        5     - fail:
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_on_a_block_the_others_are_rescued_too(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - any_errors_fatal: yes
              block:
                - fail:
                  when: inventory_hostname == 'a'
                - debug: msg=body
              rescue:
                - debug: msg=rescue
              always:
                - debug: msg=always
            - debug: msg=after
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:6:11
        4     - any_errors_fatal: yes
        5       block:
        6         - fail:
                    ^ column 11
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
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
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=1 ignored=0
        b : ok=3 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
    """)


def test_always_runs_for_all(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          any_errors_fatal: yes
          tasks:
            - block:
                - fail:
                  when: inventory_hostname == 'a'
                - debug: msg=body
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
        Origin: play.yml:6:11
        4   tasks:
        5     - block:
        6         - fail:
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
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_the_rescue_of_an_outer_block(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - block:
                    - fail:
                      when: inventory_hostname == 'a'
                      any_errors_fatal: true
                    - debug: msg=body
                  always:
                    - debug: msg=inner always
              rescue:
                - debug: msg=rescue
              always:
                - debug: msg=outer always
            - debug: msg=after
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:6:15
        4     - block:
        5         - block:
        6             - fail:
                        ^ column 15
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
        TASK [debug]
        [ERROR]: Task failed: Action 'ansible.builtin.debug' does not support raw params.
        Origin: play.yml:11:15
         9             - debug: msg=body
        10           always:
        11             - debug: msg=inner always
                         ^ column 15
        fatal: [a]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        fatal: [b]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        TASK [debug]
        ok: [a] => {
            "msg": "rescue"
        }
        ok: [b] => {
            "msg": "rescue"
        }
        TASK [debug]
        [ERROR]: Task failed: Action 'ansible.builtin.debug' does not support raw params.
        Origin: play.yml:15:11
        13         - debug: msg=rescue
        14       always:
        15         - debug: msg=outer always
                     ^ column 11
        fatal: [a]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        fatal: [b]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=2 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=1 skipped=1 rescued=1 ignored=0
        """,
        code=2,
    )


def test_hosts_that_were_rescued_with_another_miss_the_next_play(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          any_errors_fatal: yes
          tasks:
            - block:
                - fail:
                  when: inventory_hostname == 'a'
              rescue:
                - debug: msg="{{ ansible_play_hosts }}"
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg="{{ ansible_play_hosts }}"
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:6:11
        4   tasks:
        5     - block:
        6         - fail:
                    ^ column 11
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
        TASK [debug]
        ok: [a] => {
            "msg": [
                "a"
            ]
        }
        ok: [b] => {
            "msg": [
                "a"
            ]
        }
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": [
                "a"
            ]
        }
        PLAY RECAP
        a : ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=1 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_ignored_failures_are_nobodys(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          any_errors_fatal: yes
          tasks:
            - fail:
              ignore_errors: yes
              when: inventory_hostname == 'a'
            - debug: msg=after
        """
    )
    assert ran.recap == {"a": "ok=2 ignored=1", "b": "ok=1 skipped=1"}
    assert ran.code == 0


def test_an_unreachable_host_is_fatal_too(project: Project) -> None:
    project.hosts.host("b").unreachable("Failed to connect to the host via ssh: no route")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          any_errors_fatal: yes
          tasks:
            - ping:
            - debug: msg=after
        """
    )
    assert ran.recap == {"a": "ok=1", "b": "unreachable=1"}
    assert ran.code == 4


def test_too_many_failures_end_the_run(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          max_fail_percentage: 20
          tasks:
            - fail:
              when: inventory_hostname == 'h1'
            - debug: msg=one of six is fine
            - fail:
              when: inventory_hostname == 'h2'
            - debug: msg=two of six are not
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
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:5:7
        3   max_fail_percentage: 20
        4   tasks:
        5     - fail:
                ^ column 7
        fatal: [h1]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [h2]
        skipping: [h3]
        skipping: [h4]
        skipping: [h5]
        skipping: [h6]
        TASK [debug]
        [ERROR]: Task failed: Action 'ansible.builtin.debug' does not support raw params.
        Origin: play.yml:7:7
        5     - fail:
        6       when: inventory_hostname == 'h1'
        7     - debug: msg=one of six is fine
                ^ column 7
        fatal: [h2]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        fatal: [h3]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        fatal: [h4]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        fatal: [h5]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        fatal: [h6]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        NO MORE HOSTS LEFT
        NO MORE HOSTS LEFT
        PLAY RECAP
        h1 : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        h2 : ok=0 changed=0 unreachable=0 failed=1 skipped=1 rescued=0 ignored=0
        h3 : ok=0 changed=0 unreachable=0 failed=1 skipped=1 rescued=0 ignored=0
        h4 : ok=0 changed=0 unreachable=0 failed=1 skipped=1 rescued=0 ignored=0
        h5 : ok=0 changed=0 unreachable=0 failed=1 skipped=1 rescued=0 ignored=0
        h6 : ok=0 changed=0 unreachable=0 failed=1 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_the_percentage_is_of_the_batch(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          serial: 3
          max_fail_percentage: 30
          tasks:
            - fail:
              when: inventory_hostname == 'h2'
            - debug:
        """,
        hosts="h[1:6]",
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        skipping: [h1]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:6:7
        4   max_fail_percentage: 30
        5   tasks:
        6     - fail:
                ^ column 7
        fatal: [h2]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [h3]
        NO MORE HOSTS LEFT
        NO MORE HOSTS LEFT
        PLAY RECAP
        h1 : ok=0 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        h2 : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        h3 : ok=0 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_exactly_the_percentage_is_not_too_many(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          max_fail_percentage: 50
          tasks:
            - fail:
              when: inventory_hostname == 'a'
            - debug:
        """
    )
    assert ran.recap == {"a": "failed=1", "b": "ok=1 skipped=1"}


def test_rescued_hosts_don_t_count(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          max_fail_percentage: 0
          tasks:
            - block:
                - fail:
                  when: inventory_hostname == 'a'
              rescue:
                - debug: msg=rescued
            - fail:
              when: inventory_hostname == 'a'
            - debug: msg=never
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:6:11
        4   tasks:
        5     - block:
        6         - fail:
                    ^ column 11
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
        TASK [debug]
        ok: [a] => {
            "msg": "rescued"
        }
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:10:7
         8       rescue:
         9         - debug: msg=rescued
        10     - fail:
                 ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
        NO MORE HOSTS LEFT
        NO MORE HOSTS LEFT
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=1 ignored=0
        b : ok=0 changed=0 unreachable=0 failed=0 skipped=2 rescued=0 ignored=0
        """,
        code=2,
    )


def test_a_host_on_its_way_through_always_does_not_count_yet(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          max_fail_percentage: 10
          tasks:
            - block:
                - fail:
                  when: inventory_hostname == 'h1'
              always:
                - debug: msg=always
            - debug: msg=after
            - fail:
              when: inventory_hostname == 'h2'
            - debug: msg=never
        """,
        hosts="h[1:4]",
    )
    ran.prints(
        """
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:6:11
        4   tasks:
        5     - block:
        6         - fail:
                    ^ column 11
        fatal: [h1]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [h2]
        skipping: [h3]
        skipping: [h4]
        TASK [debug]
        ok: [h1] => {
            "msg": "always"
        }
        ok: [h2] => {
            "msg": "always"
        }
        ok: [h3] => {
            "msg": "always"
        }
        ok: [h4] => {
            "msg": "always"
        }
        TASK [debug]
        ok: [h2] => {
            "msg": "after"
        }
        ok: [h3] => {
            "msg": "after"
        }
        ok: [h4] => {
            "msg": "after"
        }
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:11:7
         9         - debug: msg=always
        10     - debug: msg=after
        11     - fail:
                 ^ column 7
        fatal: [h2]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [h3]
        skipping: [h4]
        NO MORE HOSTS LEFT
        NO MORE HOSTS LEFT
        PLAY RECAP
        h1 : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        h2 : ok=2 changed=0 unreachable=0 failed=1 skipped=1 rescued=0 ignored=0
        h3 : ok=2 changed=0 unreachable=0 failed=0 skipped=2 rescued=0 ignored=0
        h4 : ok=2 changed=0 unreachable=0 failed=0 skipped=2 rescued=0 ignored=0
        """,
        code=2,
    )


def test_the_last_play_decides_the_exit_code(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - fail:
            - debug:
        - hosts: b
          gather_facts: no
          tasks:
            - debug:
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - fail:
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_hosts_that_wait_behind_a_block_fail_within_it(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - fail:
                  when: inventory_hostname == 'a'
                - debug: msg=through
              rescue:
                - debug: msg=rescue
                - fail:
                  when: inventory_hostname == 'a'
                  any_errors_fatal: yes
              always:
                - debug: msg=always
            - debug: msg=after
        """
    )
    assert ran.messages("b")[-4:] == ["through", "rescue", "always", "after"]
    assert ran.recap == {"a": "ok=2 failed=1 rescued=1", "b": "ok=4 skipped=2"}
    assert ran.code == 2


def test_hosts_whose_handlers_are_forced_do_not_count_yet(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          max_fail_percentage: 0
          force_handlers: yes
          tasks:
            - {command: "true", notify: told}
            - fail:
              when: inventory_hostname == 'a'
            - debug: msg=behind
          handlers:
            - {name: told, debug: {msg: told}}
        """
    )
    assert (ran.messages("a"), ran.messages("b")) == (["told"], ["behind", "told"])
    assert ran.code == 2


def test_without_handlers_to_force_they_count_at_once(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          max_fail_percentage: 0
          force_handlers: yes
          tasks:
            - fail:
              when: inventory_hostname == 'a'
            - debug: msg=behind
        """
    )
    assert ran.messages("b") == []
    assert "NO MORE HOSTS LEFT" in ran.lines


def test_hosts_whose_handlers_are_forced_count_before_those_if_another_one_has_none(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          max_fail_percentage: 20
          force_handlers: yes
          tasks:
            - {command: "true", notify: told, when: inventory_hostname == 'a'}
            - fail:
          handlers:
            - {name: told, debug: {msg: told}}
        """
    )
    assert ran.messages("a") == []
    assert ran.lines.count("NO MORE HOSTS LEFT") == 3
    assert ran.recap == {"a": "ok=1 changed=1 failed=1", "b": "failed=1 skipped=1"}
    assert ran.code == 2
