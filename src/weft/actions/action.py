"""One controller-side action: what is known of it before its code is imported, and what goes round its running.

Comes before ``base``, which has what an action is given.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.connection.errors import NoTransport
from weft.model.errors import TaskFailed, TaskSkipped, Unreachable

if TYPE_CHECKING:
    from weft.actions.base import ActionContext, Result

    Runner = Callable[[ActionContext], Awaitable[Result]]


class Action(Struct, frozen=True, kw_only=True):
    """One controller-side action. Await it with a context; its code is imported at first use."""

    fqcn: str
    place: str  # `module:function` below weft.actions
    jobs: bool = False  # an async task starts a job on the host; others become strands
    check: bool = True  # False: skipped in check mode
    once: bool = False  # runs once for all hosts of the batch (BYPASS_HOST_LOOP)
    connection: bool = True  # talks to the host
    waits: bool = False  # does no work of its own: it must not keep a place from what it waits for
    raw_args: frozenset[str] = frozenset()  # arguments that stay unevaluated
    marked_args: bool = False  # text in arguments stays marked as the user's own: it may be an expression
    free_form: bool = False  # takes text as `_raw_params`
    valid_args: frozenset[str] = frozenset()  # names it knows, where it has a plain list of them

    def load(self) -> Runner:
        module, _, function = self.place.partition(":")
        runner: Runner = getattr(importlib.import_module(f"weft.actions.{module}"), function)
        return runner

    async def __call__(self, context: ActionContext) -> Result:
        """The result, as Ansible's action plugins give it. Raises TaskFailed, TaskSkipped, Unreachable, WeftError."""
        self._refuse(context)
        try:
            result = await self._run(context)
        except (TaskFailed, TaskSkipped, Unreachable) as error:
            _add_messages(error.result, context)
            raise
        return _add_messages(result, context)

    async def _run(self, context: ActionContext) -> Result:
        """Natively; where there is no native way to the host, through ansible-core."""
        try:
            return await self.load()(context)
        except NoTransport as error:
            from weft.actions.lane import fall_back

            return await fall_back(context, error)

    def _refuse(self, context: ActionContext) -> None:
        """What the action can't do at all."""
        if context.check and not self.check:
            raise TaskSkipped(f"This action ({context.name}) does not support check mode.")
        unknown = [name for name in context.args if name not in self.valid_args] if self.valid_args else []
        if unknown:
            raise TaskFailed(f"Invalid options for {context.name}: {','.join(unknown)}", origin=context.task.origin)


def _add_messages(result: Result, context: ActionContext) -> Result:
    """Put the context's warnings before those that the result has."""
    if context.warnings:
        result["warnings"] = [*context.warnings, *_as_list(result.get("warnings"))]
    if context.deprecations:
        result["deprecations"] = [*context.deprecations, *_as_list(result.get("deprecations"))]
    return result


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else []
