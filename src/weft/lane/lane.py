"""Talks with the lane's workers: a request out, answers to what a worker asks, its result back."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from weft.model.errors import TaskFailed, Unreachable, WeftError
from weft.model.settings import Settings

if TYPE_CHECKING:
    from weft.content.lane.request import LaneRequest
    from weft.lane.nursery import Nursery, Worker

_SOON = 2.0  # seconds in which the reason of a worker's end is known


class WorkerFailed(TaskFailed):
    """A worker ended without a result, or found no way to run the task."""


class Answers(Protocol):
    """What a worker is told while it works."""

    def told(self, message: Mapping[str, Any]) -> None:
        """A message of the kinds DISPLAY, POLL and ENDED."""

    async def answer(self, what: str, message: Mapping[str, Any]) -> Any:
        """What it asks for; what can't be had raises WeftError."""


@dataclass(slots=True)
class Taken:
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

    async def run(self, request: LaneRequest, answers: Answers) -> dict[str, Any]:
        """The result as ``content.lane.results`` has it. Raises WorkerFailed, LaneBroken.

        Cancelled, the worker is ended with all that it has started.
        """
        from weft.content.lane.channel import framed, pickled

        data = await asyncio.to_thread(pickled, request)
        worker = await self._nursery.worker()
        reader, writer = await asyncio.open_unix_connection(sock=worker.socket)
        try:
            writer.write(framed(data))
            return await self._talk(worker, reader, writer, answers)
        finally:
            self._nursery.stop(worker)
            writer.close()

    async def _talk(
        self, worker: Worker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: Answers
    ) -> dict[str, Any]:
        from weft.content.lane.channel import LENGTH, framed
        from weft.content.lane.request import ASK, RESULT

        while True:
            try:
                (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                message = json.loads((await reader.readexactly(length)).decode("utf-8", "surrogatepass"))
            except (asyncio.IncompleteReadError, OSError):
                raise WorkerFailed(await self._why(worker)) from None
            if message["kind"] == ASK:
                writer.write(framed(await self._answer(message, answers)))
            elif message["kind"] == RESULT:
                if "problem" in message:
                    raise WorkerFailed(
                        f"Unexpected failure during task execution: {message['problem']}",
                        result={"exception": message["traceback"]},
                    )
                result: dict[str, Any] = message["result"]
                return result
            else:
                answers.told(message)

    async def _answer(self, message: Mapping[str, Any], answers: Answers) -> bytes:
        """Pickled: the answer, the reason why there is none, and whether that is the host's being out of reach."""
        from weft.content.lane.channel import pickled

        what = message["what"]
        try:
            if what == "secrets":
                answer: Any = await asyncio.to_thread(self._secrets)
            else:
                answer = await answers.answer(what, message)
            return pickled((answer, None, False))
        except WeftError as error:
            return pickled((None, error.message, isinstance(error, Unreachable)))

    async def _why(self, worker: Worker) -> str:
        try:
            status = await asyncio.wait_for(asyncio.shield(worker.ended), _SOON)
        except TimeoutError:
            return "The process that ran the task's plugins broke off."
        if status < 0:
            return f"The process that ran the task's plugins was killed by {_signal_name(-status)}."
        return f"The process that ran the task's plugins ended with status {status} and without a result."

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
