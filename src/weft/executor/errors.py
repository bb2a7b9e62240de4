"""From an exception, or a failed result, to the message, chain and place that a user sees."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from weft.events import Cause, ErrorInfo
from weft.model.errors import WeftError
from weft.model.nodes import Task

#: Key of a result, at the module edge only: a module itself said that it failed.
MODULE_FAILED = "_ansible_module_failed"


def links_of(error: BaseException) -> Iterator[Cause]:
    """An exception and those that caused it, outermost first."""
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, WeftError):
            yield Cause(message=current.message, origin=current.origin, help=current.hint)
        else:
            yield Cause(message=f"{type(current).__name__}: {current}" if str(current) else type(current).__name__)
        current = current.__cause__


def error_info(links: list[Cause], trace: str | None = None) -> ErrorInfo:
    """Fold links into one message; links of one place become one."""
    merged: list[Cause] = []
    for link in links:
        if merged and (link.origin is None or link.origin == merged[-1].origin):
            last = merged[-1]
            merged[-1] = Cause(
                message=_join(last.message, link.message), origin=last.origin, help=link.help or last.help
            )
        else:
            merged.append(link)
    message = ""
    for link in links:
        message = _join(message, link.message) if message else link.message
    if message and message[-1] == ":":
        message = message[:-1]
    return ErrorInfo(
        message=message,
        origin=merged[0].origin,
        help=merged[-1].help,
        traceback=trace,
        chain=(*map(_sentence, merged[:-1]), merged[-1]) if len(merged) > 1 else (),
    )


def _sentence(link: Cause) -> Cause:
    return replace(link, message=f"{link.message.rstrip('.')}.")


def _join(outer: str, inner: str) -> str:
    return f"{outer.rstrip('.')}: {inner}" if inner else f"{outer.rstrip('.')}."


def task_error(task: Task, error: BaseException) -> ErrorInfo:
    """Why a task failed, where an exception says so."""
    links = [Cause(message="Task failed", origin=task.origin), *links_of(error)]
    trace = "".join(traceback.format_exception(error))
    return error_info(links, trace)


def result_error(task: Task, result: Mapping[str, Any]) -> ErrorInfo:
    """Why a task failed, where its result says so."""
    failed = "Module failed" if result.get(MODULE_FAILED) else "Action failed"
    message = result.get("msg", "")
    trace = result.get("exception")
    links = [
        Cause(message="Task failed", origin=task.origin),
        Cause(message=failed, origin=task.origin),
        Cause(message=message if isinstance(message, str) else str(message), origin=task.origin),
    ]
    return error_info(links, trace if isinstance(trace, str) else None)
