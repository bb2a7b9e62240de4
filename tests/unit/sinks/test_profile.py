"""--profile: times below the banners and below the recap."""

from __future__ import annotations

import time

import pytest
from sink_events import banner, ended, play, show, started, task

from weft.events import types as ev
from weft.model.outcome import Status
from weft.model.run_options import RunOptions
from weft.sinks.profile import clock_text, days_text

T0 = 1689614641.0  # Monday 17 July 2023 17:24:01 UTC


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def profiled(*events, callbacks=("profile_tasks",), **settings):
    return show(*events, callbacks_enabled=callbacks, **settings).stdout


def run_of(info, second=None):
    events = [
        ev.RunStarted(playbooks=("p.yml",), at=T0 - 0.024),
        ev.PlayStarted(play=play(), at=T0 - 0.01),
        started(info, at=T0),
        ended(info, Status.CHANGED, at=T0 + 11.4),
    ]
    if second is not None:
        events += [started(second, at=T0 + 11.482), ended(second, Status.OK, at=T0 + 12)]
    return [*events, ev.RunFinished(recap={"h1": ev.HostRecap(ok=1)}, at=T0 + 11.482 + (1 if second else 0))]


def test_the_lines_of_profile_tasks():
    shown = profiled(*run_of(task("task 1")))
    assert shown == (
        banner("PLAY [web]")
        + banner("TASK [task 1]")
        + "Monday 17 July 2023  17:24:01 +0000 (0:00:00.024)       0:00:00.024 *********** \n"
        + "changed: [h1]\n"
        + banner("PLAY RECAP")
        + "h1                         : ok=1    changed=0    unreachable=0    "
        + "failed=0    skipped=0    rescued=0    ignored=0   \n\n"
        + "Monday 17 July 2023  17:24:12 +0000 (0:00:11.482)       0:00:11.506 *********** \n"
        + "=" * 79
        + " \n"
        + f"task 1 {'-' * 65} 11.48s\n"
    )


def test_a_long_date_leaves_fewer_stars():
    shown = profiled(ev.RunStarted(playbooks=(), at=T0 + 178737 - 0.015), started(task(), at=T0 + 178737))
    assert "Wednesday 19 July 2023  19:02:58 +0000 (0:00:00.015)       0:00:00.015 ******** \n" in shown


def test_the_slowest_task_comes_first_and_the_number_of_rows_can_be_set():
    shown = profiled(*run_of(task("quick"), task("slow")))
    assert shown.splitlines()[-2:] == [f"quick {'-' * 66} 11.48s", f"slow {'-' * 68} 1.00s"]
    few = show(
        *run_of(task("quick"), task("slow")),
        callbacks_enabled=("profile_tasks",),
        environ={"PROFILE_TASKS_TASK_OUTPUT_LIMIT": "1", "PROFILE_TASKS_SORT_ORDER": "ascending"},
    )
    assert few.stdout.splitlines()[-1].startswith("slow ---")
    assert "quick ---" not in few.stdout


def test_the_path_of_tasks_with_vv():
    shown = profiled(*run_of(task("a")), verbosity=2)
    assert shown.splitlines()[-1] == f"/site/play.yml:4 {'-' * 62}"


def test_tasks_side_by_side_count_until_their_last_host_is_done():
    left, right = task("left", strand="1"), task("right", strand="2")
    shown = profiled(
        ev.RunStarted(playbooks=(), at=T0),
        started(left, at=T0),
        started(right, at=T0 + 1),
        ended(right, Status.OK, at=T0 + 2),
        ended(left, Status.OK, at=T0 + 4),
        ev.RunFinished(recap={}, at=T0 + 5),
    )
    assert shown.splitlines()[-2:] == [f"left {'-' * 68} 4.00s", f"right {'-' * 67} 1.00s"]


def test_the_profile_option_turns_on_task_times_and_the_timer():
    shown = show(*run_of(task("a")), options=RunOptions(profile=True)).stdout.splitlines()
    assert shown[-2].startswith("a ----")
    assert shown[-1] == "Playbook run took 0 days, 0 hours, 0 minutes, 11 seconds"


def test_timer_by_its_collection_name():
    shown = profiled(*run_of(task("a")), callbacks=("ansible.posix.timer",))
    assert shown.endswith("\nPlaybook run took 0 days, 0 hours, 0 minutes, 11 seconds\n")


def test_the_lines_of_profile_roles():
    shown = profiled(*run_of(task("db : a", role="db"), task("b", "ping")), callbacks=("profile_roles",))
    assert shown.endswith(
        banner("ROLE RECAP")
        + f"db {'-' * 69} 11.48s\n"
        + f"ping {'-' * 68} 1.00s\n"
        + "~" * 79
        + " \n"
        + f"total {'-' * 66} 12.48s\n"
    )


def test_durations_as_text():
    assert clock_text(3 * 3600 + 4 * 60 + 5.0067) == "3:04:05.006"
    assert clock_text(-1) == "0:00:00.000"
    assert days_text(90061) == "1 days, 1 hours, 1 minutes, 1 seconds"
