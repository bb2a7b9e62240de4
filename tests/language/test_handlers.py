"""Handlers: who is notified, when they run, in which order, and what a failure does to them."""

from __future__ import annotations

import pytest

from tests.support.builder import Project


def test_they_run_once_in_the_order_in_which_they_are_written(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo 1
              notify: h1
            - debug:
              notify: h2
            - command: echo 2
              notify: [h3, h1]
              when: inventory_hostname == 'b'
            - debug: msg=x
              changed_when: yes
              notify: topic
          handlers:
            - name: h2
              debug: msg=h2
            - name: h1
              debug: msg=h1
            - name: h3
              command: echo h3
              notify: h4
            - name: h4
              debug: msg=h4
            - name: l1
              debug: msg=l1
              listen: topic
            - debug: msg=l2
              listen: [topic, other]
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [command]
        changed: [a]
        changed: [b]
        TASK [debug]
        ok: [a] => {
            "msg": "Hello world!"
        }
        ok: [b] => {
            "msg": "Hello world!"
        }
        TASK [command]
        skipping: [a]
        changed: [b]
        TASK [debug]
        changed: [a] => {
            "msg": "x"
        }
        changed: [b] => {
            "msg": "x"
        }
        RUNNING HANDLER [h1]
        ok: [a] => {
            "msg": "h1"
        }
        ok: [b] => {
            "msg": "h1"
        }
        RUNNING HANDLER [h3]
        changed: [b]
        RUNNING HANDLER [h4]
        ok: [b] => {
            "msg": "h4"
        }
        RUNNING HANDLER [l1]
        ok: [a] => {
            "msg": "l1"
        }
        ok: [b] => {
            "msg": "l1"
        }
        RUNNING HANDLER [debug]
        ok: [a] => {
            "msg": "l2"
        }
        ok: [b] => {
            "msg": "l2"
        }
        PLAY RECAP
        a : ok=6 changed=2 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        b : ok=9 changed=4 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_they_run_after_each_section(project: Project) -> None:
    project.file("roles/r/tasks/main.yml", "- {command: echo r, notify: h}")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          pre_tasks: [{name: pre, command: echo, notify: h}]
          roles: [r]
          tasks: [{name: task, command: echo, notify: h}]
          post_tasks: [{name: post, command: echo, notify: h}]
          handlers: [{name: h, debug: }]
        """
    )
    assert ran.tasks == [
        "a: pre (changed)",
        "a: h (ok)",
        "a: r : command (changed)",
        "a: task (changed)",
        "a: h (ok)",
        "a: post (changed)",
        "a: h (ok)",
    ]


def test_flush_handlers(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo 1
              notify: h1
            - meta: flush_handlers
            - debug: msg=after
            - command: echo 1
              notify: h1
              when: inventory_hostname == 'b'
            - meta: flush_handlers
            - command: echo 1
              notify: h2
          handlers:
            - name: h1
              debug: msg=h1
            - name: h2
              debug: msg=h2
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [command]
        changed: [a]
        changed: [b]
        TASK [meta]
        TASK [meta]
        RUNNING HANDLER [h1]
        ok: [a] => {
            "msg": "h1"
        }
        ok: [b] => {
            "msg": "h1"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "after"
        }
        ok: [b] => {
            "msg": "after"
        }
        TASK [command]
        skipping: [a]
        changed: [b]
        TASK [meta]
        TASK [meta]
        RUNNING HANDLER [h1]
        ok: [b] => {
            "msg": "h1"
        }
        TASK [command]
        changed: [a]
        changed: [b]
        RUNNING HANDLER [h2]
        ok: [a] => {
            "msg": "h2"
        }
        ok: [b] => {
            "msg": "h2"
        }
        PLAY RECAP
        a : ok=5 changed=2 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        b : ok=7 changed=3 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_flush_handlers_for_some(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo 1
              notify: h1
            - meta: flush_handlers
              when: inventory_hostname == 'b'
            - debug: msg=x
          handlers:
            - name: h1
              debug: msg=h1
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [command]
        changed: [a]
        changed: [b]
        TASK [meta]
        skipping: [a]
        TASK [meta]
        RUNNING HANDLER [h1]
        ok: [b] => {
            "msg": "h1"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "x"
        }
        ok: [b] => {
            "msg": "x"
        }
        RUNNING HANDLER [h1]
        ok: [a] => {
            "msg": "h1"
        }
        PLAY RECAP
        a : ok=3 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=3 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_failed_host_runs_none(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo 1
              notify: h1
            - fail:
              when: inventory_hostname == 'a'
          handlers:
            - name: h1
              debug: msg=h1
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [command]
        changed: [a]
        changed: [b]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:6:7
        4     - command: echo 1
        5       notify: h1
        6     - fail:
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
        RUNNING HANDLER [h1]
        ok: [b] => {
            "msg": "h1"
        }
        PLAY RECAP
        a : ok=1 changed=1 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=2 changed=1 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


@pytest.mark.parametrize("how", ["force_handlers: yes", "# by option"])
def test_force_handlers(project: Project, how: str) -> None:
    ran = project.play(
        f"""
        - hosts: all
          gather_facts: no
          {how}
          tasks:
            - command: echo 1
              notify: [h1, h2]
            - fail:
              when: inventory_hostname == 'a'
            - debug: msg=n
          post_tasks:
            - debug: msg=post
          handlers:
            - name: h1
              debug: msg=h1
            - name: h2
              fail: msg=h2
              when: inventory_hostname == 'b'
            - name: h3
              debug: msg=h3
        """,
        "--force-handlers" if how.startswith("#") else "",
    )
    ran.prints(
        """
        PLAY [all]
        TASK [command]
        changed: [a]
        changed: [b]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:7:7
        5     - command: echo 1
        6       notify: [h1, h2]
        7     - fail:
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
        TASK [debug]
        ok: [b] => {
            "msg": "n"
        }
        RUNNING HANDLER [h1]
        ok: [a] => {
            "msg": "h1"
        }
        ok: [b] => {
            "msg": "h1"
        }
        RUNNING HANDLER [h2]
        skipping: [a]
        [ERROR]: Task failed: Action failed: h2
        Origin: play.yml:15:7
        13     - name: h1
        14       debug: msg=h1
        15     - name: h2
                 ^ column 7
        fatal: [b]: FAILED! => {"changed": false, "msg": "h2"}
        PLAY RECAP
        a : ok=2 changed=1 unreachable=0 failed=1 skipped=1 rescued=0 ignored=0
        b : ok=3 changed=1 unreachable=0 failed=1 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_nobody_by_that_name(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo 1
              notify: nope
            - debug:
        """
    )
    assert ran.code == 1
    assert ran.problems[0] == (
        "[ERROR]: The requested handler 'nope' was not found in either the main handlers list nor in the "
        "listening handlers list"
    )
    assert "TASK [debug]" not in ran.lines


def test_nobody_by_that_name_as_a_warning(project: Project) -> None:
    project.file("ansible.cfg", "[defaults]\nerror_on_missing_handler = no\n")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo 1
              notify: nope
        """
    )
    assert ran.recap == {"a": "ok=1 changed=1", "b": "ok=1 changed=1"}
    assert ran.problems[0].startswith("[WARNING]: The requested handler 'nope' was not found")


def test_a_handler_further_up_is_not_run_again(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo 1
              notify: h2
          handlers:
            - name: h1
              command: echo h1
              notify: h2
            - name: h2
              command: echo h2
              notify: [h1, h3]
            - name: h3
              debug: msg=h3
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        changed: [a]
        RUNNING HANDLER [h2]
        changed: [a]
        RUNNING HANDLER [h3]
        ok: [a] => {
            "msg": "h3"
        }
        RUNNING HANDLER [h1]
        changed: [a]
        RUNNING HANDLER [h2]
        changed: [a]
        RUNNING HANDLER [h3]
        ok: [a] => {
            "msg": "h3"
        }
        PLAY RECAP
        a : ok=6 changed=4 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_of_two_with_one_name_the_first_in_a_list_counts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo 1
              notify: same
            - command: echo {{ item }}
              loop: [h1, h2]
              notify: "{{ item }}"
          handlers:
            - name: same
              debug: msg=first
            - name: same
              debug: msg=second
            - name: h1
              debug: msg=h1
            - name: h2
              debug: msg=h2
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        changed: [a]
        TASK [command]
        changed: [a] => (item=h1)
        changed: [a] => (item=h2)
        RUNNING HANDLER [same]
        ok: [a] => {
            "msg": "first"
        }
        RUNNING HANDLER [h1]
        ok: [a] => {
            "msg": "h1"
        }
        RUNNING HANDLER [h2]
        ok: [a] => {
            "msg": "h2"
        }
        PLAY RECAP
        a : ok=5 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_of_blocks_with_handlers_of_one_name_the_last_counts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo 1
              notify: [same, own, topic]
          handlers:
            - {name: own, debug: {msg: own}}
            - {name: own, debug: {msg: own again}}
            - {name: heard, listen: topic, debug: {msg: heard}}
            - block:
                - {name: same, debug: {msg: first}}
                - {name: heard, listen: topic, debug: {msg: heard in a block}}
            - {name: same, debug: {msg: between}}
            - block:
                - {name: same, debug: {msg: last}}
                - {name: same, debug: {msg: last again}}
        """
    )
    assert ran.messages() == ["own", "heard in a block", "last"]


def test_a_handler_that_fails_within_a_block(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - block:
                - command: echo 1
                  notify: h1
                - meta: flush_handlers
                - debug: msg=not
              rescue:
                - debug: msg=rescue
              always:
                - debug: msg=always
            - debug: msg=end
          handlers:
            - name: h1
              fail: msg=h1
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        changed: [a]
        TASK [meta]
        RUNNING HANDLER [h1]
        [ERROR]: Task failed: Action failed: h1
        Origin: play.yml:15:7
        13     - debug: msg=end
        14   handlers:
        15     - name: h1
                 ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "h1"}
        TASK [debug]
        ok: [a] => {
            "msg": "rescue"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "always"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "end"
        }
        PLAY RECAP
        a : ok=4 changed=1 unreachable=0 failed=0 skipped=0 rescued=1 ignored=0
    """)


def test_handlers_of_an_included_file(project: Project) -> None:
    project.file(
        "more.yml",
        """
        - name: inner 1
          debug: msg=i1
        - name: inner 2
          debug: msg=i2
        """,
    )
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo 1
              notify: [h1, h2]
          handlers:
            - name: h1
              include_tasks: more.yml
            - name: h2
              debug: msg=h2
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [command]
        changed: [a]
        changed: [b]
        RUNNING HANDLER [h1]
        included: more.yml for a, b
        RUNNING HANDLER [inner 1]
        ok: [a] => {
            "msg": "i1"
        }
        ok: [b] => {
            "msg": "i1"
        }
        RUNNING HANDLER [inner 2]
        ok: [a] => {
            "msg": "i2"
        }
        ok: [b] => {
            "msg": "i2"
        }
        RUNNING HANDLER [h2]
        ok: [a] => {
            "msg": "h2"
        }
        ok: [b] => {
            "msg": "h2"
        }
        PLAY RECAP
        a : ok=5 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=5 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_handlers_of_an_imported_file_have_their_own_names(project: Project) -> None:
    project.file(
        "more.yml",
        """
        - name: inner 1
          debug: msg=i1
        - name: inner 2
          debug: msg=i2
        """,
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo 1
              notify: [inner 2, h2]
          handlers:
            - import_tasks: more.yml
            - name: h2
              debug: msg=h2
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        changed: [a]
        RUNNING HANDLER [inner 2]
        ok: [a] => {
            "msg": "i2"
        }
        RUNNING HANDLER [h2]
        ok: [a] => {
            "msg": "h2"
        }
        PLAY RECAP
        a : ok=3 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_run_once(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo 1
              notify: h1
          handlers:
            - name: h1
              debug: msg=x
              run_once: true
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [command]
        changed: [a]
        changed: [b]
        RUNNING HANDLER [h1]
        ok: [a] => {
            "msg": "x"
        }
        PLAY RECAP
        a : ok=2 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_conditions_and_loops(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: echo 1
              notify: [h1, h2]
              register: r
          handlers:
            - name: h1
              debug: msg="{{ r.stdout }}"
              when: inventory_hostname == 'a'
            - name: h2
              debug: msg="{{ item }}"
              loop: [1, 2]
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [command]
        changed: [a]
        changed: [b]
        RUNNING HANDLER [h1]
        ok: [a] => {
            "msg": "1"
        }
        skipping: [b]
        RUNNING HANDLER [h2]
        ok: [a] => (item=1) => {
            "msg": 1
        }
        ok: [a] => (item=2) => {
            "msg": 2
        }
        ok: [b] => (item=1) => {
            "msg": 1
        }
        ok: [b] => (item=2) => {
            "msg": 2
        }
        PLAY RECAP
        a : ok=3 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=2 changed=1 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
    """)


def test_names_with_variables_of_the_play(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {n: one}
          tasks:
            - command: echo 1
              notify: ["handler one", "{{ 'handler ' ~ inventory_hostname }}"]
          handlers:
            - name: handler {{ n }}
              debug: msg={{ n }}
            - name: handler a
              debug: msg=a
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        changed: [a]
        RUNNING HANDLER [handler one]
        ok: [a] => {
            "msg": "one"
        }
        RUNNING HANDLER [handler a]
        ok: [a] => {
            "msg": "a"
        }
        PLAY RECAP
        a : ok=3 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_tags_don_t_hold_for_handlers(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo 1
              notify: h1
              tags: t
          handlers:
            - name: h1
              debug: msg=h1
              tags: u
        """,
        "--tags t",
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        changed: [a]
        RUNNING HANDLER [h1]
        ok: [a] => {
            "msg": "h1"
        }
        PLAY RECAP
        a : ok=2 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_role_s_handlers(project: Project) -> None:
    project.file("roles/r/tasks/main.yml", "- {command: echo r, notify: restart}")
    project.file(
        "roles/r/handlers/main.yml",
        """
        - name: restart
          debug: msg="of {{ role_name }}"
        - name: reload
          debug: msg="also of {{ role_name }}"
        """,
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          roles: [r]
          tasks:
            - command: echo
              notify: "r : reload"
          handlers:
            - name: reload
              debug: msg="of the play"
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [r : command]
        changed: [a]
        TASK [command]
        changed: [a]
        RUNNING HANDLER [r : restart]
        ok: [a] => {
            "msg": "of r"
        }
        RUNNING HANDLER [r : reload]
        ok: [a] => {
            "msg": "also of r"
        }
        PLAY RECAP
        a : ok=4 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_block_s_notify_is_for_all_its_tasks(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - notify: h1
              block:
                - command: echo
                - debug:
          handlers:
            - name: h1
              debug: msg=h1
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        changed: [a]
        TASK [debug]
        ok: [a] => {
            "msg": "Hello world!"
        }
        RUNNING HANDLER [h1]
        ok: [a] => {
            "msg": "h1"
        }
        PLAY RECAP
        a : ok=3 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_unnotified_at_v_levels_says_who_was_notified(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo
              notify: h1
          handlers:
            - name: h1
              debug: msg=h1
        """,
        "-vv",
    )
    assert "NOTIFIED HANDLER h1 for a" in ran.lines


def test_with_vv_notifications_are_told_before_the_task_s_end(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo
              notify: h1
          handlers:
            - name: h1
              debug: msg=h1
        """,
        "-vv",
    )
    told = ran.lines.index("Notification for handler h1 has been saved.")
    assert ran.lines[told + 1].startswith("changed: [a] => ")


def test_of_listening_handlers_with_the_same_name_those_that_were_loaded_last_count(project: Project) -> None:
    project.files(
        roles__r__handlers__main="""
            - {name: same, listen: topic, debug: {msg: role}}
            - {name: own, listen: topic, debug: {msg: own}}
        """,
        roles__r__tasks__main="[]",
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          roles: [r]
          tasks:
            - command: "true"
              notify: topic
          handlers:
            - {name: same, listen: topic, debug: {msg: play}}
        """
    )
    assert ran.messages() == ["own", "play"]


def test_a_name_that_cannot_be_evaluated_makes_a_handler_unusable(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - {command: "true", notify: good}
          handlers:
            - {name: "bad {{ nowhere }}", debug: {msg: bad}}
            - {name: good, debug: {msg: good}}
        """
    )
    assert ran.messages() == ["good"]
    assert "Handler 'bad {{ nowhere }}' is unusable because it has no listen topics" in ran.err
    assert "'nowhere' is undefined" in ran.err


def test_debugging_shows_the_flushes_that_no_task_asks_for(project: Project) -> None:
    play = """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg=1
              changed_when: yes
              notify: h
          handlers:
            - name: h
              debug: msg=2
    """
    project.file("ansible.cfg", "[defaults]\ndebug = yes\n")
    assert project.play(play).out.count("META: triggered running handlers for a") == 1
    project.file("ansible.cfg", "[defaults]\n")
    assert "META" not in project.play(play, "-vvv").out


def test_the_variables_of_hosts_are_not_for_names_of_handlers(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {of_play: x}
          tasks:
            - {command: "true", notify: ["of x", topic]}
            - {command: "true", notify: "of {{ inventory_hostname }}", ignore_errors: yes}
          handlers:
            - {name: "of {{ of_play }}", debug: {msg: play}}
            - {name: "of {{ inventory_hostname }}", debug: {msg: host}}
            - {name: "for {{ inventory_hostname }}", debug: {msg: topic}, listen: topic}
        """
    )
    assert ran.code == 1
    assert "Handler 'of {{ inventory_hostname }}' is unusable because it has no listen topics and the name could" in (
        ran.err
    )
    assert "(host-specific variables are not supported in handler names)" in ran.err
    assert "The requested handler 'of a' was not found" in ran.err


def test_a_notification_that_can_t_be_evaluated(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: "true"
              notify: "{{ nope }}"
        """
    )
    assert ran.result("command")["msg"] == "Task failed: Error processing keyword 'notify': 'nope' is undefined"
