"""What the executor hands to the engine: the outcome, what it changes outside the task, and what the views show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field, structs

from weft.events import Deprecated, ErrorInfo, TaskInfo, Warned
from weft.events.deferred import Notice
from weft.model.nodes import Task
from weft.model.outcome import Outcome, Status

INTERNAL = "_ansible_"  # keys that begin so exist only at the module edge

_KEPT_WHEN_CENSORED = ("attempts", "changed", "failed", "retries", "skipped", "unreachable")
CENSORED = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
CENSORED_LABEL = "(censored due to no_log)"


class FactsEffect(Struct, frozen=True, kw_only=True):
    """Facts that a result brings. ``kind``: module | set_fact | include_vars."""

    values: Mapping[str, Any]
    kind: str
    cacheable: bool = False
    delegate: str | None = None  # delegate_facts: they belong to this host


class CustomStats(Struct, frozen=True, kw_only=True):
    """``set_stats``."""

    data: Mapping[str, Any]
    per_host: bool
    aggregate: bool


Effect = FactsEffect | CustomStats


class Include(Struct, frozen=True, kw_only=True):
    """One expansion that an include asks for: its file or role arguments, and the item's variables."""

    args: Mapping[str, Any]
    variables: Mapping[str, Any]
    label: Any = None  # of the item, as views may show it


class View(Struct, frozen=True, kw_only=True):
    """What the views need besides the outcome."""

    result: Mapping[str, Any]
    diff: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    deprecations: tuple[Mapping[str, Any], ...] = ()
    error: ErrorInfo | None = None
    verbose_always: bool = False
    verbose_override: bool = False
    delegate_address: str | None = None  # where the delegate is, once the action has run there
    action: str = ""  # with fqcn: what a template named as the task's action
    fqcn: str = ""

    def named(self, task: TaskInfo) -> TaskInfo:
        """The task with the action that has run, where it was known by a template until then."""
        return structs.replace(task, action=self.action, fqcn=self.fqcn) if self.action else task


class Report(Struct, frozen=True, kw_only=True):
    """The end of a task (or item) on a host."""

    outcome: Outcome
    view: View
    effects: tuple[Effect, ...] = ()
    includes: tuple[Include, ...] = ()
    item_statuses: tuple[Status, ...] = ()
    duration: float = 0.0
    any_errors_fatal: bool = False
    debugger: str | None = None


def public(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without internal keys."""
    return {key: value for key, value in result.items() if not (isinstance(key, str) and key.startswith(INTERNAL))}


def registered(result: Mapping[str, Any]) -> dict[str, Any]:
    """What `register` stores."""
    clean = public(result)
    clean.pop("invocation", None)
    return clean


def with_notices(result: dict[str, Any], notices: Sequence[Notice]) -> dict[str, Any]:
    """A result with what templates and plugins had to say while it came about."""
    warnings = [notice.message for notice in notices if isinstance(notice, Warned)]
    deprecations = [_entry(notice) for notice in notices if isinstance(notice, Deprecated)]
    for key, found in (("warnings", warnings), ("deprecations", deprecations)):
        known = result.get(key)
        if found:
            result[key] = [*found, *(known if isinstance(known, list) else [])]
    return result


def _entry(notice: Deprecated) -> dict[str, Any]:
    when = {"date": notice.date} if notice.date else {"version": notice.version}
    by = {"resolved_name": notice.collection, "type": None}
    return {"msg": notice.message, **when, "collection_name": notice.collection, "deprecator": by}


def censored(result: Mapping[str, Any]) -> dict[str, Any]:
    """What is left to show of a result under no_log."""
    return {"censored": CENSORED, **{key: result[key] for key in _KEPT_WHEN_CENSORED if key in result}}


def status_of(result: Mapping[str, Any]) -> Status:
    if result.get("unreachable"):
        return Status.UNREACHABLE
    # where `failed_when` has spoken its word counts, even if the attempts ran out afterwards
    if result["failed_when_result"] if "failed_when_result" in result else result.get("failed"):
        return Status.FAILED
    if result.get("skipped"):
        return Status.SKIPPED
    return Status.CHANGED if result.get("changed") else Status.OK


class Draft(Struct):
    """A result while it grows: the module-edge dict and what was found out beside it. Owned by one attempt loop."""

    result: dict[str, Any] = field(default_factory=dict)
    error: ErrorInfo | None = None
    unexplained: bool = False  # the result's message is all there is to show of its failure
    ignore_errors: bool = False
    ignore_unreachable: bool = False
    no_log: bool = False
    diff: bool = False
    any_errors_fatal: bool = False
    debugger: str | None = None
    delegate: str | None = None
    delegate_address: str | None = None
    delegate_facts: bool = False
    notify: tuple[str, ...] = ()
    lock_waited: float | None = None  # seconds; None: the task has no lock, or did not get as far
    include: Include | None = None
    task: Task | None = None  # with the action that a template gave its name
    notices: list[Notice] = field(default_factory=list)  # what came up beside the result
