"""Sessions without hosts, for tests of everything above the connection layer.

A ``FakeSessions`` stands for a whole run's pool; each target gets a ``FakeSession`` that answers from a script:

    sessions = FakeSessions()
    web = sessions.host("web1")
    web.answers("command", {"rc": 0, "stdout": "hi", "changed": True})        # always
    web.answers("module", Reply({...}), RequestFailed("os", "no"), then=...)  # one after the other, then `then`
    web.answers("module", lambda call: {...}, when=lambda call: call.arguments["name"] == "copy")
    web.latency = 2.0                                                         # seconds each request takes
    web.answers("job.wait", {"jobs": {}}, after=30.0)                         # seconds this one takes

Use ``run_virtual`` (tests/support/virtual_time.py) and the seconds are virtual. Faults: ``web.unreachable("why")`` for
opening, ``web.lose("why")`` for what runs and what follows, ``web.hangs("command")``. ``web.push("job", {...})`` calls
those who listen. What was asked is in ``web.calls`` (and ``sessions.calls``, over all hosts, in order).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from weft.connection.api import NOT_RUN, AgentInfo, Posted, Reply, RequestFailed, Target
from weft.model.errors import Unreachable, WeftError

Answer = Reply | Mapping[str, Any] | BaseException | Callable[["Call"], Any]
Callback = Callable[[Mapping[str, Any], bytes], None]


@dataclass(slots=True)
class Call:
    """One request as it came in. ``at`` is the loop's time; ``outcome`` says how it ended, if it has."""

    host: str
    user: str | None
    op: str
    arguments: Mapping[str, Any]
    payload: bytes = b""
    at: float = 0.0
    outcome: str = "running"  # running | answered | failed | cancelled | lost
    on_stream: Callback | None = field(default=None, repr=False)

    def stream(self, content: Mapping[str, Any], payload: bytes = b"") -> None:
        """Say something before the end; for answers that are functions."""
        if self.on_stream is not None:
            self.on_stream(content, payload)


@dataclass(slots=True)
class _Script:
    op: str
    answers: list[Answer]
    then: Answer | None
    when: Callable[[Call], bool] | None
    after: float | None

    def applies(self, call: Call) -> bool:
        return self.op in (call.op, "*") and (self.when is None or self.when(call))

    def next(self) -> Answer:
        if len(self.answers) > 1 or (self.then is not None and self.answers):
            return self.answers.pop(0)
        if self.answers:
            return self.answers[0]
        assert self.then is not None
        return self.then


class FakeHost:
    """What one host does, whoever is on it. The script that was added last and applies counts."""

    def __init__(self, name: str, calls: list[Call]) -> None:
        self.name = name
        self.latency = 0.0  # seconds for each request
        self.round_trip = 0.0  # seconds of it that are spent on the way
        self.wary: Callable[[Reply], bool] = lambda reply: False  # what the agent does not take for a good end
        self.posts = True  # whether requests can be sent ahead of answers
        self.open_latency = 0.0
        self.python: str | None = "/usr/bin/python3"  # None: a host without Python
        self.calls: list[Call] = []
        self.sessions: list[FakeSession] = []
        self.opened = 0
        self._all = calls
        self._scripts: list[_Script] = []
        self._refusal: BaseException | None = None
        self._lost: str | None = None
        self._waiting: set[asyncio.Future[Any]] = set()

    def __repr__(self) -> str:
        return f"<FakeHost {self.name} calls={[call.op for call in self.calls]}>"

    # scripting

    def answers(
        self,
        op: str,
        *answers: Answer,
        then: Answer | None = None,
        when: Callable[[Call], bool] | None = None,
        after: float | None = None,
    ) -> FakeHost:
        """Answer ``op`` (``*``: any) with these one after the other; the last (or ``then``) again and again."""
        self._scripts.append(_Script(op, list(answers), then, when, after))
        return self

    def hangs(self, op: str, *, when: Callable[[Call], bool] | None = None) -> FakeHost:
        """Never answer; such a request ends when it is cancelled or the host is lost."""
        self._scripts.append(_Script(op, [_hang], None, when, None))
        return self

    # faults

    def unreachable(self, why: str | BaseException = "Connection refused") -> None:
        """Refuse to open, until ``back``."""
        self._refusal = why if isinstance(why, BaseException) else Unreachable(why)

    def lose(self, why: str = "The connection was lost") -> None:
        """Everything that runs and everything after it is unreachable, until ``back``; pushes stop."""
        self._lost = why
        for future in tuple(self._waiting):
            if not future.done():
                future.set_exception(Unreachable(why))

    def back(self) -> None:
        self._lost = self._refusal = None

    def push(self, name: str, content: Mapping[str, Any], payload: bytes = b"") -> None:
        """Call those of this host's sessions that listen for ``name``."""
        for session in self.sessions:
            session.hear(name, content, payload)

    # what sessions use

    async def open(self) -> None:
        await asyncio.sleep(self.open_latency)
        if self._lost is not None:
            raise Unreachable(self._lost)
        if self._refusal is not None:
            raise self._refusal
        self.opened += 1

    async def ask(self, call: Call) -> Reply:
        self.calls.append(call)
        self._all.append(call)
        try:
            if self._lost is not None:
                raise Unreachable(self._lost)
            script = next((known for known in reversed(self._scripts) if known.applies(call)), None)
            answer = script.next() if script else _default(call)
            delay = script.after if script and script.after is not None else self.latency
            reply = await self._or_lost(_come(answer, delay, call))
        except BaseException as error:
            kinds = {asyncio.CancelledError: "cancelled", Unreachable: "lost"}
            call.outcome = kinds.get(type(error), "failed")
            raise
        call.outcome = "answered"
        return reply

    async def _or_lost(self, coming: Any) -> Reply:
        """The answer, unless the host is lost first."""
        lost: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(coming)
        self._waiting.add(lost)
        try:
            await asyncio.wait({lost, task}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                lost.result()
            reply: Reply = task.result()
            return reply
        finally:
            self._waiting.discard(lost)
            lost.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait([task])


async def _come(answer: Answer, delay: float, call: Call) -> Reply:
    await asyncio.sleep(delay)
    given: Any = answer
    if callable(given) and not isinstance(given, BaseException):
        given = given(call)
        if asyncio.iscoroutine(given):
            given = await given
    if isinstance(given, BaseException):
        raise given
    return given if isinstance(given, Reply) else Reply(dict(given))


async def _hang(call: Call) -> Reply:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")


def _default(call: Call) -> Answer:
    """What any agent answers."""
    plain: dict[str, Answer] = {
        "ping": {},
        "configure": {"socket": None},
        "cancel": {"cancelled": True},
        "put_blobs": {},
        "put": {"size": len(call.payload)},
        "tempdir": {"path": "/home/fake/.ansible/tmp/weft-1"},
        "remove": {},
        "environment": {"values": {}},
        "expand": {"paths": list(call.arguments.get("paths", ()))},
        "lock.acquire": {"lease": "fake"},
        "lock.release": {},
        "job.watch": {},
        "bye": {},
        "command": {
            "changed": True, "rc": 0, "stdout": "", "stderr": "", "msg": "",
            "cmd": call.arguments.get("argv") or call.arguments.get("shell"),
            "start": "2000-01-01 00:00:00.000000", "end": "2000-01-01 00:00:00.000000", "delta": "0:00:00.000000",
        },
        "module": Reply({"rc": 0, "stdout_len": 18, "stderr_len": 0}, b'{"changed": false}'),
        "raw": {"rc": 0, "stdout_len": 0, "stderr_len": 0},
    }  # fmt: skip
    if call.op not in plain:
        return RequestFailed("unknown-op", f"the fake agent has no answer for {call.op!r}")
    return plain[call.op]


class FakeSession:
    """Implements ``Session``."""

    def __init__(self, target: Target, host: FakeHost) -> None:
        self._target = target
        self._host = host
        self._callbacks: dict[str, list[Callback]] = {}
        self.closed = False

    def __repr__(self) -> str:
        return f"<FakeSession {self._target.host}{' closed' if self.closed else ''}>"

    @property
    def target(self) -> Target:
        return self._target

    @property
    def info(self) -> AgentInfo | None:
        if self._host.python is None:
            return None
        user = self._target.become.user if self._target.become else self._target.user or "fake"
        return AgentInfo(
            python=self._host.python, version=(3, 11, 2), pid=1, uid=0 if user == "root" else 1000, user=user,
            home=f"/home/{user}", boot_id="fake-boot", hostname=self._target.host,
            discovered=self._target.interpreter.startswith("auto"),
        )  # fmt: skip

    async def request(
        self,
        op: str,
        arguments: Mapping[str, Any] | None = None,
        payload: bytes = b"",
        *,
        on_stream: Callback | None = None,
    ) -> Reply:
        if self.closed:
            raise Unreachable("The session was closed.")
        half = self._host.round_trip / 2
        await asyncio.sleep(half)
        reply = await self.run(op, arguments, payload, on_stream)
        await asyncio.sleep(half)
        return reply

    async def run(
        self, op: str, arguments: Mapping[str, Any] | None, payload: bytes = b"", on_stream: Callback | None = None
    ) -> Reply:
        """What the agent does."""
        user = self._target.become.user if self._target.become else self._target.user
        now = asyncio.get_running_loop().time()
        return await self._host.ask(
            Call(self._target.host, user, op, dict(arguments or {}), payload, now, "running", on_stream)
        )

    def post(self, op: str, arguments: Mapping[str, Any], *, after: Posted | None = None) -> Posted | None:
        if self.closed or not self._host.posts:
            return None
        assert after is None or isinstance(after, FakePosted)
        return FakePosted(self, op, arguments, after, self._host.round_trip / 2)

    async def revoke(self, posted: Sequence[Posted]) -> None:
        await asyncio.sleep(self._host.round_trip / 2)
        for one in posted:
            assert isinstance(one, FakePosted)
            one.refuse()
        await asyncio.sleep(self._host.round_trip / 2)

    def on_push(self, name: str, callback: Callback) -> Callable[[], None]:
        callbacks = self._callbacks.setdefault(name, [])
        callbacks.append(callback)
        return lambda: callbacks.remove(callback) if callback in callbacks else None

    def hear(self, name: str, content: Mapping[str, Any], payload: bytes = b"") -> None:
        for callback in tuple(self._callbacks.get(name, ())):
            callback({"push": name, **content}, payload)

    async def close(self) -> None:
        self.closed = True


class FakePosted:
    """Implements ``Posted``, with the agent's part of it: begun once the one before it has ended well."""

    def __init__(
        self, session: FakeSession, op: str, arguments: Mapping[str, Any], after: FakePosted | None, half: float
    ) -> None:
        self._host = session._host
        self._half = half  # seconds to the host, and back
        self.size = len(repr(arguments))
        self._gated = after is not None
        self._refused = asyncio.get_running_loop().create_future()
        self._on_host = asyncio.ensure_future(self._run(session, op, arguments, after))
        self._here = asyncio.ensure_future(self._come())

    async def _run(
        self, session: FakeSession, op: str, arguments: Mapping[str, Any], after: FakePosted | None
    ) -> Reply:
        await asyncio.sleep(self._half)
        if after is not None:
            await asyncio.wait([after._on_host, self._refused], return_when=asyncio.FIRST_COMPLETED)
            if after._is_lost:
                raise Unreachable("The connection was lost")
            if self._refused.done() or not after.well:
                raise RequestFailed(NOT_RUN, "it was not its turn")
        self._gated = False
        loop = asyncio.get_running_loop()
        began = loop.time()
        reply = await session.run(op, arguments)
        return reply if after is None else structs.replace(reply, took=loop.time() - began)

    async def _come(self) -> None:
        await asyncio.wait([self._on_host])
        if not self._is_lost:
            await asyncio.sleep(self._half)

    @property
    def _is_lost(self) -> bool:
        done = self._on_host
        return done.done() and (done.cancelled() or isinstance(done.exception(), Unreachable))

    @property
    def well(self) -> bool:
        """As the agent sees it."""
        done = self._on_host
        if done.cancelled() or done.exception() is not None:
            return False
        return not done.result().result.get("failed") and not self._host.wary(done.result())

    @property
    def outcome(self) -> Reply | WeftError | None:
        if not self._here.done() or self._on_host.cancelled():
            return None
        error = self._on_host.exception()
        if error is None:
            return self._on_host.result()
        assert isinstance(error, WeftError)
        return error

    def refuse(self) -> None:
        if self._gated and not self._refused.done():
            self._refused.set_result(None)

    async def over(self) -> None:
        await asyncio.wait([self._here])

    async def call_off(self) -> None:
        self._on_host.cancel()
        self._here.cancel()
        await asyncio.wait([self._on_host, self._here])

    def forget(self) -> None:
        self._on_host.add_done_callback(lambda done: done.cancelled() or done.exception())


class FakeSessions:
    """Implements ``Sessions``. Hosts come into being when they are first named."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.targets: list[Target] = []  # every target that was opened, in order
        self.closed = False
        self._hosts: dict[str, FakeHost] = {}
        self._open: dict[Target, FakeSession] = {}

    def __repr__(self) -> str:
        return f"<FakeSessions hosts={list(self._hosts)} open={len(self._open)}>"

    def host(self, name: str) -> FakeHost:
        """A host by its inventory name, to script it."""
        if name not in self._hosts:
            self._hosts[name] = FakeHost(name, self.calls)
        return self._hosts[name]

    async def open(self, target: Target) -> FakeSession:
        session = self._open.get(target)
        if session is not None and not session.closed:
            return session
        host = self.host(target.host)
        await host.open()
        session = self._open[target] = FakeSession(target, host)
        host.sessions.append(session)
        self.targets.append(target)
        return session

    async def reset(self, target: Target, *, user: str | None = None) -> None:
        for known, session in list(self._open.items()):
            if known.host == target.host and (user is None or (known.become and known.become.user == user)):
                await session.close()
                del self._open[known]

    async def close(self) -> None:
        self.closed = True
        for session in self._open.values():
            await session.close()
