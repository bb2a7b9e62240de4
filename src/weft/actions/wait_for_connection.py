"""``wait_for_connection``: until a host can be reached and modules can run there."""

from __future__ import annotations

import asyncio
import itertools

from weft.actions.attempts import AttemptFailed, TimedOut, until_success
from weft.actions.base import ActionContext, Result
from weft.model.errors import TaskFailed

_DEFAULTS = {"connect_timeout": 5, "delay": 0, "sleep": 1, "timeout": 600}  # seconds


async def wait_for_connection(context: ActionContext) -> Result:
    """``elapsed`` seconds later the host is there, or the result is a failed one."""
    try:
        options = {name: int(context.args.get(name, default)) for name, default in _DEFAULTS.items()}
    except (TypeError, ValueError) as error:
        raise TaskFailed(str(error)) from error
    if context.check:
        return {"skipped": True}
    loop = asyncio.get_running_loop()
    began = loop.time()
    if options["delay"] > 0:
        await asyncio.sleep(options["delay"])
    result: Result = {}
    try:
        await until_success(
            context,
            lambda: _reach(context),
            timeout=options["timeout"],
            connect_timeout=options["connect_timeout"],
            pauses=itertools.repeat(options["sleep"]),
        )
    except TimedOut as error:
        result.update(failed=True, msg=f"timed out waiting for ping module test: {error.last}")
    result["elapsed"] = int(loop.time() - began)
    return result


async def _reach(context: ActionContext) -> None:
    """One answer of the host's agent: what it takes to run modules there."""
    session = await context.session()
    if session.info is None:
        raise AttemptFailed("ping test failed")
    await session.request("ping")
