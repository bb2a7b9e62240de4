"""A lane: plays one after the other. A run is one; where plays go side by side, it waits for the lanes of these.

Comes after ``playrun``. What happens in a lane concerns the others only once they have all ended:

- hosts that fail in it, or are lost, are left out of its further plays, and of the plays that come after all lanes;
- its plays end where a whole batch of hosts failed; then the plays that come after all lanes are off too, as they would
  be had the plays run one after the other;
- what its hosts set (facts, registered results) is seen in it alone; after all lanes it is seen by everybody, and of
  two lanes that set the same the one written later wins.

Inventory, forks, locks, sessions and the figures of the recap are the run's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import groupby

from weft.engine.playrun import OK, PlayRun
from weft.engine.prompts import ask_for_vars
from weft.engine.signals import Stopped
from weft.engine.startat import Start, find_start
from weft.engine.state import BatchState, RunState
from weft.model.nodes import Play
from weft.vars import PlayVars


class PlayLane:
    """Plays in their order, lists of parallel plays among them."""

    def __init__(self, run: RunState, around: PlayLane | None = None) -> None:
        self.run = run
        self.over = False  # a whole batch failed: what comes after it is off
        self._code: int | None = None  # of the last batch
        self._batch: BatchState | None = None  # what runs now
        self._lanes: list[PlayLane] = []  # side by side, now
        #: Of plays that wait for their turn in a lane: what was found out before the lanes began.
        self._asked: dict[str, PlayVars] = around._asked if around is not None else {}
        self._starts: dict[str, Start] = around._starts if around is not None else {}

    @property
    def code(self) -> int:
        """The exit code."""
        return OK if self._code is None else self._code

    def stop(self) -> None:
        """No new task starts, what runs is waited for."""
        self.run.stopping = True
        if self._batch is not None:
            self._batch.lanes.end(Stopped, background=True)
        for lane in self._lanes:
            lane.stop()

    async def plays(self, plays: Sequence[Play], inside: str | None = None) -> None:
        """Play them, until they are over. ``inside``: the parallel list in which they stand."""
        for mark, together in groupby(plays, key=lambda play: play.parallel_with):
            if mark is None or mark == inside:
                for play in together:
                    if self.over or self.run.stopping:
                        return
                    await self._play(play)
            elif not (self.over or self.run.stopping):
                await self._list(tuple(together))

    async def _play(self, play: Play) -> None:
        play_vars = self._asked.pop(play.id, None) or await self._ask(play)
        end = await PlayRun(self.run, play, play_vars, self._watch).play(self._starts.pop(play.id, None))
        self._code = end.code if end.code is not None else self._code
        self.over = end.broken

    def _watch(self, batch: BatchState | None) -> None:
        self._batch = batch

    async def _ask(self, play: Play) -> PlayVars:
        play_vars = PlayVars(play=play, all_hosts=())
        await ask_for_vars(self.run, play, play_vars)
        return play_vars

    # -- side by side --------------------------------------------------------------------------------------------

    async def _list(self, plays: Sequence[Play]) -> None:
        """One list of parallel plays."""
        await self.prepare(plays)
        lanes = [tuple(lane) for _, lane in groupby(plays, key=lambda play: play.parallel_lane)]
        labels = [await self._label(lane[0]) for lane in lanes]

        def playing(plays: Sequence[Play]) -> Callable[[PlayLane], Awaitable[None]]:
            return lambda lane: lane.plays(plays, inside=plays[0].parallel_with)

        await self.side_by_side([(label, playing(lane)) for label, lane in zip(labels, lanes, strict=True)])

    async def _label(self, play: Play) -> str:
        return play.parallel_name or await PlayRun(self.run, play, self._asked[play.id], self._watch).title()

    async def prepare(self, plays: Iterable[Play]) -> None:
        """What has to be known before plays go side by side: the answers to their prompts, and where to start."""
        for play in plays:
            if play.id in self._asked:
                continue
            play_vars = self._asked[play.id] = await self._ask(play)
            if self.run.start_at is not None and await PlayRun(self.run, play, play_vars, self._watch).hosts():
                self._starts[play.id] = find_start(self.run, play)

    async def side_by_side(
        self, bodies: Sequence[tuple[str, Callable[[PlayLane], Awaitable[None]]]], limit: int | None = None
    ) -> None:
        """Run each body in a lane of its own, with its label, at most ``limit`` at once. Returns when all have ended.

        Raises the first error of a lane; the others end before, as after Ctrl-C.
        """
        gate = asyncio.Semaphore(limit or len(bodies))
        errors: list[Exception] = []
        names = _distinct(label for label, _ in bodies)
        lanes = self._lanes = [PlayLane(self.run.for_lane(name), self) for name in names]

        async def go(lane: PlayLane, body: Callable[[PlayLane], Awaitable[None]]) -> None:
            async with gate:
                if lane.run.stopping:
                    return
                try:
                    await body(lane)
                except Exception as error:
                    errors.append(error)
                    for other in lanes:
                        other.stop()

        try:
            async with asyncio.TaskGroup() as group:
                for lane, (name, body) in zip(lanes, bodies, strict=True):
                    group.create_task(go(lane, body), name=name)
        finally:
            self._lanes = []
            self._join(lanes)
        if errors:
            raise errors[0]

    def _join(self, lanes: Sequence[PlayLane]) -> None:
        """What became of lanes that have ended counts from now on. The exit code is that of the worst."""
        run = self.run
        run.failed = _joined(run.failed, [lane.run.failed for lane in lanes])
        run.unreachable = _joined(run.unreachable, [lane.run.unreachable for lane in lanes])
        for lane in lanes:
            run.variables.join(lane.run.variables)
        codes = [lane._code for lane in lanes if lane._code is not None]
        self._code = max(codes) if codes else self._code
        self.over = any(lane.over for lane in lanes)
        if any(lane.run.start_at is None for lane in lanes):
            run.start_at = None


def _joined(before: set[str], after: Sequence[set[str]]) -> set[str]:
    """Who has failed since in any lane; and of those that had before, those that no lane has cleared."""
    return set().union(*(hosts - before for hosts in after)) | before.intersection(*after)


def _distinct(labels: Iterable[str]) -> Iterator[str]:
    """Lanes of the same name get numbers."""
    seen: dict[str, int] = {}
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        yield label if seen[label] == 1 else f"{label} #{seen[label]}"
