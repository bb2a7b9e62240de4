"""Requests that are sent before the one in front of them is answered: the wire, and what becomes of them."""

from __future__ import annotations

import asyncio

from connection_kit import MemoryHost, turns, until

from weft.connection.api import NOT_RUN, Posted, Reply, RequestFailed
from weft.connection.session import AgentSession
from weft.model.errors import Unreachable


def three(session: AgentSession) -> tuple[Posted, Posted, Posted]:
    first = session.post("hold", {"word": 1})
    assert first is not None
    second = session.post("hold", {"word": 2}, after=first)
    assert second is not None
    third = session.post("hold", {"word": 3}, after=second)
    assert third is not None
    return first, second, third


async def test_each_names_the_one_before_it(session: AgentSession, memory: MemoryHost) -> None:
    first, second, third = three(session)
    assert first.size < 100
    await turns()
    named = {header["id"]: header.get("after") for header in memory.agent.received if header["op"] == "hold"}
    assert named == {2: None, 3: 2, 4: 3}
    memory.agent.answer(3, {"result": {"rc": 0}, "took": 1.5})
    memory.agent.answer(4, {"error": {"kind": NOT_RUN, "message": "no"}})
    await third.over()
    assert first.outcome is None
    assert second.outcome == Reply({"rc": 0}, took=1.5)
    assert isinstance(third.outcome, RequestFailed) and third.outcome.kind == NOT_RUN
    first.forget()


async def test_they_leave_in_one_write(session: AgentSession, memory: MemoryHost) -> None:
    await turns()
    channel, writes = memory.transport.channels[0], []
    channel.on_write = writes.append
    posted = three(session)
    await turns()
    assert len(writes) == 1
    for one in posted:
        one.forget()


async def test_nothing_is_posted_without_a_link(session: AgentSession, memory: MemoryHost) -> None:
    await turns()
    memory.agent.cut()
    assert session.post("echo", {}) is None


async def test_revoking_names_them(session: AgentSession, memory: MemoryHost) -> None:
    posted = three(session)
    await session.revoke(posted[1:])
    assert [header["ids"] for header in memory.agent.received if header["op"] == "revoke"] == [[3, 4]]
    for one in posted:
        one.forget()


async def test_what_is_called_off_is_cancelled_on_the_host(session: AgentSession, memory: MemoryHost) -> None:
    first, second, third = three(session)
    await turns()
    await asyncio.gather(third.call_off(), second.call_off(), first.call_off())
    await turns()
    cancelled = [header["target"] for header in memory.agent.received if header["op"] == "cancel"]
    assert cancelled == [4, 3, 2]
    assert first.outcome is None and memory.agent.held == {}


async def test_what_never_arrived_is_sent_again_with_its_place(session: AgentSession, memory: MemoryHost) -> None:
    first = session.post("hold", {})
    assert first is not None
    await turns()
    memory.agent.swallow = True
    second = session.post("echo", {"word": "lost"}, after=first)
    assert second is not None
    await turns()
    memory.agent.swallow = False
    memory.agent.cut()
    await second.over()
    again = [header for header in memory.agent.received if header["op"] == "echo"]
    assert again == [{"id": 3, "op": "echo", "word": "lost", "after": 2}]
    first.forget()


async def test_what_is_forgotten_and_never_arrived_is_not_sent_again(session: AgentSession, memory: MemoryHost) -> None:
    first = session.post("hold", {})
    assert first is not None
    await turns()
    memory.agent.swallow = True
    second = session.post("command", {"argv": ["true"]}, after=first)
    assert second is not None
    await turns()
    memory.agent.swallow = False
    second.forget()
    memory.agent.cut()
    await until(lambda: "ping" in memory.agent.ops())
    assert "command" not in memory.agent.ops()
    first.forget()


async def test_a_dead_agent_is_not_replaced_while_some_are_on_their_way(
    session: AgentSession, memory: MemoryHost
) -> None:
    posted = three(session)
    await turns()
    memory.kill_agent()
    await posted[2].over()
    assert all(isinstance(one.outcome, Unreachable) for one in posted)
    assert memory.launches == 1


async def test_what_is_forgotten_keeps_no_agent_from_being_replaced(session: AgentSession, memory: MemoryHost) -> None:
    posted = three(session)
    await turns()
    for one in posted:
        one.forget()
    memory.kill_agent()
    assert (await session.request("echo", {"word": "new"})).result == {"said": "new"}
    assert memory.launches == 2
