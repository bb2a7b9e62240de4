"""Requests and answers without any I/O."""

from __future__ import annotations

from typing import Any

import pytest

from weft.connection.api import Reply, RequestFailed
from weft.connection.exchange import Exchange, Pushed, Request, Settled, Streamed
from weft.connection.frames import Frame, FrameReader


def headers(data: bytes) -> list[dict[str, Any]]:
    return [frame.header for frame in FrameReader().feed(data)]


def sent(exchange: Exchange, op: str = "ping", **arguments: Any) -> Request:
    request = exchange.make(op, arguments)
    request.settle = lambda outcome: None
    exchange.send(request)
    return request


def test_numbers_count_up_without_gaps() -> None:
    exchange = Exchange()
    first, dropped, second = exchange.make("a", {}), exchange.make("b", {}), exchange.make("c", {})
    exchange.queue(dropped)
    assert exchange.drop(dropped) == b""
    assert headers(exchange.send(first) + exchange.send(second)) == [{"id": 1, "op": "a"}, {"id": 2, "op": "c"}]


def test_an_answer_finds_its_request() -> None:
    exchange = Exchange()
    first, second = sent(exchange), sent(exchange)
    assert exchange.take(Frame({"id": 2, "result": {"x": 1}}, b"p")) == [Settled(second, Reply({"x": 1}, b"p"))]
    [settled] = exchange.take(Frame({"id": 1, "error": {"kind": "os", "message": "no", "errno": 2}}, b""))
    assert isinstance(settled, Settled) and settled.request is first
    assert isinstance(settled.outcome, RequestFailed)
    assert (settled.outcome.kind, settled.outcome.message, settled.outcome.detail["errno"]) == ("os", "no", 2)


def test_an_answer_that_comes_twice_counts_once() -> None:
    exchange = Exchange()
    sent(exchange)
    assert len(exchange.take(Frame({"id": 1, "result": {}}, b""))) == 1
    assert exchange.take(Frame({"id": 1, "result": {}}, b"")) == []


def test_a_long_answer_comes_in_parts() -> None:
    exchange = Exchange()
    request = sent(exchange)
    assert exchange.take(Frame({"id": 1, "part": True}, b"ab")) == []
    assert exchange.take(Frame({"id": 1, "result": {"n": 1}}, b"c")) == [Settled(request, Reply({"n": 1}, b"abc"))]


def test_a_huge_result_comes_in_the_payload() -> None:
    exchange = Exchange()
    request = sent(exchange)
    outcome = exchange.take(Frame({"id": 1, "result": {}, "result_in_payload": True}, b'{"big": true}'))
    assert outcome == [Settled(request, Reply({"big": True}))]


def test_streams_go_to_who_asked() -> None:
    exchange = Exchange()
    request = exchange.make("a", {}, on_stream=lambda content, payload: None)
    exchange.send(request)
    assert exchange.take(Frame({"id": 1, "stream": {"line": 1}}, b"x")) == [Streamed(request, {"line": 1}, b"x")]


def test_answers_and_pushes_are_acknowledged_together() -> None:
    exchange = Exchange()
    sent(exchange), sent(exchange)
    exchange.take(Frame({"id": 2, "result": {}}, b""))
    exchange.take(Frame({"push": "job", "n": 1, "jid": "j"}, b""))
    assert headers(exchange.acknowledge()) == [{"op": "ack", "ids": [2], "pushes": 1}]
    assert exchange.acknowledge() == b""


def test_a_push_that_comes_twice_counts_once() -> None:
    exchange = Exchange()
    push = Frame({"push": "job", "n": 1, "jid": "j"}, b"")
    assert exchange.take(push) == [Pushed("job", push.header, b"")]
    assert exchange.take(push) == []


def test_a_job_s_operation_does_not_hide_the_frame_s() -> None:
    exchange = Exchange()
    request = exchange.make("job.start", {"op": "module", "request": {"a": 1}})
    assert headers(exchange.send(request)) == [{"id": 1, "op": "job.start", "run": "module", "request": {"a": 1}}]


def test_dropping_a_request_cancels_it_on_the_host() -> None:
    exchange = Exchange()
    request = sent(exchange, "command")
    assert headers(exchange.drop(request)) == [{"id": 2, "op": "cancel", "target": 1}]
    assert exchange.waiting == [] or [r.op for r in exchange.waiting] == ["cancel"]


def test_what_never_arrived_is_sent_again_and_what_did_is_not() -> None:
    exchange = Exchange()
    sent(exchange, "a"), sent(exchange, "b"), sent(exchange, "c")
    exchange.take(Frame({"id": 1, "result": {}}, b""))
    assert exchange.resume().arguments == {"ids": [2, 3], "pushes": 0}
    assert headers(exchange.resend([3])) == [{"id": 3, "op": "c"}]


def test_a_dropped_request_that_never_arrived_is_not_run() -> None:
    exchange = Exchange()
    exchange.drop(sent(exchange, "rm"))
    assert headers(exchange.resend([1, 2])) == [{"id": 1, "op": "ping"}, {"id": 2, "op": "cancel", "target": 1}]


@pytest.mark.parametrize("op", ["command", "job.wait"])
def test_a_new_agent_is_no_help_while_an_answer_is_missing(op: str) -> None:
    exchange = Exchange()
    sent(exchange, op)
    assert exchange.needs_link
    assert not exchange.renew()


def test_a_new_agent_would_lose_a_lock() -> None:
    exchange = Exchange()
    sent(exchange, "lock.acquire", path="/l")
    exchange.take(Frame({"id": 1, "result": {"lease": "x"}}, b""))
    assert exchange.needs_link and not exchange.renew()
    sent(exchange, "lock.release", path="/l")
    exchange.take(Frame({"id": 2, "result": {}}, b""))
    assert not exchange.needs_link and exchange.renew()


def test_a_new_agent_is_asked_to_watch_what_the_old_one_did() -> None:
    exchange = Exchange()
    sent(exchange, "job.watch", jids=["j1", "j2"], async_dir="~/a")
    exchange.take(Frame({"id": 1, "result": {}}, b""))
    exchange.take(Frame({"push": "job", "n": 1, "jid": "j1"}, b""))
    assert exchange.renew()
    assert headers(exchange.flush()) == [{"id": 1, "op": "job.watch", "jids": ["j2"], "async_dir": "~/a"}]
