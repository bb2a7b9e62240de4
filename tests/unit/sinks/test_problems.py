"""Errors, warnings and deprecations, with their place in the source."""

from __future__ import annotations

import pytest
from sink_events import banner, ended, item, show, started, task

from weft.events import types as ev
from weft.model.outcome import Status
from weft.model.values import Origin

PLAYBOOK = """\
- hosts: localhost
  tasks:
    - name: bad var

      debug:
        msg: "{{ foo.bar }}"
"""


@pytest.fixture
def playbook(tmp_path):
    path = tmp_path / "play.yml"
    path.write_text(PLAYBOOK)
    return str(path)


def test_a_failed_task_shows_why_and_where_above_the_fatal_line(playbook):
    error = ev.ErrorInfo(message="Task failed: Module failed: non-zero return code", origin=Origin(playbook, 3, 7))
    info = task()
    shown = show(started(info), ended(info, Status.FAILED, {"rc": 1}, error=error))
    assert shown.stderr == ""
    assert shown.stdout == banner("TASK [t]") + (
        "[ERROR]: Task failed: Module failed: non-zero return code\n"
        f"Origin: {playbook}:3:7\n"
        "\n"
        "1 - hosts: localhost\n"
        "2   tasks:\n"
        "3     - name: bad var\n"
        "        ^ column 7\n"
        "\n"
        'fatal: [h1]: FAILED! => {"rc": 1}\n'
    )


def test_causes_with_a_place_of_their_own_follow(playbook):
    error = ev.ErrorInfo(
        message="Task failed: Finalization failed: Error while resolving value for 'msg': 'foo' is undefined",
        chain=(
            ev.Cause(message="Task failed.", origin=Origin(playbook, 3, 7)),
            ev.Cause(message="Finalization failed.", origin=Origin(playbook, 5, 7)),
            ev.Cause(message="Error while resolving value for 'msg'", origin=Origin(playbook, 6, 14)),
            ev.Cause(message="'foo' is undefined"),
        ),
    )
    shown = show(ev.Failed(error=error))
    assert shown.stdout == ""
    assert shown.stderr == (
        "[ERROR]: Task failed: Finalization failed: Error while resolving value for 'msg': 'foo' is undefined\n"
        "\n"
        "Task failed.\n"
        f"Origin: {playbook}:3:7\n"
        "\n"
        "1 - hosts: localhost\n"
        "2   tasks:\n"
        "3     - name: bad var\n"
        "        ^ column 7\n"
        "\n"
        "<<< caused by >>>\n"
        "\n"
        "Finalization failed.\n"
        f"Origin: {playbook}:5:7\n"
        "\n"
        "3     - name: bad var\n"
        "4\n"
        "5       debug:\n"
        "        ^ column 7\n"
        "\n"
        "<<< caused by >>>\n"
        "\n"
        "Error while resolving value for 'msg': 'foo' is undefined\n"
        f"Origin: {playbook}:6:14\n"
        "\n"
        "4\n"
        "5       debug:\n"
        '6         msg: "{{ foo.bar }}"\n'
        "               ^ column 14\n"
        "\n"
    )


def test_a_message_that_ends_with_its_cause_is_not_said_twice():
    error = ev.ErrorInfo(message="", chain=(ev.Cause(message="A failed: no"), ev.Cause(message="no")))
    assert show(ev.Failed(error=error)).stderr == "[ERROR]: A failed: no\n"


def test_help_stands_on_the_line_without_a_place_and_below_with_one(playbook):
    assert show(ev.Failed(error=ev.ErrorInfo(message="Bad.", help="Do this."))).stderr == "[ERROR]: Bad. Do this.\n"
    error = ev.ErrorInfo(message="Bad.", help="Do this.", origin=Origin(playbook, 1, 3))
    assert show(ev.Failed(error=error)).stderr == (
        f"[ERROR]: Bad.\nOrigin: {playbook}:1:3\n\n1 - hosts: localhost\n    ^ column 3\n\nDo this.\n\n"
    )


def test_the_same_error_is_said_once():
    info = task(loop=True)
    error = ev.ErrorInfo(message="Task failed: no")
    shown = show(
        started(info),
        item(info, 1, Status.FAILED, {"msg": "no"}, error=error),
        item(info, 2, Status.FAILED, {"msg": "no"}, error=error),
    )
    assert shown.stdout.count("[ERROR]") == 1


def test_tracebacks_show_only_where_they_are_asked_for():
    error = ev.ErrorInfo(message="Bad.", traceback="Traceback (most recent call last):\n  ...\n")
    assert "Traceback" not in show(ev.Failed(error=error)).stderr
    shown = show(ev.Failed(error=error), display_traceback=("error",))
    assert shown.stderr == "[ERROR]: Bad.\n\nTraceback (most recent call last):\n  ...\n\n"


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (Origin("<CLI option '-e'>", 1, 1), "Origin: <CLI option '-e'>:1:1\n\n"),
        (Origin("/nowhere/x.yml", 2, 1), "Origin: /nowhere/x.yml:2:1\n\n(source not shown: FileNotFoundError)\n\n"),
        (Origin("/nowhere/x.yml"), "Origin: /nowhere/x.yml\n\n"),
    ],
)
def test_places_without_a_source(origin, said):
    assert show(ev.Warned(message="Hm.", origin=origin)).stderr == f"[WARNING]: Hm.\n{said}"


def test_encrypted_and_short_files_are_not_quoted(tmp_path):
    secret = tmp_path / "secret.yml"
    secret.write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    assert "(source not shown: content encrypted)" in _warning(Origin(str(secret), 2, 1))
    short = tmp_path / "short.yml"
    short.write_text("a: 1\n")
    assert "(source not shown: file truncated)" in _warning(Origin(str(short), 9, 1))


def test_long_lines_are_cut_and_far_columns_marked_from_the_left(tmp_path):
    path = tmp_path / "long.yml"
    path.write_text("x" * 300 + "\n" + "y" * 117 + "\n")
    cut = _warning(Origin(str(path), 1, 100))
    assert f"1 {'x' * 115}...\n" in cut
    assert cut.rstrip().endswith("^ column 100")
    assert "column" not in _warning(Origin(str(path), 1, 200)).split("xxx")[-1]
    path.write_text("y" * 117 + "\n")
    assert _warning(Origin(str(path), 1, 117)).rstrip("\n").endswith(f"\n  {' ' * 105}column 117 ^")


def test_without_a_column_the_whole_line_is_marked(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("key: value\n")
    assert _warning(Origin(str(path), 1)).endswith("1 key: value\n  ^^^^^^^^^^\n\n")


def _warning(origin: Origin) -> str:
    return show(ev.Warned(message="Hm.", origin=origin)).stderr


def test_warnings_go_to_stderr_once():
    shown = show(ev.Warned(message="Mind the gap."), ev.Warned(message="Mind the gap."))
    assert shown.stdout == ""
    assert shown.stderr == "[WARNING]: Mind the gap.\n"


def test_long_warnings_are_not_wrapped():
    assert show(ev.Warned(message="word " * 40)).stderr == f"[WARNING]: {'word ' * 39}word\n"


def test_a_tasks_warnings_and_deprecations_come_above_its_line():
    info = task()
    notice = {"msg": "Old thing.", "version": "2.23", "collection_name": "ansible.builtin"}
    shown = show(started(info), ended(info, Status.OK, warnings=("Careful",), deprecations=(notice,)))
    assert shown.stderr == (
        "[WARNING]: Careful\n"
        "[WARNING]: Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg.\n"
        "[DEPRECATION WARNING]: Old thing. This feature will be removed from ansible-core version 2.23.\n"
    )


@pytest.mark.parametrize(
    ("values", "when"),
    [
        ({}, "This feature will be removed in the future."),
        (
            {"collection": "ns.coll", "version": "3.0.0"},
            "This feature will be removed from collection 'ns.coll' version 3.0.0.",
        ),
        (
            {"collection": "ns.coll", "date": "2030-01-01"},
            "This feature will be removed from collection 'ns.coll' in a release after 2030-01-01.",
        ),
        ({"collection": "ns.coll"}, "This feature will be removed from collection 'ns.coll' in a future release."),
    ],
)
def test_deprecations_say_when_it_goes(values, when):
    shown = show(ev.Deprecated(message="Old thing", **values)).stderr.splitlines()
    assert shown[1] == f"[DEPRECATION WARNING]: Old thing. {when}"


def test_deprecations_can_be_silenced_but_not_what_is_gone():
    assert show(ev.Deprecated(message="Old"), deprecation_warnings=False).stderr == ""
    gone = ev.Deprecated(message="Old", removed=True, collection="ansible.builtin", version="2.19")
    assert show(gone, deprecation_warnings=False).stderr == (
        "[DEPRECATED]: Old. This feature was removed from ansible-core version 2.19.\n"
    )


def test_the_warnings_of_hidden_results_are_hidden_too():
    info = task()
    shown = show(started(info), ended(info, Status.OK, warnings=("Careful",)), display_ok_hosts=False)
    assert shown.stderr == ""
