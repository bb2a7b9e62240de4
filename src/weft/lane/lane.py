"""Who works on what goes through ansible-core: a worker for each task, the same for the items of a loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from weft.lane.talk import Answers, Talk
from weft.model.settings import Settings

if TYPE_CHECKING:
    from weft.content.lane.request import LaneRequest
    from weft.lane.nursery import Nursery

_Key = tuple[str, str | None, str | None]
_IDLE = 2.0  # seconds that a worker waits for the next item of its loop
_LEAVE = 3.0  # seconds that it may take to let go of its connection


class Taken(Struct):
    """What took the lane: tasks by the reason."""

    tasks: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, reason: str, task: str) -> None:
        self.tasks.setdefault(reason, {})[task] = None

    def __bool__(self) -> bool:
        return bool(self.tasks)

    def describe(self) -> str:
        """One line for each reason."""
        lines = [f"  {reason}: {', '.join(tasks)}" for reason, tasks in self.tasks.items()]
        return "\n".join(["Run through ansible-core's own plugins:", *lines])


class Lane:
    """All of a run's work that goes through ansible-core. ``close`` it at the end."""

    def __init__(self, settings: Settings, *, secrets: Callable[[], Sequence[tuple[str, bytes]]]) -> None:
        """``secrets`` are the vault's passwords with their labels: it may block and raise VaultFailed."""
        self._environment = {"ANSIBLE_CONFIG": settings.config_file} if settings.config_file else {}
        self._made: Nursery | None = None
        self._secrets = secrets
        self._idle: dict[_Key, list[Talk]] = {}
        self.taken = Taken()

    @property
    def pid(self) -> int | None:
        """Of the process, once there is one."""
        return self._made.pid if self._made is not None else None

    @property
    def _nursery(self) -> Nursery:
        """Made when the first task needs it: most runs never do."""
        if self._made is None:
            from weft.lane.nursery import Nursery

            self._made = Nursery(self._environment)
        return self._made

    def prepare(self) -> None:
        """There will be requests, as it seems: the process may start now."""
        with contextlib.suppress(OSError):  # said where it is needed
            self._nursery.start()

    async def run(self, request: LaneRequest, answers: Answers) -> dict[str, Any]:
        """The result as ``content.lane.results`` has it. Raises WorkerFailed, LaneBroken.

        Cancelled, the worker is ended with all that it has started.
        """
        from weft.content.lane.channel import pickled

        data = await asyncio.to_thread(pickled, request)
        key = (request.host, request.delegate, request.loop)
        talk = self._idle[key].pop() if self._idle.get(key) else None
        if talk is None:
            talk = await Talk.open(self._nursery, self._secrets)
        try:
            result = await talk.result(data, answers)
        except BaseException:
            talk.stop()
            raise
        if request.loop is None:
            talk.stop()
        else:
            self._keep(key, talk)
        return result

    def _keep(self, key: _Key, talk: Talk) -> None:
        """For the loop's next item, if it comes soon."""
        self._idle.setdefault(key, []).append(talk)

        def drop() -> None:
            if talk in self._idle.get(key, ()):
                self._idle[key].remove(talk)
                talk.leave()

        talk.rests(asyncio.get_running_loop().call_later(_IDLE, drop))

    async def close(self) -> None:
        """Workers that wait for another item let go of their connections first."""
        talks = [talk for waiting in self._idle.values() for talk in waiting]
        self._idle.clear()
        for talk in talks:
            talk.leave()
        if talks:
            await asyncio.wait([talk.ended for talk in talks], timeout=_LEAVE)
        if self._made is not None:
            await self._made.close()
