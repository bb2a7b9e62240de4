"""A task's arguments with their final values: literals once for each task, templates for each host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weft.actions.base import Templating
from weft.model.errors import WeftError
from weft.model.nodes import Task
from weft.model.values import OMIT, Value, origin_of
from weft.templating.api import Names
from weft.templating.types import type_name


@dataclass(frozen=True, slots=True)
class _Plan:
    literal: Mapping[str, Any]
    open: tuple[tuple[str, Value], ...]


class NoNames:
    """Names without any: for what holds no template."""

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return False

    def names(self) -> Sequence[str]:
        return ()


class ArgumentReader:
    """Evaluates arguments; remembers for each task what is literal."""

    def __init__(self, templar: Templating) -> None:
        self._templar = templar
        self._plans: dict[tuple[str, frozenset[str]], _Plan] = {}

    def read(
        self, task: Task, names: Names, raw: frozenset[str] = frozenset(), *, free_form: bool = True
    ) -> dict[str, Any]:
        """Arguments without omitted ones; those in ``raw`` as written. Raises WeftError that names the argument.

        ``free_form``: the action takes text that isn't `key=value`.
        """
        if not free_form and "_raw_params" in task.args:
            raise WeftError(f"Action {task.fqcn!r} does not support raw params.", task.action_origin)
        plan = self._plan(task, raw)
        values: dict[str, Any] = {}
        if task.args_template is not None:
            values.update(self._whole(task, names))
        values.update(plan.literal)
        for name, value in plan.open:
            result = self._one(task, name, value, names)
            if result is not OMIT:
                values[name] = result
        return values

    def _plan(self, task: Task, raw: frozenset[str]) -> _Plan:
        plan = self._plans.get((task.id, raw))
        if plan is None:
            literal: dict[str, Any] = {}
            waiting = []
            for key, value in task.args.items():
                name = str(key)
                if name in raw:
                    literal[name] = value
                elif self._templar.is_template(value):
                    waiting.append((name, value))
                else:
                    literal[name] = self._templar.render(value, NoNames())
            plan = self._plans[task.id, raw] = _Plan(literal, tuple(waiting))
        return plan

    def _one(self, task: Task, name: str, value: Value, names: Names) -> Any:
        try:
            return self._templar.render(value, names)
        except WeftError as error:
            what = (
                f"Error while resolving value for {name!r}." if name != "_raw_params" else "Error while resolving value."
            )
            inner = WeftError(what, error.origin or origin_of(value))
            inner.__cause__ = error
            raise self._failed(task) from inner

    def _whole(self, task: Task, names: Names) -> Mapping[str, Any]:
        try:
            value = self._templar.render(task.args_template, names)
        except WeftError as error:
            raise self._failed(task) from error
        if value is None or value is OMIT:
            return {}
        if not isinstance(value, Mapping):
            raise WeftError(
                f"The value of `args` must be a mapping, not {type_name(value)!r}.", origin_of(task.args_template)
            )
        return {str(key): item for key, item in value.items() if item is not OMIT}

    def _failed(self, task: Task) -> WeftError:
        return WeftError(f"Finalization of task args for {task.fqcn!r} failed.", task.action_origin or task.origin)
