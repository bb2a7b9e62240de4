"""Strands: started, asked about, waited for, cancelled and joined. The clock is virtual."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.virtual_time import run_virtual
from weft.events.deferred import collecting, offer
from weft.events.types import Warned
from weft.jobs.strands import Strand, Strands
from weft.model.errors import TaskFailed, Unreachable, WeftError


def now() -> float:
    return asyncio.get_running_loop().time()


def taking(seconds: float, **result: Any) -> Any:
    """Work that takes so long."""

    async def work() -> Mapping[str, Any]:
        await asyncio.sleep(seconds)
        return {"changed": True, **result}

    return work


def raising(error: Exception) -> Any:
    async def work() -> Mapping[str, Any]:
        raise error

    return work


def start(strands: Strands, work: Any, host: str = "a", **more: Any) -> Strand:
    return strands.start(host, "a task", work, **{"limit": None, **more})


def test_a_strand_looks_like_a_job():
    async def main():
        strands = Strands()
        strand = start(strands, taking(3, msg="hi"))
        assert re.fullmatch(r"j\d+\.\d+", strand.jid)
        assert strands.status("a", strand.jid) == {"ansible_job_id": strand.jid, "started": True, "finished": False}
        assert not strand.observed
        await strands.wait(strand.jid)
        assert now() == 3
        assert strands.status("a", strand.jid) == {
            "ansible_job_id": strand.jid, "started": True, "finished": True, "changed": True, "msg": "hi",
        }  # fmt: skip
        assert strand.observed

    run_virtual(main())


def test_only_its_own_host_sees_it():
    async def main():
        strands = Strands()
        strand = start(strands, taking(1))
        assert strands.status("b", strand.jid) is None
        assert strands.find("b", strand.jid) is None
        assert not strands.forget("b", strand.jid)
        assert strands.of_host("b") == ()
        assert strands.of_host("a") == (strand,)
        assert strands.status("a", "j1.1") is None
        await strands.close()

    run_virtual(main())


def test_a_limit_ends_it():
    async def main():
        strands = Strands()
        ended = []

        async def work():
            try:
                await asyncio.sleep(100)
            finally:
                ended.append(now())

        strand = start(strands, work, limit=2)
        await strands.wait(strand.jid)
        assert ended == [2]
        state = strands.status("a", strand.jid)
        assert state is not None
        assert (state["failed"], state["timedout"]) == (True, True)
        assert state["msg"] == "Timeout exceeded: the job was stopped after its limit of 2 seconds"

    run_virtual(main())


def test_a_timeout_within_the_work_is_not_its_limit():
    async def main():
        strands = Strands()
        strand = start(strands, raising(TimeoutError("inside")), limit=2)
        await strands.wait(strand.jid)
        assert strand.state()["msg"] == "TimeoutError: inside"
        assert "timedout" not in strand.state()

    run_virtual(main())


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (TaskFailed("no such file", result={"src": "x"}), {"failed": True, "msg": "no such file", "src": "x"}),
        (Unreachable("gone"), {"unreachable": True, "msg": "gone"}),
        (WeftError("bad keyword"), {"failed": True, "msg": "bad keyword"}),
        (RuntimeError("a bug"), {"failed": True, "msg": "RuntimeError: a bug"}),
    ],
)
def test_what_it_raises_is_its_result(error: Exception, result: Mapping[str, Any]):
    async def main():
        strands = Strands()
        strand = start(strands, raising(error))
        assert await strands.join("a") == [strand]
        assert {key: strand.state()[key] for key in result} == result
        assert strand.error is error

    run_virtual(main())


def test_a_chain_of_causes_is_one_message():
    async def main():
        strands = Strands()

        async def work():
            try:
                raise WeftError("'x' is undefined")
            except WeftError as error:
                raise WeftError("Finalization failed.") from error

        strand = start(strands, work)
        await strands.wait(strand.jid)
        assert strand.state()["msg"] == "Finalization failed: 'x' is undefined"

    run_virtual(main())


def test_cancel_waits_until_it_is_over():
    async def main():
        strands = Strands()

        async def work():
            try:
                await asyncio.sleep(100)
            finally:
                await asyncio.sleep(2)  # its processes get TERM, then KILL

        strand = start(strands, work)
        await asyncio.sleep(1)
        assert await strands.cancel(strand.jid) is True
        assert now() == 3
        state = strands.status("a", strand.jid)
        assert state is not None
        assert (state["finished"], state["failed"], state["cancelled"]) == (True, True, True)
        assert state["msg"] == "The job was cancelled"
        assert await strands.cancel(strand.jid) is False
        assert await strands.cancel("j1.1") is False

    run_virtual(main())


def test_cancelled_before_it_began():
    async def main():
        strands = Strands()
        strand = start(strands, taking(1))
        assert await strands.cancel(strand.jid) is True
        assert strand.state()["cancelled"] is True
        assert await strands.join("a") == [strand]

    run_virtual(main())


def test_a_wait_that_is_cancelled_leaves_the_strand_alone():
    async def main():
        strands = Strands()
        strand = start(strands, taking(5))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await strands.wait(strand.jid)
        assert not strand.done
        await strands.wait(strand.jid)
        assert now() == 5
        assert not strand.failed

    run_virtual(main())


def test_a_strand_cannot_wait_for_itself():
    async def main():
        strands = Strands()
        seen: list[Any] = []

        async def work():
            seen.append(strands.of_host("a"))
            seen.append(await strands.cancel(strand.jid))
            await strands.wait(strand.jid)

        strand = start(strands, work)
        await strands.join("a")
        assert seen == [(), False]
        assert strand.state()["msg"] == f"{strand.jid} can't wait for its own end."

    run_virtual(main())


def test_join_waits_for_all_and_names_the_failures_that_nobody_was_told():
    async def main():
        strands = Strands()
        fine = start(strands, taking(4))
        told = start(strands, taking(1, failed=True))
        lost = start(strands, taking(2, failed=True))
        elsewhere = start(strands, taking(50), host="b")

        async def starts_another():
            start(strands, taking(6, failed=True))
            return {}

        start(strands, starts_another)
        await asyncio.sleep(1.5)
        strands.status("a", told.jid)
        failed = await strands.join("a")
        assert now() == 6
        assert failed[0] is lost and len(failed) == 2
        assert fine.observed and not elsewhere.done
        assert await strands.join("a") == []
        assert strands.of_host("a") == ()
        assert strands.status("a", fine.jid), "what was joined can still be asked about"
        await strands.close()
        assert elsewhere.state()["cancelled"] is True

    run_virtual(main())


def test_what_it_brings_is_taken_in_once_when_it_is_seen_to_end():
    async def main():
        strands = Strands()
        taken: list[str] = []
        first = start(strands, taking(1), on_join=lambda: taken.append("first"))
        start(strands, taking(2), on_join=lambda: taken.append("second"))
        strands.status("a", first.jid)
        await asyncio.sleep(3)
        assert taken == []
        for _ in range(2):
            strands.status("a", first.jid)
        assert taken == ["first"]
        await strands.join("a")
        assert taken == ["first", "second"]

    run_virtual(main())


def test_what_cannot_be_taken_in_is_its_failure():
    async def main():
        strands = Strands()

        def refuse() -> None:
            raise WeftError("no such group")

        strand = start(strands, taking(1), on_join=refuse)
        assert await strands.join("a") == [strand]
        assert strand.state()["msg"] == "no such group"

    run_virtual(main())


def test_a_forgotten_strand_is_joined_in_silence():
    async def main():
        strands = Strands()
        strand = start(strands, taking(3, failed=True))
        assert strands.forget("a", strand.jid)
        assert strands.status("a", strand.jid) is None
        assert strands.of_host("a") == ()
        assert await strands.join("a") == []
        assert now() == 3

    run_virtual(main())


def test_close_leaves_nothing_behind():
    async def main():
        strands = Strands()

        async def starts_another_at_its_end():
            try:
                await asyncio.sleep(100)
            finally:
                start(strands, taking(100))

        start(strands, starts_another_at_its_end)
        start(strands, taking(100))
        await asyncio.sleep(1)
        await strands.close()
        assert now() == 1
        assert len(asyncio.all_tasks()) == 1
        await strands.close()

    run_virtual(main())


def test_notices_of_a_strand_are_not_those_of_the_task_that_started_it():
    async def main():
        strands = Strands()
        offered = []

        async def work():
            offered.append(offer(Warned(message="x")))
            return {}

        with collecting() as notices:
            strand = start(strands, work)
        await strands.wait(strand.jid)
        assert (offered, notices) == ([False], [])

    run_virtual(main())


def test_a_thousand_strands_cost_what_one_costs_a_thousand_times():
    """Counted in turns of the loop: waiting for each is not looking at all."""

    def turns(count: int) -> int:
        async def main():
            strands = Strands()
            loop = asyncio.get_running_loop()
            calls = 0
            original = loop.call_soon

            def counting(*args: Any, **more: Any) -> Any:
                nonlocal calls
                calls += 1
                return original(*args, **more)

            loop.call_soon = counting  # type: ignore[method-assign]
            jids = [start(strands, taking(number)).jid for number in range(count)]
            await asyncio.gather(*(strands.wait(jid) for jid in jids))
            assert all(strands.status("a", jid) for jid in jids)
            assert await strands.join("a") == []
            return calls

        return run_virtual(main())

    assert turns(1000) <= 11 * turns(100)
