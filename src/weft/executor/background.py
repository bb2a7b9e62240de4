"""Async tasks whose action is the controller's: what can't be a job on the host runs as a strand of the run.

Comes after ``following`` and before ``attempts``, which says what running the action means.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from weft.actions.base import ActionContext, Services
from weft.connection.results import NO_LOG
from weft.events import AsyncEnded, TaskInfo
from weft.events.deferred import collecting
from weft.executor.endings import complete, ending
from weft.executor.following import wait_with_lines
from weft.executor.growing import grow
from weft.executor.keywords import Keywords
from weft.executor.report import Draft, Effect, status_of, with_notices
from weft.executor.results import effects_of
from weft.jobs.strands import Strand, Strands
from weft.model.errors import Unreachable
from weft.model.nodes import Task
from weft.model.outcome import Status
from weft.vars import Variables

Act = Callable[[Draft], Awaitable[dict[str, Any]]]
TakeIn = Callable[[Sequence[Effect]], None]


class TaskStrand(Struct):
    """What a strand has to do with a task: its ``owner``. Its end is in the draft, if it was not ended from outside."""

    task: Task
    info: TaskInfo
    draft: Draft
    marks: Mapping[str, Any] = field(default_factory=dict)  # what a result says of its item
    lost: Unreachable | None = None  # why the host can't be reached any more


class Background:
    """Starts actions as strands, and waits for them where the task says so."""

    def __init__(self, services: Services, strands: Strands, variables: Variables) -> None:
        self._services = services
        self._strands = strands
        self._variables = variables

    def start(
        self, owner: TaskStrand, context: ActionContext, keywords: Keywords, act: Act, take_in: TakeIn
    ) -> dict[str, Any]:
        """Begin the action; its handle. What it brings (facts, hosts) is taken in once its end is told."""

        def on_join() -> None:
            result = owner.draft.result
            if not strand.failed and status_of(result) in (Status.OK, Status.CHANGED):
                take_in(effects_of(owner.task, owner.draft))
                grow(self._variables, context.host, result)

        strand = self._begin(owner, context, keywords, act, on_join)
        return {**_marks(strand), "failed": False, "changed": True}

    async def run(self, owner: TaskStrand, context: ActionContext, keywords: Keywords, act: Act) -> dict[str, Any]:
        """Begin the action and wait for its end, with a line each `poll` seconds; its result. Raises Unreachable."""
        host, publish = context.host, self._services.publish
        strand = self._begin(owner, context, keywords, act, None)
        try:
            ending = self._strands.wait(strand.jid)
            await wait_with_lines(publish, host, strand.jid, keywords.poll, ending, owner.info)
        except BaseException:
            await self._strands.cancel(strand.jid)
            raise
        self._strands.status(host, strand.jid)
        publish(AsyncEnded(host=host, jid=strand.jid, ok=not strand.failed, task=owner.info))
        if owner.lost is not None:
            raise owner.lost
        return {**(strand.result or {}), **_marks(strand)}

    def _begin(
        self,
        owner: TaskStrand,
        context: ActionContext,
        keywords: Keywords,
        act: Act,
        on_join: Callable[[], None] | None,
    ) -> Strand:
        draft = owner.draft

        async def work() -> dict[str, Any]:
            with collecting() as draft.notices, ending(owner.task, draft):
                try:
                    draft.result = complete(await act(draft))
                except Unreachable as error:
                    owner.lost = error
                    raise
            hidden = {NO_LOG: True} if draft.no_log else {}
            return with_notices({**draft.result, **hidden}, draft.notices)

        limit = float(keywords.async_seconds)
        return self._strands.start(context.host, owner.info.name, work, limit=limit, on_join=on_join, owner=owner)


def _marks(strand: Strand) -> dict[str, Any]:
    return {"ansible_job_id": strand.jid, "started": True, "finished": strand.done, "results_file": ""}
