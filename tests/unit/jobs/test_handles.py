"""What may be given for jobs, and which jobs of a run there are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fake_session import FakeSessions
from weft.connection.api import Target
from weft.jobs.handles import read_handles
from weft.jobs.registry import JobRegistry
from weft.model.errors import WeftError

HANDLE = {"ansible_job_id": "j1.1", "started": True, "finished": False, "failed": False}
OTHER = {**HANDLE, "ansible_job_id": "j2.2"}
SKIPPED = {"skipped": True, "changed": False}


@pytest.mark.parametrize(
    ("value", "jids"),
    [
        (HANDLE, ["j1.1"]),
        ("j1.1", ["j1.1"]),
        ([OTHER, "j1.1", HANDLE], ["j2.2", "j1.1"]),
        ({"results": [HANDLE, SKIPPED, OTHER], "skipped": False}, ["j1.1", "j2.2"]),
        ([[HANDLE], {"results": [OTHER]}], ["j1.1", "j2.2"]),
        (SKIPPED, []),
        ({"results": [], "skipped": True}, []),
        ([], []),
    ],
)
def test_jobs_in_the_order_given_each_once(value: Any, jids: list[str]) -> None:
    assert [handle.jid for handle in read_handles(value)] == jids


def test_what_is_over_already_is_not_asked_about() -> None:
    ended, broken = read_handles([{**HANDLE, "finished": True}, {"failed": True, "msg": "no such host"}])
    assert ended.ended is not None and ended.jid == "j1.1"
    assert broken.ended is not None and broken.jid == ""


@pytest.mark.parametrize("value", [7, None, {"rc": 0}, "", "../j1", ["j1.1", 2]])
def test_anything_else_is_an_error(value: Any) -> None:
    with pytest.raises(WeftError):
        read_handles(value)


def test_the_jobs_that_a_host_started_wherever_they_run() -> None:
    jobs = JobRegistry(FakeSessions())
    here, there = Target(host="a"), Target(host="x")
    jobs.started("a", "j1.1", here)
    jobs.started("x", "j2.1", there, "a")
    jobs.started("x", "j3.1", there, "b")
    assert jobs.of_host("a") == ("j1.1", "j2.1")
    assert jobs.of_host("x") == ()
    jobs.ended("j1.1")
    assert jobs.of_host("a") == ("j2.1",)
    found = jobs.find("j1.1")
    assert found is not None and found.target == here, "ended ones are still known"
    assert jobs.find("j9.9") is None
