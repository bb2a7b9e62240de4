"""Lockstep: no deadlock, no task twice, none lost, whatever fails (property tests over a random scheduler)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.engine.lockstep import Closed, Lockstep, Opened, Position, Round

# a host's way: its positions in order, and how each ends
ENDS = ("ok", "ok", "ok", "fail", "leave")
POSITIONS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple), max_size=8)


@dataclass
class Host:
    name: str
    way: list[Position]
    ends: list[str]
    done: list[Position] = field(default_factory=list)
    state: str = "running"

    @property
    def next(self) -> Position | None:
        return self.way[len(self.done)] if len(self.done) < len(self.way) else None


class World:
    """Drives a lockstep as hosts would, in an order that hypothesis picks."""

    def __init__(self, hosts: list[Host]) -> None:
        self.hosts = {host.name: host for host in hosts}
        self.lockstep = Lockstep(self.hosts)
        self.open: Round | None = None
        self.rounds: list[Round] = []

    def apply(self, decisions: list[Opened | Closed]) -> None:
        for decision in decisions:
            if isinstance(decision, Opened):
                assert self.open is None, "two rounds at once"
                self.open = decision.round
                self.rounds.append(decision.round)
                for name in decision.round.hosts:
                    assert self.hosts[name].state == "waiting"
                    assert self.hosts[name].next == decision.round.position
                    self.hosts[name].state = "working"
            else:
                assert decision.round is self.open
                self.open = None
                for name in decision.round.hosts:
                    if self.hosts[name].state == "finished":
                        self.hosts[name].state = "running"

    def movable(self) -> list[Host]:
        return [host for host in self.hosts.values() if host.state in ("running", "working")]

    def move(self, host: Host) -> None:
        if host.state == "running":
            if host.next is None:
                host.state = "gone"
                self.apply(self.lockstep.leave(host.name))
            else:
                host.state = "waiting"
                self.apply(self.lockstep.arrive(host.name, host.next))
            return
        end = host.ends[len(host.done) % len(host.ends)] if host.ends else "ok"
        host.done.append(host.next)  # type: ignore[arg-type]
        if end == "leave":
            host.state = "gone"
            self.apply(self.lockstep.leave(host.name))
        else:
            host.state = "finished"
            self.apply(self.lockstep.finish(host.name, failed=end == "fail"))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    count = draw(st.integers(1, 6))
    hosts = [
        Host(f"h{number}", sorted(set(draw(POSITIONS))), draw(st.lists(st.sampled_from(ENDS), max_size=5)))
        for number in range(count)
    ]
    return World(hosts)


@settings(max_examples=300, deadline=None)
@given(worlds(), st.data())
def test_every_host_comes_to_an_end_whatever_fails(world: World, data: st.DataObject) -> None:
    while movable := world.movable():
        world.move(data.draw(st.sampled_from(movable)))
    assert {host.state for host in world.hosts.values()} == {"gone"}, "a deadlock"
    for host in world.hosts.values():
        assert host.done == host.way[: len(host.done)], "a task lost, or out of order"
        assert len(set(host.done)) == len(host.done), "a task twice"
        if "leave" not in host.ends:
            assert host.done == host.way, "a task lost"


@settings(max_examples=200, deadline=None)
@given(worlds(), st.data())
def test_rounds_go_in_order_and_hold_every_host_that_has_the_position(world: World, data: st.DataObject) -> None:
    while movable := world.movable():
        world.move(data.draw(st.sampled_from(movable)))
    positions = [turn.position for turn in world.rounds]
    assert positions == sorted(positions), "hosts only go forward, so must the rounds"
    assert len(positions) == len(set(positions)), "hosts at one position go together"
    for turn in world.rounds:
        assert list(turn.hosts) == sorted(turn.hosts), "in the order of the batch"


def test_nobody_goes_while_somebody_runs() -> None:
    lockstep = Lockstep(["a", "b"])
    assert lockstep.arrive("a", (1,)) == []
    (opened,) = lockstep.arrive("b", (2,))
    assert isinstance(opened, Opened)
    assert opened.round.hosts == ("a",)
    (closed,) = lockstep.finish("a")
    assert isinstance(closed, Closed)
    (opened,) = lockstep.arrive("a", (2,))
    assert isinstance(opened, Opened)
    assert opened.round.hosts == ("a", "b")


def test_a_host_that_leaves_in_mid_task_does_not_hold_up_the_others() -> None:
    lockstep = Lockstep(["a", "b"])
    lockstep.arrive("a", (1,))
    lockstep.arrive("b", (1,))
    assert lockstep.finish("a") == []
    closed, *_ = lockstep.leave("b")
    assert isinstance(closed, Closed)
    assert lockstep.members == ("a",)


def test_arriving_twice_is_a_mistake_of_the_caller() -> None:
    lockstep = Lockstep(["a", "b"])
    lockstep.arrive("a", (1,))
    with pytest.raises(RuntimeError, match="a is"):
        lockstep.arrive("a", (1,))


def test_a_host_that_comes_back_goes_on_when_those_ahead_have_come_to_their_end() -> None:
    lockstep = Lockstep(["a", "b"])
    lockstep.arrive("a", (1,))
    lockstep.arrive("b", (1,))
    lockstep.finish("a")
    lockstep.leave("b")
    lockstep.join("b")
    lockstep.arrive("b", (1,))
    (opened,) = lockstep.arrive("a", (2,))
    assert isinstance(opened, Opened)
    assert opened.round.hosts == ("a",)
    lockstep.finish("a")
    (opened,) = lockstep.leave("a")
    assert isinstance(opened, Opened)
    assert opened.round.hosts == ("b",)
