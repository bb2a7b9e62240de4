"""``when``, ``changed_when``, ``failed_when`` and ``until``."""

from __future__ import annotations

from typing import Any

from weft.actions.base import Templating
from weft.model.errors import WeftError
from weft.model.nodes import Task
from weft.model.values import Value
from weft.templating.api import Names


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


def _shown(text: Value) -> Any:
    return str(text) if isinstance(text, str) else text
