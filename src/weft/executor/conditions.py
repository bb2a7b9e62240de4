"""``when``, ``changed_when``, ``failed_when`` and ``until``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.actions.base import Templating
from weft.connection.results import FAILURE, NO_TRACEBACK, fold
from weft.executor.report import registered
from weft.model.errors import WeftError
from weft.model.nodes import Task
from weft.model.values import Value
from weft.templating.api import Names
from weft.vars import Scope


class Skipped(WeftError):
    """The task is skipped on this host; ``result`` says why."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__("skipped")
        self.result = result


def check_when(task: Task, names: Names, templar: Templating) -> None:
    """Raises Skipped where a condition does not hold, WeftError where one can't be evaluated."""
    for text in task.common.when:
        if not templar.condition(text, names):
            raise Skipped({"skip_reason": "Conditional result was False", "false_condition": _shown(text)})


def holds(texts: tuple[Value, ...], names: Names, templar: Templating) -> bool:
    """Whether all conditions hold. Raises WeftError."""
    return all(templar.condition(text, names) for text in texts)


def judge(task: Task, names: Scope, result: dict[str, Any], templar: Templating) -> dict[str, Any]:
    """A result by its task's `changed_when` and `failed_when`; one that can't be evaluated is a failure.

    ``names``: the variables with what the result brings.
    """
    if "skipped" in result:
        return result
    stage = "changed"
    try:
        if task.changed_when:
            result["changed"] = holds(task.changed_when, names, templar)
            if task.register:
                names = names.child({task.register: registered(result)})
        stage = "failed"
        if task.failed_when:
            failed = holds(task.failed_when, names, templar)
            result["failed_when_result"] = result["failed"] = failed
            if not failed and result.pop(FAILURE, None) is not None:
                result["failed_when_suppressed_exception"] = result.pop("exception", NO_TRACEBACK)
    except WeftError as error:
        result["failed"] = True
        result[f"{stage}_when_result"] = _joined(error)
    return result


def enough(task: Task, names: Names, result: Mapping[str, Any], templar: Templating) -> bool:
    """Whether no further attempt is to be made: by `until`, or else where the task has not failed. Raises WeftError."""
    if not task.retry.until:
        return not result["failed"]
    return holds(task.retry.until, names, templar)


def _joined(error: WeftError) -> str:
    parts = [error.message]
    cause = error.__cause__
    while isinstance(cause, WeftError):
        parts.append(cause.message)
        cause = cause.__cause__
    return fold(parts)


def _shown(text: Value) -> Any:
    return str(text) if isinstance(text, str) else text
