"""One host's way through the sections of a play, each with its handlers, and where it waits for others between them.

Comes after ``walk``, which goes through the nodes of a section; ``batch`` starts it for each host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weft.engine.handlers import flush_needed
from weft.engine.joining import join_strands
from weft.engine.lanes import SETTLING
from weft.engine.lockstep import Position
from weft.engine.signals import EndHost, HostFailed, HostUnreachable
from weft.engine.state import Shared
from weft.model.nodes import Node, Task

if TYPE_CHECKING:
    from weft.engine.walk import Walk


async def walk_play(walk: Walk, setup: Task | None) -> None:
    """The whole play: facts, then each section with its handlers. Raises HostSignal."""
    play = walk.batch.play
    if setup is not None:
        await walk.task(setup, (0,))
    force = walk.run.settings.force_handlers if play.force_handlers is None else bool(play.force_handlers)
    sections: list[tuple[Node, ...]] = [play.pre_tasks, (*play.role_tasks, *play.tasks), play.post_tasks]
    last = max((number for number, nodes in enumerate(sections, 1) if nodes), default=1)
    joining = (last * 2 + 1, -1, 0)
    number = 0
    try:
        for number, nodes in enumerate(sections, 1):
            await _with_handlers(walk, number, nodes, joining if number == last else None, force)
    except EndHost:
        # a failure that it has left behind may concern the others: they hear of it where they hear of theirs
        if number <= last and walk.lane.together and walk.run.strands.of_host(walk.host.name):
            await _join(walk, joining)
        raise


async def _with_handlers(walk: Walk, number: int, nodes: Sequence[Node], joining: Position | None, force: bool) -> None:
    """One section. ``joining``: where strands are waited for, before the last handlers."""
    failure: HostFailed | None = None
    walk.host.forced = force
    try:
        await _section(walk, nodes, (number * 2,))
        if joining is not None:
            await _join(walk, joining)
    except HostFailed as failed:
        failure = failed
        if not force:
            raise
    finally:
        walk.host.forced = False
    if walk.batch.broken and flush_needed(walk.batch, walk.host):
        await _count_again(walk, (number * 2 + 1, -1, 1))
    await walk.flush((number * 2 + 1,))
    if failure is not None:
        raise failure


async def _section(walk: Walk, nodes: Sequence[Node], base: Position) -> None:
    """Its tasks, until every host has come to its end: so long another's failure may be this one's too."""
    late: HostFailed | None = None
    while True:
        try:
            await walk.nodes(nodes, base, late)
            if walk.lane.together and len(walk.batch.hosts) > 1:
                await _meet_at_end(walk, (base[0] + 1, -1))
            return
        except HostFailed as failed:
            if failed.at is None or failed.at[:1] != base:
                raise
            late = failed


async def _count_again(walk: Walk, position: Position) -> None:
    """Before handlers that run in spite of a failure: hosts that have some were not counted as failed until now."""
    turn = await walk.lane.turns.enter(walk.host.name, position, SETTLING)
    await walk.lane.turns.finish(walk.host.name, turn, failed=False)


async def _join(walk: Walk, position: Position) -> None:
    """Wait for the host's strands, in a round of its own: that one has failed may concern every host."""
    if not walk.run.strands.begun:
        return
    turn = await walk.lane.turns.enter(walk.host.name, position, SETTLING)
    failure: HostFailed | HostUnreachable | None = None
    try:
        await join_strands(walk.batch, walk.host)
    except (HostFailed, HostUnreachable) as signal:
        failure = signal
        if signal.fatal:
            turn.shared[Shared.FATAL] = True
    await walk.lane.turns.finish(walk.host.name, turn, failed=failure is not None)
    if failure is not None:
        raise failure


async def _meet_at_end(walk: Walk, position: Position) -> None:
    try:
        await walk.meet(position, None)
    except HostFailed as failed:
        failed.at = walk.host.last
        raise
    walk.host.last = position
