"""The lines of the classic view, as ansible-playbook writes them."""

from __future__ import annotations

import pytest
from sink_events import after_banner, banner, ended, item, play, show, started, task

from weft.events import types as ev
from weft.model.outcome import Status

PING = {"changed": False, "ping": "pong"}


def lines_of(event, **settings):
    return after_banner(show(started(event.task), event, **settings), event.task.name)


def test_an_ok_task_shows_its_host_only():
    assert lines_of(ended(task(action="ping"), Status.OK, PING)) == "ok: [h1]\n"


def test_with_v_the_result_follows_on_the_same_line():
    shown = lines_of(ended(task(action="ping"), Status.OK, {**PING, "invocation": {"module_args": {}}}), verbosity=1)
    assert shown == 'ok: [h1] => {"changed": false, "ping": "pong"}\n'


def test_with_vvv_the_result_has_lines_of_its_own_and_the_invocation():
    event = ended(task(action="ping"), Status.OK, {**PING, "invocation": {"module_args": {"data": "pong"}}})
    shown = show(started(event.task), event, verbosity=3).stdout
    assert shown == banner("TASK [t]") + (
        "task path: /site/play.yml:4\n"
        "ok: [h1] => {\n"
        '    "changed": false,\n'
        '    "invocation": {\n'
        '        "module_args": {\n'
        '            "data": "pong"\n'
        "        }\n"
        "    },\n"
        '    "ping": "pong"\n'
        "}\n"
    )


def test_a_changed_task():
    assert lines_of(ended(task(), Status.CHANGED, {"changed": True, "rc": 0})) == "changed: [h1]\n"


def test_keys_are_sorted_letters_stay_readable_and_internal_keys_are_dropped():
    event = ended(task(), Status.CHANGED, {"b": "ä", "a": 1, "_ansible_x": 1, "warnings": ["w"], "failed": False})
    assert lines_of(event, verbosity=1) == 'changed: [h1] => {"a": 1, "b": "ä"}\n'


def test_debug_shows_its_message_without_v():
    event = ended(task(action="debug"), Status.OK, {"msg": "hi", "changed": False}, verbose_always=True)
    assert lines_of(event) == 'ok: [h1] => {\n    "msg": "hi"\n}\n'


def test_debug_var_shows_the_variable_alone():
    result = {"answer": 42, "changed": False, "failed": False, "ansible_loop_var": "item"}
    event = ended(task(action="ansible.builtin.debug"), Status.OK, result, verbose_always=True)
    assert lines_of(event) == 'ok: [h1] => {\n    "answer": 42\n}\n'


def test_setup_shows_no_facts_with_v():
    event = ended(task(action="setup"), Status.OK, {"ansible_facts": {"a": 1}}, verbose_override=True)
    assert lines_of(event, verbosity=1) == "ok: [h1]\n"


def test_an_assert_that_fails_shows_its_result_in_lines():
    result = {"assertion": False, "changed": False, "evaluated_to": False, "msg": "Assertion failed", "failed": True}
    assert lines_of(ended(task(action="assert"), Status.FAILED, result, verbose_always=True)) == (
        "fatal: [h1]: FAILED! => {\n"
        '    "assertion": false,\n'
        '    "changed": false,\n'
        '    "evaluated_to": false,\n'
        '    "msg": "Assertion failed"\n'
        "}\n"
    )


def test_a_failed_task_that_is_ignored():
    event = ended(task(), Status.FAILED, {"changed": False, "msg": "no", "failed": True}, ignored=True)
    assert lines_of(event) == 'fatal: [h1]: FAILED! => {"changed": false, "msg": "no"}\n...ignoring\n'


def test_an_unreachable_host():
    result = {"changed": False, "msg": "Failed to connect", "unreachable": True}
    assert lines_of(ended(task(), Status.UNREACHABLE, result)) == (
        'fatal: [h1]: UNREACHABLE! => {"changed": false, "msg": "Failed to connect", "unreachable": true}\n'
    )


def test_a_skipped_task_says_why_with_v():
    result = {"changed": False, "false_condition": "x", "skip_reason": "Conditional result was False", "skipped": True}
    event = ended(task(), Status.SKIPPED, result)
    assert lines_of(event) == "skipping: [h1]\n"
    assert lines_of(event, verbosity=1) == (
        'skipping: [h1] => {"changed": false, "false_condition": "x", "skip_reason": "Conditional result was False"}\n'
    )


def test_the_items_of_a_loop():
    info = task(loop=True)
    events = (
        started(info),
        item(info, "foo-1", Status.CHANGED, {"changed": True}),
        item(info, {"a": "b"}, Status.OK),
        item(info, 3, Status.SKIPPED, {"skipped": True}),
        ended(info, Status.CHANGED, {"results": [], "changed": True}),
    )
    assert after_banner(show(*events), "t") == (
        "changed: [h1] => (item=foo-1)\nok: [h1] => (item={'a': 'b'})\nskipping: [h1] => (item=3) \n"
    )


def test_a_failed_item_shows_its_result_and_the_loop_says_no_more():
    info = task(loop=True)
    events = (
        started(info),
        item(info, 1, Status.FAILED, {"item": 1, "rc": 1, "failed": True}),
        ended(info, Status.FAILED, {"results": [{}], "msg": "One or more items failed"}, ignored=True),
    )
    assert after_banner(show(*events), "t") == 'failed: [h1] (item=1) => {"item": 1, "rc": 1}\n...ignoring\n'


def test_a_debug_loop_that_fails_says_so_once_more():
    info = task(action="debug", loop=True)
    events = (
        started(info),
        item(info, "x", Status.FAILED, {"msg": "x", "item": 1}, verbose_always=True),
        ended(info, Status.FAILED, {"results": [{}], "msg": "One or more items failed", "changed": False}),
    )
    assert after_banner(show(*events), "t") == (
        'failed: [h1] (item=x) => {\n    "msg": "x"\n}\nfatal: [h1]: FAILED! => {"msg": "One or more items failed"}\n'
    )


def test_a_loop_of_which_every_item_was_skipped_ends_with_the_host():
    info = task(loop=True)
    events = (
        started(info),
        item(info, 1, Status.SKIPPED, {"false_condition": False, "item": 1, "skipped": True}),
        ended(info, Status.SKIPPED, {"results": [{}], "skipped": True, "msg": "All items skipped"}),
    )
    assert after_banner(show(*events, verbosity=1), "t") == (
        'skipping: [h1] => (item=1)  => {"false_condition": false, "item": 1}\n'
        'skipping: [h1] => {"msg": "All items skipped"}\n'
    )


def test_labels_are_hidden_with_the_rest_under_no_log():
    info = task(loop=True, no_log=True)
    shown = show(started(info), item(info, "secret", Status.CHANGED, {"censored": "..."}))
    assert after_banner(shown, "t") == "changed: [h1] => (item=(censored due to no_log))\n"


@pytest.mark.parametrize(
    ("delegate", "address", "label"),
    [
        ("h1", None, "h1"),
        ("other", None, "h1 -> other"),
        ("other", "other", "h1 -> other"),
        ("other", "10.0.0.9", "h1 -> other(10.0.0.9)"),
    ],
)
def test_a_delegated_task_names_the_delegate(delegate, address, label):
    event = ended(task(), Status.OK, delegated_to=delegate, delegate_address=address)
    assert lines_of(event) == f"ok: [{label}]\n"


def test_a_retry_counts_down_and_leaves_the_role_out():
    info = task(name="db : wait", role="db")
    event = ev.Retrying(task=info, host="h1", left=3, result={"rc": 1, "attempts": 1, "retries": 4, "failed": True})
    assert after_banner(show(started(info), event), "db : wait") == (
        "FAILED - RETRYING: [h1]: wait (3 retries left).\n"
    )
    assert show(event, verbosity=3).stdout.startswith(
        'FAILED - RETRYING: [h1]: wait (3 retries left).Result was: {\n    "attempts": 1,\n    "rc": 1,'
    )


def test_a_retry_of_debug_shows_the_result_without_v():
    event = ev.Retrying(task=task("task 2", "debug"), host="h1", left=5, result={"attempts": 1, "msg": "m"})
    assert show(event).stdout == (
        'FAILED - RETRYING: [h1]: task 2 (5 retries left).Result was: {\n    "attempts": 1,\n    "msg": "m"\n}\n'
    )


def test_a_retry_of_a_task_without_a_name_keeps_the_role():
    event = ev.Retrying(task=task("db : command", role="db"), host="h1", left=1, result={})
    assert show(event).stdout == "FAILED - RETRYING: [h1]: db : command (1 retries left).\n"


def test_async_lines():
    events = (
        ev.AsyncPoll(host="h1", jid="j1.2", started=1, finished=0),
        ev.AsyncEnded(host="h1", jid="j1.2", ok=True),
        ev.AsyncEnded(host="h1", jid="j1.3", ok=False),
    )
    assert show(*events).stdout == (
        "ASYNC POLL on h1: jid=j1.2 started=1 finished=0\nASYNC OK on h1: jid=j1.2\nASYNC FAILED on h1: jid=j1.3\n"
    )


def test_includes():
    events = (
        ev.Included(path="/site/a.yml", hosts=("h1", "h2")),
        ev.Included(path="/site/a.yml", hosts=("h1",), label=1),
        ended(task("inc", "include_tasks"), Status.OK),
    )
    assert show(*events[:2]).stdout == "included: /site/a.yml for h1, h2\nincluded: /site/a.yml for h1 => (item=1)\n"
    assert after_banner(show(started(task("inc", "include_tasks")), events[2]), "inc") == ""


def test_no_hosts_matched():
    info = play("nobody")
    expected = banner("PLAY [nobody]") + "skipping: no hosts matched\n"
    assert show(ev.NoHostsMatched(play=info)).stdout == expected
    assert show(ev.PlayStarted(play=info), ev.NoHostsMatched(play=info)).stdout == expected


def test_no_more_hosts_left():
    assert show(ev.NoHostsLeft(play="play-1")).stdout == banner("NO MORE HOSTS LEFT")


def test_ok_and_skipped_hosts_can_be_hidden_with_their_banners():
    info, other = task("a"), task("b")
    events = (started(info), ended(info, Status.OK), started(other), ended(other, Status.SKIPPED))
    assert show(*events, display_ok_hosts=False, display_skipped_hosts=False).stdout == ""
    assert show(*events, display_ok_hosts=False).stdout == banner("TASK [b]") + "skipping: [h1]\n"
    assert show(*events, display_skipped_hosts=False).stdout == banner("TASK [a]") + "ok: [h1]\n"


def test_hidden_ok_hosts_still_show_what_changed():
    info = task("h", handler=True)
    shown = show(started(info), ended(info, Status.CHANGED), display_ok_hosts=False)
    assert shown.stdout == banner("RUNNING HANDLER [h]") + "changed: [h1]\n"


def test_failures_can_go_to_stderr():
    info = task()
    shown = show(started(info), ended(info, Status.FAILED, {"msg": "no"}), display_failed_stderr=True)
    assert shown.stdout == banner("TASK [t]")
    assert shown.stderr == 'fatal: [h1]: FAILED! => {"msg": "no"}\n'


def test_the_task_path_on_failure():
    info = task()
    shown = show(started(info), ended(info, Status.FAILED, {"msg": "no"}), show_task_path_on_failure=True)
    assert after_banner(shown, "t") == 'task path: /site/play.yml:4\nfatal: [h1]: FAILED! => {"msg": "no"}\n'


def test_per_host_starts():
    info = task()
    assert show(ev.HostStarted(task=info, host="h1")).stdout == ""
    assert show(ev.HostStarted(task=info, host="h1"), show_per_host_start=True).stdout == " [started TASK: t on h1]\n"


def test_waits_for_locks_are_named():
    info = task()
    wait = ev.LockWait(host="h1", task=info, lock="/etc/ansible-lock", holder="h2", waited=1.0)
    shown = after_banner(show(started(info), wait), "t")
    assert shown == "WAITING: [h1]: lock /etc/ansible-lock, held by h2\n"


def test_messages_by_verbosity():
    events = (ev.Message(text="a"), ev.Message(text="b", verbosity=2, host="h1"), ev.Message(text="c", stderr=True))
    assert show(*events).stdout == "a\n"
    assert show(*events).stderr == "c\n"
    assert show(*events, verbosity=2).stdout == "a\n<h1> b\n"


def test_text_that_can_not_be_shown_is_warned_of_once():
    events = [ended(task(action="command"), Status.OK, {"stdout": text}) for text in ("ö", "\udce8", "\udce8\udce9")]
    said = '[WARNING]: Non UTF-8 encoded data replaced with "?" while displaying text to stdout/stderr.\n'
    assert show(*events, verbosity=1).stderr == said
    assert show(*events).stderr == ""
