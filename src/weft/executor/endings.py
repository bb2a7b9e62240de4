"""How an action's end becomes a result: whatever goes wrong inside is one, too.

Comes before ``attempts`` (the action runs inside a task), ``background`` (it runs on its own) and ``task``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from weft.connection.results import NO_TRACEBACK
from weft.executor.conditions import Skipped
from weft.executor.errors import result_error, task_error, unexpected
from weft.executor.report import Draft
from weft.model.errors import TaskFailed, Unreachable, WeftError
from weft.model.nodes import Task


@contextmanager
def ending(task: Task, draft: Draft) -> Iterator[None]:
    """What is raised inside becomes the draft's result, which has all that results have in the end."""
    try:
        yield
    except Skipped as skipped:
        draft.result = {"changed": False, "skipped": True, **skipped.result}
    except Unreachable as error:
        draft.error = task_error(draft.task or task, error)
        draft.result = {"changed": False, "unreachable": True, "msg": draft.error.message, **error.result}
    except WeftError as error:
        draft.error = task_error(draft.task or task, error)
        extra: dict[str, Any] = getattr(error, "result", None) or {}
        # an action that fails speaks for itself; what fails round it is told as the task's failure
        message = error.message if isinstance(error, TaskFailed) else draft.error.message
        draft.result = {"failed": True, "changed": False, "msg": message, **extra}
    except Exception as error:
        # a mistake of weft's or of a plugin costs this task, and not the other hosts theirs
        draft.error = task_error(draft.task or task, unexpected(error))
        draft.result = {"failed": True, "changed": False, "msg": draft.error.message}
    draft.result.setdefault("changed", False)
    if draft.lock_waited is not None:
        draft.result["lock"] = {"waited": draft.lock_waited}
    if draft.result.get("failed") or draft.result.get("unreachable"):
        draft.result.setdefault("exception", NO_TRACEBACK)
        if "msg" not in draft.result:
            # made before it has a message: what is shown would tell that it failed twice
            draft.error = draft.error or result_error(draft.task or task, draft.result)
            draft.result["msg"] = draft.error.message


def complete(result: dict[str, Any]) -> dict[str, Any]:
    """What an action gave, with whether it failed and changed something."""
    if "failed" not in result:
        result["failed"] = result.get("rc", 0) not in (0, "0")
    result.setdefault("changed", False)
    return result
