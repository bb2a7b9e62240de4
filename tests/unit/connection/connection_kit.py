"""What the tests of connections share: a host in memory with a fake agent that speaks the real frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from weft.connection.api import Become
from weft.connection.bootstrap import Launch, Started, start
from weft.connection.channel import Ended, Receiver
from weft.connection.errors import AgentGone
from weft.connection.frames import Frame, FrameReader, encode
from weft.model.errors import Unreachable

PROGRAM = b"the packed agent"


class MemoryChannel:
    """A pipe to a program that is a pair of callbacks."""

    def __init__(self, receiver: Receiver, program: Callable[[MemoryChannel], Any]) -> None:
        self.receiver = receiver
        self.ended = False
        self.written = b""
        self.on_write: Callable[[bytes], None] = lambda data: None
        self.on_close: Callable[[], None] = lambda: None
        self._gone = asyncio.get_running_loop().create_future()
        program(self)

    # what weft calls

    def write(self, data: bytes) -> None:
        if not self.ended and data:
            self.written += data
            self.on_write(data)

    def write_eof(self) -> None: ...

    def close(self) -> None:
        if not self.ended:
            self.on_close()
            self.end(Ended(reason="closed by us"))

    async def wait_closed(self) -> None:
        await self._gone

    # what the program calls

    def say(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(lambda: None if self.ended else self.receiver.on_data(data))

    def complain(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(lambda: None if self.ended else self.receiver.on_error(data))

    def exit(self, rc: int) -> None:
        asyncio.get_running_loop().call_soon(self.end, Ended(rc=rc))

    def end(self, ended: Ended) -> None:
        if not self.ended:
            self.ended = True
            self._gone.set_result(None)
            self.receiver.on_end(ended)


@dataclass
class MemoryTransport:
    """Starts ``program`` for each channel."""

    program: Callable[[str, MemoryChannel], Any]
    commands: list[str] = field(default_factory=list)
    ptys: list[bool] = field(default_factory=list)
    channels: list[MemoryChannel] = field(default_factory=list)
    alive: bool = True

    async def start(self, command: str, receiver: Receiver, *, pty: bool = False) -> MemoryChannel:
        if not self.alive:
            raise Unreachable("the host is down")
        self.commands.append(command)
        self.ptys.append(pty)
        channel = MemoryChannel(receiver, lambda channel: self.program(command, channel))
        self.channels.append(channel)
        return channel

    async def close(self) -> None:
        self.alive = False
        for channel in self.channels:
            channel.close()


class FakeAgent:
    """Answers ``echo`` at once, keeps ``hold`` until ``release``; keeps answers until they are acknowledged."""

    def __init__(self, pid: int = 1) -> None:
        self.pid = pid
        self.token = f"token-{pid}"
        self.received: list[dict[str, Any]] = []
        self.ran: list[int] = []  # ids that were carried out
        self.answers: dict[int, bytes] = {}
        self.held: dict[int, dict[str, Any]] = {}
        self.pushes: list[tuple[int, bytes]] = []
        self.channel: MemoryChannel | None = None
        self.stubborn = False  # what is cancelled goes on until it is released
        self.swallow = False  # take requests off the wire without noticing them

    def serve(self, channel: MemoryChannel, *, resumed: bool = False) -> None:
        """Take over a channel, first words and all."""
        self.channel = channel
        channel.on_write = self._hears(channel, FrameReader())
        channel.on_close = self._forget
        hello = {
            "push": "hello", "protocol": 1, "python": "/usr/bin/python3", "version": [3, 11, 2], "pid": self.pid,
            "uid": 0, "user": "root", "home": "/root", "token": self.token, "boot_id": "b", "hostname": "h",
            "resumed": resumed, "blobs": ["aa"],
        }  # fmt: skip
        channel.say(b"WEFT-AGENT 1\n" + encode(hello))

    def cut(self, reason: str = "the network went away") -> None:
        """The link dies; the agent does not."""
        assert self.channel is not None
        channel, self.channel = self.channel, None
        channel.end(Ended(reason=reason))

    def release(self, number: int, **result: Any) -> None:
        del self.held[number]
        self.answer(number, {"result": result})

    def answer(self, number: int, header: dict[str, Any], payload: bytes = b"") -> None:
        self.answers[number] = encode({"id": number, **header}, payload)
        self.send(self.answers[number])

    def push(self, name: str, **content: Any) -> None:
        number = len(self.pushes) + 1
        self.pushes.append((number, encode({"push": name, "n": number, **content})))
        self.send(self.pushes[-1][1])

    def send(self, data: bytes) -> None:
        if self.channel is not None:
            self.channel.say(data)

    def ops(self) -> list[str]:
        return [header["op"] for header in self.received]

    def _forget(self) -> None:
        self.channel = None

    def _hears(self, channel: MemoryChannel, reader: FrameReader) -> Callable[[bytes], None]:
        def hear(data: bytes) -> None:
            for frame in reader.feed(data):
                if channel is self.channel and not self.swallow:
                    self._take(frame)

        return hear

    def _take(self, frame: Frame) -> None:
        header = frame.header
        self.received.append(header)
        op, number = header["op"], header.get("id", 0)
        if op == "ack":
            for known in header["ids"]:
                self.answers.pop(known, None)
            return
        if op == "resume":
            known = {*self.ran, *self.held}
            self.answer(number, {"result": {"unknown": [n for n in header["ids"] if n not in known and n != number]}})
            for kept in header["ids"]:
                if kept in self.answers:
                    self.send(self.answers[kept])
            for pushed, data in self.pushes:
                if pushed > header["pushes"]:
                    self.send(data)
            return
        assert number not in self.ran, f"request {number} ran twice"
        self.ran.append(number)
        if op in ("hold", "module"):
            self.held[number] = header
        elif op == "cancel" and self.stubborn:
            self.answer(number, {"result": {"cancelled": True}})
        elif op == "cancel":
            held = self.held.pop(header["target"], None)
            if held:
                self.answer(header["target"], {"error": {"kind": "cancelled", "message": "cancelled"}})
            self.answer(number, {"result": {"cancelled": held is not None}})
        elif op == "fail":
            self.answer(number, {"error": {"kind": "os", "message": "No such file", "errno": 2}})
        elif op == "bye":
            self.answer(number, {"result": {}})
            channel, self.channel = self.channel, None
            if channel is not None:
                channel.exit(0)
        elif op == "configure":
            self.answer(number, {"result": {"socket": "/run/agent"}})
        else:
            self.answer(number, {"result": {"said": header.get("word")}}, frame.payload[::-1])


class MemoryHost:
    """A host that starts fake agents, and lets a controller back to those that wait."""

    def __init__(self) -> None:
        self.agents: list[FakeAgent] = []
        self.transport = MemoryTransport(self._run)
        self.down = False
        self.launches = 0
        self.rejoins = 0
        self.released = 0

    @property
    def agent(self) -> FakeAgent:
        return self.agents[-1]

    def kill_agent(self) -> None:
        agent = self.agents.pop()
        if agent.channel is not None:
            agent.channel.end(Ended(rc=137, signal="SIGKILL"))

    def _run(self, command: str, channel: MemoryChannel) -> None:
        def program(data: bytes) -> None:
            if not channel.written.startswith(PROGRAM):
                return
            if command == "agent":
                self.agents.append(FakeAgent(pid=len(self.agents) + 100))
                self.agent.serve(channel)
            else:
                token = command.split()[1]
                found = [agent for agent in self.agents if agent.token == token]
                if found:
                    found[0].serve(channel, resumed=True)
                else:
                    channel.say(b"WEFT-GONE nobody\n")
                    channel.exit(3)

        channel.on_write = program
        channel.say(b"Welcome to this host!\nWEFT-PYTHON /usr/bin/python3\n")

    # a Connector

    @property
    def connected(self) -> bool:
        return not self.down

    async def launch(self) -> Started:
        self.launches += 1
        return await self._start("agent")

    async def rejoin(self, token: str, socket: str | None) -> Started:
        self.rejoins += 1
        if socket is None:
            raise AgentGone
        return await self._start(f"relay {token}")

    async def release(self) -> None:
        self.released += 1

    async def _start(self, command: str) -> Started:
        if self.down:
            raise Unreachable("the host is down")
        started = await start(self.transport, Launch(command=command, payload=PROGRAM))
        assert started is not None
        return started


def become(**given: Any) -> Become:
    return Become(**{"method": "sudo", "user": "app", **given})


async def turns(count: int = 10) -> None:
    """Let everything that is ready run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop go on until something is so, at most five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
