"""Waiting for jobs over lost links, and pauses that end with the job."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.fake_session import FakeSession, FakeSessions
from tests.support.virtual_time import run_virtual
from weft.connection.api import RequestFailed, Target
from weft.jobs.waiting import unfinished_jobs, wait_or_pause, wait_through_losses
from weft.model.errors import Unreachable

WEB = Target(host="web")
ENDED = {"jobs": {"j1.1": {"finished": 1}}}


class Web:
    """One host and a clock."""

    def __init__(self) -> None:
        self.sessions = FakeSessions()
        self.host = self.sessions.host("web")
        self._plans: list = []

    async def open(self) -> FakeSession:
        return await self.sessions.open(WEB)

    def wait(self, seconds: float | None):
        async def main():
            loop = asyncio.get_running_loop()
            for delay, what in self._plans:
                loop.call_later(delay, what)
            states = await wait_through_losses(self.open, ["j1.1"], "~/.ansible_async", seconds)
            return dict(states), loop.time()

        return run_virtual(main())

    def later(self, seconds: float, what) -> None:
        """Something happens while it is waited."""
        self._plans.append((seconds, what))


def test_a_wait_ends_with_the_job():
    web = Web()
    web.host.answers("job.wait", ENDED, after=7)
    assert web.wait(60) == (ENDED["jobs"], 7)


def test_a_wait_goes_on_when_the_host_comes_back():
    web = Web()
    web.host.hangs("job.wait")

    def come_back() -> None:
        web.host.back()
        web.host.answers("job.wait", ENDED, after=1)

    web.later(3, web.host.lose)
    web.later(23, come_back)
    states, seconds = web.wait(60)
    assert states == ENDED["jobs"]
    assert 24 <= seconds <= 25.5


def test_a_host_that_stays_away_is_waited_for_until_the_time_is_over():
    web = Web()
    web.host.unreachable()
    assert web.wait(30) == ({}, 30)


def test_a_link_that_hangs_does_not_hold_up_the_wait_for_long():
    web = Web()
    web.host.hangs("job.wait")
    assert web.wait(30) == ({}, 35)


def test_without_a_limit_a_host_that_is_gone_ends_the_wait():
    web = Web()
    web.host.hangs("job.wait")
    web.later(3, web.host.lose)
    with pytest.raises(Unreachable):
        web.wait(None)


def test_a_request_that_fails_ends_the_wait():
    web = Web()
    web.host.answers("job.wait", RequestFailed("bad-request", "no"))
    with pytest.raises(RequestFailed):
        web.wait(30)


@pytest.mark.parametrize(
    ("prepare", "seconds"),
    [
        (lambda host: host.answers("job.wait", ENDED, after=2), 2),
        (lambda host: host.hangs("job.wait"), 10),
        (lambda host: host.unreachable(), 10),
        (lambda host: host.answers("job.wait", RequestFailed("os", "no")), 10),
    ],
    ids=["the job ends", "nothing ends", "unreachable", "fails"],
)
def test_a_pause_is_cut_short_by_the_end_of_the_job_alone(prepare, seconds):
    sessions = FakeSessions()
    prepare(sessions.host("web"))

    async def main():
        await wait_or_pause(sessions.open, WEB, ["j1.1"], 10)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == seconds


def test_the_jobs_that_a_status_says_are_unfinished():
    assert unfinished_jobs({"ansible_job_id": "j1.1", "finished": False}) == ("j1.1",)
    assert unfinished_jobs({"ansible_job_id": "j1.1", "finished": True}) == ()
    rows = [{"ansible_job_id": "j1.1", "finished": True}, {"ansible_job_id": "j2.2", "finished": False}, "odd"]
    assert unfinished_jobs({"results": rows}) == ("j2.2",)


def test_without_a_limit_a_link_that_was_lost_once_is_no_reason_to_give_up():
    web = Web()
    web.host.hangs("job.wait")

    def come_back() -> None:
        web.host.back()
        web.host.answers("job.wait", ENDED, after=100)

    web.later(3, web.host.lose)
    web.later(3.5, come_back)
    assert web.wait(None) == (ENDED["jobs"], 104)
