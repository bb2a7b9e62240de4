"""An attempt at a task, entered among what is being written while it runs. See ``weft.watch.conflicts``."""

from __future__ import annotations

from typing import Any

from weft.actions.action import Action
from weft.actions.base import ActionContext
from weft.connection.target import ConnectionKeywords
from weft.events import TaskInfo
from weft.jobs.registry import JobRegistry
from weft.watch.conflicts import Conflicts, Writer
from weft.watch.uses import uses_of


class Writing:
    """Awaits actions, and says meanwhile what they write."""

    def __init__(self, conflicts: Conflicts, jobs: JobRegistry) -> None:
        self._conflicts = conflicts
        self._jobs = jobs

    async def act(
        self, action: Action, context: ActionContext, info: TaskInfo, connection: ConnectionKeywords
    ) -> dict[str, Any]:
        """The action's result. Raises what it raises, and TaskFailed where conflicts are errors."""
        if context.check:
            return await action(context)
        user = connection.become_user if connection.become else connection.remote_user
        uses = uses_of(context.task.fqcn, context.args, user or "")
        if not uses:
            return await action(context)
        machine = context.delegate_to or context.host
        in_the_way = self._conflicts.jobs_in_the_way(machine, uses)
        if in_the_way:
            await self._jobs.look(in_the_way)
        writer = Writer(
            task=info.name,
            origin=context.task.origin,
            host=context.host,
            strand=info.strand or "",
            locks=context.locks,
            locks_around=context.locks_around,
        )
        entry = self._conflicts.enter(machine, uses, writer)
        try:
            result = await action(context)
            jid = result.get("ansible_job_id")
            if context.job is not None and not context.followed and jid is not None and not result.get("failed"):
                self._conflicts.go_on_as_job(entry, str(jid))
            return result
        finally:
            if entry.jid is None:
                self._conflicts.leave(entry)
