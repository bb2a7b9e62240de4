"""What has no meaning where every host goes its own pace (`free`, `host_pinned`): said, as Ansible says it."""

from __future__ import annotations

from weft.engine.state import BatchState
from weft.events import Warned
from weft.model.errors import WeftError
from weft.model.nodes import Play, Task
from weft.templating.blocking import evaluate
from weft.vars import Scope

_MAX_FAIL = (
    "Using max_fail_percentage with the free strategy is not supported, as tasks are executed independently on each"
    " host"
)
_RUN_ONCE = (
    "Using run_once with the free strategy is not currently supported. This task will still be executed for every"
    " host in the inventory list."
)
_FATAL = (
    "Using any_errors_fatal with the free strategy is not supported, as tasks are executed independently on each host"
)


def check_play(batch: BatchState, play: Play) -> None:
    if play.max_fail_percentage is not None:
        _warn(batch, _MAX_FAIL)


async def check_own_pace(batch: BatchState, task: Task, names: Scope) -> None:
    """Raises WeftError for an action that runs once for all hosts: here it would run for each."""
    run = batch.run
    if run.find_action(task.fqcn).once:
        raise WeftError(
            f"The {task.action!r} module bypasses the host loop, which is currently not supported in the free strategy"
            " and would instead execute for every host in the inventory list.",
            task.origin,
        )
    if task.common.run_once is not None and await evaluate(lambda: run.keywords.one(task, "run_once", names)):
        _warn(batch, _RUN_ONCE)
    if task.common.any_errors_fatal:
        _warn(batch, _FATAL)


def _warn(batch: BatchState, message: str) -> None:
    if message not in batch.warned:
        batch.warned.add(message)
        batch.run.bus.publish(Warned(message=message))
