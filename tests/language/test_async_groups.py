"""`async` on blocks, includes and roles: strands that go on beside the rest of the play."""

from __future__ import annotations

import pytest

from tests.support.builder import Project
from weft.events.types import AsyncEnded, AsyncPoll

HOST = "a\n"
HANDLE = {"started", "finished", "failed", "changed", "ansible_job_id", "results_file"}


def test_the_play_goes_on_beside_an_async_block(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: beside
              async: 60
              poll: 0
              register: strand
              block:
                - command: sleep 5
                - set_fact: {made: it}
            - command: sleep 4
            - debug: {msg: "{{ made | default('not yet') }}"}
            - debug: {msg: "{{ strand }}"}
            - await: {jobs: "{{ strand }}"}
              register: ended
            - debug: {msg: "{{ made }} {{ ended.results[0].changed }} {{ ended.results[0].finished }}"}
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.seconds == pytest.approx(5)
    messages = ran.messages()
    assert (messages[0], messages[2]) == ("not yet", "it True True")
    assert set(messages[1]) == HANDLE
    assert (messages[1]["started"], messages[1]["finished"], messages[1]["changed"]) == (True, False, True)


def test_poll_waits_for_it_with_a_line_each_time(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {async: 60, poll: 2, register: whole, block: [{command: sleep 5}]}
            - debug: {msg: "{{ [whole.finished, whole.changed, whole.failed] }}"}
        """,
        hosts=HOST,
    )
    assert ran.seconds == pytest.approx(5)
    assert len([event for event in ran.events if isinstance(event, AsyncPoll)]) == 2
    assert [event.ok for event in ran.events if isinstance(event, AsyncEnded)] == [True]
    assert ran.messages() == [[True, True, False]]


def test_its_limit_ends_it(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: slow
              async: 3
              poll: 1
              block: [{command: sleep 100}, {debug: {msg: wrong}}]
              rescue: [{debug: {msg: wrong too}}]
            - debug: {msg: wrong}
        """,
        hosts=HOST,
    )
    assert ran.code == 2
    assert ran.seconds == pytest.approx(3)
    assert ran.messages() == []
    assert "limit of 3 seconds" in ran.result("slow")["msg"]


def test_what_nobody_awaits_is_joined_before_the_handlers(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - async: 60
              poll: 0
              block: [{command: sleep 5, notify: told}, {set_fact: {made: it}}]
            - command: sleep 1
          handlers:
            - {name: told, debug: {msg: "handled {{ made }}"}}
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.messages() == ["handled it"]
    assert ran.seconds == pytest.approx(5)


def test_a_failure_that_nobody_was_told_is_the_hosts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {async: 60, poll: 0, block: [{name: breaks, command: "{{ 'false' if inventory_hostname == 'a' else 'true' }}"}]}
            - debug: {msg: further}
        - hosts: all
          gather_facts: false
          tasks: [{debug: {msg: second play}}]
        """,
        "-f 5",
        hosts="a\nb\n",
    )
    assert ran.code == 2
    assert ran.messages("a") == ["further"]
    assert ran.messages("b") == ["further", "second play"]
    assert ran.recap["a"] == "ok=2 changed=1 failed=1"


def test_a_failure_that_was_awaited_can_be_rescued(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {async: 60, poll: 0, register: strand, block: [{command: "false"}]}
            - block: [{await: {jobs: "{{ strand }}"}}]
              rescue: [{debug: {msg: rescued}}]
        - hosts: all
          gather_facts: false
          tasks: [{debug: {msg: second play}}]
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.messages() == ["rescued", "second play"]


def test_async_status_asks_about_it_as_about_a_job(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {async: 60, poll: 0, register: strand, block: [{command: sleep 7}]}
            - async_status: {jid: "{{ strand.ansible_job_id }}"}
              register: job
              until: job is finished
              retries: 10
              delay: 5
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.seconds == pytest.approx(7)


def test_cancel_ends_it_and_what_it_runs(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {async: 600, poll: 0, register: strand, block: [{command: sleep 100}, {debug: {msg: wrong}}]}
            - command: sleep 1
            - cancel: {jobs: "{{ strand }}"}
              register: ended
            - debug: {msg: "{{ ended.cancelled == [strand.ansible_job_id] }}"}
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.seconds == pytest.approx(1)
    assert ran.messages() == [True]


def test_includes_and_roles_run_beside_the_rest(project: Project) -> None:
    project.file("more.yml", "- command: sleep 5\n")
    project.file("roles/slow/tasks/main.yml", "- command: sleep 5\n")
    for task in (
        "include_tasks: more.yml",
        "import_tasks: more.yml",
        "include_role: {name: slow}",
        "import_role: {name: slow}",
    ):
        ran = project.play(
            f"""
            - hosts: all
              gather_facts: false
              tasks:
                - {{{task}, async: 60, poll: 0, register: strand}}
                - command: sleep 5
                - await: {{jobs: "{{{{ strand }}}}"}}
            """,
            hosts=HOST,
        )
        assert ran.code == 0, task
        assert ran.seconds == pytest.approx(5), task


def test_each_item_of_an_include_is_a_strand(project: Project) -> None:
    project.file("more.yml", "- command: sleep {{ item }}\n- set_fact: {'slept_{{ item }}': true}\n")
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - include_tasks: more.yml
              loop: [3, 1, 2]
              when: item != 1
              async: 60
              poll: 0
              register: strands
            - debug: {msg: "{{ strands.results | map(attribute='item') | list }}"}
            - await: {jobs: "{{ strands }}"}
            - debug: {msg: "{{ [slept_3, slept_2, slept_1 | default('skipped')] }}"}
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.seconds == pytest.approx(3)
    assert ran.messages() == [[3, 2], [True, True, "skipped"]]


def test_hosts_of_an_async_block_stay_in_step(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - async: 60
              poll: 0
              block:
                - {name: one, command: "sleep {{ 1 if inventory_hostname == 'a' else 3 }}"}
                - {name: two, command: sleep 1}
            - command: sleep 10
        """,
        "-f 5",
        hosts="a\nb\n",
    )
    assert ran.tasks[-6:-2] == ["a: one (changed)", "b: one (changed)", "a: two (changed)", "b: two (changed)"]


def test_in_check_mode_it_runs_in_the_foreground(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {async: 60, poll: 0, block: [{debug: {msg: first}}]}
            - debug: {msg: second}
        """,
        "--check",
        hosts=HOST,
    )
    assert ran.messages() == ["first", "second"]


def test_a_skipped_block_leaves_no_strand(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {async: 60, poll: 0, when: false, block: [{command: sleep 5}]}
        """,
        hosts=HOST,
    )
    assert ran.recap == {"a": "skipped=1"}


def test_it_goes_on_when_its_host_fails_or_ends(project: Project) -> None:
    for leaving in ('command: "false"', "meta: end_host", "meta: end_play"):
        ran = project.play(
            f"""
            - hosts: all
              gather_facts: false
              tasks:
                - {{async: 60, poll: 0, block: [{{command: sleep 5}}, {{debug: {{msg: done}}}}]}}
                - {leaving}
            """,
            hosts=HOST,
        )
        assert ran.messages() == ["done"], leaving
        assert ran.seconds == pytest.approx(5), leaving


def test_parallel_and_locked_blocks_can_be_async(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - async: 60
              poll: 0
              register: strand
              lock: {name: x}
              parallel: true
              block: [{command: sleep 3}, {command: sleep 4}]
            - command: sleep 1
            - await: {jobs: "{{ strand }}"}
        """,
        "-f 5",
        hosts="a\nb\n",
    )
    assert ran.code == 0
    assert ran.seconds == pytest.approx(8)


def test_a_meta_action_inside_is_refused_with_its_place(project: Project) -> None:
    project.file("more.yml", "- meta: end_play\n")
    project.file("roles/leave/tasks/main.yml", "- meta: end_play\n")
    for task in (
        "block: [{meta: end_play}]",
        "block: [{parallel: true, block: [{meta: flush_handlers}]}]",
        "import_tasks: more.yml",
        "include_tasks: more.yml",
        "import_role: {name: leave}",
        "include_role: {name: leave}",
    ):
        ran = project.play(
            f"- hosts: all\n  gather_facts: false\n  tasks:\n    - {task}\n      async: 10\n      poll: 0\n", hosts=HOST
        )
        assert ran.code != 0, task
        assert "' can't stand inside a parallel block or something async" in ran.err, task
        assert "Origin: " in ran.err, task
    ran = project.play(
        "- hosts: all\n  gather_facts: false\n  roles: [{role: leave, vars: {weft_async: 10, weft_poll: 0}}]\n",
        hosts=HOST,
    )
    assert ran.code != 0
    assert "can't stand inside" in ran.out + ran.err


def test_the_view_says_once_what_was_included_and_what_was_imported(project: Project) -> None:
    project.file("more.yml", "- command: echo\n")
    project.file("roles/slow/tasks/main.yml", "- {name: works, command: echo}\n")
    project.file("deep.yml", "- include_role: {name: slow}\n")
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {include_tasks: deep.yml, async: 60, poll: 0}
            - await: {jobs: all}
            - {import_role: {name: slow}, async: 60, poll: 0}
            - await: {jobs: all}
            - {import_tasks: more.yml, async: 60, poll: 2}
        """,
        hosts=HOST,
    )
    assert ran.code == 0
    assert [line for line in ran.lines if not line.startswith(("ASYNC", "a "))] == [
        "PLAY [all]",
        "TASK [include_tasks]",
        "included: deep.yml for a",
        "TASK [await]",
        "TASK [include_role : slow] (include_tasks)",
        "included: slow for a",
        "TASK [slow : works] (include_tasks)",
        "changed: [a]",
        "TASK [await]",
        "changed: [a]",
        "TASK [import_role : slow]",
        "changed: [a]",
        "TASK [await]",
        "TASK [slow : works] (import_role : slow)",
        "changed: [a]",
        "TASK [await]",
        "changed: [a]",
        "TASK [command] (import_tasks : more.yml)",
        "changed: [a]",
        "PLAY RECAP",
    ]


def test_what_is_async_flushes_its_own_handlers(project: Project) -> None:
    """What it has notified and not flushed is the host's when it is joined."""
    project.file(
        "roles/dns/tasks/main.yml", "- {command: dns, notify: restart}\n- meta: flush_handlers\n- command: up\n"
    )
    project.file("roles/dns/handlers/main.yml", "- {name: restart, command: restart}\n- {name: late, command: late}\n")
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          handlers: [{name: mine, command: mine}]
          tasks:
            - {command: first, notify: mine}
            - import_role: {name: dns}
              async: 60
              poll: 0
              register: strand
            - command: sleep 2
            - await: {jobs: "{{ strand }}"}
            - block: [{command: again, notify: late}]
              async: 60
              poll: 0
            - command: sleep 1
        """,
        hosts=HOST,
    )
    assert ran.code == 0, ran
    commands = [command.split()[-1] if "sleep" not in command else "sleep" for command in ran.hosts.commands()]
    assert [name for name in commands if name != "sleep"] == ["first", "dns", "restart", "up", "again", "mine", "late"]
