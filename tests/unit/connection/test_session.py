"""A session with an agent: requests, pushes, cancelling, and links that die."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from connection_kit import MemoryHost, turns, until

from weft.connection.api import RequestFailed, Target
from weft.connection.channel import Ended
from weft.connection.session import AgentSession
from weft.model.errors import Unreachable


async def test_a_request_is_answered(session: AgentSession) -> None:
    reply = await session.request("echo", {"word": "hi"}, b"abc")
    assert (reply.result, reply.payload) == ({"said": "hi"}, b"cba")


async def test_the_agent_says_who_it_is(session: AgentSession) -> None:
    assert session.info is not None
    assert (session.info.python, session.info.version, session.info.user) == ("/usr/bin/python3", (3, 11, 2), "root")
    assert session.info.discovered and session.info.blobs == {"aa"}


async def test_a_failed_request_keeps_its_kind(session: AgentSession) -> None:
    with pytest.raises(RequestFailed, match="No such file") as caught:
        await session.request("fail")
    assert (caught.value.kind, caught.value.detail["errno"]) == ("os", 2)


async def test_requests_run_side_by_side(session: AgentSession, memory: MemoryHost) -> None:
    slow = asyncio.create_task(session.request("hold"))
    await turns()
    assert (await session.request("echo", {"word": "first"})).result == {"said": "first"}
    memory.agent.release(2, said="then")
    assert (await slow).result == {"said": "then"}


async def test_many_requests_of_one_moment_leave_in_one_write(session: AgentSession, memory: MemoryHost) -> None:
    channel = memory.transport.channels[0]
    await turns()
    writes: list[bytes] = []
    hear = channel.on_write
    channel.on_write = lambda data: (writes.append(data), hear(data))[1]
    await asyncio.gather(*(session.request("echo", {"word": n}) for n in range(50)))
    assert len(writes) == 1


async def test_answers_are_acknowledged_with_the_next_request(session: AgentSession, memory: MemoryHost) -> None:
    await session.request("echo")
    await session.request("echo")
    await session.request("echo")
    await turns()
    assert len(memory.agent.answers) <= 1


async def test_cancelling_ends_it_on_the_host(session: AgentSession, memory: MemoryHost) -> None:
    task = asyncio.create_task(session.request("hold"))
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await turns()
    assert memory.agent.held == {}
    assert memory.agent.received[-1]["op"] in ("cancel", "ack")


async def test_a_cancelled_program_is_waited_for(session: AgentSession, memory: MemoryHost) -> None:
    memory.agent.stubborn = True
    task = asyncio.create_task(session.request("module"))
    await turns()
    task.cancel()
    await turns()
    assert not task.done(), "it was told to end, and has not ended"
    memory.agent.release(next(iter(memory.agent.held)))
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_program_behind_a_lost_link_is_not_waited_for(
    session: AgentSession, memory: MemoryHost
) -> None:
    memory.agent.stubborn = True
    task = asyncio.create_task(session.request("module"))
    await turns()
    task.cancel()
    await turns()
    assert not task.done()
    memory.agent.cut()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_pushes_reach_all_who_listen(session: AgentSession, memory: MemoryHost) -> None:
    heard: list[Any] = []
    stop = session.on_push("job", lambda content, payload: heard.append(content["jid"]))
    session.on_push("job", lambda content, payload: heard.append("too"))
    memory.agent.push("job", jid="j1")
    await turns()
    stop()
    memory.agent.push("job", jid="j2")
    await turns()
    assert heard == ["j1", "too", "too"]


async def test_a_callback_that_fails_hurts_nobody_else(session: AgentSession, memory: MemoryHost) -> None:
    problems: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context["exception"]))
    heard: list[Any] = []
    session.on_push("job", lambda content, payload: 1 / 0)
    session.on_push("job", lambda content, payload: heard.append(content["jid"]))
    memory.agent.push("job", jid="j1")
    await turns()
    assert heard == ["j1"] and isinstance(problems[0], ZeroDivisionError)


async def test_arguments_that_can_not_be_sent_fail_the_request_only(session: AgentSession) -> None:
    with pytest.raises(TypeError, match="can't be sent"):
        await session.request("echo", {"word": object()})
    assert (await session.request("echo", {"word": 1})).result == {"said": 1}


# links that die


async def test_a_lost_link_is_mended_and_nothing_runs_twice(session: AgentSession, memory: MemoryHost) -> None:
    slow = asyncio.create_task(session.request("hold"))
    await turns()
    memory.agent.cut()
    during = asyncio.create_task(session.request("echo", {"word": "during"}))
    assert (await during).result == {"said": "during"}
    memory.agent.release(2, done=True)
    assert (await slow).result == {"done": True}
    assert (memory.launches, memory.rejoins) == (1, 1)
    assert memory.agent.ran == sorted(set(memory.agent.ran))


async def test_an_answer_that_was_on_its_way_comes_again(session: AgentSession, memory: MemoryHost) -> None:
    slow = asyncio.create_task(session.request("hold"))
    await turns()
    channel, memory.agent.channel = memory.agent.channel, None
    memory.agent.release(2, done=True)  # nobody is there to hear it
    assert channel is not None
    channel.end(Ended(reason="gone"))
    assert (await slow).result == {"done": True}


async def test_a_request_that_never_arrived_is_sent_again(session: AgentSession, memory: MemoryHost) -> None:
    memory.agent.swallow = True
    task = asyncio.create_task(session.request("echo", {"word": "lost"}))
    await turns()
    memory.agent.swallow = False
    memory.agent.cut()
    assert (await task).result == {"said": "lost"}


async def test_an_idle_session_reconnects_when_it_is_needed(session: AgentSession, memory: MemoryHost) -> None:
    await session.request("echo")
    memory.agent.cut()
    await turns()
    assert memory.rejoins == 0
    await session.request("echo")
    assert memory.rejoins == 1


async def test_who_listens_for_pushes_is_reconnected_at_once(session: AgentSession, memory: MemoryHost) -> None:
    heard = asyncio.Event()
    session.on_push("job", lambda content, payload: heard.set())
    await session.request("echo")
    channel, memory.agent.channel = memory.agent.channel, None
    memory.agent.push("job", jid="j")  # while the link is down
    assert channel is not None
    channel.end(Ended(reason="gone"))
    await asyncio.wait_for(heard.wait(), 5)


async def test_it_goes_on_trying_until_the_host_is_back(session: AgentSession, memory: MemoryHost) -> None:
    memory.down = True
    memory.agent.cut()
    task = asyncio.create_task(session.request("echo", {"word": "back"}))
    await until(lambda: memory.rejoins == 1)
    memory.down = False
    assert (await task).result == {"said": "back"}
    assert memory.rejoins == 2


async def test_unreachable_when_the_window_is_over(memory: MemoryHost, target: Target) -> None:
    gone: list[AgentSession] = []
    session = AgentSession(target, memory, window=0.05, linger=1.0, on_gone=gone.append)
    await session.start(await memory.launch())
    task = asyncio.create_task(session.request("hold"))
    await turns()
    memory.down = True
    memory.agent.cut()
    with pytest.raises(Unreachable, match="web1 was lost and could not be restored within 0 seconds: the host is down"):
        await task
    assert gone == [session] and not session.alive
    with pytest.raises(Unreachable):
        await session.request("echo")
    await session.close()
    assert memory.released == 1


async def test_a_dead_agent_with_work_is_lost(session: AgentSession, memory: MemoryHost) -> None:
    task = asyncio.create_task(session.request("hold"))
    await turns()
    memory.kill_agent()
    with pytest.raises(Unreachable, match=r"killed by signal SIGKILL.*with it what ran there: the agent is gone"):
        await task


async def test_a_dead_agent_without_work_is_replaced(session: AgentSession, memory: MemoryHost) -> None:
    await session.request("echo")
    memory.kill_agent()
    assert (await session.request("echo", {"word": "new"})).result == {"said": "new"}
    assert memory.launches == 2
    assert memory.agent.ran[0] == 1


async def test_a_link_that_dies_again_while_it_is_mended(session: AgentSession, memory: MemoryHost) -> None:
    task = asyncio.create_task(session.request("hold"))
    await turns()
    memory.agent.cut()
    await until(lambda: memory.rejoins == 1)
    await asyncio.sleep(0)
    memory.transport.channels[-1].end(Ended(reason="again"))
    await until(lambda: memory.agent.channel is not None and "resume" in memory.agent.ops())
    await turns()
    memory.agent.release(2, done=True)
    assert (await task).result == {"done": True}


async def test_output_that_is_no_frame_ends_the_link_not_the_session(session: AgentSession, memory: MemoryHost) -> None:
    task = asyncio.create_task(session.request("hold"))
    await turns()
    memory.agent.send(b"something else printed this to stdout")
    await until(lambda: memory.rejoins == 1)
    await turns(20)
    memory.agent.release(2, done=True)
    assert (await task).result == {"done": True}


# the end


async def test_closing_says_goodbye(memory: MemoryHost, target: Target) -> None:
    session = AgentSession(target, memory, window=30.0, linger=60.0)
    await session.start(await memory.launch())
    agent = memory.agent
    await session.close()
    await session.close()
    assert agent.ops()[-1] == "bye" and memory.released == 1
    assert memory.transport.channels[0].ended


async def test_an_agent_that_waits_for_us_is_told_goodbye(memory: MemoryHost, target: Target) -> None:
    session = AgentSession(target, memory, window=30.0, linger=60.0)
    await session.start(await memory.launch())
    await session.request("echo")
    memory.agent.cut()
    await session.close()
    assert memory.agent.ops()[-1] == "bye"


async def test_a_goodbye_that_is_lost_with_the_link_is_said_again(memory: MemoryHost, target: Target) -> None:
    session = AgentSession(target, memory, window=30.0, linger=60.0)
    await session.start(await memory.launch())
    await session.request("echo")
    agent = memory.agent
    agent.swallow = True
    closing = asyncio.create_task(session.close())
    await turns()
    agent.swallow = False
    agent.cut()
    await closing
    assert agent.ops().count("bye") == 1 and memory.rejoins == 1
    assert all(channel.ended for channel in memory.transport.channels)


async def test_closing_ends_what_waits(memory: MemoryHost, target: Target) -> None:
    session = AgentSession(target, memory, window=30.0, linger=60.0)
    await session.start(await memory.launch())
    task = asyncio.create_task(session.request("hold"))
    await turns()
    await session.close()
    with pytest.raises(Unreachable, match="closed"):
        await task


async def test_closing_while_the_link_is_mended(memory: MemoryHost, target: Target) -> None:
    session = AgentSession(target, memory, window=30.0, linger=60.0)
    await session.start(await memory.launch())
    memory.down = True
    task = asyncio.create_task(session.request("hold"))
    await turns()
    memory.agent.cut()
    await turns()
    await session.close()
    with pytest.raises(Unreachable):
        await task


async def test_repr_tells_the_state(session: AgentSession, memory: MemoryHost) -> None:
    await session.request("echo")
    assert repr(session).startswith("<AgentSession root@web1 up <Exchange next=3 waiting=[]")
