"""Waiting for jobs: ends when they do, never by asking again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from weft.connection.api import Session, Target
from weft.model.errors import Unreachable, WeftError

T = TypeVar("T")

#: Keys that say how a job stands, beside its module's result.
STATE_KEYS = ("started", "finished", "ansible_job_id", "results_file")

_PAUSE = 1.0  # seconds between attempts to reach a host again whose link could not be mended
_LASTING = 60.0  # seconds that a link has to hold, else there is no use in another one
_SPARE = 5.0  # seconds that the agent's answer may come later than its time-out

States = Mapping[str, Mapping[str, Any]]
Open = Callable[[], Awaitable[Session]]


async def wait_for_jobs(session: Session, jids: Sequence[str], async_dir: str, seconds: float | None) -> States:
    """Status of each job once all have ended, or once ``seconds`` are over. Raises Unreachable, RequestFailed."""
    arguments: dict[str, Any] = {"jids": list(jids), "async_dir": async_dir}
    if seconds is not None:
        arguments["timeout"] = seconds
    reply = await session.request("job.wait", arguments)
    jobs: States = reply.result["jobs"]
    return jobs


async def wait_through_losses(open_session: Open, jids: Sequence[str], async_dir: str, seconds: float | None) -> States:
    """As ``wait_for_jobs``, over as many links as it takes: jobs don't mind that one is lost.

    With ``seconds`` it goes on until they are over, and gives what is known then: nothing, if the host could not be
    asked any more. Without, a host that can't be reached anew raises Unreachable, and one whose links don't last.
    """
    if seconds is None:
        return await _wait_through_some_losses(open_session, jids, async_dir)
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    try:
        async with asyncio.timeout_at(end + _SPARE):
            while clock() < end:
                try:
                    session = await open_session()
                    return await wait_for_jobs(session, jids, async_dir, max(0.0, end - clock()))
                except Unreachable:
                    await asyncio.sleep(min(_PAUSE, max(0.0, end - clock())))
    except TimeoutError:
        pass  # the link hangs: what is asked of it then will say so
    return {}


async def _wait_through_some_losses(open_session: Open, jids: Sequence[str], async_dir: str) -> States:
    clock = asyncio.get_running_loop().time
    lost: float | None = None
    while True:
        session = await open_session()
        try:
            return await wait_for_jobs(session, jids, async_dir, None)
        except Unreachable:
            if lost is not None and clock() - lost < _LASTING:
                raise
            lost = clock()
        await asyncio.sleep(_PAUSE)


async def wait_or_pause(
    open_session: Callable[[Target], Awaitable[Session]], target: Target, jids: Sequence[str], seconds: float
) -> None:
    """Until these jobs have ended, at most ``seconds``; if they can't be waited for, ``seconds``."""
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    try:
        async with asyncio.timeout_at(end):
            await wait_for_jobs(await open_session(target), jids, target.async_dir, seconds)
    except (TimeoutError, WeftError):
        # whoever asks next will learn what is wrong; not sooner than it would have
        await asyncio.sleep(max(0.0, end - clock()))


async def wait_in_time(ending: Awaitable[None], seconds: float) -> None:
    """Until something has ended, at most ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            await ending
    except TimeoutError:
        pass  # whoever asks next is told


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """As asyncio.gather; when one raises, the others are cancelled and awaited before it goes on."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def unfinished_jobs(result: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of jobs that, as an `async_status` result says, still run (a list in `jid` gives several)."""
    rows = result.get("results")
    if isinstance(rows, Sequence) and not isinstance(rows, str):
        return tuple(jid for row in rows if isinstance(row, Mapping) for jid in unfinished_jobs(row))
    jid = result.get("ansible_job_id")
    return (jid,) if isinstance(jid, str) and not result.get("finished") else ()
