"""Taking locks: never two exclusive holders, no deadlock, and nothing stays locked whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_session import Call, FakeSessions
from tests.support.virtual_time import run_virtual
from weft.connection.api import RequestFailed, Target
from weft.locks.keeper import Holder, Locks, Note, NotInTime
from weft.locks.spec import NameLock, PathLock, Wish
from weft.model.errors import WeftError

TARGET = Target(host="ipa", address="10.0.0.1")


@dataclass
class Kernel:
    """flock on one machine: who waits for a path is let in when nobody else is in its way."""

    held: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)
    freed: asyncio.Condition = field(default_factory=asyncio.Condition)
    latency: float = 0.0

    async def acquire(self, call: Call) -> dict[str, Any]:
        path, shared = call.arguments["path"], call.arguments["mode"] == "shared"
        holders = self.held.setdefault(path, [])
        await asyncio.sleep(self.latency)
        try:
            async with asyncio.timeout(call.arguments.get("timeout")), self.freed:
                await self.freed.wait_for(lambda: not holders or (shared and all(other for _, other in holders)))
                holders.append((call.arguments["lease"], shared))
        except TimeoutError:
            raise RequestFailed("timeout", "not free") from None
        await asyncio.sleep(self.latency)
        return {"lease": call.arguments["lease"], "waited": 0}

    async def release(self, call: Call) -> Any:
        holders = self.held.get(call.arguments["path"], [])
        mine = [entry for entry in holders if entry[0] == call.arguments["lease"]]
        if not mine:
            return RequestFailed("bad-request", "not held")
        async with self.freed:
            holders.remove(mine[0])
            self.freed.notify_all()
        return {}

    @property
    def free(self) -> bool:
        return not any(self.held.values())


def machine(kernel: Kernel) -> FakeSessions:
    sessions = FakeSessions()
    for name in ("ipa", "alias"):
        sessions.host(name).answers("lock.acquire", kernel.acquire).answers("lock.release", kernel.release)
    return sessions


def holder(label: str, notes: list[Note] | None = None, lost: list[str] | None = None) -> Holder:
    return Holder(label, (notes if notes is not None else []).append, (lost if lost is not None else []).append)


async def use(locks: Locks, label: str, wishes: Sequence[Wish], seconds: float, log: list[str]) -> None:
    async with locks.hold(wishes, holder(label), lambda: TARGET):
        log.append(f"+{label}")
        await asyncio.sleep(seconds)
        log.append(f"-{label}")


def test_cancelled_while_holding_it_is_free_again() -> None:
    async def main() -> None:
        kernel = Kernel()
        locks = Locks(machine(kernel))
        log: list[str] = []
        wishes = [PathLock(path="/x"), NameLock(name="n")]
        first = asyncio.create_task(use(locks, "first", wishes, 99, log))
        second = asyncio.create_task(use(locks, "second", wishes, 1, log))
        await asyncio.sleep(1)
        first.cancel()
        await second
        assert log == ["+first", "+second", "-second"]
        assert first.cancelled() and kernel.free

    run_virtual(main())


@pytest.mark.parametrize("moment", [0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
def test_cancelled_at_any_moment_of_taking_it_nothing_stays_locked(moment: float) -> None:
    """With an answer that is on its way: the host has granted what the run no longer wants."""

    async def main() -> None:
        kernel = Kernel(latency=1.0)
        locks = Locks(machine(kernel))
        log: list[str] = []
        first = asyncio.create_task(use(locks, "first", [PathLock(path="/x")], 5, log))
        await asyncio.sleep(moment)
        first.cancel()
        await asyncio.wait([first])
        await use(locks, "second", [PathLock(path="/x", timeout=30)], 1, log)
        assert log[-2:] == ["+second", "-second"]
        assert kernel.free

    run_virtual(main())


def test_aliases_of_a_machine_wait_in_one_line() -> None:
    async def main() -> None:
        kernel = Kernel()
        sessions = machine(kernel)
        locks = Locks(sessions)
        notes: list[Note] = []

        async def one(label: str, target: Target) -> None:
            async with locks.hold([PathLock(path="/x")], holder(label, notes), lambda: target):
                await asyncio.sleep(3)

        alias = Target(host="alias", address="10.0.0.1", user="other")
        await asyncio.gather(one("first", TARGET), one("second", alias))
        assert [(note.holder, note.granted) for note in notes] == [("first", False), ("", True)]
        acquired = [call for call in sessions.calls if call.op == "lock.acquire"]
        assert [call.at for call in acquired] == [0, 3]

    run_virtual(main())


def test_a_path_with_a_home_in_it_is_the_hosts() -> None:
    async def main() -> None:
        kernel = Kernel()
        sessions = machine(kernel)
        sessions.host("ipa").answers("expand", {"paths": ["/root/lock"]})
        locks = Locks(sessions)
        async with locks.hold([PathLock(path="~/lock"), PathLock(path="/root/lock")], holder("one"), lambda: TARGET):
            assert list(kernel.held) == ["/root/lock"]

    run_virtual(main())


def test_a_host_that_is_lost_holds_nobody_up() -> None:
    async def main() -> None:
        kernel = Kernel()
        sessions = machine(kernel)
        locks = Locks(sessions)
        log: list[str] = []
        first = asyncio.create_task(use(locks, "first", [NameLock(name="a"), PathLock(path="/x")], 9, log))
        await asyncio.sleep(1)
        sessions.host("ipa").lose()
        second = asyncio.create_task(use(locks, "second", [NameLock(name="a"), PathLock(path="/x")], 9, log))
        await asyncio.wait([first, second])
        assert first.exception() is None
        assert isinstance(second.exception(), WeftError)
        await use(locks, "third", [NameLock(name="a")], 1, log)
        assert log[-1] == "-third"

    run_virtual(main())


def test_a_link_that_hangs_when_the_lock_is_given_back_does_not_lose_it() -> None:
    async def main() -> None:
        kernel = Kernel()
        sessions = machine(kernel)
        sessions.host("ipa").answers("lock.release", kernel.release, after=30.0)
        locks = Locks(sessions)
        log: list[str] = []
        loop = asyncio.get_running_loop()
        await use(locks, "first", [PathLock(path="/x")], 1, log)
        assert loop.time() == 6, "nobody waits for the answer longer than this"
        await use(locks, "second", [PathLock(path="/x")], 1, log)
        assert loop.time() >= 31
        await asyncio.sleep(60)
        assert kernel.free

    run_virtual(main())


def test_without_python_on_the_host_it_is_told() -> None:
    async def main() -> None:
        sessions = machine(Kernel())
        sessions.host("ipa").python = None
        with pytest.raises(WeftError, match=r"The lock /x needs Python on ipa\."):
            await use(Locks(sessions), "one", [PathLock(path="/x")], 1, [])

    run_virtual(main())


_paths = st.builds(
    PathLock,
    path=st.sampled_from(["/p", "/q", "/r"]),
    shared=st.booleans(),
    timeout=st.sampled_from([None, None, 2.0]),
)
_names = st.builds(NameLock, name=st.sampled_from(["m", "n"]), slots=st.just(2), timeout=st.sampled_from([None, 3.0]))


@dataclass(frozen=True)
class Plan:
    """One task of a random run. ``end``: when it is cancelled, if it is."""

    wishes: list[Wish]
    start: float
    seconds: float
    end: float | None


_plans = st.builds(
    Plan,
    wishes=st.lists(_paths | _names, min_size=1, max_size=4, unique_by=str),
    start=st.integers(0, 4).map(float),
    seconds=st.integers(0, 4).map(float),
    end=st.sampled_from([None, None, 1.0, 2.5, 6.0]),
)


@settings(max_examples=150, deadline=None)
@given(plans=st.lists(_plans, min_size=1, max_size=8), other=st.sampled_from([None, "/p", "/q"]))
def test_any_tasks_with_any_locks_end_and_keep_out_of_each_others_way(plans: list[Plan], other: str | None) -> None:
    async def main() -> None:
        kernel = Kernel(latency=0.25)
        sessions = machine(kernel)
        locks = Locks(sessions)
        inside: dict[int, list[Wish]] = {}

        async def task(number: int, plan: Plan) -> None:
            await asyncio.sleep(plan.start)
            async with locks.hold(plan.wishes, holder(str(number)), lambda: TARGET):
                inside[number] = plan.wishes
                try:
                    check()
                    await asyncio.sleep(plan.seconds)
                finally:
                    del inside[number]

        def check() -> None:
            everything = [wish for wishes in inside.values() for wish in wishes]
            for wish in everything:
                if isinstance(wish, PathLock):
                    users = [ws for ws in inside.values() if any(str(w) == wish.path for w in ws)]
                    shared = all(
                        w.shared for ws in users for w in ws if isinstance(w, PathLock) and w.path == wish.path
                    )
                    assert len(users) == 1 or shared
                else:
                    assert sum(isinstance(each, NameLock) and each.name == wish.name for each in everything) <= 2

        async def cancelled(work: asyncio.Task[None], plan: Plan) -> None:
            if plan.end is not None:
                await asyncio.sleep(plan.end)
                work.cancel()

        if other is not None:  # another run
            kernel.held[other] = [("another run", False)]

            async def free() -> None:
                await asyncio.sleep(3)
                async with kernel.freed:
                    kernel.held[other].remove(("another run", False))
                    kernel.freed.notify_all()

            background = [asyncio.create_task(free())]
        else:
            background = []
        works = [asyncio.create_task(task(number, plan)) for number, plan in enumerate(plans)]
        background += [asyncio.create_task(cancelled(work, plan)) for work, plan in zip(works, plans, strict=True)]
        async with asyncio.timeout(500):
            outcomes = await asyncio.gather(*works, return_exceptions=True)
            await asyncio.gather(*background)
        for outcome in outcomes:
            assert outcome is None or isinstance(outcome, asyncio.CancelledError | NotInTime), outcome
        await asyncio.sleep(10)
        assert kernel.free, kernel.held

    run_virtual(main())
