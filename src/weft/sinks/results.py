"""How the end of a task on a host is said: `ok: [host]`, `fatal: [host]: FAILED! => {...}` and their kin.

Pure text; ``classic`` decides when which line is shown.
"""

from __future__ import annotations

from typing import Any

from weft.events.types import ItemFinished, Retrying, TaskFinished, TaskInfo, TaskResult
from weft.model.outcome import Status
from weft.sinks.dump import ResultDumper, is_action, shown_result, without_status

CENSORED_LABEL = "(censored due to no_log)"


def host_label(event: TaskResult | Retrying) -> str:
    """`host`, or `host -> delegate`, with the delegate's address where that is another name."""
    delegate = event.delegated_to
    if not delegate or delegate == event.host:
        return event.host
    address = event.delegate_address or delegate
    return f"{event.host} -> {delegate}" + ("" if address == delegate else f"({address})")


def item_label(event: ItemFinished) -> Any:
    """Not by the task: its `no_log` may be a template that says no for this item."""
    return CENSORED_LABEL if "censored" in event.result else event.label


def is_shown(event: TaskResult, verbosity: int) -> bool:
    """Whether a result that is no failure is shown after the host."""
    return (verbosity > 0 or event.verbose_always) and not event.verbose_override


def plain_name(task: TaskInfo) -> str:
    """A task's name without its role; a task that has none of its own keeps both."""
    prefix = f"{task.role} : " if task.role else ""
    own = task.name.removeprefix(prefix)
    return task.name if own == task.action else own


class ResultLines:
    """The lines of one run's results."""

    def __init__(self, dumper: ResultDumper) -> None:
        self._dumper = dumper

    def finished(self, event: TaskFinished) -> str:
        """`ok:` and `changed:`."""
        word = "changed" if event.status is Status.CHANGED else "ok"
        return f"{word}: [{host_label(event)}]{self._detail(event)}"

    def skipped(self, event: TaskFinished) -> str:
        return f"skipping: [{event.host}]{self._detail(event)}"

    def failed(self, event: TaskFinished) -> str:
        return f"fatal: [{host_label(event)}]: FAILED! => {self.dump(event)}"

    def unreachable(self, event: TaskFinished) -> str:
        return f"fatal: [{host_label(event)}]: UNREACHABLE! => {self._dumper.dump(without_status(event.result))}"

    def item_finished(self, event: ItemFinished) -> str:
        word = "changed" if event.status is Status.CHANGED else "ok"
        return f"{word}: [{host_label(event)}] => (item={item_label(event)}){self._detail(event)}"

    def item_skipped(self, event: ItemFinished) -> str:
        return f"skipping: [{event.host}] => (item={item_label(event)}) {self._detail(event)}"

    def item_failed(self, event: ItemFinished) -> str:
        return f"failed: [{host_label(event)}] (item={item_label(event)}) => {self.dump(event)}"

    def retrying(self, event: Retrying, *, with_result: bool) -> str:
        line = f"FAILED - RETRYING: [{host_label(event)}]: {plain_name(event.task)} ({event.left} retries left)."
        if not with_result:
            return line
        always = event.verbose_always or is_action(event.task, "debug")
        return f"{line}Result was: {self._dumper.dump(without_status(event.result), always=always)}"

    def dump(self, event: TaskResult) -> str:
        shown = shown_result(event.task, event.result)
        if isinstance(event, TaskFinished) and event.task.loop:
            shown.pop("results", None)  # each item had its own line
        return self._dumper.dump(shown, always=event.verbose_always)

    def _detail(self, event: TaskResult) -> str:
        if not is_shown(event, self._dumper.verbosity):
            return ""
        return f" => {self.dump(event)}"
