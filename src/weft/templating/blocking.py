"""Keeps what may take long (a lookup that runs a program, hashing a password) off the event loop.

Such a plugin calls ``must_not_block`` first. On the loop's thread that raises ``WouldBlock``; whoever evaluates there
(``evaluate``) catches it and does the evaluation again in a thread, where it is allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class WouldBlock(BaseException):
    """Not an error: evaluate again in a thread. No plugin and no `default()` may swallow it."""


def must_not_block() -> None:
    """Raise WouldBlock if this is an event loop's thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise WouldBlock


async def evaluate(function: Callable[[], T]) -> T:
    """``function``'s value; in a thread if evaluating it turns out to take long. It may therefore be called twice."""
    try:
        return function()
    except WouldBlock:
        return await asyncio.to_thread(function)
