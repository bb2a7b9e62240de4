"""Any module that has no action of its own."""

from __future__ import annotations

from weft.actions.base import ActionContext, Result


async def normal(context: ActionContext) -> Result:
    """Run the task's module; an async task starts it as a job."""
    return await context.module(context.task.fqcn or context.name, label=context.name, as_job=True)
