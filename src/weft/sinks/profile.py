"""How long things took: a line below each task's banner, and tables below the recap.

``TaskTimes``, ``RoleTimes`` and ``RunTime`` say what ansible.posix's profile_tasks, profile_roles and timer say. They
follow the view they share a ``Screen`` with, and so come after it in the list of sinks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from msgspec import Struct

from weft.events import types as ev
from weft.sinks.dump import is_action
from weft.sinks.screen import Screen

_WIDTH = 79
_SHOWS_PATHS_FROM = 2  # -vv
_OWN_PACE = ("free", "host_pinned")


class _Spent(Struct):
    """One task's (or role's) share. Durations are in seconds."""

    name: str
    path: str = ""
    started: float = 0.0
    seconds: float = 0.0
    alone: bool = True  # it lasts until the next one starts; otherwise until its last host is done


class _Clock:
    """The line with the date, the time since the last such line, and the time since the start."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.start = 0.0
        self._last = 0.0

    def begin(self, at: float) -> None:
        if not self.start:
            self.start = self._last = at

    def line(self, at: float) -> None:
        self.begin(at)
        date = time.strftime("%A %d %B %Y  %H:%M:%S %z", time.localtime(at))
        self._screen.show(_filled(f"{date} ({clock_text(at - self._last)})       {clock_text(at - self.start)}"))
        self._last = at


class _Profile:
    """Shared by both tables: which task is the current one, and when it began."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._clock = _Clock(screen)
        self._spent: dict[str, _Spent] = {}
        self._current: str | None = None
        self._plays: dict[str, ev.PlayInfo] = {}
        self._handlers: dict[type[ev.Event], Callable[..., None]] = {
            ev.RunStarted: lambda event: self._clock.begin(event.at),
            ev.PlayStarted: lambda event: self._plays.update({event.play.id: event.play}),
            ev.TaskStarted: lambda event: self._task_started(event.task, event.at),
            ev.TaskFinished: lambda event: self._task_finished(event.task, event.at),
            ev.TaskCancelled: lambda event: self._task_finished(event.task, event.at),
            ev.PlaybookFinished: lambda event: self._report(event.at),
            ev.RunFinished: lambda event: self._report(event.at),
        }

    def handle(self, event: ev.Event) -> None:
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    async def close(self) -> None:
        await self._screen.drained()

    def _key(self, task: ev.TaskInfo) -> tuple[str, str]:
        """What is counted together, and its name."""
        raise NotImplementedError

    def _report(self, at: float) -> None:
        raise NotImplementedError

    def _task_started(self, task: ev.TaskInfo, at: float) -> None:
        if task.implicit and is_action(task, "meta"):
            return
        self._clock.line(at)
        self._end_current(at)
        key, name = self._key(task)
        spent = self._spent.setdefault(key, _Spent(name))
        spent.started = at
        spent.alone = not self._beside_others(task)
        if self._screen.verbosity >= _SHOWS_PATHS_FROM:
            spent.path = f"{task.origin.path}:{task.origin.line or 1}"
        self._current = key if spent.alone else None

    def _task_finished(self, task: ev.TaskInfo, at: float) -> None:
        spent = self._spent.get(self._key(task)[0])
        if spent is not None and not spent.alone:
            spent.seconds = at - spent.started

    def _beside_others(self, task: ev.TaskInfo) -> bool:
        play = self._plays.get(task.play)
        at_own_pace = play is not None and (play.lane is not None or play.strategy.rpartition(".")[2] in _OWN_PACE)
        return task.strand is not None or at_own_pace

    def _end_current(self, at: float) -> None:
        if self._current is not None:
            spent = self._spent[self._current]
            spent.seconds += at - spent.started
            self._current = None


class TaskTimes(_Profile):
    """The slowest tasks. ``limit`` None: all of them. ``order``: descending | ascending | none."""

    def __init__(self, screen: Screen, *, limit: int | None = 20, order: str = "descending") -> None:
        super().__init__(screen)
        self._limit = limit
        self._order = order

    @classmethod
    def from_environment(cls, screen: Screen, environ: Mapping[str, str]) -> TaskTimes:
        limit = environ.get("PROFILE_TASKS_TASK_OUTPUT_LIMIT", "20")
        order = environ.get("PROFILE_TASKS_SORT_ORDER", "descending")
        return cls(screen, limit=int(limit) if limit.isdigit() else None, order=order)

    def _key(self, task: ev.TaskInfo) -> tuple[str, str]:
        return task.id, task.name

    def _report(self, at: float) -> None:
        self._clock.line(at)
        self._screen.show(_filled("", "="))
        self._end_current(at)
        rows = list(self._spent.values())
        if self._order != "none":
            rows.sort(key=lambda spent: spent.seconds, reverse=self._order == "descending")
        width = self._screen.columns
        for spent in rows[: self._limit]:
            self._screen.show(f"{spent.name + ' ':-<{width - 9}}{_seconds(spent)}")
            if spent.path:
                self._screen.show(f"{spent.path + ' ':-<{width}}")


class RoleTimes(_Profile):
    """What each role took in all; tasks outside of roles by their action."""

    def _key(self, task: ev.TaskInfo) -> tuple[str, str]:
        name = task.role or task.action
        return name, name

    def _report(self, at: float) -> None:
        self._screen.banner("ROLE RECAP")
        self._end_current(at)
        for spent in sorted(self._spent.values(), key=lambda spent: -spent.seconds):
            self._screen.show(f"{spent.name + ' ':-<70}{_seconds(spent)}")
        total = _Spent("total", seconds=sum(spent.seconds for spent in self._spent.values()))
        self._screen.show(_filled("", "~"))
        self._screen.show(f"{total.name + ' ':-<70}{_seconds(total)}")


class RunTime:
    """How long the whole run took."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._start = 0.0

    def handle(self, event: ev.Event) -> None:
        self._start = self._start or event.at
        if isinstance(event, ev.RunFinished | ev.PlaybookFinished):
            self._screen.show(f"Playbook run took {days_text(event.at - self._start)}")

    async def close(self) -> None:
        await self._screen.drained()


def clock_text(seconds: float) -> str:
    """`0:00:11.506`: hours, minutes, seconds with milliseconds."""
    millis = int(max(seconds, 0.0) * 1000 + 0.001)  # clock readings are a little off what they mean
    minutes, rest = divmod(millis, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def days_text(seconds: float) -> str:
    minutes, rest = divmod(int(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} days, {hours} hours, {minutes} minutes, {rest} seconds"


def _filled(text: str, fill: str = "*") -> str:
    start = f"{text} " if text else ""
    return f"{start}{fill * max(3, _WIDTH - len(start))} "


def _seconds(spent: _Spent) -> str:
    return f"{f' {spent.seconds:.2f}s':->9}"
