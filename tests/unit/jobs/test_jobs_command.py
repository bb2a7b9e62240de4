"""`weft jobs` over many hosts: which jobs are meant, what is said, and the exit code."""

from __future__ import annotations

import asyncio

import pytest
from jobs_kit import NOW, Fleet, Shown, ended, listed

from weft.connection.api import RequestFailed
from weft.model.errors import OptionsError


def states(shown: Shown) -> list[tuple[str, str, str]]:
    return [(job["host"], job["jid"], job["state"]) for job in shown.document["jobs"]]


@pytest.fixture
def fleet() -> Fleet:
    """`web` runs two jobs and has two that ended, `db` runs one, `idle` has none."""
    fleet = Fleet("web", "db", "idle")
    fleet.has(
        "web",
        listed("j2.2", started_at=NOW - 3),
        listed("j1.1", started_at=NOW - 90),
        listed("j3.3", finished=1, alive=False, rc=0, changed_at=NOW - 50, started_at=NOW - 60),
        listed("j4.4", finished=1, alive=False, rc=2, failed=True, changed_at=NOW - 10, started_at=NOW - 20),
    )
    fleet.has("db", listed("j5.5", title="Build it"))
    return fleet


def test_listing_shows_what_runs_by_host_and_start(fleet):
    shown = fleet.run("list", json=True)
    assert states(shown) == [("web", "j1.1", "running"), ("web", "j2.2", "running"), ("db", "j5.5", "running")]
    assert shown.code == 0
    assert [job["what"] for job in shown.document["jobs"]] == ["command", "command", "Build it"]


def test_listing_with_those_that_ended(fleet):
    shown = fleet.run("list", finished=True, json=True)
    assert [state for _, _, state in states(shown)] == ["running", "finished", "failed", "running", "running"]
    assert fleet.run("list", finished=True).out.splitlines()[3].split() == [
        "web", "j4.4", "failed", "(rc", "2)", "20s", "10s", "root", "command",
    ]  # fmt: skip


def test_jobs_that_are_named_are_shown_whatever_their_state(fleet):
    assert states(fleet.run("list", jids=("j3.3", "j5.5"), json=True)) == [
        ("web", "j3.3", "finished"),
        ("db", "j5.5", "running"),
    ]


def test_a_job_that_no_host_has(fleet):
    shown = fleet.run("list", jids=("j5.5", "j9.9"))
    assert shown.code == 2
    assert shown.err == "j9.9: could not find job\n"
    assert "j5.5" in shown.out
    assert fleet.run("list", jids=("j9.9",)).out == ""


def test_nothing_runs():
    shown = Fleet("web").run("list")
    assert (shown.code, shown.out) == (0, "No jobs run.\n")
    assert Fleet("web").run("list", finished=True).out == "No jobs.\n"


def test_hosts_that_cannot_be_asked_are_a_line_each(fleet):
    fleet.sessions.host("db").unreachable("Connection refused\nor so")
    fleet.sessions.host("idle").answers("job.list", RequestFailed("os", "Permission denied: /x"))
    shown = fleet.run("list")
    assert shown.code == 4
    assert sorted(shown.err.splitlines()) == [
        "db: unreachable: Connection refused or so",
        "idle: Permission denied: /x",
    ]
    assert "j1.1" in shown.out
    assert fleet.run("list", json=True).document["errors"] == {
        "db": "Connection refused\nor so",
        "idle": "Permission denied: /x",
    }


def test_nobody_knows_that_nothing_runs_where_nobody_answers():
    fleet = Fleet("web")
    fleet.sessions.host("web").unreachable()
    assert fleet.run("list").out == ""


def test_a_host_that_fails_but_is_reached_is_no_unreachable_host(fleet):
    fleet.sessions.host("idle").answers("job.list", RequestFailed("os", "Permission denied: /x"))
    assert fleet.run("list").code == 2


def test_hosts_are_asked_side_by_side_but_not_all_at_once():
    fleet = Fleet(*"abcdef")
    for name in fleet.names:
        fleet.sessions.host(name).latency = 10
    assert fleet.run("list").seconds == 30  # two at once


def test_waiting_for_all(fleet):
    fleet.ends("web", 5, ended("j1.1"))
    fleet.ends("web", 2, ended("j2.2"))
    fleet.ends("db", 9, ended("j5.5"))
    shown = fleet.run("wait")
    assert (shown.code, shown.seconds) == (0, 9)
    assert shown.out.splitlines() == [
        "web j2.2 finished after 5.0s: command",
        "web j1.1 finished after 1m35s: command",
        "db j5.5 finished after 14s: Build it",
    ]


@pytest.mark.parametrize(("told", "seconds"), [("any", 2), ("1", 2), ("2", 5), ("all", 9), ("7", 9), ("0", 0)])
def test_waiting_for_so_many(fleet, told, seconds):
    fleet.ends("web", 5, ended("j1.1"))
    fleet.ends("web", 2, ended("j2.2"))
    fleet.ends("db", 9, ended("j5.5"))
    shown = fleet.run("wait", wait_for=told)
    assert (shown.code, shown.seconds) == (0, seconds)


def test_waiting_for_jobs_of_which_one_fails(fleet):
    fleet.ends("web", 5, ended("j1.1", failed=True, rc=1))
    fleet.ends("web", 2, ended("j2.2"))
    fleet.ends("db", 9, ended("j5.5"))
    shown = fleet.run("wait", json=True)
    assert shown.code == 2
    assert states(shown) == [("web", "j1.1", "failed"), ("web", "j2.2", "finished"), ("db", "j5.5", "finished")]
    assert shown.document["jobs"][0]["result"] == {"failed": True, "rc": 1}


def test_waiting_for_a_job_that_has_ended_already(fleet):
    fleet.ends("web", 0, ended("j4.4", failed=True, rc=2))
    shown = fleet.run("wait", jids=("j4.4",))
    assert (shown.code, shown.out) == (2, "web j4.4 failed (rc 2) after 10s: command\n")


def test_waiting_no_longer_than_told(fleet):
    fleet.ends("web", 2, ended("j2.2"))
    fleet.sessions.host("web").hangs("job.wait", when=lambda call: call.arguments["jids"] == ["j1.1"])
    fleet.sessions.host("db").hangs("job.wait")
    shown = fleet.run("wait", timeout=30.0)
    assert (shown.code, shown.seconds) == (2, 30)
    assert shown.err == "2 jobs still run after 30 seconds\n"
    assert {call.outcome for call in fleet.sessions.calls if call.op == "job.wait"} == {"answered", "cancelled"}


def test_a_host_that_goes_away_while_its_jobs_are_awaited(fleet):
    fleet.ends("web", 2, ended("j2.2"))
    fleet.ends("web", 3, ended("j1.1"))
    db = fleet.sessions.host("db")

    async def dies(call):
        await asyncio.sleep(1)
        db.lose("The connection was lost")
        await asyncio.sleep(1)

    db.answers("job.wait", dies)
    shown = fleet.run("wait")
    assert (shown.code, shown.seconds) == (4, 3)
    assert shown.err == "db: unreachable: The connection was lost\n"
    assert len(shown.out.splitlines()) == 2


def test_cancelling_by_host_and_by_id(fleet):
    for host, jids in (("web", ["j1.1", "j2.2"]), ("db", ["j5.5"])):
        fleet.sessions.host(host).answers("job.cancel", {"cancelled": jids})
        status = {jid: ended(jid, failed=True, cancelled=True, rc=-15) for jid in jids}
        fleet.sessions.host(host).answers("job.status", {"jobs": status})
    shown = fleet.run("cancel", json=True)
    assert [state for _, _, state in states(shown)] == ["cancelled"] * 3
    assert shown.code == 0
    cancels = [call for call in fleet.sessions.calls if call.op == "job.cancel"]
    assert [(call.host, call.arguments["jids"]) for call in cancels] == [("web", ["j1.1", "j2.2"]), ("db", ["j5.5"])]
    fleet.sessions.calls.clear()
    fleet.run("cancel", jids=("j3.3", "j5.5"))
    assert [call.arguments["jids"] for call in fleet.sessions.calls if call.op == "job.cancel"] == [["j5.5"]]


def test_a_job_that_cannot_be_cancelled(fleet):
    fleet.sessions.host("db").answers("job.cancel", {"cancelled": []})
    fleet.sessions.host("db").answers("job.status", {"jobs": {"j5.5": ended("j5.5", finished=0)}})
    shown = fleet.run("cancel", jids=("j5.5",))
    assert (shown.code, shown.err) == (2, "db: j5.5 can't be ended from there\n")


@pytest.mark.parametrize(("age", "jids"), [(None, ["j3.3", "j4.4"]), (30.0, ["j3.3"])])
def test_clearing_away_what_has_ended(fleet, age, jids):
    fleet.sessions.host("web").answers(
        "job.cleanup", lambda call: {"erased": [f"/root/.ansible_async/{jid}" for jid in call.arguments["jids"]]}
    )
    shown = fleet.run("cleanup", older_than=age, json=True)
    assert shown.document["erased"] == {"web": [f"/root/.ansible_async/{jid}" for jid in jids]}
    assert shown.code == 0


def test_a_running_job_is_not_cleared_away_even_by_name(fleet):
    assert fleet.run("cleanup", jids=("j1.1",)).out == "0 jobs removed.\n"
    assert "job.cleanup" not in {call.op for call in fleet.sessions.calls}


def test_showing_a_job_with_its_result(fleet):
    fleet.ends("web", 0, ended("j4.4", failed=True, rc=2, stdout="said"))
    shown = fleet.run("show", jids=("j4.4",))
    assert shown.out.startswith("web j4.4\n  state:      failed (rc 2)\n")
    assert '"stdout": "said"' in shown.out


def test_a_command_that_there_is_not(fleet):
    with pytest.raises(OptionsError):
        fleet.run("dance")


def test_what_a_lost_job_left_behind_is_listed_and_can_be_cancelled(fleet):
    fleet.has("idle", listed("j6.6", finished=1, alive=False, failed=True, lost=True, orphans=[7, 8]))
    idle = fleet.sessions.host("idle")
    assert "lost, still runs" in fleet.run("list").out
    idle.answers("job.cancel", {"cancelled": ["j6.6"]})
    idle.answers("job.status", {"jobs": {"j6.6": ended("j6.6", failed=True, lost=True, cancelled=True)}})
    shown = fleet.run("cancel", jids=("j6.6",))
    assert shown.code == 0 and "lost, still runs" not in shown.out
    assert [call.arguments["jids"] for call in fleet.sessions.calls if call.op == "job.cancel"] == [["j6.6"]]
    assert fleet.run("cleanup", jids=("j6.6",), json=True).document["erased"] == {}
