"""A run: its plays one after the other, each in its batches.

Comes after ``batch``; ``weft.run`` makes the ``RunState`` and calls this.
"""

from __future__ import annotations

import asyncio
import fnmatch
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from weft.content.programs import Interrupted
from weft.engine.batch import Batch
from weft.engine.batches import batches
from weft.engine.handlers import flatten
from weft.engine.lanes import Lanes
from weft.engine.notyet import refuse_play
from weft.engine.ownpace import check_play
from weft.engine.prompts import ask_for_vars
from weft.engine.signals import Stopped
from weft.engine.state import BatchState, RunState
from weft.engine.strategies import HostLimit
from weft.engine.walk import flat
from weft.events import (
    ErrorInfo,
    Failed,
    Message,
    NoHostsMatched,
    PlaybookFinished,
    PlaybookStarted,
    PlayInfo,
    PlayStarted,
    RunFinished,
    RunStarted,
)
from weft.executor.environment import RunEnvironment
from weft.model.convert import is_true
from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Play, Playbook, Role, Task, TaskKind
from weft.model.values import Origin, Value, origin_of
from weft.playbook.settled import settled
from weft.templating.blocking import evaluate
from weft.vars import PlayVars

STRATEGIES = ("linear", "free", "host_pinned", "debug")

OK, FAILED, UNREACHABLE, INTERRUPTED = 0, 2, 4, 130


class Runner:
    """Plays the playbooks of one run."""

    def __init__(self, run: RunState) -> None:
        self._run = run
        self._lanes: Lanes | None = None
        self._break = False  # a whole batch failed: what comes after it in this playbook is off
        self._code = OK  # of the last batch

    def stop(self) -> None:
        """Ctrl-C, the first time: no new task starts, what runs is waited for."""
        self._run.stopping = True
        self._run.interrupt_programs()
        if self._lanes is not None:
            self._lanes.end(Stopped, background=True)

    async def play(self, playbooks: Sequence[Playbook]) -> int:
        """Returns the exit code. Raises WeftError where the run itself is broken; the recap is out by then."""
        run = self._run
        started = time.monotonic()
        code = OK
        run.bus.publish(RunStarted(playbooks=tuple(book.path for book in playbooks), check_mode=run.settings.check))
        for book in playbooks:
            for play in book.plays:
                refuse_play(play)
        try:
            for number, book in enumerate(playbooks, 1):
                await self._playbook(book)
                if self._code != OK or run.stopping:
                    break
                if number < len(playbooks):
                    recap = run.stats.recap()
                    run.bus.publish(PlaybookFinished(path=book.path, recap=recap, custom_stats=run.stats.custom))
            code = self._exit_code()
            _complain_about_start(run)
        except asyncio.CancelledError:
            code = INTERRUPTED
            raise
        except Interrupted:  # a play had not got beyond its variables
            code = INTERRUPTED
        except Exception:
            code = 1
            raise
        finally:
            if code != 1:
                await self._finish(code, time.monotonic() - started)
        return code

    async def _playbook(self, book: Playbook) -> None:
        self._run.bus.publish(PlaybookStarted(path=book.path, plays=len(book.plays)))
        self._break = False
        for play in book.plays:
            if self._break or self._run.stopping:
                break
            await self._play(play)

    async def _finish(self, code: int, wall: float) -> None:
        run = self._run
        lane = run.services.lane
        if lane is not None and lane.taken:
            run.bus.publish(Message(text=lane.taken.describe(), stderr=True))
        run.bus.publish(
            RunFinished(
                recap=run.stats.recap(),
                custom_stats=run.stats.custom,
                jobs_left=await run.jobs.left(),
                exit_code=code,
                wall=wall,
                task_seconds=run.stats.task_seconds,
            )
        )

    def _exit_code(self) -> int:
        return INTERRUPTED if self._run.stopping else self._code

    # -- one play ------------------------------------------------------------------------------------------------

    async def _play(self, play: Play) -> None:
        run = self._run
        play_vars = PlayVars(play=play, all_hosts=())
        await ask_for_vars(run, play, play_vars)
        names = run.variables.scope(None, play=play_vars)
        written = play
        play = await evaluate(lambda: settled(written, lambda value: run.services.templar.render(value, names)))
        play_vars.name = str(play.name)
        hosts = self._select(play, written.origin)
        play_vars.all_hosts = hosts
        # files of variables, and cached facts, are read before the hosts start
        await asyncio.to_thread(run.variables.prepare, play_vars, hosts)
        split = batches(hosts, play.serial, play.origin)
        strategy = self._strategy(play.strategy, origin_of(written.strategy) or play.origin)
        if not split:
            info = self._info(play, (), strategy)
            run.bus.publish(PlayStarted(play=info))
            run.bus.publish(NoHostsMatched(play=info))
            return
        skip_before, found = self._start_at(play)
        if not found:
            play = _without_tasks(play)
        for number, hosts_now in enumerate(split):
            run.bus.publish(PlayStarted(play=self._info(play, hosts_now, strategy)))
            if await self._batch(play, play_vars, hosts_now, strategy, skip_before, number):
                return

    async def _batch(
        self,
        play: Play,
        play_vars: PlayVars,
        hosts: tuple[str, ...],
        strategy: str,
        skip_before: frozenset[str],
        number: int,
    ) -> bool:
        """Whether the play is over."""
        run = self._run
        play_vars.batch = hosts
        play_vars.removed = set()
        state = BatchState(
            run=run,
            play=play,
            hosts=hosts,
            play_vars=play_vars,
            environment=self._environment(play),
            handlers=flatten(play.handlers),
            strategy=strategy,
            skip_before=skip_before,
        )
        limit = HostLimit(run.settings.forks if strategy == "host_pinned" else None)
        batch = Batch(state, self._setup(play), limit, together=strategy == "linear")
        if strategy != "linear":
            check_play(state, play)
        self._lanes = state.lanes
        before = len(run.failed) + len(run.unreachable)
        try:
            await batch.run()
        finally:
            self._lanes = None
        run.failed = (state.failed | state.ended_failed) - run.unreachable
        self._code = self._code_of(state)
        newly = len(run.failed) + len(run.unreachable) - before
        if state.broken or newly == len(hosts):
            self._break = True
        return self._break or state.ended or run.stopping

    def _code_of(self, state: BatchState) -> int:
        """A run ends as its last batch. Hosts that failed earlier still count, unless their errors were cleared."""
        if state.broken:
            return FAILED
        if self._run.unreachable:
            return UNREACHABLE
        return FAILED if state.ended_failed else OK

    def _select(self, play: Play, origin: Origin) -> tuple[str, ...]:
        run = self._run
        try:
            patterns: Any = play.hosts
            order: Any = play.order
            return run.variables.inventory.select(patterns, limit=run.options.limit, order=order)
        except ValueError as error:
            raise LoadError(str(error), origin) from None

    def _strategy(self, told: Value, origin: Origin) -> str:
        name = str(told or self._run.settings.strategy).removeprefix("ansible.builtin.")
        if name not in STRATEGIES:
            raise WeftError(f"Invalid play strategy specified: {told}", origin, _no_plugins(name))
        return "linear" if name == "debug" else name

    def _info(self, play: Play, hosts: tuple[str, ...], strategy: str) -> PlayInfo:
        check = self._run.settings.check if play.common.check_mode is None else is_true(play.common.check_mode)
        return PlayInfo(
            id=play.id, name=str(play.name), hosts=hosts, strategy=strategy, check_mode=check, origin=play.origin
        )

    def _environment(self, play: Play) -> RunEnvironment:
        run = self._run
        return RunEnvironment(
            basedir=os.path.dirname(os.path.abspath(play.path)) if play.path else os.getcwd(),
            roots=tuple(dict.fromkeys(role.path for role in _all_roles(play.roles))),
            with_items=run.with_items,
        )

    # -- facts ---------------------------------------------------------------------------------------------------

    def _setup(self, play: Play) -> Task | None:
        """The task that gathers facts first, where the play and the settings want it."""
        gathering = self._run.settings.gathering
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

    # -- --start-at-task -----------------------------------------------------------------------------------------

    def _start_at(self, play: Play) -> tuple[frozenset[str], bool]:
        """Ids of the tasks to leave out, and whether anything of the play is to run."""
        wanted = self._run.start_at
        if wanted is None:
            return frozenset(), True
        skipped: set[str] = set()
        for task in flat((*play.pre_tasks, *play.role_tasks, *play.tasks, *play.post_tasks)):
            if task.kind is not TaskKind.ROLE_END and _called(task, wanted):
                self._run.start_at = None
                return frozenset(skipped), True
            skipped.add(task.id)
        return frozenset(skipped), False


def _complain_about_start(run: RunState) -> None:
    """`--start-at-task` named a task that no play has."""
    if run.start_at is not None:
        message = f'No matching task "{run.start_at}" found. Note: --start-at-task can only follow static includes.'
        run.bus.publish(Failed(error=ErrorInfo(message=message)))


def _called(task: Task, wanted: str) -> bool:
    own = str(task.name) if task.name is not None else task.action
    full = f"{task.role.name} : {own}" if task.role is not None else own
    return any(name == wanted or fnmatch.fnmatch(name, wanted) for name in (own, full))


def _without_tasks(play: Play) -> Play:
    return replace(play, pre_tasks=(), role_tasks=(), tasks=(), post_tasks=(), gather_facts=False)


def _all_roles(roles: Sequence[Role]) -> Iterator[Role]:
    for role in roles:
        yield from _all_roles(role.dependencies)
        yield role


def _no_plugins(name: str) -> str:
    known = ", ".join(STRATEGIES[:3])
    return f"weft has {known}; strategy plugins that were written for ansible-core can't be used."
