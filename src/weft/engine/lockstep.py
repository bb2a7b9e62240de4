"""Lockstep: before each task a host waits at its position; when none runs, those at the smallest position go together.

``Lockstep`` only decides: it changes its state and returns what is to be done. ``strategies`` does the waiting.
A *position* is a tuple of integers; an include extends it. Tuples compare as the tasks are written.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable

from msgspec import Struct, field

Position = tuple[int, ...]


class Place(enum.Enum):
    """Where a host is."""

    RUNNING = "running"  # between tasks, or inside something that has a lockstep of its own
    WAITING = "waiting"  # at its next position
    IN_ROUND = "in round"  # does the task of the current round
    FINISHED = "finished"  # did the task, waits for the others of the round


class Round(Struct, eq=False):
    """The hosts that do one task together, in the batch's order."""

    position: Position
    hosts: tuple[str, ...]
    key: object = None  # the task
    verdict: Callable[[], Exception] | None = None  # what the hosts that did not fail themselves meet after it
    finished: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    shared: dict[str, object] = field(default_factory=dict)  # what the hosts of a round decide together


class Opened(Struct, frozen=True):
    """This round's hosts may go."""

    round: Round


class Closed(Struct, frozen=True):
    """Every host of this round has done the task."""

    round: Round


Decision = Opened | Closed


class Lockstep:
    """The state of one batch (or of one child of a parallel block) and the decisions that follow from it."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._order = {host: number for number, host in enumerate(hosts)}
        self._place = dict.fromkeys(self._order, Place.RUNNING)
        self._position: dict[str, Position] = {}
        self._key: dict[str, object] = {}
        self._running = len(self._order)
        self._round: Round | None = None
        self._reached: Position = ()

    def __repr__(self) -> str:
        waiting = {host: self._position[host] for host, place in self._place.items() if place is Place.WAITING}
        return f"<Lockstep running={self._running} round={self._round and self._round.position} waiting={waiting}>"

    @property
    def members(self) -> tuple[str, ...]:
        """The hosts that have not left."""
        return tuple(self._place)

    @property
    def waiting(self) -> tuple[str, ...]:
        return tuple(host for host, place in self._place.items() if place is Place.WAITING)

    def arrive(self, host: str, position: Position, key: object = None) -> list[Decision]:
        """A host has come to its next task."""
        self._expect(host, Place.RUNNING)
        self._place[host] = Place.WAITING
        self._position[host] = position
        self._key[host] = key
        self._running -= 1
        return self._decide()

    def finish(self, host: str, *, failed: bool = False) -> list[Decision]:
        """A host has done the task of the round it is in."""
        self._expect(host, Place.IN_ROUND)
        assert self._round is not None
        self._place[host] = Place.FINISHED
        self._round.finished.add(host)
        if failed:
            self._round.failed.add(host)
        return self._decide()

    def leave(self, host: str) -> list[Decision]:
        """A host is done with the batch, for whatever reason and wherever it is. Leaving twice is no error."""
        place = self._place.pop(host, None)
        if place is Place.RUNNING:
            self._running -= 1
        elif place in (Place.IN_ROUND, Place.FINISHED) and self._round is not None:
            self._round.finished.add(host)
        return self._decide()

    def join(self, host: str) -> None:
        """A host that had left is back: it runs, and others wait for it."""
        if host in self._place:
            raise RuntimeError(f"{host} has not left")
        self._place[host] = Place.RUNNING
        self._running += 1

    def withdraw(self, host: str) -> None:
        """A host that waits is called away from its position: it runs again."""
        self._expect(host, Place.WAITING)
        self._place[host] = Place.RUNNING
        self._running += 1

    def _expect(self, host: str, place: Place) -> None:
        if self._place.get(host) is not place:
            raise RuntimeError(f"{host} is {self._place.get(host)}, not {place}")

    def _decide(self) -> list[Decision]:
        decisions: list[Decision] = []
        if self._round is not None and len(self._round.finished) == len(self._round.hosts):  # all are of the round
            closed, self._round = self._round, None
            for host in closed.hosts:
                if self._place.get(host) is Place.FINISHED:
                    self._place[host] = Place.RUNNING
                    self._running += 1
            decisions.append(Closed(closed))
        if self._round is None and self._running == 0 and self._place:
            decisions.append(Opened(self._open()))
        return decisions

    def _open(self) -> Round:
        # a host that came back may be behind: it goes on when those ahead have come to their end, as in Ansible
        positions = [self._position[host] for host in self._place]
        smallest = min((position for position in positions if position > self._reached), default=None)
        if smallest is None:
            smallest = min(positions)
        self._reached = smallest
        going = [host for host in self._place if self._position[host] == smallest]
        going.sort(key=self._order.__getitem__)
        for host in going:
            self._place[host] = Place.IN_ROUND
        self._round = Round(smallest, tuple(going), self._key[going[0]])
        return self._round
