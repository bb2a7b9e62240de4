"""``serial`` on a task or a group of tasks: hosts go through it in batches, without touching the rest of the play.

Comes after ``batches``, which says how many; ``group`` and ``walk`` pass hosts through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from weft.engine.batches import batches, last_size
from weft.engine.lockstep import Round
from weft.engine.state import Shared
from weft.model.nodes import Task
from weft.model.values import OMIT, origin_of
from weft.templating.blocking import evaluate

if TYPE_CHECKING:
    from weft.engine.walk import Walk


class SerialGate:
    """Lets hosts through in batches: all of one are through before any of the next goes in."""

    def __init__(
        self, sizes: Sequence[int], *, coming: bool, further: int = 1, after: SerialGate | None = None
    ) -> None:
        """``sizes`` of the batches. ``coming``: that many hosts will come, each saying to which batch it belongs;
        else they fill the batches as they come. Who comes after all these (again, for another attempt) makes up
        batches of ``further``. ``after``: nobody goes in before all are through there.
        """
        self._after = after
        self._sizes = tuple(sizes)
        self._further = further
        self._came = sum(sizes) if coming else 0
        self._left = list(sizes) if coming else [0] * len(sizes)  # for each batch: hosts that are not through
        self._through = [asyncio.Event() for _ in sizes]

    def __repr__(self) -> str:
        return f"<SerialGate {self._left}>"

    @asynccontextmanager
    async def turn(self, batch: int | None = None) -> AsyncIterator[None]:
        """Inside, once all of the earlier batches are through. ``batch`` as said for ``coming``."""
        if batch is None:
            batch = self._arrive()
        try:
            await self._wait(batch)
            yield
        finally:
            self._left[batch] -= 1
            if not self._left[batch]:
                self._through[batch].set()

    async def _wait(self, batch: int) -> None:
        if self._after is not None:
            await self._after._wait(len(self._after._through))
            self._after = None
        for earlier in self._through[:batch]:
            await earlier.wait()

    def _arrive(self) -> int:
        batch = self._batch_of(self._came)
        self._came += 1
        if batch == len(self._left):
            self._left.append(0)
            self._through.append(asyncio.Event())
        self._left[batch] += 1
        self._through[batch].clear()
        return batch

    def _batch_of(self, number: int) -> int:
        for batch, size in enumerate(self._sizes):
            if number < size:
                return batch
            number -= size
        return len(self._sizes) + number // self._further


def gate_of(walk: Walk, task: Task, serial: Any) -> SerialGate:
    """The gate of a task or group where hosts come at their own pace. Raises LoadError."""
    gate = walk.batch.gates.get(task.id)
    if gate is None:
        hosts, origin = walk.batch.hosts, origin_of(task.serial) or task.origin
        sizes = [len(some) for some in batches(hosts, serial, origin)]
        further = last_size(serial, len(hosts), origin)
        gate = walk.batch.gates[task.id] = SerialGate(sizes, coming=False, further=further)
    return gate


@asynccontextmanager
async def in_batches(walk: Walk, task: Task, turn: Round) -> AsyncIterator[bool]:
    """The host's turn at a task with `serial`. False: a failure before it is everybody's. Raises LoadError."""
    names = walk.names(task)
    serial = await evaluate(lambda: walk.run.services.templar.render(task.serial, names))
    if serial is None or serial is OMIT:
        yield True
        return
    if not walk.lane.together:
        async with gate_of(walk, task, serial).turn():
            yield True
        return
    split = batches(turn.hosts, serial, origin_of(task.serial) or task.origin)
    gate = turn.shared.get(Shared.GATE)
    if not isinstance(gate, SerialGate):
        gate = turn.shared[Shared.GATE] = SerialGate([len(some) for some in split], coming=True)
    number = next(number for number, some in enumerate(split) if walk.host.name in some)
    async with gate.turn(number):
        yield not (turn.shared.get(Shared.FATAL) and turn.failed)
