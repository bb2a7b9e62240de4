"""Async tasks whose action runs on the controller: they have a handle as jobs have, and the play waits for them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.builder import Project, Ran
from tests.support.fake_jobs import Jobs
from weft.events.types import ItemFinished, LockWait, RunFinished, TaskFinished

HEAD = "- hosts: all\n  gather_facts: false\n  tasks:\n"
BEHIND = "async: 99, poll: 0"


@pytest.fixture
def play(project: Project) -> Any:
    """Plays tasks on a host. `raw` is an action of the controller, `command` starts a job."""
    numbers = itertools.count(1)
    for name in ("a", "b", "x"):
        Jobs(project, name, numbers)

    def run(tasks: str, arguments: str = "", hosts: str = "a\n") -> Ran:
        return project.play(HEAD + tasks, arguments, hosts=hosts)

    return run


def raw(name: str, seconds: float, *more: str, code: int = 0) -> str:
    words = ", ".join([f'name: {name}, raw: "sleep {seconds}; exit {code}", register: {name}', *more])
    return f"    - {{{words}}}\n"


def began(ran: Ran, host: str = "a") -> list[float]:
    """When each `raw` was begun."""
    return [call.at for call in ran.hosts.calls if call.op == "raw" and call.host == host]


def named(result: Mapping[str, Any], *names: str) -> list[Any]:
    return [result.get(name) for name in names]


# -- the handle, and asking about it ---------------------------------------------------------------------------------


def test_the_handle_comes_at_once_and_the_play_goes_on(play: Any) -> None:
    ran = play(raw("t1", 7, BEHIND) + raw("t2", 1))
    handle = ran.result("t1")
    assert re.fullmatch(r"j\d+\.\d+", handle["ansible_job_id"])
    assert named(handle, "started", "finished", "failed", "changed") == [True, False, False, True]
    assert handle["results_file"] == ""
    assert began(ran) == [0, 0]
    assert ran.seconds == 7, "the play waits for it"
    assert ran.recap == {"a": "ok=2 changed=2"}
    assert next(event for event in ran.events if isinstance(event, RunFinished)).jobs_left == ()


def test_a_wait_with_retries_ends_with_it(play: Any) -> None:
    ran = play(
        raw("t1", 7, BEHIND)
        + "    - {name: wait, async_status: {jid: '{{ t1.ansible_job_id }}'}, "
        + "register: r, until: r is finished, delay: 60, retries: 2}\n"
        + '    - debug: {msg: "{{ [r.rc, r.started, r.finished, r is finished, r.attempts, r.stdout] }}"}\n'
    )
    assert ran.seconds == 7
    assert ran.messages() == [[0, True, True, True, 2, ""]]


def test_a_list_waits_for_jobs_and_strands_together(play: Any) -> None:
    ran = play(
        raw("t1", 7, BEHIND)
        + f"    - {{shell: 'sleep 5', register: t2, {BEHIND}}}\n"
        + "    - {name: wait, async_status: {jid: '{{ [t1.ansible_job_id, t2.ansible_job_id] }}'}, "
        + "register: r, until: r is finished, delay: 60, retries: 2}\n"
    )
    assert ran.seconds == 7
    assert [row["rc"] for row in ran.result("wait")["results"]] == [0, 0]


def test_a_failure_is_told_once(play: Any) -> None:
    ran = play(
        raw("t1", 1, BEHIND, code=3)
        + "    - pause: {seconds: 2}\n"
        + "    - {name: look, async_status: {jid: '{{ t1.ansible_job_id }}'}, ignore_errors: true}\n"
    )
    assert named(ran.result("look"), "rc", "failed", "finished") == [3, True, True]
    assert ran.recap == {"a": "ok=3 changed=2 ignored=1"}
    assert ran.code == 0


def test_a_strand_that_was_cleaned_up_is_not_found(play: Any) -> None:
    ran = play(
        raw("t1", 1, BEHIND)
        + "    - {name: clean, async_status: {jid: '{{ t1.ansible_job_id }}', mode: cleanup}}\n"
        + "    - {name: look, async_status: {jid: '{{ t1.ansible_job_id }}'}, ignore_errors: true}\n"
    )
    assert ran.result("look")["msg"] == "could not find job"
    assert ran.seconds == 1


def test_it_is_seen_by_tasks_of_its_own_host_alone(play: Any) -> None:
    look = "async_status: {jid: \"{{ hostvars['a'].t1.ansible_job_id }}\"}, ignore_errors: true"
    ran = play(
        raw("t1", 1, BEHIND)
        + "    - pause: {seconds: 2}\n"
        + f"    - {{name: look, {look}}}\n"
        + f"    - {{name: delegated, {look}, delegate_to: x}}\n",
        hosts="a\nb\n",
    )
    assert [ran.result(name, "a").get("rc") for name in ("look", "delegated")] == [0, 0]
    assert [ran.result(name, "b").get("msg") for name in ("look", "delegated")] == ["could not find job"] * 2


def test_the_next_play_can_still_ask(project: Project) -> None:
    ask = "    - {name: look, async_status: {jid: '{{ t1.ansible_job_id }}'}}\n"
    ran = project.play(HEAD + raw("t1", 2, BEHIND) + HEAD + ask, hosts="a\n")
    assert named(ran.result("look"), "finished", "rc") == [True, 0]


# -- await and cancel ------------------------------------------------------------------------------------------------


def test_await_takes_jobs_and_strands_alike(play: Any) -> None:
    start = (
        raw("t1", 5, BEHIND)
        + f"    - {{name: t2, shell: 'sleep 2; exit 0', register: t2, {BEHIND}}}\n"
        + raw("t3", 9, BEHIND)
    )
    every = "[t1, t2, t3]"
    for jobs, more, seconds, names in (
        (f"'{{{{ {every} }}}}'", "", 9, ["t1", "t2", "t3"]),
        ("all", "", 9, ["t1", "t2", "t3"]),
        (f"'{{{{ {every} }}}}'", ", for: any", 2, ["t2"]),
        (f"'{{{{ {every} }}}}'", ", for: 2", 5, ["t1", "t2"]),
    ):
        ran = play(start + f"    - {{name: wait, await: {{jobs: {jobs}{more}}}}}\n" + raw("then", 0))
        rows = ran.result("wait")["results"]
        assert [row["ansible_job_id"] for row in rows] == [ran.result(name)["ansible_job_id"] for name in names]
        assert all(row["finished"] and row["rc"] == 0 for row in rows)
        assert began(ran)[-1] == seconds


def test_await_in_vain(play: Any) -> None:
    ran = play(raw("t1", 50, BEHIND) + "    - {name: wait, await: {jobs: all, timeout: 3}, ignore_errors: true}\n")
    jid = ran.result("t1")["ansible_job_id"]
    assert ran.result("wait")["msg"] == f"1 job still runs after 3 seconds: {jid}"
    assert ran.result("wait")["results"][0]["finished"] is False
    assert ran.seconds == 50


def test_await_tells_of_a_failure_and_of_a_lost_host(play: Any, project: Project) -> None:
    project.hosts.host("x").unreachable()
    ran = play(
        raw("t1", 1, BEHIND, code=2)
        + raw("t2", 1, BEHIND, "delegate_to: x")
        + "    - {name: wait, await: {jobs: all}, ignore_errors: true}\n"
    )
    jids = [ran.result(name)["ansible_job_id"] for name in ("t1", "t2")]
    assert ran.result("wait")["msg"] == f"These jobs failed: {', '.join(jids)}"
    assert [row.get("unreachable") for row in ran.result("wait")["results"]] == [None, True]
    assert ran.recap == {"a": "ok=3 changed=3 ignored=1"}


def test_cancel_ends_what_runs_on_the_host(play: Any) -> None:
    ran = play(
        raw("t1", 50, BEHIND)
        + raw("t2", 1)
        + "    - {name: stop, cancel: {jobs: '{{ t1 }}'}}\n"
        + "    - {name: again, cancel: {jobs: '{{ t1 }}'}}\n"
        + "    - {name: look, async_status: {jid: '{{ t1.ansible_job_id }}'}, ignore_errors: true}\n"
    )
    jid = ran.result("t1")["ansible_job_id"]
    assert ran.result("stop")["cancelled"] == [jid]
    assert ran.result("again")["cancelled"] == []
    assert named(ran.result("look"), "cancelled", "failed", "msg") == [True, True, "The job was cancelled"]
    assert [call.outcome for call in ran.hosts.calls if call.op == "raw"] == ["cancelled", "answered"]
    assert (ran.seconds, ran.code) == (1, 0)


def test_a_strand_that_waits_for_all_does_not_wait_for_itself(play: Any) -> None:
    wait = f"    - {{name: wait, await: {{jobs: all}}, register: wait, {BEHIND}}}\n"
    ran = play(raw("t1", 5, BEHIND) + wait + "    - {name: both, await: {jobs: '{{ wait }}'}}\n")
    assert ran.seconds == 5
    assert len(ran.result("both")["results"][0]["results"]) == 1


# -- poll ------------------------------------------------------------------------------------------------------------


def test_poll_waits_with_a_line_each_time(play: Any) -> None:
    ran = play("    - {name: polled, raw: sleep 5, async: 10, poll: 2}\n    - {debug: , async: 5, poll: 1}\n")
    jid = ran.result("polled")["ansible_job_id"]
    assert ran.lines[1:6] == [
        "TASK [polled]",
        f"ASYNC POLL on a: jid={jid} started=1 finished=0",
        f"ASYNC POLL on a: jid={jid} started=1 finished=0",
        f"ASYNC OK on a: jid={jid}",
        "changed: [a]",
    ]
    assert ran.recap == {"a": "ok=2 changed=1"}
    assert ran.seconds == 5


def test_the_limit_counts_by_the_clock(play: Any) -> None:
    ran = play(
        "    - {name: polled, raw: sleep 50, async: 3, poll: 2, ignore_errors: true}\n"
        + raw("t1", 50, "async: 4, poll: 0")
    )
    assert "ASYNC FAILED on a" in ran.out
    assert named(ran.result("polled"), "timedout", "finished") == [True, True]
    message = "Timeout exceeded: the job was stopped after its limit of {} seconds"
    assert ran.result("polled")["msg"] == message.format(3)
    assert ran.seconds == 7
    assert message.format(4) in ran.out, "told at the end of the play"
    assert [call.outcome for call in ran.hosts.calls if call.op == "raw"] == ["cancelled", "cancelled"]


def test_conditions_and_retries_see_the_result_where_the_task_waits(play: Any, project: Project) -> None:
    answers = [{"rc": code, "stdout_len": 0, "stderr_len": 0} for code in (1, 1, 0)]
    project.hosts.host("a").answers("raw", *answers)
    ran = play(
        "    - {name: again, raw: x, async: 9, poll: 1, register: r, until: r.rc == 0, retries: 5, delay: 2}\n"
        "    - {name: judged, raw: x, async: 9, poll: 1, register: s, changed_when: false, failed_when: s.rc == 0}\n"
    )
    assert named(ran.result("again"), "attempts", "rc", "failed") == [3, 0, False]
    assert named(ran.result("judged"), "changed", "failed_when_result") == [False, True]
    assert ran.recap == {"a": "ok=1 changed=1 failed=1"}


def test_a_failure_that_failed_when_takes_back_leaves_no_error(play: Any) -> None:
    ran = play("    - {name: t, template: {src: none.j2, dest: /x}, async: 9, poll: 1, failed_when: false}\n")
    assert ran.recap == {"a": "ok=1"}
    assert ran.problems == [] and "[ERROR]" not in ran.out


def test_a_host_that_is_lost_is_unreachable(play: Any, project: Project) -> None:
    project.hosts.host("a").unreachable("no route")
    ran = play("    - {name: t, raw: x, async: 9, poll: 1}\n")
    assert ran.recap == {"a": "unreachable=1"}
    assert (ran.code, "no route" in ran.out) == (4, True)


def test_a_host_that_is_lost_in_the_background_is_unreachable_at_the_end(play: Any, project: Project) -> None:
    project.hosts.host("a").unreachable("no route")
    ran = play(f"    - {{name: t, raw: x, {BEHIND}}}\n    - debug:\n")
    assert ran.recap == {"a": "ok=2 changed=1 unreachable=1"}
    assert ran.code == 4


def test_in_check_mode_it_runs_in_the_foreground(play: Any) -> None:
    ran = play(f"    - {{name: fact, set_fact: {{x: 1}}, {BEHIND}}}\n    - debug: {{msg: '{{{{ x }}}}'}}\n", "--check")
    assert ran.messages() == [1]
    assert ran.result("fact")["finished"] is True  # there is a handle for what waits, and nothing to wait for


# -- loops, delegation, no_log ---------------------------------------------------------------------------------------


def test_each_item_has_its_own(play: Any) -> None:
    for control in ("", ", loop_control: {parallel: 2}"):
        ran = play(
            f"    - {{name: loop, raw: 'sleep {{{{ item }}}}', loop: [3, 1, 2], when: item != 1, register: r, {BEHIND}{control}}}\n"
            "    - {name: wait, await: {jobs: '{{ r }}'}}\n"
        )
        assert len({row.get("ansible_job_id") for row in ran.result("loop")["results"]}) == 3
        assert len(ran.result("wait")["results"]) == 2, "the item that was skipped has none"
        assert ran.seconds == 3


def test_a_failed_item_is_named_at_the_end(play: Any) -> None:
    ran = play(f"    - {{name: loop, fail: {{msg: 'no {{{{ item }}}}'}}, loop: [one], {BEHIND}}}\n")
    line = ran.lines[-3]
    assert line.startswith("fatal: [a]: FAILED! => ") and '"item": "one"' in line and '"msg": "no one"' in line
    assert not [event for event in ran.events if isinstance(event, ItemFinished) and event.result.get("failed")]


def test_it_runs_where_and_as_whom_the_task_says(play: Any) -> None:
    ran = play(
        "    - {name: t, raw: env, delegate_to: x, become: true, become_user: bob, environment: {HERE: 1}, "
        f"register: t, {BEHIND}}}\n"
        "    - {name: wait, await: {jobs: '{{ t }}'}}\n"
    )
    (call,) = [call for call in ran.hosts.calls if call.op == "raw"]
    assert (call.host, call.user) == ("x", "bob")
    assert ran.code == 0


def test_what_no_log_hides_is_nowhere(play: Any) -> None:
    secret = f"no_log: true, {BEHIND}"
    ran = play(
        f"    - {{name: told, fail: {{msg: xyzzy}}, register: t1, {secret}}}\n"
        f"    - {{name: lost, fail: {{msg: xyzzy}}, {secret}}}\n"
        "    - {name: look, async_status: {jid: '{{ t1.ansible_job_id }}'}, ignore_errors: true}\n"
        "    - {name: wait, await: {jobs: '{{ t1 }}'}, ignore_errors: true}\n"
        "    - {name: stop, cancel: {jobs: '{{ t1 }}'}, ignore_errors: true}\n"
        "    - {name: list, async_status: {jid: ['{{ t1.ansible_job_id }}']}, ignore_errors: true}\n",
        "-vvvv",
    )
    assert "xyzzy" not in ran.out + ran.err
    assert not [event for event in ran.events if "xyzzy" in repr(event)]
    assert ran.recap == {"a": "ok=6 changed=2 failed=1 ignored=3"}


# -- what it brings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("set_fact: {x: 1}", 1),
        ("include_vars: {file: more.yml}", 2),
        ("add_host: {name: new, x: 3}", 3),
        ("group_by: {key: kind}", 4),
    ],
)
def test_it_counts_once_its_end_is_told(play: Any, project: Project, task: str, expected: int) -> None:
    project.file("more.yml", "x: 2\n")
    project.file("group_vars/kind.yml", "x: 4\n")
    name = "new" if "add_host" in task else "a"
    ask = f"    - debug: {{msg: \"{{{{ (hostvars['{name}'] | default({{}})).x | default('none') }}}}\"}}\n"
    begin = f"    - {{name: t, {task}, register: t, {BEHIND}}}\n"
    pause = "    - pause: {seconds: 1}\n"
    look = "    - {name: look, async_status: {jid: '{{ t.ansible_job_id }}'}}\n"
    for tell in (look, "    - await: {jobs: all}\n"):
        ran = play(begin + pause + ask + tell + ask)
        assert ran.messages() == ["none", expected]
        assert ran.code == 0, ran
    assert "ansible_facts.x" not in ran.out


def test_it_counts_for_the_handlers_at_the_latest(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: false
          tasks:
            - {set_fact: {x: 1}, async: 9, poll: 0, notify: tell}
          post_tasks:
            - {debug: {msg: "{{ x | default('none') }}"}}
            - {set_fact: {y: 2}, async: 9, poll: 0, notify: tell}
          handlers:
            - {name: tell, debug: {msg: "{{ [x | default('none'), y | default('none')] }}"}}
        """,
        hosts="a\n",
    )
    assert ran.messages() == [["none", "none"], "none", [1, 2]]


def test_statistics_are_added_up_once(play: Any) -> None:
    ran = play(
        f"    - {{set_stats: {{data: {{n: 1}}, aggregate: true}}, register: t, {BEHIND}}}\n"
        "    - pause: {seconds: 1}\n"
        "    - async_status: {jid: '{{ t.ansible_job_id }}'}\n"
    )
    assert next(event for event in ran.events if isinstance(event, RunFinished)).custom_stats == {"_run": {"n": 1}}


# -- the end of the play ---------------------------------------------------------------------------------------------


def test_a_failure_that_nobody_was_told_fails_the_host(project: Project) -> None:
    ran = project.play(
        HEAD + raw("lost", 3, BEHIND, code=3) + "    - {debug: {msg: here}}\n" + HEAD + "    - {debug: {msg: next}}\n",
        hosts="a\nb\n",
    )
    ends = [event for event in ran.events if isinstance(event, TaskFinished) and event.result.get("failed")]
    assert [(event.host, event.task.name, event.result["rc"]) for event in ends] == [("a", "lost", 3), ("b", "lost", 3)]
    assert ran.recap == dict.fromkeys("ab", "ok=2 changed=1 failed=1")
    assert ran.code == 2
    assert ran.messages() == ["here"], "its hosts are out of the plays that follow"
    told = [line for line in ran.lines if line.startswith(("TASK", "fatal"))]
    assert told[:3] == ["TASK [lost]", "TASK [debug]", "TASK [lost]"]
    assert told[3].startswith("fatal: [a]: FAILED! => {") and told[4].startswith("fatal: [b]: FAILED! => {")


def test_ignore_errors_holds_for_it(play: Any) -> None:
    ran = play(raw("lost", 3, BEHIND, "ignore_errors: true", code=3))
    assert ran.recap == {"a": "ok=2 changed=2 ignored=1"}
    assert "...ignoring" in ran.out and ran.code == 0


def test_a_host_that_fails_first_keeps_no_other_waiting(play: Any) -> None:
    ran = play(
        raw("t1", 50, BEHIND, "when: inventory_hostname == 'a'")
        + "    - {fail: , when: inventory_hostname == 'a'}\n"
        + raw("t2", 1),
        hosts="a\nb\n",
    )
    assert began(ran, "b") == [0]
    assert ran.seconds == 50, "but its play is not over before"
    assert ran.recap == {"a": "ok=1 changed=1 failed=1", "b": "ok=1 changed=1 skipped=2"}


def test_meta_end_host_does_not_lose_a_failure(play: Any) -> None:
    ran = play(raw("t1", 5, BEHIND, code=1) + "    - meta: end_host\n")
    assert (ran.seconds, ran.code) == (5, 2)
    assert ran.recap == {"a": "ok=1 changed=1 failed=1"}


# -- locks and limits ------------------------------------------------------------------------------------------------


def test_a_lock_is_held_to_its_end(play: Any) -> None:
    lock = "lock: {name: l}"
    ran = play(raw("t1", 5, BEHIND, lock) + raw("t2", 3, BEHIND, lock) + raw("t3", 0) + raw("t4", 1, lock))
    assert began(ran) == [0, 0, 5, 8]
    assert ran.result("t4")["lock"]["waited"] == 8
    assert [event.host for event in ran.events if isinstance(event, LockWait)]
    assert "given back" not in ran.out + ran.err


def test_a_throttle_counts_strands(play: Any) -> None:
    ran = play(raw("t1", 5, BEHIND, "throttle: 1"), hosts="a\nb\n")
    assert began(ran) + began(ran, "b") == [0, 5]


def test_a_strand_takes_no_place_among_the_forks(play: Any) -> None:
    ran = play(raw("t1", 5, BEHIND) + raw("t2", 1), "-f 1")
    assert began(ran) == [0, 0]


def test_a_meta_action_cannot_be_async(play: Any) -> None:
    ran = play("    - meta: noop\n      async: 5\n")
    assert (ran.code, ran.problems[0]) == (4, "[ERROR]: 'async' has no meaning for a meta action.")
    assert "Origin: play.yml:5:7" in ran.problems
