"""Requests on their way: what ``session`` hands out where others are sent before the answer has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from weft.connection.api import Reply
from weft.connection.exchange import Request
from weft.model.errors import WeftError


class Owner(Protocol):
    """The session that a request belongs to."""

    async def call_off(self, request: Request) -> None: ...

    def forget(self, request: Request) -> None: ...


class SessionPosted:
    """Implements ``Posted``. Made before the request is sent."""

    def __init__(self, owner: Owner, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        self.request = request
        self._owner = owner
        self._future: asyncio.Future[Reply] = loop.create_future()
        request.settle = settler(self._future)

    def __repr__(self) -> str:
        return f"<Posted {self.request!r}>"

    @property
    def size(self) -> int:
        return len(self.request.body)

    @property
    def outcome(self) -> Reply | WeftError | None:
        future = self._future
        if not future.done() or future.cancelled():
            return None
        error = future.exception()
        return error if isinstance(error, WeftError) else future.result()

    async def over(self) -> None:
        await asyncio.wait([self._future])

    async def call_off(self) -> None:
        self._close()
        await self._owner.call_off(self.request)

    def forget(self) -> None:
        self._close()
        self._owner.forget(self.request)

    def _close(self) -> None:
        """Nobody is told any more; an error that has come already need not be looked at."""
        if not self._future.cancel() and not self._future.cancelled():
            self._future.exception()


def settler(future: asyncio.Future[Reply]) -> Callable[[Reply | WeftError], None]:
    """What gives a request's end to whoever awaits ``future``."""

    def settle(outcome: Reply | WeftError) -> None:
        if future.done():
            return
        if isinstance(outcome, Reply):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)

    return settle
