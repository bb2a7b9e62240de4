"""Banners: what they say, how wide they are, and when they come."""

from __future__ import annotations

import os

import pytest
from sink_events import Shown, banner, ended, play, show, started, task

from weft.events import types as ev
from weft.model.outcome import Status
from weft.model.run_options import RunOptions
from weft.sinks.style import text_width


def test_a_play_a_task_and_a_handler():
    shown = show(ev.PlayStarted(play=play()), started(task("a")), started(task("b", handler=True)))
    assert shown.stdout == banner("PLAY [web]") + banner("TASK [a]") + banner("RUNNING HANDLER [b]")


def test_a_play_without_a_name():
    assert show(ev.PlayStarted(play=play(""))).stdout == banner("PLAY")


def test_text_and_stars_are_79_columns_and_the_stars_three_at_least():
    assert len(show(started(task("x"))).stdout.strip().replace(" *", "*")) == 79
    long = "n" * 100
    assert show(started(task(long))).stdout == f"\nTASK [{long}] ***\n"


def test_wide_letters_take_two_columns():
    assert text_width("TASK [日本]") == 11
    assert show(started(task("日本"))).stdout == f"\nTASK [日本] {'*' * 68}\n"


def test_combining_marks_and_control_characters_take_none():
    assert text_width("e\u0301\n") == 1


def test_a_terminal_gives_its_width(monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((132, 40)))
    monkeypatch.setattr("sink_events.Terminal.fileno", lambda self: 1, raising=False)
    shown = show(started(task("x")), terminal=True, nocolor=True)
    assert shown.stdout == f"\nTASK [x] {'*' * 123}\n"


def test_columns_counts_where_the_terminal_does_not_know(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert show(started(task("x")), terminal=True, nocolor=True).stdout == f"\nTASK [x] {'*' * 91}\n"
    assert show(started(task("x"))).stdout == banner("TASK [x]")


def test_arguments_in_banners():
    info = task("x", args={"a": 1, "b": "{{ c }}"})
    assert show(started(info), display_args_to_stdout=True).stdout == banner("TASK [x a=1, b={{ c }}]")
    assert show(started(task("x", no_log=True, args={"a": 1})), display_args_to_stdout=True).stdout == (
        banner("TASK [x]")
    )


def test_check_mode_markers():
    run = (
        ev.PlaybookStarted(path="/site/play.yml"),
        ev.PlayStarted(play=play(check_mode=True)),
        started(task("a", check_mode=True)),
        started(task("b")),
        ev.RunFinished(recap={}),
    )
    assert show(*run, check=True, check_mode_markers=True).stdout == (
        banner("DRY RUN")
        + banner("PLAY [web] [CHECK MODE]")
        + banner("TASK [a] [CHECK MODE]")
        + banner("TASK [b]")
        + banner("PLAY RECAP")
        + "\n"
        + banner("DRY RUN")
    )
    assert "DRY RUN" not in show(*run, check=True).stdout


def test_vv_names_the_playbook_and_the_place_of_tasks():
    begun = ev.PlaybookStarted(path="/site/play.yml", plays=2, given="site/play.yml")
    shown = show(begun, started(task("a")), verbosity=2)
    assert shown.stdout == (
        banner("PLAYBOOK: play.yml")
        + "2 plays in site/play.yml\n"
        + banner("TASK [a]")
        + "task path: /site/play.yml:4\n"
    )


def test_v_names_the_collection_that_a_playbook_belongs_to():
    begun = ev.PlaybookStarted(path="/site/play.yml", plays=2, given="site/play.yml", collection="acme.web")
    assert show(begun, verbosity=1).stdout == "running playbook inside collection acme.web\n"
    assert show(begun).stdout == ""


def test_vvvv_names_the_options_but_no_passwords():
    options = RunOptions(playbooks=("a.yml",), limit="web")
    lines = show(ev.PlaybookStarted(path="a.yml"), options=options, verbosity=4).stdout.splitlines()
    assert "Positional arguments: a.yml" in lines
    assert "limit: web" in lines
    assert not any("password" in line for line in lines)


def test_v_names_the_config_file():
    assert show(ev.RunStarted(playbooks=()), verbosity=1).stdout == "No config file found; using defaults\n"
    shown = show(ev.RunStarted(playbooks=()), verbosity=1, config_file="/site/ansible.cfg")
    assert shown.stdout == "Using /site/ansible.cfg as config file\n"
    assert show(ev.RunStarted(playbooks=())).stdout == ""


def test_notified_handlers_show_with_vv():
    event = ev.Notified(host="h1", handler="restart")
    assert show(event, verbosity=1).stdout == ""
    assert show(event, verbosity=2).stdout == "NOTIFIED HANDLER restart for h1\n"


@pytest.mark.parametrize("strategy", ["free", "host_pinned", "ansible.builtin.free"])
def test_where_hosts_go_at_their_own_pace_the_banner_comes_with_the_first_line_of_another_task(strategy):
    first, second = task("one"), task("two")
    shown = show(
        ev.PlayStarted(play=play(strategy=strategy)),
        started(first),
        started(second),
        ended(second, Status.OK, host="h2"),
        ended(first, Status.OK),
        ended(first, Status.OK, host="h3"),
    )
    assert _tasks(shown) == ["TASK [two]", "ok: [h2]", "TASK [one]", "ok: [h1]", "ok: [h3]"]


def test_strands_of_a_parallel_block_get_their_banner_back_when_lines_mix():
    left, right = task("left", strand="1"), task("right", strand="2")
    shown = show(
        ev.PlayStarted(play=play()),
        started(left),
        started(right),
        ended(left, Status.OK),
        ended(right, Status.OK),
        ended(left, Status.CHANGED, host="h2"),
    )
    assert _tasks(shown) == [
        "TASK [left] (1)",
        "ok: [h1]",
        "TASK [right] (2)",
        "ok: [h1]",
        "TASK [left] (1)",
        "changed: [h2]",
    ]


def test_plays_side_by_side_carry_their_label():
    info = task("a", lane="db")
    shown = show(ev.PlayStarted(play=play(lane="db")), started(info), ended(info, Status.OK))
    assert shown.stdout == banner("PLAY [web] (db)") + banner("TASK [a] (db)") + "ok: [h1]\n"


def test_a_play_that_is_its_lane_says_so_once():
    shown = show(ev.PlayStarted(play=play(lane="web")), ev.NoHostsLeft(play="play-1"))
    assert shown.stdout == banner("PLAY [web]") + banner("NO MORE HOSTS LEFT (web)")


def test_what_a_task_says_while_it_runs_is_below_its_banner_where_plays_go_side_by_side():
    left, right = task("left", lane="a"), task("right", lane="b")
    shown = show(
        ended(left, Status.OK),
        ended(right, Status.OK),
        ev.AsyncPoll(host="h1", jid="j1", started=1, finished=0, task=left),
        ev.PlayStarted(play=play(lane="b")),
        ev.AsyncEnded(host="h1", jid="j1", ok=True, task=left),
    )
    assert _tasks(shown) == [
        "TASK [left] (a)",
        "ok: [h1]",
        "TASK [right] (b)",
        "ok: [h1]",
        "TASK [left] (a)",
        "ASYNC POLL on h1: jid=j1 started=1 finished=0",
        "TASK [left] (a)",
        "ASYNC OK on h1: jid=j1",
    ]


def test_meta_tasks_that_nobody_wrote_have_no_banner_but_gathering_facts_has():
    assert show(started(task("meta", "meta", implicit=True))).stdout == ""
    assert show(started(task("Gathering Facts", "gather_facts", implicit=True))).stdout == (
        banner("TASK [Gathering Facts]")
    )


def _tasks(shown: Shown) -> list[str]:
    lines = [line for line in shown.stdout.splitlines() if line and not line.startswith("PLAY")]
    return [line.rstrip("* ") for line in lines]
