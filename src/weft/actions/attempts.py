"""Trying to reach a host again and again until a deadline, for ``reboot`` and ``wait_for_connection``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from weft.actions.base import ActionContext
from weft.connection.api import RequestFailed
from weft.connection.errors import NoTransport
from weft.model.errors import Unreachable, WeftError

_START_SECONDS = 20.0  # what logging in and starting the agent may take beside connecting


class TimedOut(Exception):
    """The deadline has passed. ``last`` is why the last attempt failed."""

    def __init__(self, last: str) -> None:
        super().__init__(last)
        self.last = last


class AttemptFailed(Exception):
    """The host was reached, and is not yet as it should be."""


async def until_success(
    context: ActionContext,
    attempt: Callable[[], Awaitable[None]],
    *,
    timeout: float,
    connect_timeout: float | None,
    pauses: Iterator[float],
    on_failure: Callable[[str, float], None] = lambda why, pause: None,
) -> None:
    """Await ``attempt()`` until it does not fail; ``timeout`` and ``pauses`` are in seconds.

    An attempt may take as long as a connection may (``connect_timeout``, or the target's) and the agent's start. After
    a lost or slow connection the next one is made anew. Raises TimedOut.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    last = ""
    while loop.time() < deadline:
        try:
            async with asyncio.timeout((connect_timeout or context.target.timeout) + _START_SECONDS):
                await attempt()
            return
        except NoTransport:
            raise  # another way will be tried
        except (Unreachable, TimeoutError) as error:
            last = str(error) or "the connection timed out"
            await context.services.sessions.reset(context.target)
        except (AttemptFailed, RequestFailed, WeftError) as error:
            last = str(error)
        pause = next(pauses)
        on_failure(last, pause)
        await asyncio.sleep(pause)
    raise TimedOut(last)
