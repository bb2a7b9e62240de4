"""One host's way through a block: body, then rescue if that failed, then always.

Comes after ``walk``, which goes through the nodes of each part. A host may come here late: see ``Walk.nodes``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from weft.engine.group import speaker_of
from weft.engine.lockstep import Position
from weft.engine.signals import Ended, HostFailed, failing_in
from weft.model.nodes import Block

if TYPE_CHECKING:
    from weft.engine.walk import Walk

_OUTERMOST = 2  # a section and an index
_BODY, _RESCUE, _ALWAYS = range(3)  # of a block, in positions


async def walk_block(walk: Walk, block: Block, position: Position, late: HostFailed | None) -> None:
    """Raises HostSignal. ``late``: see ``Walk.nodes``."""
    if failing_in(late, position) == _ALWAYS:
        with section(walk):
            await _always(walk, block, (*position, _ALWAYS), late)
        return
    if not walk.batch.any_selected(block.always):
        failure = await _guarded(walk, block, position, late)
    else:
        walk.host.always_depth += 1
        try:
            failure = await _guarded(walk, block, position, late)
        finally:
            walk.host.always_depth -= 1
        if failure is not None and failure.again:
            failure.again -= 1
        else:
            cleared = walk.batch.cleared
            if failure is not None:
                _turned(walk, position, _ALWAYS)
            with section(walk, pending=failure is not None and _outermost(position)):
                await _always(walk, block, (*position, _ALWAYS))
            if walk.batch.cleared != cleared:
                return
    if failure is not None:
        failure.again = 0
        raise failure


async def _guarded(walk: Walk, block: Block, position: Position, late: HostFailed | None) -> HostFailed | None:
    """Body and rescue. Returns the failure that is left."""
    if failing_in(late, position) == _BODY:
        try:
            with section(walk):
                await _body(walk, block, (*position, _BODY), late)
        except HostFailed as failed:
            if failed.at is not None:
                raise
            if not walk.batch.any_selected(block.rescue):
                return failed
            if failed.again:
                failed.again -= 1
                return failed
        else:
            return None
        late = None
        _turned(walk, position, _RESCUE)
    with section(walk, rescue=True, pending=_outermost(position)):
        return await _rescue(walk, block, (*position, _RESCUE), late)


def _turned(walk: Walk, block: Position, part: int) -> None:
    """The host has failed in a block itself: it is in the block's next part with that, not when it comes to it."""
    if walk.host.last is not None and walk.host.last[:-2] == block:
        walk.host.last = (*block, part, -1)


@contextmanager
def section(walk: Walk, *, rescue: bool = False, pending: bool = False) -> Iterator[None]:
    """Round one part of a block, or a file: `meta: end_host` and its kin don't undo a failure that is ``pending``."""
    try:
        yield
    except Ended as end:
        if end.rescuing is None:
            end.rescuing = rescue
        if pending and not end.rescuing:
            walk.batch.ended_failed.add(walk.host.name)
        raise


async def _body(walk: Walk, block: Block, position: Position, late: HostFailed | None) -> None:
    rescued = walk.batch.any_selected(block.rescue)
    walk.host.rescue_depth += rescued
    try:
        if block.parallel is None:
            await walk.nodes(block.body, position, late)
        elif late is not None:
            late.at = None
            raise late
        else:
            from weft.engine.parallel import children_of, run_children

            children = children_of(walk, block.body)
            await run_children(walk, children, block.parallel, speaker_of(block), position)
    finally:
        walk.host.rescue_depth -= rescued
        deadline = walk.host.deadline
        if deadline is not None and deadline.of == f"{block.id}-group":
            walk.host.deadline = deadline.outer  # the limit is the body's


async def _rescue(walk: Walk, block: Block, position: Position, late: HostFailed | None) -> HostFailed | None:
    try:
        await walk.nodes(block.rescue, position, late)
    except HostFailed as failed:
        if failed.at is not None:
            raise
        return failed
    return None


async def _always(walk: Walk, block: Block, position: Position, late: HostFailed | None = None) -> None:
    try:
        await walk.nodes(block.always, position, late)
    except HostFailed as failed:
        if failed.at is None:
            failed.again = 0  # the block has no further place
        raise


def _outermost(position: Position) -> bool:
    """Whether a block stands among the tasks of its play: in Ansible only the failure of such a one is a host's."""
    return len(position) == _OUTERMOST
