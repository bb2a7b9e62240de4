"""One batch of a play: a coroutine for each host, and what they decide together at the end of each round."""

from __future__ import annotations

import asyncio
from functools import partial

from weft.content.programs import Interrupted
from weft.engine.group import group_of_play, run_group
from weft.engine.joining import join_strands
from weft.engine.lanes import SETTLING, Lane, Lanes, Settling
from weft.engine.lockstep import Round
from weft.engine.sections import walk_play
from weft.engine.settle import fail_with_others
from weft.engine.signals import Broken, HostFailed, HostSignal, Stopped
from weft.engine.state import BatchState, HostState, Shared
from weft.engine.strategies import HostLimit
from weft.engine.walk import Walk
from weft.events import NoHostsLeft, TaskInfo, TaskStarted
from weft.model.convert import to_number
from weft.model.nodes import Task, TaskKind

#: Keywords that views are told of.
_SHOWN = (
    "any_errors_fatal", "become", "become_method", "become_user", "connection", "delegate_to", "ignore_errors",
    "ignore_unreachable", "port", "remote_user", "run_once",
)  # fmt: skip


class Batch:
    """Runs one batch. Its lanes are made here: they call back at the start and the end of each round."""

    def __init__(self, state: BatchState, setup: Task | None, limit: HostLimit, *, together: bool) -> None:
        """``together``: the strategy has hosts do each task together."""
        self._state = state
        self._setup = setup
        self._limit = limit
        self._hosts = {name: HostState(name) for name in state.hosts}
        self._infos: dict[tuple[str, tuple[int, ...], str | None], TaskInfo] = {}
        state.lanes = Lanes(self._opened, self._closed, free=not together)
        run = state.run
        own_ways = len(state.hosts) == 1 or not together
        state.own_ways = own_ways and len(state.hosts) <= run.settings.forks and run.lane is None and not state.debugs
        # a host that holds the play's lock must not wait for one that wants it
        state.main = state.lanes.main(self._hosts, together=together and state.play.lock is None)

    async def run(self) -> None:
        """Raises what ends the whole run (LoadError, WeftError)."""
        state = self._state
        state.remove((*state.run.failed, *state.run.unreachable))
        state.ended_failed.update(state.run.failed)
        try:
            async with asyncio.TaskGroup() as group:
                for host in self._hosts.values():
                    group.create_task(self._host(host), name=f"{state.play.id} {host.name}")
        except* Exception as errors:
            error = _first(errors)
            raise error from error.__cause__
        if state.lanes.free and state.run.unreachable.issuperset(state.hosts):
            state.run.bus.publish(NoHostsLeft(play=state.play.id))

    async def _host(self, host: HostState) -> None:
        run = self._state.run
        try:
            if host.name in run.unreachable or host.name in run.failed:
                return
            async with self._limit.inside():
                await self._play(Walk(self._state, host, self._state.main))
        except (HostFailed, Broken):
            self._state.ended_failed.add(host.name)
        except (HostSignal, Interrupted):
            pass
        finally:
            self._state.lanes.gone(self._state.main, host.name)
            if host.sent is not None:
                await host.sent.close()
        await self._leave(host)

    async def _leave(self, host: HostState) -> None:
        """The host has left the play, maybe before its end: what it left behind is waited for; no other host waits."""
        try:
            await join_strands(self._state, host)
        except HostFailed:
            self._state.ended_failed.add(host.name)
        except HostSignal:
            pass

    async def _play(self, walk: Walk) -> None:
        setup = self._setup_for(walk.host.name)
        play = self._state.play
        if play.lock is None:
            await walk_play(walk, setup)
        else:
            await run_group(walk, group_of_play(play, lambda inner, _: walk_play(inner, setup)), ())

    def _setup_for(self, host: str) -> Task | None:
        if self._setup is None:
            return None
        run = self._state.run
        if run.settings.gathering == "smart" and run.variables.has_facts(host):
            return None
        return self._setup

    # -- rounds --------------------------------------------------------------------------------------------------

    def _opened(self, lane: Lane, turn: Round) -> None:
        """A round begins: its banner."""
        task = turn.key
        if not isinstance(task, Task):
            return  # hosts only meet
        key = (task.id, turn.position, lane.strand)
        info = self._infos.get(key)
        if info is None:
            info = self._infos[key] = self._info(lane, task, turn)
            self._state.run.asked.task_started(info.id, task)
        turn.shared[Shared.INFO] = info
        if self._state.step and task.kind is not TaskKind.META:
            turn.shared[Shared.UNSAID] = True
        else:
            self._state.run.bus.publish(TaskStarted(task=info))

    def _info(self, lane: Lane, task: Task, turn: Round) -> TaskInfo:
        state = self._state
        host = lane.states[turn.hosts[0]]
        common = task.common
        return TaskInfo(
            id=f"{task.id}@{'.'.join(map(str, turn.position))}{f'@{lane.strand}' if lane.strand else ''}",
            name=state.title(task, host, warn=True),
            action=task.action,
            origin=task.origin,
            play=state.play.id,
            handler=task.is_handler,
            implicit=task.implicit,
            check_mode=state.run.settings.check if common.check_mode is None else common.check_mode is True,
            no_log=bool(common.no_log),
            loop=task.loop is not None or task.loop_with is not None,
            args={} if common.no_log else task.args,
            role=task.role.name if task.role is not None else None,
            tags=common.tags,
            strand=lane.strand,
            fqcn="" if state.run.services.templar.is_template(task.action) else task.fqcn,
            keywords={name: value for name in _SHOWN if (value := getattr(common, name)) is not None},
            lane=state.run.lane,
        )

    def _closed(self, lane: Lane, turn: Round) -> None:
        """A round ends: whether its failures are everybody's, and whether there are too many."""
        state = self._state
        task = turn.key
        if state.run.stopping:
            state.lanes.end(Stopped, background=True)
            return
        counts = task is SETTLING or (isinstance(task, Task) and task.kind is not TaskKind.META)
        if not isinstance(task, Task | Settling) or state.lanes.free:
            return
        times = 0
        if lane.together and turn.shared.get(Shared.FATAL) and turn.failed and counts:
            self._others_fail(lane, turn)
            # of a `run_once` task that failed it was everybody's failure before
            times += 1 + (Shared.EVERYWHERE in turn.shared and not turn.failed <= state.run.unreachable)
        if self._too_many_failed():
            if lane.together:
                self._others_fail(lane, turn)
            times += 1
            state.broken = True
            state.run.bus.publish(NoHostsLeft(play=state.play.id))
        if state.broken and (lane is not state.main or len(state.failed) >= len(self._left(turn))):
            state.run.bus.publish(NoHostsLeft(play=state.play.id))
            turn.verdict = Broken
            state.lanes.end(Broken, background=True)
        elif times:
            turn.verdict = partial(HostFailed, fatal=True, again=times - 1)
            lane.turns.call_away(turn.verdict, except_for=turn.hosts)

    def _others_fail(self, lane: Lane, turn: Round) -> None:
        """The failure of one is everybody's; for the views, it is still that one's."""
        unreachable = self._state.run.unreachable
        if lane.strand is None:
            others = [name for name in self._left(turn) if name in unreachable or name not in turn.failed]
            fail_with_others(self._state, others)

    def _left(self, turn: Round) -> list[str]:
        """Hosts that were not out of reach when the round began."""
        state = self._state
        return [name for name in state.hosts if name not in state.run.unreachable or name in turn.failed]

    def _too_many_failed(self) -> bool:
        state = self._state
        raw = state.play.max_fail_percentage
        limit = state.run.settings.max_fail_percentage if raw is None else to_number(raw)
        return limit is not None and len(state.failed) / len(state.hosts) > limit / 100


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    """The error that ended the batch: the others were stopped by it."""
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            return _first(error)
        return error
    raise AssertionError("an empty exception group")
