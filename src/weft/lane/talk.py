"""A talk with one of the lane's workers: a request out, answers to what the worker asks, its result back."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from weft.model.errors import TaskFailed, Unreachable, WeftError

if TYPE_CHECKING:
    from weft.lane.nursery import Nursery, Worker

_SOON = 2.0  # seconds in which the reason of a worker's end is known
_LEAVE = 5.0  # seconds after which a worker that was let go is ended


class WorkerFailed(TaskFailed):
    """A worker ended without a result, or found no way to run the task."""


class Answers(Protocol):
    """What a worker is told while it works."""

    def told(self, message: Mapping[str, Any]) -> None:
        """A message of the kinds DISPLAY, POLL and ENDED."""

    async def answer(self, what: str, message: Mapping[str, Any]) -> Any:
        """What it asks for; what can't be had raises WeftError."""


class Talk:
    """One worker, and the socket to it. Ended by ``stop`` or ``leave``."""

    def __init__(
        self,
        nursery: Nursery,
        worker: Worker,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        secrets: Callable[[], Sequence[tuple[str, bytes]]],
    ) -> None:
        self._nursery = nursery
        self._worker = worker
        self._reader, self._writer = streams
        self._secrets = secrets
        self._rest: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, nursery: Nursery, secrets: Callable[[], Sequence[tuple[str, bytes]]]) -> Talk:
        """With a new worker. Raises LaneBroken."""
        worker = await nursery.worker()
        return cls(nursery, worker, await asyncio.open_unix_connection(sock=worker.socket), secrets)

    @property
    def ended(self) -> asyncio.Future[int]:
        """The worker's exit status, once it has ended."""
        return self._worker.ended

    async def result(self, request: bytes, answers: Answers) -> dict[str, Any]:
        """What comes of a pickled request. Raises WorkerFailed."""
        from weft.content.lane.channel import LENGTH, framed
        from weft.content.lane.request import ASK, RESULT

        self.rests(None)
        self._writer.write(framed(request))
        while True:
            try:
                (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
                message = json.loads((await self._reader.readexactly(length)).decode("utf-8", "surrogatepass"))
            except (asyncio.IncompleteReadError, OSError):
                raise WorkerFailed(await self._why()) from None
            if message["kind"] == ASK:
                self._writer.write(framed(await self._answer(message, answers)))
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

    async def _why(self) -> str:
        try:
            status = await asyncio.wait_for(asyncio.shield(self._worker.ended), _SOON)
        except TimeoutError:
            return "The process that ran the task's plugins broke off."
        if status < 0:
            return f"The process that ran the task's plugins was killed by {_signal_name(-status)}."
        return f"The process that ran the task's plugins ended with status {status} and without a result."

    def rests(self, timer: asyncio.TimerHandle | None) -> None:
        """Until there is another request; ``timer`` ends that."""
        if self._rest is not None:
            self._rest.cancel()
        self._rest = timer

    def stop(self) -> None:
        """Now, with all that the worker has started."""
        self.rests(None)
        self._nursery.stop(self._worker)
        self._writer.close()

    def leave(self) -> None:
        """Nothing more comes: the worker lets go of its connection and ends."""
        self._writer.close()
        self.rests(asyncio.get_running_loop().call_later(_LEAVE, self._nursery.stop, self._worker))
        self._worker.ended.add_done_callback(lambda _: self.rests(None))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
