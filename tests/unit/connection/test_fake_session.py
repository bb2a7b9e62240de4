"""The fakes that other packages' tests stand on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.fake_session import Call, FakeSessions
from tests.support.virtual_time import run_virtual
from weft.connection.api import Become, Reply, RequestFailed, Session, Sessions, Target
from weft.model.errors import Unreachable

WEB = Target(host="web1")


def test_they_are_what_they_stand_for() -> None:
    sessions: Sessions = FakeSessions()

    async def main() -> Session:
        return await sessions.open(WEB)

    assert run_virtual(main()).target == WEB


def test_answers_one_after_the_other() -> None:
    sessions = FakeSessions()
    sessions.host("web1").answers("command", {"rc": 1}, RequestFailed("os", "no"), {"rc": 0})

    async def main() -> list[Any]:
        session = await sessions.open(WEB)
        return await asyncio.gather(*(session.request("command") for _ in range(4)), return_exceptions=True)

    first, second, third, fourth = run_virtual(main())
    assert (first, third, fourth) == (Reply({"rc": 1}), Reply({"rc": 0}), Reply({"rc": 0}))
    assert isinstance(second, RequestFailed)
    assert [call.outcome for call in sessions.calls] == ["answered", "failed", "answered", "answered"]


def test_answers_that_depend_on_the_question() -> None:
    sessions = FakeSessions()
    web = sessions.host("web1")
    web.answers("module", {"rc": 0})
    web.answers("module", lambda call: {"rc": len(call.payload)}, when=lambda call: call.arguments["name"] == "copy")

    async def main() -> tuple[Any, Any]:
        session = await sessions.open(WEB)
        return (
            (await session.request("module", {"name": "ping"})).result,
            (await session.request("module", {"name": "copy"}, b"abc")).result,
        )

    assert run_virtual(main()) == ({"rc": 0}, {"rc": 3})


def test_an_hour_takes_no_time() -> None:
    sessions = FakeSessions()
    sessions.host("web1").latency = 3600.0

    async def main() -> float:
        session = await sessions.open(WEB)
        await session.request("ping")
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 3600.0


def test_work_in_a_thread_is_waited_for_in_real_time() -> None:
    async def main() -> float:
        async with asyncio.timeout(1):
            await asyncio.to_thread(lambda: sum(range(10000)))
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 0.0


def test_streams_and_pushes() -> None:
    sessions, heard = FakeSessions(), []
    web = sessions.host("web1")

    def talk(call: Call) -> dict[str, Any]:
        call.stream({"line": 1})
        return {}

    web.answers("raw", talk)

    async def main() -> None:
        session = await sessions.open(WEB)
        await session.request("raw", on_stream=lambda content, payload: heard.append(content))
        stop = session.on_push("job", lambda content, payload: heard.append(content["jid"]))
        web.push("job", {"jid": "j1"})
        stop()
        web.push("job", {"jid": "j2"})

    run_virtual(main())
    assert heard == [{"line": 1}, "j1"]


def test_faults() -> None:
    sessions = FakeSessions()
    web = sessions.host("web1").hangs("command")

    async def main() -> None:
        web.unreachable("no route")
        with pytest.raises(Unreachable, match="no route"):
            await sessions.open(WEB)
        web.back()
        session = await sessions.open(WEB)
        running = asyncio.create_task(session.request("command"))
        stopped = asyncio.create_task(session.request("command"))
        await asyncio.sleep(1)
        stopped.cancel()
        await asyncio.sleep(0)
        web.lose("power cut")
        with pytest.raises(Unreachable, match="power cut"):
            await running
        with pytest.raises(Unreachable):
            await session.request("ping")
        web.back()
        await session.request("ping")

    run_virtual(main())
    assert [call.outcome for call in web.calls] == ["lost", "cancelled", "lost", "answered"]


def test_one_session_a_target() -> None:
    sessions = FakeSessions()
    app = Target(host="web1", become=Become(user="app"))

    async def main() -> None:
        assert await sessions.open(WEB) is await sessions.open(WEB)
        other = await sessions.open(app)
        assert other.info is not None and other.info.user == "app"
        await sessions.reset(WEB)
        with pytest.raises(Unreachable):
            await other.request("ping")

    run_virtual(main())
    assert sessions.targets == [WEB, app]


def test_a_host_without_python() -> None:
    sessions = FakeSessions()
    sessions.host("web1").python = None

    async def main() -> None:
        assert (await sessions.open(WEB)).info is None

    run_virtual(main())
