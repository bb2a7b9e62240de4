"""One batch of a play: a coroutine for each host, and what they decide together at the end of each round."""

from __future__ import annotations

import asyncio
from functools import partial

from weft.engine.joining import join_strands
from weft.engine.lockstep import Round
from weft.engine.signals import Broken, HostFailed, HostSignal, Stopped
from weft.engine.state import BatchState, HostState, Shared
from weft.engine.strategies import HostLimit
from weft.engine.walk import Walk
from weft.events import NoHostsLeft, TaskInfo, TaskStarted
from weft.model.convert import to_number
from weft.model.nodes import Task, TaskKind


class Batch:
    """Runs one batch. ``state.turns`` is set here: the strategy calls back at the start and the end of each round."""

    def __init__(self, state: BatchState, setup: Task | None, limit: HostLimit) -> None:
        self._state = state
        self._setup = setup
        self._limit = limit
        self._hosts: dict[str, HostState] = {}
        self._infos: dict[tuple[str, tuple[int, ...]], TaskInfo] = {}

    async def run(self) -> None:
        """Raises what ends the whole run (LoadError, WeftError)."""
        state = self._state
        self._hosts = {name: HostState(name) for name in state.hosts}
        state.remove((*state.run.failed, *state.run.unreachable))
        state.ended_failed.update(state.run.failed)
        try:
            async with asyncio.TaskGroup() as group:
                for host in self._hosts.values():
                    group.create_task(self._host(host), name=f"{state.play.id} {host.name}")
        except* Exception as errors:
            error = _first(errors)
            raise error from error.__cause__
        if not state.turns.together and state.run.unreachable.issuperset(state.hosts):
            state.run.bus.publish(NoHostsLeft(play=state.play.id))

    async def _host(self, host: HostState) -> None:
        run = self._state.run
        try:
            if host.name in run.unreachable or host.name in run.failed:
                return
            async with self._limit.inside():
                await Walk(self._state, host).play(self._setup_for(host.name))
        except (HostFailed, Broken):
            self._state.ended_failed.add(host.name)
        except HostSignal:
            pass
        finally:
            self._state.turns.gone(host.name)
        await self._leave(host)

    async def _leave(self, host: HostState) -> None:
        """The host has left the play, maybe before its end: what it left behind is waited for; no other host waits."""
        try:
            await join_strands(self._state, host)
        except HostFailed:
            self._state.ended_failed.add(host.name)
        except HostSignal:
            pass

    def _setup_for(self, host: str) -> Task | None:
        if self._setup is None:
            return None
        run = self._state.run
        if run.settings.gathering == "smart" and run.variables.has_facts(host):
            return None
        return self._setup

    # -- rounds --------------------------------------------------------------------------------------------------

    def opened(self, turn: Round) -> None:
        """A round begins: its banner."""
        task = turn.key
        assert isinstance(task, Task)
        key = (task.id, turn.position)
        info = self._infos.get(key)
        if info is None:
            info = self._infos[key] = self._info(task, turn)
        turn.shared[Shared.INFO] = info
        self._state.run.bus.publish(TaskStarted(task=info))

    def _info(self, task: Task, turn: Round) -> TaskInfo:
        state = self._state
        host = self._hosts[turn.hosts[0]]
        common = task.common
        return TaskInfo(
            id=f"{task.id}@{'.'.join(map(str, turn.position))}",
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
        )

    def closed(self, turn: Round) -> None:
        """A round ends: whether its failures are everybody's, and whether there are too many."""
        state = self._state
        task = turn.key
        assert isinstance(task, Task)
        if state.run.stopping:
            state.turns.call_away(Stopped)
            return
        if not state.turns.together:
            return
        if turn.shared.get(Shared.FATAL) and turn.failed and task.kind is not TaskKind.META:
            self._fail_the_others(turn)
        if turn.failed and self._too_many_failed():
            state.broken = True
            turn.verdict = Broken
            for _ in range(2):  # Ansible says so when there are too many, and again when it leaves the play
                state.run.bus.publish(NoHostsLeft(play=state.play.id))
            state.turns.call_away(Broken, except_for=turn.hosts)

    def _fail_the_others(self, turn: Round) -> None:
        """The failure of one is everybody's; for the views, it is still that one's."""
        state = self._state
        unreachable = state.run.unreachable
        others = [name for name in state.hosts if name not in unreachable and name not in turn.failed]
        state.failed.update(others)
        state.remove(others)
        verdict = partial(HostFailed, twice=Shared.REPORT in turn.shared and not turn.failed <= unreachable)
        turn.verdict = verdict
        state.turns.call_away(verdict, except_for=turn.hosts)

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
