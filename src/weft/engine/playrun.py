"""One play: its hosts, its strategy, its batches one after the other.

Comes after ``batch``; ``playlane`` says which plays, and in which order.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.engine.batch import Batch
from weft.engine.batches import batches
from weft.engine.handlers import flatten
from weft.engine.ownpace import check_play
from weft.engine.startat import Start, find_start
from weft.engine.state import BatchState, RunState
from weft.engine.strategies import HostLimit
from weft.events import NoHostsMatched, PlayInfo, PlayStarted
from weft.executor.environment import RunEnvironment
from weft.model.convert import is_true
from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Play, Role, Task
from weft.model.values import Origin, Value, origin_of
from weft.playbook.settled import settled
from weft.templating.blocking import evaluate
from weft.vars import PlayVars

STRATEGIES = ("linear", "free", "host_pinned", "debug")

OK, FAILED, UNREACHABLE = 0, 2, 4


class PlayEnd(Struct):
    """How a play ended. ``code`` is the exit code of its last batch, None where it had none."""

    code: int | None = None
    broken: bool = False  # a whole batch failed, or too many hosts did: the plays after it are off


class PlayRun:
    """Plays one play."""

    def __init__(
        self, run: RunState, play: Play, play_vars: PlayVars, watch: Callable[[BatchState | None], None]
    ) -> None:
        """``watch`` is told which batch runs, so that it can be called away; None: none does."""
        self._run = run
        self._play = play
        self._vars = play_vars
        self._watch = watch
        self._end = PlayEnd()
        self._debugs = False

    async def play(self, start: Start | None = None) -> PlayEnd:
        """``start``: where, if that is known already. Raises WeftError where the run itself is broken."""
        run, written = self._run, self._play
        play = self._play = await self._settled()
        self._vars.name = str(play.name)
        # `order` is for what runs: the list of all hosts has the inventory's, and grows with it
        self._vars.follow(run.variables.inventory, lambda: self._select(replace(play, order=None)))
        hosts = self._vars.all_hosts if play.order is None else self._select(play)
        # files of variables, and cached facts, are read before the hosts start
        await asyncio.to_thread(run.variables.prepare, self._vars, hosts)
        split = batches(hosts, play.serial, play.origin)
        strategy = self._strategy(play.strategy, origin_of(written.strategy) or play.origin)
        self._debugs, strategy = (
            (True, "linear") if strategy == "debug" else (run.settings.enable_task_debugger, strategy)
        )
        if not split:
            info = self._info((), strategy)
            run.bus.publish(PlayStarted(play=info))
            run.bus.publish(NoHostsMatched(play=info))
            return self._end
        start = start or find_start(run, play)
        if start.elsewhere:
            self._play = replace(play, pre_tasks=(), role_tasks=(), tasks=(), post_tasks=(), gather_facts=False)
        run.asked.play_started(play, self._vars, run.variables)
        for hosts_now in split:
            run.bus.publish(PlayStarted(play=self._info(hosts_now, strategy)))
            if await self._batch(hosts_now, strategy, start.before):
                break
        return self._end

    async def hosts(self) -> tuple[str, ...]:
        """Those that the play would have now."""
        return self._select(await self._settled())

    async def title(self) -> str:
        """The play's name, or else its hosts."""
        return str((await self._settled()).name)

    async def _settled(self) -> Play:
        """The play with the final values of its own keywords. Raises LoadError."""
        run, play = self._run, self._play
        names = run.variables.scope(None, play=self._vars)
        return await evaluate(lambda: settled(play, lambda value: run.services.templar.render(value, names)))

    async def _batch(self, hosts: tuple[str, ...], strategy: str, skip_before: frozenset[str]) -> bool:
        """Whether the play is over."""
        run, play = self._run, self._play
        self._vars.batch = hosts
        self._vars.removed = set()
        self._vars.forget_includes()
        state = BatchState(
            run=run,
            play=play,
            hosts=hosts,
            play_vars=self._vars,
            environment=self._environment(),
            handlers=flatten(play.handlers),
            strategy=strategy,
            debugs=self._debugs,
            skip_before=skip_before,
            step=run.step,
        )
        limit = HostLimit(run.settings.forks if strategy == "host_pinned" else None)
        batch = Batch(state, self._setup(), limit, together=strategy == "linear")
        if strategy != "linear":
            check_play(state, play)
        before = len(run.failed) + len(run.unreachable)
        self._watch(state)
        try:
            await batch.run()
        finally:
            self._watch(None)
        run.failed = state.failed | state.ended_failed
        self._end.code = self._code_of(state)
        newly = len(run.failed) + len(run.unreachable) - before
        everybody = newly == len(hosts)
        if state.broken or everybody:
            self._end.broken = True
        # as in Ansible, batches follow one in which too many failed, but not everybody
        return everybody or state.ended or run.stopping

    def _code_of(self, state: BatchState) -> int:
        """A run ends as its last batch. Hosts that failed earlier still count, unless their errors were cleared."""
        if state.broken:
            return FAILED
        if self._run.unreachable:
            return UNREACHABLE
        return FAILED if state.ended_failed else OK

    def _select(self, play: Play) -> tuple[str, ...]:
        run = self._run
        try:
            patterns: Any = play.hosts
            order: Any = play.order
            return run.variables.inventory.select(patterns, limit=run.options.limit, order=order)
        except ValueError as error:
            raise LoadError(str(error), play.origin) from None

    def _strategy(self, told: Value, origin: Origin) -> str:
        name = str(told or self._run.settings.strategy).removeprefix("ansible.builtin.")
        if name not in STRATEGIES:
            raise WeftError(f"Invalid play strategy specified: {told}", origin, _no_plugins(name))
        return name

    def _info(self, hosts: tuple[str, ...], strategy: str) -> PlayInfo:
        play, run = self._play, self._run
        return PlayInfo(
            id=play.id,
            name=str(play.name),
            hosts=hosts,
            strategy=strategy,
            check_mode=run.settings.check if play.common.check_mode is None else is_true(play.common.check_mode),
            origin=play.origin,
            lane=run.lane,
            patterns=tuple(map(str, play.hosts)) if isinstance(play.hosts, list | tuple) else (str(play.hosts),),
        )

    def _environment(self) -> RunEnvironment:
        run, play = self._run, self._play
        return RunEnvironment(
            basedir=os.path.dirname(os.path.abspath(play.path)) if play.path else os.getcwd(),
            roots=tuple(dict.fromkeys(role.path for role in _all_roles(play.roles))),
            with_items=run.with_items,
        )

    def _setup(self) -> Task | None:
        """The task that gathers facts first, where the play and the settings want it."""
        play, gathering = self._play, self._run.settings.gathering
        implied = play.gather_facts is None or is_true(play.gather_facts)
        wanted = is_true(play.gather_facts) if gathering == "explicit" else implied
        if not wanted:
            return None
        options = {
            "gather_subset": play.gather_subset,
            "gather_timeout": play.gather_timeout,
            "fact_path": play.fact_path,
        }
        common = replace(play.common, tags=play.common.tags or ("always",), run_once=None)
        return Task(
            id=f"{play.id}-facts",
            origin=play.origin,
            name="Gathering Facts",
            action="gather_facts",
            fqcn="ansible.builtin.gather_facts",
            args={key: value for key, value in options.items() if value is not None},
            common=common,
            implicit=True,
        )


def _all_roles(roles: Sequence[Role]) -> Iterator[Role]:
    for role in roles:
        yield from _all_roles(role.dependencies)
        yield role


def _no_plugins(name: str) -> str:
    known = ", ".join(STRATEGIES[:3])
    return f"weft has {known}; strategy plugins that were written for ansible-core can't be used."
