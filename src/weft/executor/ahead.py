"""Loops whose items start before the ones in front of them have been answered.

What is started with `poll: 0` is answered with no more than that it runs, and what its start takes is known before.
Over a slow line such a loop then takes one round trip in place of one for each item. Nothing else is another: items
start in their order and are told of in their order.
"""

from __future__ import annotations

import asyncio
from typing import Final

from weft.actions.base import Templating
from weft.executor.items import LoopPlan
from weft.model.nodes import Retry, Task

AT_ONCE: Final = 16
COMMANDS: Final = frozenset(
    f"ansible.{place}.{name}" for place in ("builtin", "legacy") for name in ("command", "shell")
)
#: Keywords by which one could depend on what is in front of it, or wait for something.
NOT_WITH: Final = ("when", "delegate_to", "throttle", "timeout", "check_mode", "debugger", "module_defaults")
_ANYWAY: Final = frozenset({"vars", "params", "tags", "notify", "collections", *NOT_WITH})


def start_together(task: Task, plan: LoopPlan, templar: Templating) -> bool:
    """Whether no item of the loop can depend on another one: what is evaluated for it names the item and no more."""
    if plan.parallel > 1 or plan.pause or plan.break_when or not _leaves_jobs(task):
        return False
    if task.retry != Retry() or task.lock is not None or task.serial is not None or task.loop_control.label is not None:
        return False
    if task.changed_when is not None or task.failed_when is not None or task.args_template is not None:
        return False
    common = task.common
    if any(getattr(common, name) for name in NOT_WITH):
        return False
    if any(templar.is_template(getattr(common, name)) for name in common.__struct_fields__ if name not in _ANYWAY):
        return False
    if task.register in templar.names_in([*common.vars, *common.params]):
        return False
    return templar.names_in(task.args) <= {plan.loop_var, plan.index_var}


def _leaves_jobs(task: Task) -> bool:
    seconds, poll = task.async_seconds, task.poll
    return task.fqcn in COMMANDS and isinstance(seconds, int) and seconds > 0 and isinstance(poll, int) and poll == 0


class InOrder:
    """Has those that end out of their turn be told of in it."""

    def __init__(self, count: int) -> None:
        self._told = [asyncio.Event() for _ in range(count)]

    async def turn(self, index: int) -> None:
        """Until the one in front of it has had its turn. What is done then has to be done without waiting."""
        if index:
            await self._told[index - 1].wait()
        self._told[index].set()
