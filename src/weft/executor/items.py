"""Loops: the items, and the variables that each item brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.actions.base import Templating
from weft.executor.environment import RunEnvironment
from weft.executor.keywords import keyword_failed
from weft.model.convert import is_true, to_int, to_number
from weft.model.errors import WeftError
from weft.model.nodes import Task
from weft.model.values import OMIT, Value, origin_of
from weft.templating.blocking import evaluate
from weft.templating.types import type_name
from weft.vars import Scope


async def loop_items(task: Task, names: Scope, templar: Templating, environment: RunEnvironment) -> list[Any] | None:
    """The items of `loop` or `with_*`; None where the task has no loop. Raises WeftError."""
    if task.loop_with is not None:
        lookup = task.loop_with
        return await evaluate(lambda: environment.with_items(lookup, task.loop, names))
    if task.loop is None:
        return None
    items = await evaluate(lambda: templar.render_marked(task.loop, names))
    if not isinstance(items, list):
        if isinstance(items, Sequence) and not isinstance(items, str | bytes):
            return list(items)
        raise WeftError(
            f"The `loop` value must resolve to a 'list', not {type_name(items)!r}.",
            origin_of(task.loop) or task.origin,
            "Provide a list of items/templates, or a template resolving to a list.",
        )
    return items


class LoopPlan(Struct, frozen=True, kw_only=True):
    """`loop_control` with its final values."""

    loop_var: str
    index_var: str | None
    label: Value  # evaluated for each item; None: the item itself
    pause: float  # seconds
    extended: bool
    all_items: bool
    break_when: tuple[Value, ...]
    parallel: int = 1  # so many items at once

    @classmethod
    async def make(cls, task: Task, names: Scope, templar: Templating) -> LoopPlan:
        control = task.loop_control

        async def value(name: str) -> Any:
            raw = getattr(control, name)
            try:
                return await evaluate(lambda: templar.render(raw, names)) if raw is not None else None
            except WeftError as error:
                raise keyword_failed(name, raw, error) from error

        return cls(
            loop_var=str(await value("loop_var")),
            index_var=await value("index_var"),
            label=control.label,
            pause=to_number(await value("pause") or 0),
            extended=is_true(await value("extended")),
            all_items=is_true(await value("extended_allitems")),
            break_when=control.break_when,
            parallel=_at_once(await value("parallel"), task),
        )

    def marks(self, item: Any, index: int, local: Mapping[str, Any]) -> dict[str, Any]:
        """What an item's result says of the item."""
        marks: dict[str, Any] = {self.loop_var: item, "ansible_loop_var": self.loop_var}
        if self.index_var:
            marks[self.index_var] = index
            marks["ansible_index_var"] = self.index_var
        if self.extended:
            marks["ansible_loop"] = local["ansible_loop"]
        return marks


def _at_once(value: Any, task: Task) -> int:
    """`parallel`, evaluated. Raises WeftError."""
    if value is None or value is OMIT:
        return 1
    try:
        number = to_int(value)
    except ValueError:
        number = 0
    if number < 1:
        origin = origin_of(task.loop_control.parallel) or task.origin
        raise WeftError(f"'parallel' of 'loop_control' must be a number of at least 1, not {value!r}.", origin)
    return number


def item_names(plan: LoopPlan, items: list[Any], index: int) -> dict[str, Any]:
    """The variables of one item."""
    local: dict[str, Any] = {"ansible_loop_var": plan.loop_var, plan.loop_var: items[index]}
    if plan.index_var:
        local["ansible_index_var"] = plan.index_var
        local[plan.index_var] = index
    if plan.extended:
        local["ansible_loop"] = _extended(plan, items, index)
    return local


def item_marks(names: Scope) -> dict[str, Any]:
    """The least that an item's result says of the item, from the item's variables."""
    loop_var = names["ansible_loop_var"]
    return {loop_var: names[loop_var], "ansible_loop_var": loop_var}


def _extended(plan: LoopPlan, items: list[Any], index: int) -> dict[str, Any]:
    count = len(items)
    loop: dict[str, Any] = {
        "index": index + 1,
        "index0": index,
        "first": index == 0,
        "last": index + 1 == count,
        "length": count,
        "revindex": count - index,
        "revindex0": count - index - 1,
    }
    if plan.all_items:
        loop["allitems"] = items
    if index + 1 < count:
        loop["nextitem"] = items[index + 1]
    if index > 0:
        loop["previtem"] = items[index - 1]
    return loop
