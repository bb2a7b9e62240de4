"""Waiting for what an async task has started: a line each `poll` seconds, and one at its end.

Comes before ``attempts``; ``background`` waits for strands with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from weft.actions.base import ActionContext
from weft.connection.api import RequestFailed, Target
from weft.events import AsyncEnded, AsyncPoll, Event, TaskInfo
from weft.executor.keywords import Keywords
from weft.jobs.registry import JobRegistry
from weft.jobs.results import status_result
from weft.jobs.strands import Strands
from weft.jobs.waiting import together, wait_in_time, wait_or_pause, wait_through_losses
from weft.model.errors import Unreachable

T = TypeVar("T")

_JOB_END_SECONDS = 10.0  # how long after its limit a job's end may take to be known: TERM, 2 s, KILL, and the link


async def wait_with_lines(
    publish: Callable[[Event], None],
    host: str,
    jid: str,
    poll: float,
    ending: Coroutine[Any, Any, T],
    task: TaskInfo | None = None,
) -> T:
    """What ``ending`` gives; until then a line each ``poll`` seconds, of the ``task`` if it is one's."""
    waiting = asyncio.ensure_future(ending)
    try:
        while not (await asyncio.wait([waiting], timeout=poll))[0]:
            publish(AsyncPoll(host=host, jid=jid, started=1, finished=0, task=task))
        return waiting.result()
    finally:
        waiting.cancel()
        await asyncio.wait([waiting])


async def follow_job(
    context: ActionContext,
    jobs: JobRegistry,
    keywords: Keywords,
    handle: dict[str, Any],
    info: TaskInfo,
) -> dict[str, Any]:
    """With `poll: 0` the handle of a job that was started; otherwise its result, once it ends."""
    jid = str(handle["ansible_job_id"])
    jobs.started(context.delegate_to or context.host, jid, context.target, context.host)
    if keywords.poll <= 0:
        return handle
    seconds = keywords.async_seconds + _JOB_END_SECONDS
    ending = wait_through_losses(context.session, [jid], context.target.async_dir, seconds)
    states = await wait_with_lines(context.publish, context.host, jid, keywords.poll, ending, info)
    state = states.get(jid, {})
    result = _job_result(context, keywords, jid, handle, state)
    context.publish(AsyncEnded(host=context.host, jid=jid, ok=not result.get("failed"), task=info))
    if state.get("finished"):
        jobs.ended(jid)
        # the result is here: that its files stay behind must not fail the task
        with contextlib.suppress(Unreachable, RequestFailed):
            session = await context.session()
            await session.request("job.cleanup", {"jids": [jid], "async_dir": context.target.async_dir})
    return result


async def pause_for(
    context: ActionContext, jobs: JobRegistry, strands: Strands, jids: Sequence[str], seconds: float
) -> None:
    """``seconds``, but no longer than these jobs and strands take to end."""
    mine = frozenset(jid for jid in jids if strands.find(context.host, jid) is not None)
    where = context.delegate_to or context.host
    places: dict[Target, list[str]] = {}
    for jid in jids:
        if jid not in mine:
            places.setdefault(jobs.target(where, jid, context.target), []).append(jid)
    sessions = context.services.sessions
    waits = [wait_or_pause(sessions.open, target, some, seconds) for target, some in places.items()]
    await together([*waits, *(wait_in_time(strands.wait(jid), seconds) for jid in mine)])


def _job_result(
    context: ActionContext, keywords: Keywords, jid: str, handle: Mapping[str, Any], state: Mapping[str, Any]
) -> dict[str, Any]:
    strict = context.settings.module_strict_utf8
    result = status_result(jid, str(handle.get("results_file", "")), state, context.warn, strict=strict)
    if result["finished"]:
        return result
    return {
        "failed": True,
        "msg": f"async task did not complete within the requested time - {keywords.async_seconds}s",
        "async_result": result,
    }
