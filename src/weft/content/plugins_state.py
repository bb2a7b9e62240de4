"""What filters and tests keep in their modules lasts as long as a task: ansible-core runs each in a process of its own.

Only lists, dictionaries and sets of plain data are looked after, and only small ones: tables that a plugin changes
where it means to read them are what this is for, and to compare them has to cost nothing.
"""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from weft.events.deferred import current_task

_MOST: Final = 1000  # values in one container
_SCALARS = frozenset({str, int, float, bool, bytes, type(None)})
_known: dict[str, ModuleState] = {}
_lock = threading.Lock()


@contextmanager
def kept_for_the_task(function: Callable[..., Any]) -> Iterator[None]:
    """Round a call of a plugin's function: what earlier tasks have changed in its module is as it was before."""
    name = getattr(function, "__module__", None)
    state = _state_of(name) if isinstance(name, str) else None
    if state is None:
        yield
        return
    state.enter()
    try:
        yield
    finally:
        state.leave()


def _state_of(name: str) -> ModuleState | None:
    state = _known.get(name)
    if state is None and name in sys.modules:
        state = _known[name] = ModuleState(vars(sys.modules[name]))
    return state


class ModuleState:
    """The containers of one module as they were when its first function was called."""

    def __init__(self, names: dict[str, Any]) -> None:
        found = [
            value for value in names.values() if type(value) in (dict, list, set) and _plain_values(value) <= _MOST
        ]
        self._kept = [(value, copy.deepcopy(value)) for value in found]
        self._task: object = None
        self._calls = 0

    def enter(self) -> None:
        """While another call is under way nothing is put back: it may be in the middle of reading."""
        task = current_task()
        if not self._kept:
            return
        with _lock:
            if task is not self._task and not self._calls:
                self._task = task
                for value, was in self._kept:
                    if value != was:
                        _put_back(value, copy.deepcopy(was))
            self._calls += 1

    def leave(self) -> None:
        if self._kept:
            with _lock:
                self._calls -= 1


def _put_back(value: Any, was: Any) -> None:
    value.clear()
    if isinstance(value, list):
        value.extend(was)
    else:
        value.update(was)


def _plain_values(value: Any) -> int:
    """How many values there are in it; more than is allowed where one is no plain data."""
    kind = type(value)
    if kind in _SCALARS:
        return 1
    if kind is dict:
        inner = [*value, *value.values()]
    elif kind in (list, set, tuple, frozenset):
        inner = list(value)
    else:
        return _MOST + 1
    if len(inner) > 2 * _MOST:
        return len(inner)
    total = 0
    for item in inner:
        total += _plain_values(item)
        if total > 2 * _MOST:
            break
    return total
