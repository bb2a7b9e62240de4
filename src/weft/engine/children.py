"""Which children of a parallel block may start: as many at once as its limit says, none before those that it needs.

``Children`` only decides, for all hosts that are in the block together; ``parallel`` runs them. A child starts on every
host at the same time, and has ended when it has on every host: hosts that waited for each other's children in an order
of their own could wait for ever.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence


class Stage(enum.Enum):
    """Where a child is."""

    PENDING = "pending"
    RUNNING = "running"
    ENDED = "ended"


class Children:
    """The children of one parallel block, by their numbers."""

    def __init__(self, needs: Sequence[frozenset[int]], hosts: Iterable[str], limit: int | None) -> None:
        """``needs``: for each child the numbers of those that come before it, without cycles."""
        self._needs = needs
        self._limit = len(needs) if limit is None else limit
        self._stage = [Stage.PENDING] * len(needs)
        self._left = [set(hosts) for _ in needs]  # hosts on which it has not ended
        self._running = 0
        self._first = 0  # no child before this one is pending

    def __repr__(self) -> str:
        return f"<Children {', '.join(stage.value for stage in self._stage)}>"

    def start(self) -> list[int]:
        """The children that may start now; they count as running from here on."""
        found: list[int] = []
        stages = self._stage
        again = True
        while again:
            again = False
            while self._first < len(stages) and stages[self._first] is not Stage.PENDING:
                self._first += 1
            for number in range(self._first, len(stages)):
                if self._running >= self._limit:
                    break
                if stages[number] is not Stage.PENDING or not self._ready(number):
                    continue
                if self._left[number]:
                    stages[number] = Stage.RUNNING
                    self._running += 1
                    found.append(number)
                else:
                    stages[number] = Stage.ENDED  # no host has it: what needs it may start
                    again = True
        return found

    def done(self, number: int, host: str) -> bool:
        """The child is over on a host, or never begins there. True: others may start now."""
        left = self._left[number]
        left.discard(host)
        if left or self._stage[number] is not Stage.RUNNING:
            return False
        self._stage[number] = Stage.ENDED
        self._running -= 1
        return True

    def _ready(self, number: int) -> bool:
        return all(self._stage[other] is Stage.ENDED for other in self._needs[number])


def needs_by_number(names: Sequence[str | None], needs: Sequence[Sequence[str]]) -> list[frozenset[int]]:
    """The siblings that each child names in `needs`, by their numbers. All of a name count."""
    numbers: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        if name is not None:
            numbers.setdefault(name, []).append(number)
    return [frozenset(number for name in wanted for number in numbers.get(str(name), ())) for wanted in needs]
