"""`meta` actions, each."""

from __future__ import annotations

import pytest

from tests.support.builder import Project


def test_they_show_only_their_banner(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - meta: noop
            - meta: clear_facts
            - meta: refresh_inventory
            - meta: reset_connection
            - meta: clear_host_errors
            - name: named
              meta: noop
            - meta: end_play
              when: false
            - meta: end_batch
              when: false
            - debug: msg=1
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [meta]
        TASK [meta]
        TASK [meta]
        TASK [meta]
        TASK [meta]
        TASK [meta]
        TASK [meta]
        TASK [named]
        TASK [named]
        TASK [meta]
        skipping: [a]
        TASK [meta]
        skipping: [a]
        TASK [debug]
        ok: [a] => {
            "msg": "1"
        }
        ok: [b] => {
            "msg": "1"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_end_host(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - meta: end_host
              when: inventory_hostname == 'a'
            - debug: msg=1
              changed_when: true
              notify: h
          handlers: [{name: h, debug: }]
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=2
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [meta]
        TASK [meta]
        skipping: [b]
        TASK [debug]
        changed: [b] => {
            "msg": "1"
        }
        RUNNING HANDLER [h]
        ok: [b] => {
            "msg": "Hello world!"
        }
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "2"
        }
        ok: [b] => {
            "msg": "2"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=3 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


@pytest.mark.parametrize("action", ["end_play", "end_batch"])
def test_end_play_and_end_batch_end_it_for_all(project: Project, action: str) -> None:
    ran = project.play(
        f"""
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=1
            - meta: {action}
            - debug: msg=2
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=3
        """
    )
    assert ran.messages() == ["1", "3"]
    assert ran.code == 0


def test_end_batch_goes_on_with_the_next(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          serial: 1
          tasks:
            - debug: msg=1
            - meta: end_batch
              when: inventory_hostname == 'a'
            - debug: msg=2
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "1"
        }
        TASK [meta]
        PLAY [all]
        TASK [debug]
        ok: [b] => {
            "msg": "1"
        }
        TASK [meta]
        skipping: [b]
        TASK [debug]
        ok: [b] => {
            "msg": "2"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_end_play_does_not(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          serial: 1
          tasks:
            - debug: msg=1
            - meta: end_play
              when: inventory_hostname == 'a'
            - debug: msg=2
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=3
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "1"
        }
        TASK [meta]
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "3"
        }
        ok: [b] => {
            "msg": "3"
        }
        PLAY RECAP
        a : ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_the_condition_of_the_first_host_counts_for_end_play(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - meta: end_play
              when: inventory_hostname == 'b'
            - debug: msg=2
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [meta]
        skipping: [a]
        TASK [debug]
        ok: [a] => {
            "msg": "2"
        }
        ok: [b] => {
            "msg": "2"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_no_handlers_after_end_play(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo
              notify: h
            - meta: end_play
          handlers: [{name: h, debug: }]
        """
    )
    assert ran.tasks == ["a: command (changed)"]


def test_end_role(project: Project) -> None:
    project.files(
        roles__r__tasks__main="""
            - debug: msg=1
            - meta: end_role
              when: inventory_hostname == 'a'
            - debug: msg=2
              notify: h
              changed_when: true
        """,
        roles__r__handlers__main="- {name: h, debug: {msg: h}}",
    )
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          roles: [r]
          tasks:
            - debug: msg=after
            - include_role: {name: r}
            - debug: msg=end
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [r : debug]
        ok: [a] => {
            "msg": "1"
        }
        ok: [b] => {
            "msg": "1"
        }
        TASK [r : meta]
        TASK [r : meta]
        skipping: [b]
        TASK [r : debug]
        changed: [b] => {
            "msg": "2"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "after"
        }
        ok: [b] => {
            "msg": "after"
        }
        TASK [include_role : r]
        included: r for a, b
        TASK [r : debug]
        ok: [a] => {
            "msg": "1"
        }
        ok: [b] => {
            "msg": "1"
        }
        TASK [r : meta]
        TASK [r : meta]
        skipping: [b]
        TASK [r : debug]
        changed: [b] => {
            "msg": "2"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "end"
        }
        ok: [b] => {
            "msg": "end"
        }
        RUNNING HANDLER [r : h]
        ok: [b] => {
            "msg": "h"
        }
        PLAY RECAP
        a : ok=5 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=8 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_end_role_outside_of_a_role(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [meta: end_role]}")
    assert ran.code != 0
    assert "end_role" in ran.err


def test_clear_host_errors_brings_failed_hosts_back(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - fail:
              when: inventory_hostname == 'a'
            - meta: clear_host_errors
            - debug: msg=1
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=2
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [fail]
        [ERROR]: Task failed: Action failed: Failed as requested from task
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - fail:
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "Failed as requested from task"}
        skipping: [b]
        TASK [meta]
        TASK [debug]
        ok: [b] => {
            "msg": "1"
        }
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "2"
        }
        ok: [b] => {
            "msg": "2"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=2 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
    """)


def test_clear_facts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          tasks:
            - set_fact: {kept: 1}
            - meta: clear_facts
            - debug: msg="{{ ansible_facts }} {{ kept | default('gone') }}"
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [Gathering Facts]
        ok: [a]
        TASK [set_fact]
        ok: [a]
        TASK [meta]
        TASK [debug]
        ok: [a] => {
            "msg": "{} 1"
        }
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_refresh_inventory_reads_the_sources_again(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - add_host: {name: added}
            - copy: {dest: "{{ playbook_dir }}/inventory", content: "a\\nb\\nnew fresh=1\\n"}
            - meta: refresh_inventory
            - debug: msg="{{ groups.all | sort }} {{ hostvars.new.fresh }}"
        """,
        really=True,
    )
    assert ran.messages() == ["['a', 'added', 'b', 'new'] 1"]


def test_reset_connection(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - ping:
            - meta: reset_connection
            - ping:
        """
    )
    assert ran.hosts.host("a").opened == 2


def test_at_v_they_say_what_they_did(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - meta: noop
            - meta: end_host
              when: inventory_hostname == 'a'
            - meta: clear_facts
            - meta: end_batch
              when: false
            - meta: end_play
        """,
        "-vv",
    )
    assert [line for line in ran.lines if "META" in line or "skipping" in line] == [
        "META: noop",
        "META: noop",
        "META: ending play for a",
        "META: end_host conditional evaluated to False, continuing execution for b",
        'skipping: [b] => {"msg": "end_host conditional evaluated to false, continuing execution for b", '
        '"skip_reason": "end_host conditional evaluated to False, continuing execution for b"}',
        "META: facts cleared",
        "META: end_batch conditional evaluated to False, continuing current batch",
        'skipping: [b] => {"msg": "end_batch", "skip_reason": "end_batch conditional evaluated to False, '
        'continuing current batch"}',
        "META: ending play",
    ]


def test_an_unknown_one(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [meta: nope]}")
    assert ran.code != 0
    assert ran.problems[0] == "[ERROR]: invalid meta action requested: nope"


def test_conditions_that_don_t_count_are_warned_of(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [{meta: noop, when: false}]}")
    assert ran.problems[0] == "[WARNING]: noop task does not support when conditional"


END = """
        - hosts: all
          gather_facts: no
          tasks:
            - block: [{fail: , when: inventory_hostname == 'a'}]
              SECTION:
                - NODE
            - debug: msg=after
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=second
"""


@pytest.mark.parametrize(
    ("section", "node", "failed"),
    [
        ("always", "meta: end_host", True),
        ("always", "meta: end_batch", True),
        ("rescue", "meta: end_host", False),
        ("rescue", "block: [{meta: end_host}]", True),
    ],
)
def test_a_host_that_ends_before_its_failure_is_rescued_stays_failed(
    project: Project, section: str, node: str, failed: bool
) -> None:
    ran = project.play(END.replace("SECTION", section).replace("NODE", node))
    assert ran.messages("a") == ([] if failed else ["second"])
    assert ran.code == (2 if failed else 0)


def test_a_host_that_ends_in_a_block_within_another_is_not_failed(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - block: [{fail: , when: inventory_hostname == 'a'}]
                  always: [{meta: end_host}]
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=second
        """
    )
    assert (ran.messages("a"), ran.code) == (["second"], 0)


def test_hosts_that_have_ended_are_no_longer_among_the_play_s(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - meta: end_host
              when: inventory_hostname == 'b'
            - debug: {msg: "{{ [ansible_play_hosts, ansible_play_batch, ansible_play_hosts_all] }}"}
        """,
        hosts="a\nb\nc\n",
    )
    assert ran.messages() == [[["a", "c"], ["a", "c"], ["a", "b", "c"]]]
