"""From the dict that an action gives to the report: the outcome, typed effects, and what the views show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.connection.results import TAKEN_IN
from weft.executor.errors import result_error
from weft.executor.report import (
    CustomStats,
    Draft,
    Effect,
    FactsEffect,
    Report,
    View,
    censored,
    public,
    registered,
    status_of,
    with_notices,
)
from weft.model.nodes import Task
from weft.model.outcome import Outcome, Status

DEBUG = frozenset(("ansible.builtin.debug", "ansible.legacy.debug", "debug"))
_SET_FACT = frozenset(("ansible.builtin.set_fact", "ansible.legacy.set_fact", "set_fact"))
_INCLUDE_VARS = frozenset(("ansible.builtin.include_vars", "ansible.legacy.include_vars", "include_vars"))


def report_of(task: Task, draft: Draft) -> Report:
    """The report of a task that has run once, or of one item of its loop."""
    task = draft.task or task
    status = status_of(draft.result)
    ignored = (status is Status.FAILED and draft.ignore_errors) or (
        status is Status.UNREACHABLE and draft.ignore_unreachable
    )
    outcome = Outcome(
        status=status,
        result=with_notices(registered(draft.result), draft.notices),
        ignored=ignored,
        no_log=draft.no_log or bool(draft.result.get("_ansible_no_log")),
        notify=draft.notify,
        delegated_to=draft.delegate,
    )
    return Report(
        outcome=outcome,
        view=view_of(task, draft, outcome),
        effects=effects_of(task, draft) if status in (Status.OK, Status.CHANGED) else (),
        includes=(draft.include,) if draft.include is not None and not draft.result.get("failed") else (),
        any_errors_fatal=draft.any_errors_fatal,
        debugger=draft.debugger,
    )


def facts_kind(task: Task) -> str:
    """Whose rules `ansible_facts` in the task's result follow."""
    if task.fqcn in _SET_FACT:
        return "set_fact"
    return "include_vars" if task.fqcn in _INCLUDE_VARS else "module"


def effects_of(task: Task, draft: Draft) -> tuple[Effect, ...]:
    """What a result changes outside its task."""
    result = draft.result
    if result.get(TAKEN_IN):
        return ()
    effects: list[Effect] = []
    facts = result.get("ansible_facts")
    if isinstance(facts, Mapping) and facts and task.fqcn not in DEBUG:
        effects.append(
            FactsEffect(
                values=facts,
                kind=facts_kind(task),
                cacheable=bool(result.get("_ansible_facts_cacheable")),
                delegate=draft.delegate if draft.delegate_facts else None,
            )
        )
    stats = result.get("ansible_stats")
    if isinstance(stats, Mapping) and stats.get("data"):
        effects.append(
            CustomStats(
                data=stats["data"],
                per_host=bool(stats.get("per_host", True)),
                aggregate=bool(stats.get("aggregate")),
            )
        )
    return tuple(effects)


def view_of(task: Task, draft: Draft, outcome: Outcome) -> View:
    """What may be shown of a result."""
    result = draft.result
    action, fqcn = (draft.task.action, draft.task.fqcn) if draft.task is not None else ("", "")
    if outcome.no_log:
        return View(result=censored(result), action=action, fqcn=fqcn)
    error = draft.error
    if error is None and outcome.status is Status.FAILED and not draft.unexplained:
        error = result_error(task, result)
    return View(
        result={
            key: value for key, value in public(result).items() if key not in ("warnings", "deprecations", "exception")
        },
        diff=_diffs(result) if draft.diff and result.get("changed") else (),
        warnings=tuple(_texts(result.get("warnings"))),
        deprecations=tuple(_mappings(result.get("deprecations"))),
        error=error,
        verbose_always=bool(result.get("_ansible_verbose_always")),
        verbose_override=bool(result.get("_ansible_verbose_override")),
        delegate_address=draft.delegate_address,
        action=action,
        fqcn=fqcn,
    )


def _diffs(result: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    diff = result.get("diff")
    rows = diff if isinstance(diff, list) else [diff]
    return tuple(row for row in rows if isinstance(row, Mapping) and row)


def _texts(value: Any) -> list[str]:
    rows = value if isinstance(value, list) else [value] if value else []
    return [row["msg"] if isinstance(row, Mapping) and "msg" in row else str(row) for row in rows]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
