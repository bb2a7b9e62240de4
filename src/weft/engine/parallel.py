"""Parallel blocks: each child of a block, an include or a role is a strand of its own, with a lane of its own.

Comes after ``children``, which says which of them may start. What the children set is seen by each of them alone, by
those that need it, and by everything behind the block.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from weft.engine.children import Children, needs_by_number
from weft.engine.described import described
from weft.engine.group import Body, Meeting, part
from weft.engine.lanes import Lane
from weft.engine.lockstep import Position
from weft.engine.settle import remember
from weft.engine.signals import HostFailed, HostSignal, HostUnreachable
from weft.model.convert import to_int
from weft.model.errors import LoadError
from weft.model.nodes import Block, Node, Parallel, Task
from weft.model.values import OMIT, origin_of
from weft.templating.blocking import evaluate
from weft.vars import Branch

if TYPE_CHECKING:
    from weft.engine.walk import Walk

_FAILED_TASKS = "ansible_failed_tasks"


class Child(Struct, frozen=True, kw_only=True):
    """One child, for the hosts that have it."""

    body: Body
    label: str
    name: str | None  # as `needs` names it
    needs: tuple[str, ...] = ()
    hosts: frozenset[str] | None = None  # None: all


class _Crowd(Struct, eq=False):
    """What the hosts of a meeting share: who may start, and where they take turns."""

    children: Children
    needs: Sequence[frozenset[int]]
    lanes: list[Lane]
    started: list[asyncio.Event]

    def go_on(self) -> None:
        for number in self.children.start():
            self.started[number].set()

    def leave(self, walk: Walk, number: int) -> None:
        """The host is done with a child. Saying it twice is no error."""
        walk.batch.lanes.gone(self.lanes[number], walk.host.name)
        if self.children.done(number, walk.host.name):
            self.go_on()


class _Mine(Struct):
    """How this host fares."""

    branches: dict[int, Branch] = field(default_factory=dict)  # of children that have begun
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    well: set[int] = field(default_factory=set)  # children that ended without failure
    failures: dict[int, HostFailed] = field(default_factory=dict)
    signal: HostSignal | None = None  # anything else by which a child ended
    over: bool = False  # no child starts any more

    def stop(self) -> None:
        """End the children that run; no other one starts."""
        self.over = True
        for task in self.tasks:
            if task is not asyncio.current_task():
                task.cancel()


def children_of(walk: Walk, nodes: Iterable[Node]) -> list[Child]:
    """The nodes of a parallel block, file or role as its children."""
    return [_child_of(walk, node) for node in nodes]


def _child_of(walk: Walk, node: Node) -> Child:
    async def body(inner: Walk, position: Position) -> None:
        await inner.node(node, position)

    named = node.name is not None
    if isinstance(node, Task):
        label = walk.batch.short_title(node, walk.host)
    else:
        label = str(node.name) if named else _first_name(walk, node)
    return Child(body=body, label=label, name=str(node.name) if named else None, needs=node.needs)


def _first_name(walk: Walk, block: Block) -> str:
    """An unnamed block is called by its first task."""
    for node in block.body:
        return _first_name(walk, node) if isinstance(node, Block) else walk.batch.short_title(node, walk.host)
    return "block"


async def run_children(
    walk: Walk, children: Sequence[Child], parallel: Parallel, task: Task, position: Position
) -> None:
    """All children on this host. ``task`` speaks for the block. Raises HostFailed with every failure, HostSignal.

    Raises LoadError where the limit is no number of at least 1.
    """
    limit = await _limit(walk, parallel, task)
    meeting = await walk.meet(position, children)
    crowd: _Crowd | None = meeting.shared.get("crowd")
    if crowd is None:
        crowd = meeting.shared["crowd"] = _crowd(walk, children, limit, meeting)
    try:
        await _run(walk, children, parallel, crowd)
    except HostFailed as failed:
        if failed.fatal:
            meeting.shared["fatal"] = True
        raise
    except HostUnreachable as lost:
        if lost.fatal:
            meeting.shared["fatal"] = True
        await walk.lane.turns.park(walk.host.name)
        return
    await part(walk, meeting, position)


async def _run(walk: Walk, children: Sequence[Child], parallel: Parallel, crowd: _Crowd) -> None:
    host, mine = walk.host, _Mine()
    crowd.go_on()
    try:
        async with asyncio.TaskGroup() as group:
            for number, child in enumerate(children):
                if child.hosts is None or host.name in child.hosts:
                    work = _child(walk, number, child, parallel, crowd, mine)
                    mine.tasks.append(group.create_task(work, name=f"{host.name} {child.label}"))
                else:
                    crowd.leave(walk, number)
    finally:
        for number in range(len(children)):
            crowd.leave(walk, number)
        for number in sorted(mine.branches):
            mine.branches[number].merge()
    if mine.signal is not None:
        raise mine.signal
    if mine.failures:
        raise _together(walk, mine.failures)


async def _child(walk: Walk, number: int, child: Child, parallel: Parallel, crowd: _Crowd, mine: _Mine) -> None:
    try:
        await crowd.started[number].wait()
        if mine.over or not crowd.needs[number] <= mine.well:
            return
        after = [mine.branches[other] for other in sorted(crowd.needs[number])]
        branch = walk.run.variables.branch(walk.host.name, parent=walk.host.branch, after=after)
        mine.branches[number] = branch
        inner = walk.along(crowd.lanes[number], walk.host.beside(branch))
        await child.body(inner, (0,))
        mine.well.add(number)
    except HostFailed as failed:
        mine.failures[number] = failed
        if parallel.on_failure == "cancel":
            mine.stop()
    except HostSignal as signal:
        mine.signal = mine.signal or signal
        mine.stop()
    finally:
        crowd.leave(walk, number)


def _crowd(walk: Walk, children: Sequence[Child], limit: int | None, meeting: Meeting) -> _Crowd:
    needs = needs_by_number([child.name for child in children], [child.needs for child in children])
    outer = walk.lane.strand
    lanes = [
        walk.batch.lanes.make(
            meeting.hosts,
            f"{outer} / {child.label}" if outer else child.label,
            together=meeting.together,
            background=walk.lane.background,
        )
        for child in children
    ]
    started = [asyncio.Event() for _ in children]
    return _Crowd(Children(needs, meeting.hosts, limit), needs, lanes, started)


async def _limit(walk: Walk, parallel: Parallel, task: Task) -> int | None:
    raw = parallel.limit
    if raw is None:
        return None
    names = walk.names(task)
    value = await evaluate(lambda: walk.run.services.templar.render(raw, names))
    if value is None or value is OMIT:
        return None
    try:
        limit = to_int(value)
    except (TypeError, ValueError):
        limit = 0
    if limit < 1:
        place = origin_of(raw) or task.origin
        raise LoadError(f"'parallel' must be a number of at least 1, not {value!r}.", place)
    return limit


def _together(walk: Walk, failures: Mapping[int, HostFailed]) -> HostFailed:
    """The failures of a block's children as the block's: the first in its order speaks for all."""
    among = tuple(one for number in sorted(failures) for one in failures[number].among)
    known = [one for one in among if one.task is not None and one.outcome is not None]
    first = known[0] if known else among[0]
    host, batch = walk.host, walk.batch
    if host.rescue_depth > 0 and first.task is not None and first.outcome is not None:
        remember(batch, host, first.task, first.outcome)
        rows = [_row(walk, one) for one in known]
        batch.run.variables.include_vars(host.name, {_FAILED_TASKS: rows}, branch=host.branch)
    fatal = any(one.fatal for one in among)
    return HostFailed(first.task, first.outcome, fatal=fatal, among=among)


def _row(walk: Walk, failed: HostFailed) -> dict[str, Any]:
    assert failed.task is not None and failed.outcome is not None
    name = walk.batch.short_title(failed.task, walk.host)
    task = described(failed.task, name, walk.run.settings)
    return {"name": name, "task": task, "result": dict(failed.outcome.result)}
