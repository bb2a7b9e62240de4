"""One host's way through one batch of a play, as control flow: nodes in their order, and what comes behind a task.

``sections`` goes through a play with it, ``blocks`` through a block, ``doing`` does a task. Each method may raise a
``HostSignal``; ``weft.engine.batch`` catches what leaves the play.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from weft.content.programs import Interrupted
from weft.engine.doing import do
from weft.engine.group import Meeting, group_of, run_group
from weft.engine.handlers import flush_needed, next_handlers
from weft.engine.lanes import Lane
from weft.engine.limits import in_batches
from weft.engine.lockstep import Position, Round
from weft.engine.meta import run_meta
from weft.engine.signals import EndHost, EndRole, HostFailed, HostUnreachable, Stopped, failing_in
from weft.engine.state import BatchState, HostState, Shared
from weft.events import Message
from weft.model.errors import WeftError
from weft.model.nodes import Block, Node, Task, TaskKind
from weft.vars import Scope


class Walk:
    """The walk itself, along one lane. Made for each host of a batch, and for each strand of it."""

    def __init__(self, batch: BatchState, host: HostState, lane: Lane) -> None:
        self.batch = batch
        self.host = host
        self.lane = lane
        self.run = batch.run
        lane.states[host.name] = host
        self.place: tuple[Sequence[Node], int] = ((), 0)  # the nodes that the host goes through, and which one is next
        self.pending_flush: Position | None = None  # where handlers go once the round of `meta: flush_handlers` is over

    def along(self, lane: Lane, host: HostState | None = None) -> Walk:
        """The same host's walk along another lane."""
        return Walk(self.batch, host or self.host, lane)

    async def meet(self, position: Position, key: object, *, goes_in: bool = True) -> Meeting:
        """Wait for the hosts of the lane that come to the same place. The meeting's hosts are those that go in."""
        turn = await self.lane.turns.enter(self.host.name, position, key)
        out: set[str] = turn.shared.setdefault(Shared.OUT, set())  # type: ignore[assignment]
        if not goes_in:
            out.add(self.host.name)
        await self.lane.turns.finish(self.host.name, turn, failed=False)
        hosts = tuple(host for host in turn.hosts if host not in out) if out else turn.hosts
        return Meeting(hosts, self.lane.together, turn.shared)

    # -- nodes ---------------------------------------------------------------------------------------------------

    async def nodes(self, nodes: Sequence[Node], base: Position, late: HostFailed | None = None) -> None:
        """Nodes in order. ``meta: end_role`` goes on behind the end of its role, if that is among them.

        ``late``: the host has come through here, and fails now where it was last.
        """
        index = failing_in(late, base)
        while index < len(nodes):
            try:
                failure, late = late, None
                if failure is not None and index < 0:  # it has come here by a failure, to no task yet
                    failure.at = None
                    raise failure
                if self.batch.own_ways:
                    self.place = nodes, index
                await self.node(nodes[index], (*base, index), failure)
            except HostFailed as failed:
                if failed.at is None or failed.at[: len(base)] != base:
                    raise
                index, late = failed.at[len(base)], failed
                continue
            except EndRole as end:
                ends = (i for i in range(index + 1, len(nodes)) if _ends(nodes[i], end))
                found = next(ends, None)
                if found is None:
                    raise
                index = found
                continue
            index += 1

    async def node(self, node: Node, position: Position, late: HostFailed | None = None) -> None:
        """``late``: see ``nodes``."""
        group = group_of(node) if isinstance(node, Block) else None
        if late is not None and (isinstance(node, Task) or group is not None):
            if late.at is not None and len(late.at) > len(position):
                late.again = 0  # in a file that is included: a block that has no further place
            late.at = None
            raise late
        if isinstance(node, Task):
            await self.task(node, position)
        elif group is not None:
            await run_group(self, group, position)
        else:
            await self.block(node, position, late)

    async def block(self, block: Block, position: Position, late: HostFailed | None = None) -> None:
        """Body, then rescue if it failed, then always. ``late``: see ``nodes``."""
        from weft.engine.blocks import walk_block  # many runs have none

        await walk_block(self, block, position, late)

    # -- handlers ------------------------------------------------------------------------------------------------

    async def flush(self, position: Position) -> None:
        """Run what was notified, in the order in which handlers are written."""
        if not flush_needed(self.batch, self.host):
            return
        if self.host.flushing:
            raise WeftError("flush_handlers cannot be used as a handler")
        if self.run.settings.debug:
            self._debug(f"META: triggered running handlers for {self.host.name}")
        self.host.flushing = True
        try:
            for index, handler in next_handlers(self.batch, self.host):
                await self.task(handler, (*position, index))
        finally:
            self.host.flushing = False

    def _debug(self, text: str) -> None:
        """A line of debugging output in Ansible's form."""
        self.run.bus.publish(Message(text=f"{os.getpid():6d} {time.time():.5f}: {text}"))

    # -- tasks ---------------------------------------------------------------------------------------------------

    async def task(self, task: Task, position: Position) -> None:
        """One task, if it is selected, with all that follows from it."""
        if task.kind is TaskKind.ROLE_END:
            if task.role is not None and (use := self.host.use_of(task.role)) in self.host.roles_run:
                self.host.roles_done.add(use)
            return
        if not self.wants(task):
            return
        begun = self.host.sent is not None and await self.host.sent.begun(task)
        if self.run.stopping and not begun:
            raise Stopped
        await self.batch.prepare_title(task, self.host)
        try:
            turn = await self.lane.turns.enter(self.host.name, position, task, begun=begun)
        except HostFailed as called_away:
            if self.lane.strand is None:
                called_away.at = self.host.last
            raise
        self.host.last = position
        failure: HostFailed | HostUnreachable | EndHost | EndRole | None = None
        try:
            if task.kind is TaskKind.META:
                await run_meta(self, task, turn, position)
            elif not await self._agreed(task, turn):
                pass
            elif task.serial is None or task.kind is not TaskKind.PLAIN:
                await do(self, task, turn)
            else:
                async with in_batches(self, task, turn) as goes:
                    if goes:
                        await do(self, task, turn)
        except (HostFailed, HostUnreachable, EndHost, EndRole) as signal:
            failure = signal
        except Interrupted:  # it had not got beyond its templates
            raise Stopped from None
        failed = isinstance(failure, HostFailed | HostUnreachable)
        await self.lane.turns.finish(self.host.name, turn, failed=failed)
        if isinstance(failure, HostUnreachable):
            # it goes on behind this task if `meta: clear_host_errors` says so
            await self.lane.turns.park(self.host.name)
            return
        if failure is not None:
            raise failure
        if Shared.INCLUDES in turn.shared:
            from weft.engine.included import go_into  # many runs have none

            await go_into(self, task, turn, position)
        if self.pending_flush is not None:
            place, self.pending_flush = self.pending_flush, None
            await self.flush(place)

    async def _agreed(self, task: Task, turn: Round) -> bool:
        """With `--step`: whether somebody wants the task."""
        if not self.batch.step and Shared.UNSAID not in turn.shared:
            return True
        from weft.engine.stepping import agreed

        return await agreed(self, task, turn)

    def wants(self, task: Task) -> bool:
        """Whether the task's tags are chosen, and its role has not been done with already."""
        if task.id in self.batch.skip_before:
            return False
        if task.is_handler:
            return True
        role = task.role
        if role is not None and not role.allow_duplicates and self.host.use_of(role) in self.host.roles_done:
            return False
        if task.implicit and task.kind is TaskKind.META:
            return True
        return self.batch.selected_by_tags(task)

    def names(self, task: Task) -> Scope:
        """The variables of a task on this host."""
        variables, host = self.run.variables, self.host
        scope = variables.scope(host.name, play=self.batch.play_vars, task=task, branch=host.branch)
        return scope.within(self.host.local)


def _ends(node: Node, end: EndRole) -> bool:
    return isinstance(node, Task) and node.kind is TaskKind.ROLE_END and node.role is end.role
