"""Values as they are written: which names their text speaks of, and what they are as far as that is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from weft.model.errors import WeftError
from weft.model.nodes import Play, Role, Task
from weft.model.values import Value
from weft.playbook.checks import holds_template
from weft.templating.blocking import WouldBlock

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

#: Evaluates a value with raw variables. Raises WeftError where one of them isn't known.
Render = Callable[[Value, Mapping[str, Value]], Any]


def words(value: Value) -> frozenset[str]:
    """Every word in the text of a value, names of variables among them."""
    return frozenset(word for text in _texts(value) for word in _WORD.findall(text))


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


class Reader:
    """Evaluates what can be known without a host: no facts, no inventory, no lookups, nothing registered."""

    def __init__(self, render: Render, extra_vars: Mapping[str, Value]) -> None:
        """Use it in an event loop: there, plugins that would run something refuse to."""
        self._render = render
        self._extra_vars = extra_vars

    def value(
        self, value: Value, play: Play, task: Task | None = None, local: Mapping[str, Value] | None = None
    ) -> Any:
        """The value; itself, as it is written, where it can't be known. See ``known``."""
        if not holds_template(value):
            return value
        try:
            return self._render(value, {**self.names(play, task), **(local or {})})
        except (WeftError, WouldBlock):
            return value

    def known(self, value: Value) -> bool:
        """Whether what ``value`` gave is a value, not text that is still to be evaluated."""
        return not holds_template(value)

    def names(self, play: Play, task: Task | None) -> Mapping[str, Value]:
        """Variables that playbooks and roles set, the weaker ones first."""
        layers: list[Mapping[str, Value]] = []
        chain: tuple[Role, ...] = (*task.role.parents, task.role) if task is not None and task.role is not None else ()
        layers += [role.defaults for role in chain]
        layers.append(play.vars)
        layers += [layer for role in chain for layer in (role.vars, role.params, role.use_vars)]
        if task is not None:
            layers += task.common.vars
        return {name: value for layer in (*layers, self._extra_vars) for name, value in layer.items()}


def own_names(task: Task) -> frozenset[str]:
    """Names whose value may differ from one task of a host to the next: its loop's, and variables round it."""
    control = task.loop_control
    loop = {str(control.loop_var), str(control.index_var), "ansible_loop", "ansible_index_var"}
    return frozenset((*loop, *(str(name) for layer in task.common.vars for name in layer)))


def loop_names(task: Task) -> frozenset[str]:
    """The names of the loop's variables alone."""
    control = task.loop_control
    return frozenset((str(control.loop_var), str(control.index_var), "ansible_loop"))
