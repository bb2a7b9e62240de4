"""Groups of tasks that are limited or repeated as a whole: blocks, includes, roles and plays with weft's keywords.

From the outside in: `async` (``background``), `serial`, `lock`, `throttle`, then the attempts (``again``). What is
limited has a lane of its own inside: a host that holds a lock must never wait for one that wants it. Hosts meet before
a group and behind it, so that for what is round it they have stayed in step.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from weft.engine.again import attempts
from weft.engine.batches import batches, last_size
from weft.engine.groupreport import fail_by_itself, info_of
from weft.engine.lanes import SETTLING
from weft.engine.limits import SerialGate, gate_of
from weft.engine.lockstep import Position
from weft.engine.settle import fail_with_others
from weft.engine.signals import HostFailed, HostUnreachable
from weft.events import LockWait, TaskInfo, Warned
from weft.executor.terms import Terms
from weft.locks.keeper import Holder, Note, keys_of, wanting
from weft.model.convert import to_int
from weft.model.errors import Unreachable, WeftError
from weft.model.nodes import Block, Node, Play, Task
from weft.model.values import origin_of

if TYPE_CHECKING:
    from weft.engine.walk import Walk

Body = Callable[["Walk", Position], Awaitable[None]]


class Group(Struct, frozen=True, kw_only=True):
    """Some tasks, and the terms on which they run as a whole."""

    task: Task  # never run: it has the group's keywords and its name
    body: Body
    nodes: tuple[Node, ...] | None  # what has to be selected by tags; None: it is
    item: str | None = None  # which item of a loop it is, for the views
    on_handle: Callable[[Mapping[str, Any]], None] | None = None  # hears of the strand that an async group becomes

    @property
    def limited(self) -> bool:
        """Whether it needs a lane of its own."""
        task = self.task
        return self.own_pace or self.detached or task.serial is not None

    @property
    def own_pace(self) -> bool:
        """Whether its hosts can't go in step: each waits for what another one holds."""
        return self.task.lock is not None or self.task.common.throttle is not None

    @property
    def detached(self) -> bool:
        return self.task.async_seconds is not None

    def label(self, walk: Walk) -> str:
        """What the views call its lane."""
        own = walk.batch.title(self.task, walk.host)
        if self.item is not None:
            own += f" (item={self.item})"
        return f"{walk.lane.strand} / {own}" if walk.lane.strand else own


class GroupOver(Exception):
    """The group failed before its first task, and that is ignored: what comes behind it goes on."""


class Meeting(Struct, eq=False):
    """Hosts that came to the same place together, and what they share there."""

    hosts: tuple[str, ...]
    together: bool  # whether they go on in step
    shared: dict[str, Any] = field(default_factory=dict)


def group_of(block: Block) -> Group | None:
    """The block as a group; None where nothing is said of it as a whole."""
    retry = block.retry
    if (
        block.lock is None
        and block.serial is None
        and block.throttle is None
        and block.timeout is None
        and block.async_seconds is None
        and block.register is None
        and retry.retries is None
        and not retry.until
    ):
        return None

    async def body(walk: Walk, position: Position) -> None:
        await walk.block(block, position)

    return Group(task=speaker_of(block), body=body, nodes=(block,))


def speaker_of(block: Block) -> Task:
    """A task that is never run, with the keywords of a block."""
    return Task(
        id=f"{block.id}-group",
        origin=block.origin,
        name=block.name if block.name is not None else block.title,
        action="block",
        fqcn="block",
        common=replace(block.common, throttle=block.throttle, timeout=block.timeout),
        role=block.role,
        lock=block.lock,
        serial=block.serial,
        retry=block.retry,
        async_seconds=block.async_seconds,
        poll=block.poll,
        register=block.register,
    )


def group_of_play(play: Play, body: Body) -> Group:
    """A play with a `lock`, which each host holds while it goes through it."""
    common = replace(play.common, when=(), throttle=None, timeout=None, run_once=None)
    task = Task(
        id=f"{play.id}-lock",
        origin=play.origin,
        name=play.name,
        action="play",
        fqcn="play",
        common=common,
        lock=play.lock,
    )
    return Group(task=task, body=body, nodes=None)


async def run_group(walk: Walk, group: Group, position: Position) -> None:
    """The group on this host. Raises HostSignal."""
    batch = walk.batch
    if group.nodes is not None and not any(batch.selected_by_tags(task) for task in _tasks(group.nodes)):
        return
    if not group.limited or _ample(walk, group):
        if (known := await _terms(walk, group)) is not None:
            await _plainly(walk, group, known, position)
        return
    terms: Terms | None = None
    failure: HostFailed | HostUnreachable | None = None
    try:
        terms = await _terms(walk, group)
    except (HostFailed, HostUnreachable) as signal:
        failure = signal
    meeting = await walk.meet(position, group, goes_in=terms is not None and terms.wanted)
    try:
        if failure is not None:
            raise failure
        if terms is not None:
            await (_limited(walk, group, terms, meeting) if terms.wanted else _plainly(walk, group, terms, position))
    except GroupOver:
        pass
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


async def _plainly(walk: Walk, group: Group, terms: Terms, position: Position) -> None:
    if terms.wanted:
        await attempts(walk, group, terms, position)
    else:
        await group.body(walk, position)  # each of its tasks says that it is skipped


def _ample(walk: Walk, group: Group) -> bool:
    """Whether its only limit is a `throttle` that is there for every host of the batch: hosts stay in step then.

    The same for all of them: whether they meet must not depend on the host.
    """
    task = group.task
    if task.lock is not None or task.serial is not None or group.detached:
        return False
    try:
        throttle = to_int(task.common.throttle)
    except (TypeError, ValueError):
        return False  # it may be another for every host
    return not 0 < throttle < len(walk.batch.hosts)


async def part(walk: Walk, meeting: Meeting, position: Position) -> None:
    """Behind what hosts did at their own pace they meet again. Raises HostFailed where one's failure is everybody's."""
    await walk.meet((*position, 1), SETTLING)
    if meeting.shared.get("fatal"):
        fail_with_others(walk.batch, [walk.host.name])
        raise HostFailed(fatal=True)


async def _terms(walk: Walk, group: Group) -> Terms | None:
    """None: they can't be had, and that is ignored. Raises HostFailed, HostUnreachable."""
    task = group.task
    try:
        return await walk.run.terms.read(task, walk.host.name, walk.names(task))
    except WeftError as error:
        await fail_by_itself(walk, task, error)
        return None


async def _limited(walk: Walk, group: Group, terms: Terms, meeting: Meeting) -> None:
    if group.detached and not terms.keywords.check:
        from weft.engine.background import detach

        await detach(walk, group, terms, meeting, partial(_inside, group=group, terms=terms))
        return
    await _inside(walk, meeting, group=group, terms=terms)


async def _inside(walk: Walk, meeting: Meeting, *, group: Group, terms: Terms) -> None:
    """In its turn (`serial`), then with all that limits the group."""
    if terms.serial is None:
        await _in_lane(walk, meeting, group, terms)
        return
    async with _serial(walk, group, terms, meeting) as part_of_it:
        await _in_lane(walk, part_of_it, group, terms)


async def _in_lane(walk: Walk, meeting: Meeting, group: Group, terms: Terms) -> None:
    """The group's attempts, in a lane of its own."""
    task, host, lanes = group.task, walk.host, walk.batch.lanes
    lane = meeting.shared.get("lane")
    if lane is None:
        together = meeting.together and not group.own_pace
        strand = walk.lane.strand if group.detached and walk.lane.background else group.label(walk)
        lane = lanes.make(meeting.hosts, strand, together=together, background=walk.lane.background)
        meeting.shared["lane"] = lane
    try:
        async with AsyncExitStack() as stack:
            held = await stack.enter_async_context(_locked(walk, group, terms))
            if task.common.throttle is not None and terms.keywords.throttle > 0:
                await stack.enter_async_context(walk.run.limits.throttle(task, terms.keywords.throttle))
            if meeting.shared.get("fatal"):
                fail_with_others(walk.batch, [host.name])
                raise HostFailed(fatal=True)
            outside, host.held = host.held, host.held | held
            try:
                await attempts(walk.along(lane), group, terms, (0,))
            finally:
                host.held = outside
    finally:
        lanes.gone(lane, host.name)


@asynccontextmanager
async def _serial(walk: Walk, group: Group, terms: Terms, meeting: Meeting) -> AsyncIterator[Meeting]:
    """In the host's batch; those of one batch go on as a meeting of their own."""
    origin = origin_of(group.task.serial) or group.task.origin
    if not meeting.together:
        async with gate_of(walk, group.task, terms.serial).turn():
            yield meeting
        return
    parts: list[Meeting] | None = meeting.shared.get("parts")
    if parts is None:
        split = batches(meeting.hosts, terms.serial, origin)
        parts = meeting.shared["parts"] = [Meeting(some, together=True) for some in split]
        # strands of an earlier time, such as an attempt before this one, may still be inside
        known = walk.batch.gates
        further = last_size(terms.serial, len(meeting.hosts), origin)
        gate = SerialGate([len(some) for some in split], coming=True, further=further, after=known.get(group.task.id))
        known[group.task.id] = meeting.shared["gate"] = gate
    number = next(number for number, some in enumerate(parts) if walk.host.name in some.hosts)
    async with meeting.shared["gate"].turn(number):
        if meeting.shared.get("fatal"):
            parts[number].shared["fatal"] = True
        yield parts[number]


@asynccontextmanager
async def _locked(walk: Walk, group: Group, terms: Terms) -> AsyncIterator[frozenset[Any]]:
    """With the group's locks, less those that the host holds already. Yields what tells them from others."""
    task = group.task
    try:
        wishes = wanting(terms.wishes, terms.target, walk.host.held)
    except WeftError as error:
        await fail_by_itself(walk, task, error)
        raise GroupOver from None
    if not wishes:
        yield frozenset()
        return
    info = info_of(walk, task)
    holder = Holder(f"{info.name} on {walk.host.name}", partial(_tell, walk, info), partial(_lost, walk, task))
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(walk.run.limits.locks.hold(wishes, holder, terms.target))
        except (Unreachable, WeftError) as error:
            await fail_by_itself(walk, task, error)
            raise GroupOver from None
        yield keys_of(wishes, terms.target)


def _tell(walk: Walk, info: TaskInfo, note: Note) -> None:
    walk.run.bus.publish(
        LockWait(
            host=walk.host.name,
            task=info,
            lock=note.lock,
            holder=note.holder,
            waited=note.waited,
            granted=note.granted,
        )
    )


def _lost(walk: Walk, task: Task, message: str) -> None:
    walk.run.bus.publish(Warned(message=message, origin=origin_of(task.lock) or task.origin))


def _tasks(nodes: Sequence[Node]) -> list[Task]:
    found: list[Task] = []
    for node in nodes:
        if isinstance(node, Block):
            found.extend(_tasks((*node.body, *node.rescue, *node.always)))
        else:
            found.append(node)
    return found
