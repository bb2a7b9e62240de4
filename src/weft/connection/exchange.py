"""The book of requests of one session: who waits for what, what to acknowledge, what to say after a lost link.

No I/O and no clock: methods take frames and give bytes to send or ``Outcome``s to hand out. ``session`` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from weft.connection.api import Reply, RequestFailed
from weft.connection.frames import Frame, check_size, decode_json, encode_json, frame
from weft.model.errors import WeftError

Callback = Callable[[Mapping[str, Any], bytes], None]
#: Arguments that would hide a field of the frame, and how they travel (docs/agent-protocol.md, ``job.start``).
_RENAMED = {"op": "run"}


class Request(Struct, eq=False):
    """One request from when it is made until it is answered. ``number`` is None until it is sent."""

    op: str
    arguments: Mapping[str, Any]
    body: bytes
    payload: bytes
    on_stream: Callback | None = None
    settle: Callable[[Reply | WeftError], None] | None = None
    number: int | None = None
    after: Request | None = None  # begun once that one, which was sent before, has ended well
    dropped: bool = False  # nobody waits any more
    parts: list[bytes] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Request {self.op} number={self.number}>"  # what it carries is long, and may be secret


class Settled(Struct, frozen=True):
    request: Request
    outcome: Reply | RequestFailed


class Streamed(Struct, frozen=True):
    request: Request
    content: Mapping[str, Any]
    payload: bytes


class Pushed(Struct, frozen=True):
    name: str
    content: Mapping[str, Any]
    payload: bytes


Outcome = Settled | Streamed | Pushed


class Exchange:
    """Requests of one agent's life, and across lives where nothing is lost by it."""

    def __init__(self) -> None:
        self._next = 1
        self._sent: dict[int, Request] = {}
        self._queued: list[Request] = []
        self._answered: list[int] = []
        self._pushes = 0  # the highest number of a push that came
        self._pushes_told = 0
        self._locks: set[str] = set()
        self._watched: dict[str, Any] = {}  # job ids whose end was asked for, with the arguments

    def __repr__(self) -> str:
        waiting = [f"{n}:{r.op}{'!' if r.dropped else ''}" for n, r in self._sent.items()]
        queued = [r.op for r in self._queued]
        return f"<Exchange next={self._next} waiting={waiting} queued={queued} acks={self._answered}>"

    # requests

    def make(
        self, op: str, arguments: Mapping[str, Any] | None, payload: bytes = b"", on_stream: Callback | None = None
    ) -> Request:
        """A request that is not sent yet. Raises TypeError and ValueError for what can't be sent."""
        given = dict(arguments or {})
        for name, travels_as in _RENAMED.items():
            if name in given:
                given[travels_as] = given.pop(name)
        body = encode_json({"op": op, **given})
        check_size(body, payload)
        return Request(op, given, body, payload, on_stream)

    @property
    def idle(self) -> bool:
        """Whether no answer is waited for."""
        return not self._sent and not self._queued

    def send(self, request: Request) -> bytes:
        """The bytes of a request, now that it goes out. Numbers count up without gaps."""
        request.number = self._next
        self._next += 1
        self._sent[request.number] = request
        return self._bytes(request)

    def queue(self, request: Request) -> None:
        """Keep it until there is a link."""
        self._queued.append(request)

    def drop(self, request: Request) -> bytes:
        """Nobody waits for it any more: the bytes that tell the agent so, if there are any."""
        request.dropped = True
        request.settle = request.on_stream = None
        if request.number is None:
            if request in self._queued:
                self._queued.remove(request)
            return b""
        if request.number not in self._sent:
            return b""
        return self.send(self.make("cancel", {"target": request.number}))

    def awaits(self, request: Request) -> bool:
        """Whether it was sent and has no answer yet."""
        return request.number in self._sent

    def forget(self, request: Request) -> None:
        """Nobody waits for it any more, and it is none of the agent's business: it ends by itself."""
        request.dropped = True
        request.settle = None

    @property
    def waiting(self) -> list[Request]:
        """What has no answer yet and is still wanted, sent or not."""
        return [request for request in (*self._sent.values(), *self._queued) if not request.dropped]

    @property
    def needs_link(self) -> bool:
        """Whether a lost link must be mended even if nothing new is asked."""
        return bool(self._locks or self._watched) or any(r.settle is not None for r in self.waiting)

    # what comes in

    def take(self, incoming: Frame) -> list[Outcome]:
        """What a frame means."""
        header = incoming.header
        name = header.get("push")
        if name is not None:
            return self._push(name, header, incoming.payload)
        request = self._sent.get(header.get("id", 0))
        if request is None:
            return []  # the answer came twice, over the old link and the new one
        if "stream" in header:
            return [] if request.on_stream is None else [Streamed(request, header["stream"], incoming.payload)]
        if header.get("part"):
            request.parts.append(incoming.payload)
            return []
        assert request.number is not None
        del self._sent[request.number]
        self._answered.append(request.number)
        outcome = _outcome(request, incoming)
        self._note(request, outcome)
        return [Settled(request, outcome)]

    def _push(self, name: str, header: Mapping[str, Any], payload: bytes) -> list[Outcome]:
        number = header.get("n")
        if isinstance(number, int):
            if number <= self._pushes:
                return []
            self._pushes = number
        if name == "job":
            self._watched.pop(str(header.get("jid")), None)
        return [Pushed(name, header, payload)]

    def _note(self, request: Request, outcome: Reply | RequestFailed) -> None:
        """What the agent now holds for us: a new agent would not."""
        if isinstance(outcome, RequestFailed):
            return
        if request.op == "lock.acquire":
            self._locks.add(str(request.arguments.get("path")))
        elif request.op == "lock.release":
            self._locks.discard(str(request.arguments.get("path")))
        elif request.op == "job.watch":
            rest = {key: value for key, value in request.arguments.items() if key != "jids"}
            self._watched.update((str(jid), rest) for jid in request.arguments.get("jids", ()))

    # acknowledging

    @property
    def unacknowledged(self) -> int:
        return len(self._answered) + self._pushes - self._pushes_told

    def acknowledge(self) -> bytes:
        """What lets the agent forget answers and pushes that came; nothing if there are none."""
        if not self.unacknowledged:
            return b""
        content = {"op": "ack", "ids": self._answered, "pushes": self._pushes}
        self._answered = []
        self._pushes_told = self._pushes
        return frame(encode_json(content))

    # lost links

    def resume(self) -> Request:
        """The first request on a new link to the same agent."""
        for request in self._sent.values():
            request.parts.clear()
        return self.make("resume", {"ids": list(self._sent), "pushes": self._pushes})

    def resend(self, unknown: list[int]) -> bytes:
        """Requests that never reached the agent. One that nobody wants any more leaves only its number."""
        lost = [self._sent[number] for number in sorted(unknown) if number in self._sent]
        for request in lost:
            if request.dropped:
                request.body, request.payload = encode_json({"op": "ping"}), b""
        return b"".join(self._bytes(request) for request in lost)

    def flush(self) -> bytes:
        """Requests that were queued while there was no link."""
        queued, self._queued = self._queued, []
        return b"".join(self.send(request) for request in queued)

    def renew(self) -> bool:
        """Begin anew with another agent, if nothing is lost by that. What watched jobs is asked again."""
        if self._locks or any(not r.dropped and r.settle is not None for r in self._sent.values()):
            return False
        watched, self._watched = self._watched, {}
        self._next, self._sent, self._answered = 1, {}, []
        self._pushes = self._pushes_told = 0
        for jid, rest in watched.items():
            self._queued.insert(0, self.make("job.watch", {**rest, "jids": [jid]}))
        return True

    def abandon(self) -> list[Request]:
        """Forget everything; those that somebody still waits for."""
        left = self.waiting
        self._sent, self._queued, self._answered = {}, [], []
        self._locks, self._watched = set(), {}
        return left

    def _bytes(self, request: Request) -> bytes:
        start = b'{"id":%d,' % (request.number or 0)
        if request.after is not None:
            start += b'"after":%d,' % (request.after.number or 0)
        return frame(start + request.body[1:], request.payload)


def _outcome(request: Request, incoming: Frame) -> Reply | RequestFailed:
    error = incoming.header.get("error")
    if error is not None:
        return RequestFailed(str(error.get("kind", "internal")), str(error.get("message", "")), error)
    payload = b"".join((*request.parts, incoming.payload)) if request.parts else incoming.payload
    took = incoming.header.get("took") or 0.0
    if incoming.header.get("result_in_payload"):
        return Reply(decode_json(payload), took=took)
    return Reply(incoming.header.get("result") or {}, payload, took)
