"""Whose turn it is: fair, never two where one is allowed, and never stuck."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from weft.locks.line import Line, Ticket


def test_one_after_the_other_in_the_order_of_arrival() -> None:
    line = Line()
    first, second, third = (Ticket(name) for name in ("first", "second", "third"))
    assert line.arrive(first) is first
    assert line.arrive(second) is None
    assert line.entered(first) is None
    assert line.arrive(third) is None
    assert line.before(third) == "first"
    other = Line()
    other.arrive(first)
    assert other.before(first) == ""
    assert other.before(second) == "first, which waits for it too"
    assert line.leave(first) is second
    assert line.entered(second) is None
    assert line.leave(second) is third


def test_readers_hold_it_together_but_do_not_pass_a_writer() -> None:
    line = Line()
    reader, other, writer, late = (
        Ticket("reader", None, False), Ticket("other", None, False), Ticket("writer"), Ticket("late", None, False),
    )  # fmt: skip
    line.arrive(reader)
    assert line.arrive(other) is None, "only one enters at a time"
    assert line.entered(reader) is other
    assert line.entered(other) is None
    assert line.arrive(writer) is None
    assert line.arrive(late) is None
    assert line.leave(reader) is None
    assert line.leave(other) is writer
    line.entered(writer)
    assert line.leave(writer) is late


def test_who_gives_up_does_not_hold_up_the_others() -> None:
    line = Line()
    first, second, third = (Ticket(name) for name in ("first", "second", "third"))
    for ticket in (first, second, third):
        line.arrive(ticket)
    assert line.leave(second) is None
    assert line.leave(first) is third
    assert line.leave(first) is None, "leaving twice is no error"
    line.leave(third)
    assert line.empty


class Lines(RuleBasedStateMachine):
    """Any order of arrivals, entries and departures."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self.waiting: list[Ticket] = []  # in order of arrival
        self.entering: Ticket | None = None
        self.holding: list[Ticket] = []

    def called(self, ticket: Ticket | None) -> None:
        if ticket is not None:
            assert self.entering is None
            assert ticket is self.waiting[0], "strictly in the order of arrival"
            self.entering = self.waiting.pop(0)

    @rule(kind=st.sampled_from([("x", 1, True), ("s", None, False), ("1", 1, False), ("2", 2, False), ("3", 3, False)]))
    def arrive(self, kind: tuple[str, int | None, bool]) -> None:
        ticket = Ticket(*kind)
        self.waiting.append(ticket)
        self.called(self.line.arrive(ticket))

    @precondition(lambda self: self.entering)
    @rule()
    def enter(self) -> None:
        assert self.entering is not None
        ticket, self.entering = self.entering, None
        self.holding.append(ticket)
        self.called(self.line.entered(ticket))

    @precondition(lambda self: self.entering)
    @rule()
    def fail_to_enter(self) -> None:
        assert self.entering is not None
        ticket, self.entering = self.entering, None
        self.called(self.line.leave(ticket))

    @precondition(lambda self: self.holding)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.holding))
        self.holding.remove(ticket)
        self.called(self.line.leave(ticket))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.waiting))
        self.waiting.remove(ticket)
        self.called(self.line.leave(ticket))

    @invariant()
    def never_more_than_allowed(self) -> None:
        inside = [*self.holding, *([self.entering] if self.entering else [])]
        assert set(self.line.holders) == set(self.holding)
        if any(ticket.exclusive for ticket in inside):
            assert len(inside) == 1
        for ticket in inside:
            # whoever came in found room for itself; later ones obey their own number
            assert ticket.slots is None or inside.index(ticket) < ticket.slots

    @invariant()
    def never_stuck(self) -> None:
        if self.waiting:
            assert self.entering is not None or self.holding, "somebody waits for nobody"


TestLines = Lines.TestCase
