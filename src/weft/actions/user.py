"""``user``: the module; a user who is to be removed loses the agents that run as that user first."""

from __future__ import annotations

from weft.actions.base import ActionContext, Result
from weft.actions.normal import normal


async def user(context: ActionContext) -> Result:
    """Run the module. userdel(8) refuses to remove somebody who has processes; those of idle sessions are ours."""
    name, state = context.args.get("name") or context.args.get("user"), context.args.get("state")
    if name and state == "absent" and not context.check:
        await context.services.sessions.reset(context.target, user=str(name))
    return await normal(context)
