"""The jobs of many hosts: one request to each host, side by side; a host that can't be asked is said once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct, field

from weft.connection.api import Session
from weft.jobs.record import JobRecord, record_of
from weft.jobs.waiting import together
from weft.model.errors import Unreachable, WeftError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Opener(Protocol):
    """What opens sessions (``weft.jobs.reach.Reach``)."""

    @property
    def at_once(self) -> int:
        """How many hosts may be asked at the same time."""

    async def session(self, host: str) -> Session:
        """Raises Unreachable, WeftError."""


class _Some(Struct, frozen=True):
    """Jobs of one host."""

    async_dir: str
    jids: list[str]

    @property
    def arguments(self) -> dict[str, Any]:
        return {"jids": self.jids, "async_dir": self.async_dir}


class HostJobs:
    """Asks hosts about their jobs. ``say`` gets one line for each host that can't be asked."""

    def __init__(self, hosts: Iterable[str], opener: Opener, say: Callable[[str], Awaitable[None]]) -> None:
        self._hosts = tuple(hosts)
        self._opener = opener
        self._say = say
        self.errors: dict[str, WeftError] = {}
        self.answered = False  # whether any host did

    async def session(self, host: str) -> Session:
        """Raises Unreachable, WeftError."""
        return await self._opener.session(host)

    async def find(self, among: Callable[[JobRecord], bool]) -> list[JobRecord]:
        """Jobs by host (in the inventory's order) and start."""
        found: list[JobRecord] = []
        for records in (await self._ask(self._hosts, self._list)).values():
            found += sorted(filter(among, records), key=lambda record: record.started_at or 0.0)
        return found

    async def with_results(self, records: Sequence[JobRecord]) -> list[JobRecord]:
        """The same jobs as they are now, with their results."""
        states = await self._on_hosts(records, "job.status", lambda result: result["jobs"])
        updated = []
        for record in records:
            status = states.get(record.host, {}).get(record.jid)
            updated.append(record if status is None else record.updated(status))
        return updated

    async def cancel(self, records: Sequence[JobRecord]) -> dict[str, list[str]]:
        """The ids of those that were ended, by host."""
        return await self._on_hosts(records, "job.cancel", lambda result: list(result["cancelled"]))

    async def cleanup(self, records: Sequence[JobRecord]) -> dict[str, list[str]]:
        """The paths of the result files that were removed, by host."""
        return await self._on_hosts(records, "job.cleanup", lambda result: list(result["erased"]))

    async def note(self, host: str, error: WeftError) -> None:
        """A host can't be asked (any more)."""
        if host not in self.errors:
            self.errors[host] = error
            kind = "unreachable: " if isinstance(error, Unreachable) else ""
            await self._say(f"{host}: {kind}{error.message}")

    async def _list(self, host: str) -> list[JobRecord]:
        session = await self.session(host)
        reply = await session.request("job.list", {"async_dir": session.target.async_dir})
        folder, now = str(reply.result.get("async_dir") or ""), float(reply.result.get("now") or 0.0)
        return [record_of(host, folder, now, entry) for entry in reply.result.get("jobs") or ()]

    async def _on_hosts(
        self, records: Sequence[JobRecord], op: str, read: Callable[[Mapping[str, Any]], Any]
    ) -> dict[str, Any]:
        """One request for each host with all its jobs."""
        some: dict[str, _Some] = {}
        for record in records:
            some.setdefault(record.host, _Some(record.async_dir, [])).jids.append(record.jid)

        async def one(host: str) -> Any:
            session = await self.session(host)
            return read((await session.request(op, some[host].arguments)).result)

        return await self._ask(some, one)

    async def _ask(self, hosts: Iterable[str], ask: Callable[[str], Awaitable[Any]]) -> dict[str, Any]:
        answers = await ask_all(hosts, ask, self._opener.at_once)
        self.answered |= bool(answers.given)
        for host, error in answers.errors.items():
            await self.note(host, error)
        return answers.given


class Answers(Struct, Generic[K, T]):
    """What was answered, and why not; in the order in which it was asked."""

    given: dict[K, T] = field(default_factory=dict)
    errors: dict[K, WeftError] = field(default_factory=dict)


async def ask_all(askable: Iterable[K], ask: Callable[[K], Awaitable[T]], at_once: int) -> Answers[K, T]:
    """``ask`` each (a host, a job), at most ``at_once`` at the same time; a WeftError of one is its answer."""
    asked = tuple(askable)
    turns = asyncio.Semaphore(at_once)

    async def one(each: K) -> T | WeftError:
        async with turns:
            try:
                return await ask(each)
            except WeftError as error:
                return error

    answers: Answers[K, T] = Answers()
    for each, answer in zip(asked, await together(one(each) for each in asked), strict=True):
        if isinstance(answer, WeftError):
            answers.errors[each] = answer
        else:
            answers.given[each] = answer
    return answers
