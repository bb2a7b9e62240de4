"""A live agent on a host: requests and answers, pushes, and mending of the link underneath.

Comes after ``exchange`` (what to say), ``bootstrap`` (how an agent comes up) and ``reconnect`` (when to try); ``pool``
makes these. One session has one agent; its links come and go.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from weft.connection import hoststate
from weft.connection.api import AgentInfo, Posted, Reply, Target
from weft.connection.bootstrap import Started
from weft.connection.channel import Ended
from weft.connection.errors import AgentGone, BrokenFrames
from weft.connection.exchange import Callback, Exchange, Pushed, Request, Settled, Streamed
from weft.connection.frames import Frame, FrameReader
from weft.connection.posted import SessionPosted, settler
from weft.connection.reconnect import next_try
from weft.model.errors import Unreachable, WeftError

HELLO_TIMEOUT = 60.0  # seconds from the agent's first line to its first frame
BYE_TIMEOUT = 2.0
_PROGRAMS = frozenset({"command", "module", "raw"})  # requests for which something runs on the host
_PROGRAM_ENDS = 3.0  # how long the end of what was cancelled may take: TERM, 2 s, KILL, and the link
_ACK_AFTER = 1.0  # seconds that an answer may stay unacknowledged on an idle link
_ACK_AT = 64  # answers
_KEPT_ERRORS = 8192  # bytes of stderr kept for messages


class Connector(Protocol):
    """Where a session's links come from."""

    @property
    def connected(self) -> bool:
        """Whether the host can be asked without connecting first."""

    async def launch(self) -> Started:
        """Bring up a new agent. Raises Unreachable, TaskFailed."""

    async def rejoin(self, token: str, socket: str | None) -> Started:
        """Reach the agent that is already there. Raises AgentGone, Unreachable."""

    async def release(self) -> None:
        """No more links are wanted."""


class State(enum.Enum):
    UP = "up"
    IDLE = "down, nobody waits"
    MENDING = "mending"
    CLOSED = "closed"


class AgentSession:
    """Implements ``Session``. Made by ``open_session``; ``on_gone`` is called once when it can't be used any more."""

    def __init__(
        self,
        target: Target,
        connector: Connector,
        *,
        window: float,
        linger: float,
        on_gone: Callable[[AgentSession], None] = lambda session: None,
    ) -> None:
        self._target = target
        self._connector = connector
        self._window = window
        self._linger = linger
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._exchange = Exchange()
        self._callbacks: dict[str, list[Callback]] = {}
        self._link: _Link | None = None
        self._state = State.MENDING
        self._mending: asyncio.Task[None] | None = None
        self._info: AgentInfo | None = None
        self._token = ""
        self._socket: str | None = None
        self._outbox: list[bytes] = []
        self._ack_timer: asyncio.TimerHandle | None = None
        self._why_closed = ""

    def __repr__(self) -> str:
        who = f"{self._info.user}@{self._target.host}" if self._info else self._target.host
        return f"<AgentSession {who} {self._state.value} {self._exchange!r}>"

    @property
    def target(self) -> Target:
        return self._target

    @property
    def info(self) -> AgentInfo | None:
        return self._info

    @property
    def alive(self) -> bool:
        return self._state is not State.CLOSED

    # what sessions are for

    async def request(
        self,
        op: str,
        arguments: Mapping[str, Any] | None = None,
        payload: bytes = b"",
        *,
        on_stream: Callback | None = None,
    ) -> Reply:
        if self._state is State.CLOSED:
            raise Unreachable(self._why_closed)
        request = self._exchange.make(op, arguments, payload, on_stream)
        future: asyncio.Future[Reply] = self._loop.create_future()
        request.settle = settler(future)
        self._issue(request)
        try:
            return await future
        except asyncio.CancelledError:
            await self.call_off(request)
            raise

    def post(self, op: str, arguments: Mapping[str, Any], *, after: Posted | None = None) -> Posted | None:
        if self._state is not State.UP:
            return None
        request = self._exchange.make(op, arguments)
        if after is not None:
            assert isinstance(after, SessionPosted) and after.request.number is not None
            request.after = after.request
        posted = SessionPosted(self, request, self._loop)
        self._issue(request)
        return posted

    async def revoke(self, posted: Sequence[Posted]) -> None:
        ids = [one.request.number for one in posted if isinstance(one, SessionPosted)]
        await self.request("revoke", {"ids": ids})

    async def call_off(self, request: Request) -> None:
        """Nobody waits for it any more. What runs for it on the host gets TERM, then KILL: that is waited for."""
        link = self._link
        goodbye = self._exchange.drop(request)
        self._write(goodbye)
        if not goodbye or request.op not in _PROGRAMS or self._state is not State.UP or link is None:
            return
        over: asyncio.Future[Reply] = self._loop.create_future()
        # the answer may be an error, which nobody has to hear of
        request.settle = lambda outcome: None if over.done() else over.set_result(Reply({}))
        try:
            await _first(over, link.over, timeout=_PROGRAM_ENDS)
        finally:
            request.settle = None

    def forget(self, request: Request) -> None:
        """Nobody waits for it, and it ends by itself."""
        self._exchange.forget(request)

    def on_push(self, name: str, callback: Callback) -> Callable[[], None]:
        callbacks = self._callbacks.setdefault(name, [])
        callbacks.append(callback)
        return lambda: callbacks.remove(callback) if callback in callbacks else None

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer of the agent."""
        return self._exchange.idle

    async def close(self) -> None:
        if self._state is State.IDLE and self._connector.connected:
            await self._go_back()
        links, mending = [self._link], self._mending
        if self._state is not State.CLOSED:
            try:
                if self._state is State.UP:
                    await self._say_goodbye()
            finally:
                links.append(self._link)
                self._shut("The session was closed.")
            for link in filter(None, links):
                await link.started.channel.wait_closed()
            await self._connector.release()
        if mending is not None and mending is not asyncio.current_task():
            await asyncio.wait([mending])

    async def _say_goodbye(self) -> None:
        """Have the agent end. If the link goes before it has heard that, it is told again on another one."""
        goodbye = self._exchange.make("bye", None)
        self._issue(goodbye)
        self._flush()
        if await self._is_over() and self._exchange.awaits(goodbye) and self._connector.connected:
            if self._state is State.IDLE:
                await self._go_back()
            elif self._mending is not None:
                await asyncio.wait([self._mending], timeout=BYE_TIMEOUT)
            await self._is_over()

    async def _is_over(self) -> bool:
        """Whether the link ends by itself."""
        link = self._link
        if link is None:
            return False
        await asyncio.wait([link.over], timeout=BYE_TIMEOUT)
        return link.over.done()

    async def _go_back(self) -> None:
        """The agent waits for us; so that it need not do so in vain, tell it goodbye."""
        self._state = State.MENDING
        with contextlib.suppress(WeftError, TimeoutError):
            async with asyncio.timeout(BYE_TIMEOUT):
                await self._rejoin()

    # links

    async def start(self, started: Started) -> None:
        """Take over an agent that has just come up. Raises Unreachable."""
        try:
            await self._adopt(started)
        except BaseException:
            self._shut("The agent did not come up.")
            raise

    async def _adopt(self, started: Started) -> None:
        await self._greet(started)
        self._state = State.UP
        self._configure()

    async def _greet(self, started: Started) -> _Link:
        """Wait for the first words on a new link. Raises Unreachable."""
        link = _Link(self, started)
        self._link = link
        started.attach(link)
        await _first(link.hello, link.over, timeout=HELLO_TIMEOUT)
        if link.over.done() or not link.hello.done():
            self._link = None
            link.drop()
            why = str(link.over.result()) if link.over.done() else f"no greeting within {HELLO_TIMEOUT:.0f} seconds"
            raise Unreachable(f"The agent on {self._target.host} did not come up: {link.explained(why)}")
        self._said_hello(link.hello.result().header)
        return link

    def _said_hello(self, hello: Mapping[str, Any]) -> None:
        version = [*hello.get("version", ()), 0, 0, 0][:3]
        self._token = str(hello.get("token", ""))
        self._info = AgentInfo(
            python=str(hello.get("python", "")),
            version=(int(version[0]), int(version[1]), int(version[2])),
            pid=int(hello.get("pid", 0)),
            uid=int(hello.get("uid", -1)),
            user=str(hello.get("user", "")),
            home=str(hello.get("home", "")),
            boot_id=str(hello.get("boot_id", "")),
            hostname=str(hello.get("hostname", "")),
            discovered=self._target.interpreter.startswith("auto"),
            blobs=frozenset(hello.get("blobs") or ()),
        )

    def _configure(self) -> None:
        arguments = {
            "async_dir": self._target.async_dir,
            "remote_tmp": self._target.remote_tmp,
            "linger": self._linger,
        }
        request = self._exchange.make("configure", arguments)

        def settled(outcome: Reply | WeftError) -> None:
            if isinstance(outcome, Reply):
                self._socket = outcome.result.get("socket")

        request.settle = settled
        self._issue(request)

    def _lost(self, link: _Link, ended: Ended) -> None:
        if link is not self._link:
            return
        self._link = None
        if self._state is State.UP:
            self._state = State.IDLE
            if self._exchange.needs_link or any(self._callbacks.values()):
                self._mend(link.explained(str(ended)))

    def _mend(self, why: str) -> None:
        self._state = State.MENDING
        self._mending = self._loop.create_task(self._try_to_mend(why), name=f"mend {self._target.host}")

    async def _try_to_mend(self, why: str) -> None:
        began, attempt = self._loop.time(), 0
        while (pause := next_try(attempt, self._loop.time() - began, self._window, random.random())) is not None:
            await asyncio.sleep(pause)
            attempt += 1
            try:
                await self._rejoin()
                return
            except AgentGone as gone:
                if not self._exchange.renew():
                    lost = f"The connection to {self._target.host} was lost ({why}), and with it what ran there: {gone}"
                    await self._give_up(lost)
                    return
            except WeftError as error:
                why = error.message
                continue
            hoststate.forget(self)
            try:
                await self._adopt(await self._connector.launch())
                self._write(self._exchange.flush())
                return
            except WeftError as error:
                why = error.message
        limit = f" and could not be restored within {self._window:.0f} seconds" if self._window > 0 else ""
        await self._give_up(f"The connection to {self._target.host} was lost{limit}: {why}")

    async def _rejoin(self) -> None:
        """A new link to the agent that is there. Raises AgentGone, Unreachable."""
        link = await self._greet(await self._connector.rejoin(self._token, self._socket))
        request = self._exchange.resume()
        answer: asyncio.Future[Reply] = self._loop.create_future()
        request.settle = settler(answer)
        link.started.channel.write(self._exchange.send(request))
        await _first(answer, link.over)
        if link.over.done():
            answer.cancel()
            self._exchange.drop(request)
            raise Unreachable(str(link.over.result()))
        self._state = State.UP
        unknown = answer.result().result.get("unknown") or []
        self._write(self._exchange.resend(unknown) + self._exchange.flush())

    async def _give_up(self, why: str) -> None:
        self._shut(why)
        await self._connector.release()

    def _shut(self, why: str) -> None:
        """The end, however it came: nothing is sent or waited for any more."""
        if self._state is State.CLOSED:
            return
        self._state, self._why_closed = State.CLOSED, why
        if self._mending is not None and self._mending is not asyncio.current_task():
            self._mending.cancel()
        if self._ack_timer is not None:
            self._ack_timer.cancel()
        if self._link is not None:
            self._link.drop()
            self._link = None
        for request in self._exchange.abandon():
            if request.settle is not None:
                request.settle(Unreachable(why))
        self._on_gone(self)

    # frames

    def _issue(self, request: Request) -> None:
        if self._state is State.UP:
            self._write(self._exchange.send(request))
            return
        self._exchange.queue(request)
        if self._state is State.IDLE:
            self._mend("the connection was lost")

    def _write(self, data: bytes) -> None:
        """Queue bytes; all of one turn of the loop leave together."""
        if not data or self._state is not State.UP:
            return
        if not self._outbox:
            self._loop.call_soon(self._flush)
        self._outbox.append(data)

    def _flush(self) -> None:
        if not self._outbox:
            return
        outbox, self._outbox = self._outbox, []
        if self._link is not None:
            outbox.append(self._exchange.acknowledge())
            self._link.started.channel.write(b"".join(outbox))

    def _acknowledge(self) -> None:
        self._ack_timer = None
        self._write(self._exchange.acknowledge())

    def _received(self, frame: Frame) -> None:
        for outcome in self._exchange.take(frame):
            match outcome:
                case Settled(request, result):
                    if request.settle is not None:
                        request.settle(result)
                case Streamed(request, content, payload):
                    if request.on_stream is not None:
                        self._call(request.on_stream, content, payload)
                case Pushed(name, content, payload):
                    for callback in tuple(self._callbacks.get(name, ())):
                        self._call(callback, content, payload)
        if self._exchange.unacknowledged >= _ACK_AT:
            self._write(self._exchange.acknowledge())
        elif self._exchange.unacknowledged and self._ack_timer is None and self._state is State.UP:
            self._ack_timer = self._loop.call_later(_ACK_AFTER, self._acknowledge)

    def _call(self, callback: Callback, content: Mapping[str, Any], payload: bytes) -> None:
        """A callback that fails must not take the link with it."""
        try:
            callback(content, payload)
        except Exception as error:
            self._loop.call_exception_handler({"message": f"a callback of {self!r} failed", "exception": error})


class _Link:
    """One channel to the agent: takes its bytes apart and notices its end."""

    def __init__(self, session: AgentSession, started: Started) -> None:
        loop = asyncio.get_running_loop()
        self.started = started
        self.hello: asyncio.Future[Frame] = loop.create_future()
        self.over: asyncio.Future[Ended] = loop.create_future()
        self._session = session
        self._reader = FrameReader()
        self._errors = b""

    def explained(self, why: str) -> str:
        """Why it ended, and what stderr said of it; a client program's last words are in its reason already."""
        errors = self._errors.decode("utf-8", "replace").strip()
        return why if not errors or errors.splitlines()[-1] in why else f"{why}: {errors}"

    def drop(self) -> None:
        self.started.channel.close()

    def on_data(self, data: bytes) -> None:
        if self.over.done():
            return
        try:
            frames = self._reader.feed(data)
        except BrokenFrames as error:
            self.on_end(Ended(reason=error.message))
            self.drop()
            return
        for frame in frames:
            if self.hello.done():
                self._session._received(frame)
            elif frame.header.get("push") == "hello":
                self.hello.set_result(frame)

    def on_error(self, data: bytes) -> None:
        self._errors = (self._errors + data)[-_KEPT_ERRORS:]

    def on_end(self, ended: Ended) -> None:
        if not self.over.done():
            self.over.set_result(ended)
            self._session._lost(self, ended)


async def _first(*futures: asyncio.Future[Any], timeout: float | None = None) -> None:
    """Until one of them is done, or ``timeout`` seconds have passed."""
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
