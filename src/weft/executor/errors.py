"""From an exception, or a failed result, to the message, chain and place that a user sees."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weft.connection.results import ACTION_FAILED, FAILURE, Failure, fold
from weft.events import Cause, ErrorInfo
from weft.model.errors import TemplateFailed, Unreachable, WeftError
from weft.model.nodes import Task
from weft.model.values import Origin

#: What stands where Ansible has the place in its own code that was interrupted.
_NO_FRAME = "Configure `DISPLAY_TRACEBACK` to see a traceback on timeout errors."


class TimedOut(WeftError):
    """The action took longer than its `timeout`, in seconds."""

    def __init__(self, seconds: float, origin: Origin) -> None:
        super().__init__(f"Timed out after {seconds} second(s).", origin)
        self.result = {"timedout": {"frame": _NO_FRAME, "period": seconds}}


def shown_seconds(seconds: float) -> float:
    """As messages have it: whole seconds without a point."""
    return int(seconds) if seconds == int(seconds) else seconds


def links_of(error: BaseException) -> Iterator[Cause]:
    """An exception and those that caused it, outermost first."""
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, TemplateFailed) and current.because:
            head = current.message.removesuffix(current.because).rstrip(": ")
            yield Cause(message=f"{head}.", origin=current.origin, help=current.hint, apart=current.apart)
            yield Cause(message=current.because, apart=True)
        elif isinstance(current, WeftError):
            yield Cause(message=current.message, origin=current.origin, help=current.hint, apart=current.apart)
        else:
            yield Cause(message=f"{type(current).__name__}: {current}" if str(current) else type(current).__name__)
        if isinstance(current, Unreachable):
            return  # it tells the whole story: what a library raised below it would say it twice
        current = current.__cause__


def error_info(links: Sequence[Cause], trace: str | None = None) -> ErrorInfo:
    """Links, outermost first, as one error."""
    return ErrorInfo(
        message=fold([link.message for link in links]),
        origin=links[0].origin,
        help=links[0].help,
        traceback=trace,
        chain=tuple(links) if len(links) > 1 else (),
    )


def unexpected(error: Exception) -> WeftError:
    """What nobody has thought of, as an error of the task in which it happened."""
    found = WeftError("Unexpected failure, this is probably a bug.")
    found.__cause__ = error
    return found


def task_error(task: Task, error: BaseException) -> ErrorInfo:
    """Why a task failed, where an exception says so."""
    trace = "".join(traceback.format_exception(error))
    return error_info([_task_failed(task), *links_of(error)], trace)


def result_error(task: Task, result: Mapping[str, Any]) -> ErrorInfo:
    """Why a task failed, where its result says so."""
    known = result.get(FAILURE)
    failure = known if isinstance(known, Failure) else Failure(source=ACTION_FAILED, message=_message(result))
    return error_info([_task_failed(task), *_causes(failure)], failure.traceback)


def _message(result: Mapping[str, Any]) -> str:
    return str(result.get("msg", "Unknown error."))


def _task_failed(task: Task) -> Cause:
    return Cause(message="Task failed.", origin=task.origin)


def _causes(failure: Failure) -> Iterator[Cause]:
    """What a failure adds to an error: what failed, then why."""
    yield Cause(message=f"{failure.source}.")
    parts = tuple(error_info(list(_causes(part))) for part in failure.parts)
    links = failure.links or ((failure.message, None),)
    for number, (message, help_text) in enumerate(links, 1):
        yield Cause(message=message, help=help_text, parts=parts if number == len(links) else ())
