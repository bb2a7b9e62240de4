"""Which jobs of a run still run at its end, and as whom they were started."""

from __future__ import annotations

from tests.support.fake_session import FakeSessions
from tests.support.virtual_time import run_virtual
from weft.connection.api import Become, Target
from weft.events import JobsLeft
from weft.jobs.registry import JobRegistry

WEB = Target(host="web")
AS_ALICE = Target(host="web", become=Become(user="alice"))


def running(*jids: str) -> dict[str, object]:
    return {"jobs": {jid: {"finished": 0} for jid in jids}}


def test_jobs_that_still_run_are_named_by_host_and_user():
    sessions = FakeSessions()
    sessions.host("web").answers("job.status", running("j2.2"), when=lambda call: call.user == "alice")
    sessions.host("web").answers("job.status", running("j1.1"), when=lambda call: call.user != "alice")
    jobs = JobRegistry(sessions)
    jobs.started("web", "j1.1", WEB)
    jobs.started("web", "j2.2", AS_ALICE)
    assert run_virtual(jobs.left()) == (
        JobsLeft(host="web", jids=("j1.1",)),
        JobsLeft(host="web", jids=("j2.2",), become_user="alice"),
    )


def test_jobs_that_were_seen_to_end_are_not_asked_about():
    sessions = FakeSessions()
    jobs = JobRegistry(sessions)
    for jid in ("j1.1", "j2.2", "j3.3"):
        jobs.started("web", jid, WEB)
    jobs.observe({"ansible_job_id": "j1.1", "finished": True})
    jobs.observe({"results": [{"ansible_job_id": "j2.2", "finished": True}, {"ansible_job_id": "j3.3"}]})
    jobs.ended("j3.3")
    assert run_virtual(jobs.left()) == ()
    assert sessions.calls == []


def test_jobs_that_ended_unseen_are_left_out():
    sessions = FakeSessions()
    answer = {"jobs": {"j1.1": {"finished": 1}, "j2.2": {"finished": 1, "missing": True}}}
    sessions.host("web").answers("job.status", answer)
    jobs = JobRegistry(sessions)
    jobs.started("web", "j1.1", WEB)
    jobs.started("web", "j2.2", WEB)
    assert run_virtual(jobs.left()) == ()


def test_a_host_that_does_not_answer_counts_with_all_its_jobs_and_holds_up_nothing():
    sessions = FakeSessions()
    sessions.host("web").hangs("job.status")
    sessions.host("db").unreachable()
    jobs = JobRegistry(sessions)
    jobs.started("web", "j1.1", WEB)
    jobs.started("db", "j2.2", Target(host="db"))

    async def main():
        import asyncio

        return await jobs.left(), asyncio.get_running_loop().time()

    left, seconds = run_virtual(main())
    assert [entry.host for entry in left] == ["db", "web"]
    assert seconds == 5


def test_where_a_job_was_started_is_known_even_after_its_end():
    jobs = JobRegistry(FakeSessions())
    jobs.started("web", "j1.1", AS_ALICE)
    jobs.ended("j1.1")
    assert jobs.target("web", "j1.1", WEB) == AS_ALICE
    assert jobs.target("db", "j1.1", WEB) == WEB
    assert jobs.target("web", "j9.9", WEB) == WEB


def test_another_folder_for_jobs_counts_when_a_task_asks():
    jobs = JobRegistry(FakeSessions())
    jobs.started("web", "j1.1", AS_ALICE)
    elsewhere = Target(host="web", async_dir="/elsewhere")
    assert jobs.target("web", "j1.1", elsewhere) == elsewhere
