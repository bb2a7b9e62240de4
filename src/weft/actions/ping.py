"""``ping``: answered by the agent, which is Python on the host already; no module needs to be sent."""

from __future__ import annotations

from weft.actions.base import ActionContext, Result
from weft.actions.normal import normal

_MODULE = "ansible.legacy.ping"
_CORE = "ansible.builtin.ping"
_PONG = "pong"


async def ping(context: ActionContext) -> Result:
    """The module's result. The module itself runs as a job, where it was replaced, or where it shall fail."""
    data = context.args.get("data", _PONG)
    plain = isinstance(data, str) and data != "crash" and set(context.args) <= {"data"} and context.job is None
    module = context.services.modules.resolve(_MODULE, (), context.library_dirs()) if plain else None
    if module is None or module.fqcn != _CORE:
        return await normal(context)
    session = await context.session()
    if session.info is None:
        return await normal(context)  # which says that there is no Python
    await session.request("ping")
    return context.with_interpreter(
        {"changed": False, "ping": str(data), "invocation": {"module_args": {"data": str(data)}}}, session
    )
