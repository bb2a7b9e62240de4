"""Warnings and deprecations that come up while a task runs: they belong to its result, and are shown with it; and what
is said of how it runs, to those who asked for it.

The executor collects; who publishes such notices from below the executor (templates, plugins) offers them first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from weft.events.types import Deprecated, Message, Warned

Notice = Warned | Deprecated | Message

_collected: ContextVar[list[Notice] | None] = ContextVar("weft_notices", default=None)


@contextmanager
def collecting() -> Iterator[list[Notice]]:
    """What is offered inside, in order and without repetitions. Threads started by ``asyncio.to_thread`` count."""
    notices: list[Notice] = []
    token = _collected.set(notices)
    try:
        yield notices
    finally:
        _collected.reset(token)


def stand_apart() -> None:
    """From here on this asyncio task belongs to no task of a play: its notices are not those of whoever started it."""
    _collected.set(None)


def is_collecting() -> bool:
    """Whether there is a task that notices belong to."""
    return _collected.get() is not None


def current_task() -> object:
    """Something that is the same throughout a task's run on a host, and another one in every other; None outside."""
    return _collected.get()


def offer(notice: Notice) -> bool:
    """Give a notice to the task that runs. False: there is none, publish it."""
    notices = _collected.get()
    if notices is None:
        return False
    if all(_key(notice) != _key(known) for known in notices):
        notices.append(notice)
    return True


def _key(notice: Notice) -> tuple[object, ...]:
    if isinstance(notice, Message):
        return type(notice), notice.text, notice.host
    return type(notice), notice.message, notice.origin
