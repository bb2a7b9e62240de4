"""One host's way through one batch of a play: blocks, includes and handlers as control flow.

Each method may raise a ``HostSignal``; ``weft.engine.batch`` catches what leaves the play.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from weft.content.programs import Interrupted
from weft.engine.ahead import ahead_of
from weft.engine.group import Meeting, group_of, run_group, speaker_of
from weft.engine.handlers import flush_needed, next_handlers, notify
from weft.engine.included import children_of, run_included
from weft.engine.includes import expand
from weft.engine.joining import join_strands
from weft.engine.lanes import SETTLING, Lane
from weft.engine.limits import in_batches
from weft.engine.lockstep import Position, Round
from weft.engine.meta import run_meta
from weft.engine.ownpace import check_own_pace
from weft.engine.parallel import run_children
from weft.engine.settle import settle, settle_others, take_in, take_over
from weft.engine.signals import Ended, EndHost, EndRole, HostFailed, HostUnreachable, Stopped
from weft.engine.state import BatchState, Expansion, HostState, Shared
from weft.events import HostStarted, Message, TaskCancelled, TaskInfo, TaskStarted
from weft.executor.report import Report
from weft.executor.task import Call
from weft.model.errors import WeftError
from weft.model.nodes import Block, Node, Task, TaskKind
from weft.templating.blocking import evaluate
from weft.vars import Scope

_OUTERMOST = 2  # a section and an index
_BODY, _RESCUE, _ALWAYS = range(3)  # of a block, in positions


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

    # -- sections ------------------------------------------------------------------------------------------------

    async def play(self, setup: Task | None) -> None:
        """The whole play: facts, then each section with its handlers."""
        play = self.batch.play
        if setup is not None:
            await self.task(setup, (0,))
        force = self.run.settings.force_handlers if play.force_handlers is None else bool(play.force_handlers)
        sections: list[tuple[Node, ...]] = [play.pre_tasks, (*play.role_tasks, *play.tasks), play.post_tasks]
        last = max((number for number, nodes in enumerate(sections, 1) if nodes), default=1)
        joining = (last * 2 + 1, -1, 0)
        number = 0
        try:
            for number, nodes in enumerate(sections, 1):
                await self._with_handlers(number, nodes, joining if number == last else None, force)
        except EndHost:
            # a failure that it has left behind may concern the others: they hear of it where they hear of theirs
            if number <= last and self.lane.together and self.run.strands.of_host(self.host.name):
                await self._join(joining)
            raise

    async def _with_handlers(self, number: int, nodes: Sequence[Node], joining: Position | None, force: bool) -> None:
        """One section. ``joining``: where strands are waited for, before the last handlers."""
        failure: HostFailed | None = None
        self.host.forced = force
        try:
            await self._section_of_play(nodes, (number * 2,))
            if joining is not None:
                await self._join(joining)
        except HostFailed as failed:
            failure = failed
            if not force:
                raise
        finally:
            self.host.forced = False
        await self.flush((number * 2 + 1,))
        if failure is not None:
            raise failure

    async def _section_of_play(self, nodes: Sequence[Node], base: Position) -> None:
        """Its tasks, until every host has come to its end: so long another's failure may be this one's too."""
        late: HostFailed | None = None
        while True:
            try:
                await self.nodes(nodes, base, late)
                if self.lane.together and len(self.batch.hosts) > 1:
                    await self._meet_at_end((base[0] + 1, -1))
                return
            except HostFailed as failed:
                if failed.at is None or failed.at[:1] != base:
                    raise
                late = failed

    async def _join(self, position: Position) -> None:
        """Wait for the host's strands, in a round of its own: that one has failed may concern every host."""
        if not self.run.strands.begun:
            return
        turn = await self.lane.turns.enter(self.host.name, position, SETTLING)
        failure: HostFailed | HostUnreachable | None = None
        try:
            await join_strands(self.batch, self.host)
        except (HostFailed, HostUnreachable) as signal:
            failure = signal
            if signal.fatal:
                turn.shared[Shared.FATAL] = True
        await self.lane.turns.finish(self.host.name, turn, failed=failure is not None)
        if failure is not None:
            raise failure

    async def _meet_at_end(self, position: Position) -> None:
        try:
            await self.meet(position, None)
        except HostFailed as failed:
            failed.at = self.host.last
            raise
        self.host.last = position

    async def nodes(self, nodes: Sequence[Node], base: Position, late: HostFailed | None = None) -> None:
        """Nodes in order. ``meta: end_role`` goes on behind the end of its role, if that is among them.

        ``late``: the host has come through here, and fails now where it was last.
        """
        index = _next(late, base)
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
        if _next(late, position) == _ALWAYS:
            with self._section():
                await self._always(block, (*position, _ALWAYS), late)
            return
        if not self.batch.any_selected(block.always):
            failure = await self._guarded(block, position, late)
        else:
            self.host.always_depth += 1
            try:
                failure = await self._guarded(block, position, late)
            finally:
                self.host.always_depth -= 1
            if failure is not None and failure.again:
                failure.again -= 1
            else:
                cleared = self.batch.cleared
                if failure is not None:
                    self._turned(position, _ALWAYS)
                with self._section(pending=failure is not None and _outermost(position)):
                    await self._always(block, (*position, _ALWAYS))
                if self.batch.cleared != cleared:
                    return
        if failure is not None:
            failure.again = 0
            raise failure

    async def _guarded(self, block: Block, position: Position, late: HostFailed | None) -> HostFailed | None:
        """Body and rescue. Returns the failure that is left."""
        if _next(late, position) == _BODY:
            try:
                with self._section():
                    await self._body(block, (*position, _BODY), late)
            except HostFailed as failed:
                if failed.at is not None:
                    raise
                if not self.batch.any_selected(block.rescue):
                    return failed
                if failed.again:
                    failed.again -= 1
                    return failed
            else:
                return None
            late = None
            self._turned(position, _RESCUE)
        with self._section(rescue=True, pending=_outermost(position)):
            return await self._rescue(block, (*position, _RESCUE), late)

    def _turned(self, block: Position, part: int) -> None:
        """The host has failed in a block itself: it is in the block's next part with that, not when it comes to it."""
        if self.host.last is not None and self.host.last[:-2] == block:
            self.host.last = (*block, part, -1)

    @contextmanager
    def _section(self, *, rescue: bool = False, pending: bool = False) -> Iterator[None]:
        """One part of a block. `meta: end_host` and its kin don't undo a failure that is ``pending`` round it."""
        try:
            yield
        except Ended as end:
            if end.rescuing is None:
                end.rescuing = rescue
            if pending and not end.rescuing:
                self.batch.ended_failed.add(self.host.name)
            raise

    async def _body(self, block: Block, position: Position, late: HostFailed | None) -> None:
        rescued = self.batch.any_selected(block.rescue)
        self.host.rescue_depth += rescued
        try:
            if block.parallel is None:
                await self.nodes(block.body, position, late)
            elif late is not None:
                late.at = None
                raise late
            else:
                children = children_of(self, block.body)
                await run_children(self, children, block.parallel, speaker_of(block), position)
        finally:
            self.host.rescue_depth -= rescued
            deadline = self.host.deadline
            if deadline is not None and deadline.of == f"{block.id}-group":
                self.host.deadline = deadline.outer  # the limit is the body's

    async def _rescue(self, block: Block, position: Position, late: HostFailed | None) -> HostFailed | None:
        try:
            await self.nodes(block.rescue, position, late)
        except HostFailed as failed:
            if failed.at is not None:
                raise
            return failed
        return None

    async def _always(self, block: Block, position: Position, late: HostFailed | None = None) -> None:
        try:
            await self.nodes(block.always, position, late)
        except HostFailed as failed:
            if failed.at is None:
                failed.again = 0  # the block has no further place
            raise

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
            if await self._stepped_over(task, turn):
                pass
            elif task.kind is TaskKind.META:
                await run_meta(self, task, turn, position)
            elif task.serial is None or task.kind is not TaskKind.PLAIN:
                await self._do(task, turn)
            else:
                async with in_batches(self, task, turn) as goes:
                    if goes:
                        await self._do(task, turn)
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
            await self._go_into(task, turn, position)
        if self.pending_flush is not None:
            place, self.pending_flush = self.pending_flush, None
            await self.flush(place)

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

    async def _stepped_over(self, task: Task, turn: Round) -> bool:
        """`--step`: the first host of the round asks, and the answer is for all."""
        if task.kind is TaskKind.META:
            return False
        if not self.run.step:
            self._say_started(turn)
            return False
        answer: asyncio.Future[bool] | None = turn.shared.get(Shared.STEP)  # type: ignore[assignment]
        if answer is None:
            answer = asyncio.get_running_loop().create_future()
            turn.shared[Shared.STEP] = answer
            answer.set_result(await self._ask_step(task))
        if not await asyncio.shield(answer):
            return True
        self._say_started(turn)
        return False

    def _say_started(self, turn: Round) -> None:
        """Where `--step` has held the banner back."""
        if turn.shared.pop(Shared.UNSAID, None):
            self.run.bus.publish(TaskStarted(task=turn.shared[Shared.INFO]))  # type: ignore[arg-type]

    async def _ask_step(self, task: Task) -> bool:
        question = f"Perform task: TASK: {self.batch.title(task, self.host)} (N)o/(y)es/(c)ontinue: "
        reply = (await self.run.services.prompter.ask(question)).strip().lower()
        if reply in ("c", "continue"):
            self.run.step = False
            return True
        return reply in ("y", "yes")

    async def _do(self, task: Task, turn: Round) -> None:
        """The task on this host, or for `run_once` on the round's first host for all of them."""
        if self.batch.lanes.free:
            await check_own_pace(self.batch, task, self.names(task))
        elif task.common.run_once is not None or self.run.find_action(task.fqcn).once:
            await self._do_once(task, turn)
            return
        await self._execute(task, turn, everywhere=False)

    async def _do_once(self, task: Task, turn: Round) -> None:
        """Where hosts go their own pace the first to come does it, and the others take what came of it."""
        shared = turn.shared if self.lane.together else self.lane.once.setdefault(turn.position, {})
        leader = shared.setdefault(Shared.LEADER, turn.hosts[0]) == self.host.name
        if not await self._once(task, shared, leader):
            await self._execute(task, turn, everywhere=False)
        elif leader:
            if not task.common.ignore_errors:
                turn.shared[Shared.FATAL] = True
            report_future = _future(shared, Shared.REPORT)
            try:
                everywhere = Shared.EVERYWHERE in shared and self.lane.strand is None
                report_future.set_result(await self._execute(task, turn, everywhere=everywhere))
            except BaseException as error:
                if not report_future.done():
                    report_future.set_result(None)
                if isinstance(error, HostFailed):
                    error.fatal = True
                raise
        else:
            settle_others(self.batch, self.host, task)
            report: Report | None = await asyncio.shield(_future(shared, Shared.REPORT))
            if report is None and (not self.lane.together or turn.hosts[0] not in turn.failed):
                raise HostFailed(fatal=True)
            if report is not None and Shared.EVERYWHERE in shared and self.lane.strand is not None:
                take_over(self.batch, self.host, task, report, (self.host.name,))

    async def _once(self, task: Task, shared: dict[str, object], leader: bool) -> bool:
        future = _future(shared, Shared.ONCE)
        if leader:
            names = self.names(task)
            try:
                asked = bool(await evaluate(lambda: self.run.keywords.one(task, "run_once", names)))
                if asked:
                    shared[Shared.EVERYWHERE] = True
                future.set_result(asked or self.run.find_action(task.fqcn).once)
            except WeftError:
                # the task itself will say what is wrong with its keyword
                future.set_result(False)
            finally:
                if not future.done():
                    future.set_result(False)
        value: bool = await asyncio.shield(future)
        return value

    async def _execute(self, task: Task, turn: Round, *, everywhere: bool) -> Report:
        info: TaskInfo = turn.shared[Shared.INFO]  # type: ignore[assignment]
        self.run.bus.publish(HostStarted(task=info, host=self.host.name))
        call = Call(
            task=task,
            info=info,
            host=self.host.name,
            scope=self.names(task),
            environment=self.batch.environment,
            take_in=partial(take_in, self.batch, self.host, everywhere=everywhere),
            held=self.host.held,
            deadline=self.host.deadline,
            ahead=ahead_of(self, task, *self.place) if self.batch.own_ways else None,
        )
        report, shown = await self._report(call), False
        if self.batch.debugs or task.common.debugger is not None:
            from weft.engine.debugger import debugged

            report, shown = await debugged(self.batch, self.host, call, report)
        await settle(self.batch, self.host, task, turn, report, info, everywhere=everywhere, shown=shown)
        if report.outcome.changed and report.outcome.notify:
            notify(self.batch, self.host, report.outcome.notify, task)
        return report

    async def _report(self, call: Call) -> Report:
        try:
            return await self.run.executor.run(call)
        except asyncio.CancelledError:
            # when the whole run is, everything that was under way is cut off
            if self.lane.strand is not None and not self.run.stopping:
                self.run.bus.publish(TaskCancelled(task=call.info, host=call.host))
            raise

    def names(self, task: Task) -> Scope:
        """The variables of a task on this host."""
        variables, host = self.run.variables, self.host
        scope = variables.scope(host.name, play=self.batch.play_vars, task=task, branch=host.branch)
        return scope.within(self.host.local)

    # -- includes ------------------------------------------------------------------------------------------------

    async def _go_into(self, task: Task, turn: Round, position: Position) -> None:
        """What the round's includes bring for this host; all hosts see the same expansions, in the same order."""
        expansions = await expand(self.batch, self.lane, task, turn)
        if turn.shared.get(Shared.FATAL) and any(expansion.error is not None for expansion in expansions):
            raise HostFailed(task)
        await run_included(self, task, expansions, position)

    async def inside(self, expansion: Expansion, position: Position) -> None:
        """The tasks that one expansion of an include brings."""
        await self.within(expansion, self.nodes(expansion.nodes, position))

    async def within(self, expansion: Expansion, work: Coroutine[Any, Any, None]) -> None:
        """``work`` with the variables of an include."""
        outer, items = self.host.local, self.host.items
        if expansion.variables:
            self.host.local = {**outer, **expansion.variables}
            if expansion.role is not None:
                self.host.items = {**items, expansion.role: expansion.item}
        try:
            with self._section():
                await work
        except HostFailed as failed:
            if failed.at is None:
                failed.again = 0
            raise
        finally:
            self.host.local, self.host.items = outer, items


def _next(late: HostFailed | None, position: Position) -> int:
    """Which of the things at a position the host fails in; the first, where it fails in none."""
    return late.at[len(position)] if late is not None and late.at is not None else 0


def _outermost(position: Position) -> bool:
    """Whether a block stands among the tasks of its play: in Ansible only the failure of such a one is a host's."""
    return len(position) == _OUTERMOST


def _ends(node: Node, end: EndRole) -> bool:
    return isinstance(node, Task) and node.kind is TaskKind.ROLE_END and node.role is end.role


def _future(shared: dict[str, object], key: str) -> asyncio.Future[Any]:
    future = shared.get(key)
    if future is None:
        future = shared[key] = asyncio.get_running_loop().create_future()
    return future  # type: ignore[return-value]


def flat(nodes: Sequence[Node]) -> Iterator[Task]:
    """Every task among nodes, in the order in which they run if nothing fails."""
    for node in nodes:
        if isinstance(node, Block):
            yield from flat(node.body)
            yield from flat(node.always)
        else:
            yield node
