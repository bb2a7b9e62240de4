"""A run: its playbooks, one after the other or side by side, and its exit code.

Comes after ``playlane``; ``weft.run`` makes the ``RunState`` and calls this.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence

from weft.content.programs import Interrupted
from weft.engine.playlane import PlayLane
from weft.engine.signals import DebuggerQuit
from weft.engine.startat import complain_about_start
from weft.engine.state import RunState
from weft.events import Message, PlaybookFinished, PlaybookStarted, RunFinished, RunStarted
from weft.model.errors import OptionsError
from weft.model.nodes import Playbook

INTERRUPTED = 130
QUIT = 99  # at the debugger; no recap, as in Ansible


class Runner:
    """Plays the playbooks of one run."""

    def __init__(self, run: RunState) -> None:
        self._run = run
        self._lane = PlayLane(run)

    def stop(self) -> None:
        """Ctrl-C, the first time: no new task starts, what runs is waited for."""
        self._run.interrupt_programs()
        self._lane.stop()

    async def play(self, playbooks: Sequence[Playbook]) -> int:
        """Returns the exit code. Raises WeftError where the run itself is broken; the recap is out by then."""
        run = self._run
        started = time.monotonic()
        code = 1  # no recap
        run.bus.publish(RunStarted(playbooks=tuple(book.path for book in playbooks), check_mode=run.settings.check))
        self._check(playbooks)
        try:
            if self._together(playbooks):
                await self._side_by_side(playbooks)
            else:
                await self._one_by_one(playbooks)
            code = INTERRUPTED if run.stopping else self._lane.code
            complain_about_start(run)
        except asyncio.CancelledError:
            code = INTERRUPTED
            raise
        except Interrupted:  # a play had not got beyond its variables
            code = INTERRUPTED
        except DebuggerQuit:
            return QUIT
        finally:
            if code != 1:
                await self._finish(code, time.monotonic() - started)
        return code

    def _check(self, playbooks: Sequence[Playbook]) -> None:
        """Raises OptionsError for options that can't hold here."""
        plays = [play for book in playbooks for play in book.plays]
        if self._run.step:
            listed = next((play for play in plays if play.parallel_with is not None), None)
            if listed is not None or self._together(playbooks):
                message = "--step asks before one task after the other: plays that run side by side can't be stepped."
                raise OptionsError(message, listed.origin if listed is not None else None)

    def _together(self, playbooks: Sequence[Playbook]) -> bool:
        return self._run.options.parallel is not None and len(playbooks) > 1

    async def _one_by_one(self, playbooks: Sequence[Playbook]) -> None:
        run, lane = self._run, self._lane
        for number, book in enumerate(playbooks, 1):
            await self._playbook(book, lane)
            if lane.code or run.stopping:
                break
            if number < len(playbooks):
                recap = run.stats.recap()
                run.bus.publish(PlaybookFinished(path=book.path, recap=recap, custom_stats=run.stats.custom))

    async def _side_by_side(self, playbooks: Sequence[Playbook]) -> None:
        """``--parallel``: each playbook is a lane. One that fails does not keep the others from running."""
        await self._lane.prepare(play for book in playbooks for play in book.plays)

        def playing(book: Playbook) -> Callable[[PlayLane], Awaitable[None]]:
            return lambda lane: self._playbook(book, lane)

        labels = _labels(self._run.options.playbooks)
        bodies = [(label, playing(book)) for label, book in zip(labels, playbooks, strict=True)]
        await self._lane.side_by_side(bodies, self._run.options.parallel)

    async def _playbook(self, book: Playbook, lane: PlayLane) -> None:
        started = PlaybookStarted(path=book.path, plays=len(book.plays), given=book.given, collection=book.collection)
        self._run.bus.publish(started)
        lane.over = False
        await lane.plays(book.plays)
        if self._run.settings.retry_files_enabled:
            from weft.engine.retryfile import keep_for_retry

            await keep_for_retry(lane.run, book)

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


def _labels(paths: Sequence[str]) -> list[str]:
    """The playbooks' file names; their paths where these are not enough to tell them apart."""
    named: dict[str, set[str]] = {}
    for path in paths:
        named.setdefault(os.path.basename(path), set()).add(path)
    return [path if len(named[os.path.basename(path)]) > 1 else os.path.basename(path) for path in paths]
