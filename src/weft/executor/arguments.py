"""A task's arguments with their final values: literals once for each task, templates for each host."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from weft.actions.base import Templating
from weft.model.errors import WeftError
from weft.model.nodes import Task
from weft.model.values import OMIT, Trusted, Value, VaultText, origin_of
from weft.templating.api import Names
from weft.templating.lazy import stored
from weft.templating.overrides import is_all_template
from weft.templating.types import type_name


class _Plan(Struct, frozen=True):
    literal: Mapping[str, Any]
    open: tuple[tuple[str, Value], ...]
    templates: tuple[Value, ...]  # each gives further arguments, weaker than the task's own; later ones win


_UNSAFE: Final = (
    "Using a template for task args is unsafe in some situations "
    "(see https://docs.ansible.com/ansible/devel/reference_appendices/faq.html#argsplat-unsafe)."
)


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

    def __init__(self, templar: Templating, *, inject_facts: bool = False) -> None:
        """``inject_facts``: facts are variables of their own, so that a host can send what a template reads."""
        self._templar = templar
        self._inject_facts = inject_facts
        self._plans: dict[tuple[str, frozenset[str]], _Plan] = {}

    def read(
        self,
        task: Task,
        names: Names,
        raw: frozenset[str] = frozenset(),
        *,
        free_form: bool = True,
        marked: bool = False,
        omitted: bool = False,
    ) -> dict[str, Any]:
        """Arguments; those in ``raw`` as written. Raises WeftError that names the argument.

        ``free_form``: the action takes text that isn't `key=value`; for others such text is a template of a mapping.
        ``marked``: text that the user wrote stays marked as such. ``omitted``: those that are omitted are there as
        OMIT.
        """
        plan = self._plan(task, raw, free_form, marked)
        values: dict[str, Any] = {}
        for template in plan.templates:
            own = {*plan.literal, *(name for name, _ in plan.open)}
            values.update(self._whole(task, template, raw, own, names, marked))
        values.update(plan.literal)
        for name, value in plan.open:
            values[name] = self._one(task, name, value, names, marked)
        return values if omitted else without_omitted(values)

    def _plan(self, task: Task, raw: frozenset[str], free_form: bool, marked: bool) -> _Plan:
        plan = self._plans.get((task.id, raw))
        if plan is None:
            literal: dict[str, Any] = {}
            waiting = []
            templates = [] if task.args_template is None else [task.args_template]
            for name, value in _by_name(task.args):
                if name == "_raw_params" and not free_form:
                    templates.append(_template_of_all(value, task))
                elif name in raw:
                    literal[name] = value
                elif self._templar.is_template(value):
                    waiting.append((name, value))
                else:
                    literal[name] = self._render(value, NoNames(), marked)
            plan = self._plans[task.id, raw] = _Plan(literal, tuple(waiting), tuple(templates))
        return plan

    def _render(self, value: Value, names: Names, marked: bool) -> Any:
        return self._templar.render_marked(value, names) if marked else self._templar.render(value, names)

    def _one(self, task: Task, name: str, value: Value, names: Names, marked: bool) -> Any:
        try:
            return self._render(value, names, marked)
        except WeftError as error:
            inner = WeftError(f"Error while resolving value for {name!r}.", origin_of(value) or error.origin)
            inner.__cause__ = error
            raise self._failed(task) from inner

    def _whole(
        self, task: Task, template: Value, raw: frozenset[str], own: Collection[str], names: Names, marked: bool
    ) -> Mapping[str, Any]:
        """The arguments that a template brings; those that the task has as its ``own`` are not looked at."""
        if self._inject_facts:
            self._templar.warn(_UNSAFE, origin_of(template))
        try:
            value = self._templar.evaluate(template, names)
        except WeftError as error:
            raise self._failed(task) from error
        if value is OMIT:
            return {}
        if not isinstance(value, dict):
            message = f"Task args must resolve to a 'dict' not {type_name(value)!r}."
            raise self._failed(task) from WeftError(message, origin_of(template))
        found = {}
        for name, item in _by_name(stored(value)):
            if name not in own:
                found[name] = item if name in raw else self._one(task, name, item, names, marked)
        return found

    def _failed(self, task: Task) -> WeftError:
        return WeftError(
            f"Finalization of task args for {task.fqcn.removeprefix('ansible.legacy.')!r} failed.",
            task.action_origin or task.origin,
        )


def _by_name(args: Mapping[Any, Value]) -> list[tuple[str, Value]]:
    """In the order in which Ansible evaluates them: it decides which of several failures is told."""
    return sorted(((str(key), value) for key, value in args.items()), key=lambda pair: pair[0])


def without_omitted(args: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in args.items() if value is not OMIT}


def _template_of_all(text: Value, task: Task) -> Value:
    """Text in the place of all arguments, for an action that takes no text. Raises WeftError where it is none."""
    if isinstance(text, VaultText) or (isinstance(text, Trusted) and is_all_template(text)):
        return text
    raise WeftError(f"Action {task.fqcn!r} does not support raw params.", task.action_origin)
