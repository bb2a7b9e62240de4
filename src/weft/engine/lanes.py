"""Lanes: where hosts take turns at tasks. A batch has one; what runs beside it, or at its own pace, has others.

A lane is one of ``strategies``' turns with the name of the strand it belongs to. Comes before ``walk``, which goes
along one lane; ``batch`` says what happens when a round of a lane begins and ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from weft.engine.lockstep import Position, Round
from weft.engine.signals import HostSignal
from weft.engine.state import HostState
from weft.engine.strategies import FreeTurns, LinearTurns, Turns


class Settling:
    """Key of a round behind what hosts did beside their tasks: what has failed there counts now, as a task's would."""


SETTLING = Settling()


class Lane:
    """Some hosts' way through some tasks. Made by ``Lanes``."""

    def __init__(
        self,
        hosts: tuple[str, ...],
        strand: str | None,
        on_open: Callable[[Lane, Round], None],
        on_close: Callable[[Lane, Round], None],
        *,
        together: bool,
        background: bool = False,
    ) -> None:
        self.strand = strand  # how the views tell it from what runs beside it; None: the play's own lane
        self.background = background  # async: what ends the play for its hosts doesn't end it
        self.states: dict[str, HostState] = {}  # of the hosts that have entered
        self.once: dict[Position, dict[str, object]] = {}  # what hosts at their own pace share for a `run_once` task
        self.left = set(hosts)  # not done with it
        opened, closed = partial(on_open, self), partial(on_close, self)
        self.turns: Turns = (
            LinearTurns(hosts, opened, closed, parks=strand is None) if together else FreeTurns(opened, closed)
        )

    def __repr__(self) -> str:
        return f"<Lane {self.strand or 'main'}: {', '.join(sorted(self.left))}>"

    @property
    def together(self) -> bool:
        """Whether its hosts do each task together."""
        return self.turns.together


class Lanes:
    """The lanes of one batch."""

    def __init__(
        self, on_open: Callable[[Lane, Round], None], on_close: Callable[[Lane, Round], None], *, free: bool
    ) -> None:
        """``free``: the strategy lets every host go its own pace."""
        self.free = free
        self._on_open = on_open
        self._on_close = on_close
        self._lanes: dict[Lane, None] = {}  # in the order in which they were made

    def __len__(self) -> int:
        return len(self._lanes)

    def main(self, states: Mapping[str, HostState], *, together: bool) -> Lane:
        """The lane of the play itself, with every host of the batch in it."""
        lane = self.make(tuple(states), None, together=together)
        lane.states.update(states)
        return lane

    def make(self, hosts: Iterable[str], strand: str | None, *, together: bool, background: bool = False) -> Lane:
        """A lane for these hosts. Each of them has to say, at last, that it is ``gone`` from it."""
        lane = Lane(tuple(hosts), strand, self._on_open, self._on_close, together=together, background=background)
        self._lanes[lane] = None
        return lane

    def gone(self, lane: Lane, host: str) -> None:
        """The host is done with the lane, for whatever reason. Saying it twice is no error."""
        lane.turns.gone(host)
        lane.left.discard(host)
        if not lane.left:
            self._lanes.pop(lane, None)

    def end(self, signal: Callable[[], HostSignal], *, background: bool = False) -> None:
        """Every host in a lane meets this signal instead of its next task; ``background``: those of strands too."""
        for lane in tuple(self._lanes):
            if background or not lane.background:
                lane.turns.end(signal)
                for state in lane.states.values():
                    if state.sent is not None:
                        state.sent.revoke()
