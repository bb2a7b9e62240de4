"""How a job stands, and how that is written."""

from __future__ import annotations

import pytest
from jobs_kit import NOW, ended, listed

from weft.jobs.record import record_of, result_of, state_of
from weft.jobs.tables import details, duration, table


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"finished": 0}, "running"),
        ({"finished": 1, "rc": 0}, "finished"),
        ({"finished": 1, "failed": False, "rc": 3}, "finished"),
        ({"finished": 1, "rc": 3}, "failed"),
        ({"finished": 1, "failed": True}, "failed"),
        ({"finished": 1, "failed": True, "timedout": True}, "timed out"),
        ({"finished": 1, "failed": True, "cancelled": True}, "cancelled"),
        ({"finished": 1, "failed": True, "lost": True}, "lost"),
        ({"finished": 1, "failed": True, "missing": True}, "lost"),
    ],
)
def test_how_a_job_stands(status, state):
    assert state_of(status) == state


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"), (0, "0.0s"), (0.44, "0.4s"), (9.96, "10.0s"), (59.4, "59s"), (59.6, "1m00s"), (185, "3m05s"),
        (7800, "2h10m"), (86400 * 4 + 3600 * 3, "4d03h"),
    ],
)  # fmt: skip
def test_times_as_a_person_reads_them(seconds, text):
    assert duration(seconds) == text


def record(jid="j1.1", **more):
    return record_of("web", "/root/.ansible_async", NOW, listed(jid, **more))


def test_a_table_is_aligned_and_fits_the_terminal():
    lines = table([record(title="Build the whole\nhouse"), record("j22222.22222", user=None)], width=60).splitlines()
    assert lines == [
        "HOST  JID           STATE    AGE   RUNTIME  USER  WHAT",
        "web   j1.1          running  5.0s  5.0s     root  Build the",
        "web   j22222.22222  running  5.0s  5.0s     -     command",
    ]


def test_colours_do_not_disturb_the_columns():
    painted = table([record(), record(finished=1)], lambda text, kind: f"<{text}|{kind}>")
    assert painted.splitlines()[1:] == [
        "web   j1.1  <running |changed>  5.0s  5.0s     root  command",
        "web   j1.1  <finished|ok>  5.0s  5.0s     root  command",
    ]


def test_what_is_not_known_is_left_out_of_the_details():
    shown = details(record(started_at=None, limit=0, user=None, foreign=True))
    assert shown.splitlines() == [
        "web j1.1",
        "  state:      running",
        "  what:       command",
        "  file:       /root/.ansible_async/j1.1",
        "  started by: ansible",
    ]


def test_a_result_under_no_log_is_not_shown():
    shown = result_of(ended("j1.1", stdout="swordfish", msg="swordfish", changed=True), no_log=True)
    assert shown == {
        "censored": "the result has been hidden due to the fact that 'no_log: true' was specified for this job",
        "changed": True,
        "rc": 0,
    }


def test_a_job_that_started_after_the_clock_was_set_back_has_no_negative_age():
    assert record(started_at=NOW + 100).age == 0
