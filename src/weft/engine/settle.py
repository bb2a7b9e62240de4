"""After a task on a host: figures, facts, registered results and events; and whether the host has failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from weft.engine.described import described
from weft.engine.handlers import flush_needed
from weft.engine.lockstep import Round
from weft.engine.signals import HostFailed, HostUnreachable
from weft.engine.state import BatchState, HostState, Shared
from weft.events import TaskFinished, TaskInfo
from weft.executor.report import CustomStats, Effect, FactsEffect, Report
from weft.jobs.strands import Strand
from weft.model.nodes import Task, TaskKind
from weft.model.outcome import Outcome, Status


async def settle(
    batch: BatchState,
    host: HostState,
    task: Task,
    turn: Round,
    report: Report,
    info: TaskInfo,
    *,
    everywhere: bool,
    shown: bool = False,
) -> None:
    """Take in a report; ``shown``: the views have it already.

    Raises HostFailed or HostUnreachable where the host's way ends or turns to a rescue.
    """
    outcome = report.outcome
    run = batch.run
    run.stats.task_seconds += report.duration
    take_over(batch, host, task, report, _receivers(batch) if everywhere else (host.name,))
    if task.role is not None and not outcome.skipped and not outcome.unreachable:
        host.roles_run.add(host.use_of(task.role))
    if report.any_errors_fatal and not outcome.ignored and not task.common.ignore_errors:
        turn.shared[Shared.FATAL] = True
    run.jobs.observe(outcome.result)
    if host.watch is not None:
        host.watch.note(changed=not outcome.skipped and bool(outcome.result.get("changed")))
    including = task.kind in (TaskKind.INCLUDE_TASKS, TaskKind.INCLUDE_ROLE)
    rescued = outcome.failed and not outcome.ignored and host.rescue_depth > 0
    _count(batch, host, report, rescued=rescued, including=including)
    if including and report.includes:
        includes: dict[str, Any] = turn.shared.setdefault(Shared.INCLUDES, {})  # type: ignore[assignment]
        includes[host.name] = report.includes
    if not shown:
        publish(batch, host, info, report)
    if outcome.unreachable and not outcome.ignored:
        run.unreachable.add(host.name)
        batch.remove((host.name,))
        raise HostUnreachable(fatal=report.any_errors_fatal)
    if outcome.failed and not outcome.ignored:
        fail(batch, host, task, report)


def take_over(batch: BatchState, host: HostState, task: Task, report: Report, receivers: Iterable[str]) -> None:
    """Facts and the registered result of a task, for these hosts."""
    receivers = tuple(receivers)
    for effect in report.effects:
        _apply(batch, host, effect, receivers)
    if task.register:
        for name in receivers:
            batch.run.variables.register(name, task.register, report.outcome.result, branch=host.branch)


def fail(batch: BatchState, host: HostState, task: Task, report: Report) -> None:
    """The host has failed: remember why, for a rescue. Raises HostFailed."""
    if host.rescue_depth > 0:
        remember(batch, host, task, report.outcome)
    else:
        count_out(batch, host)
    raise HostFailed(task, report.outcome, fatal=report.any_errors_fatal)


def remember(batch: BatchState, host: HostState, task: Task, outcome: Outcome) -> None:
    """`ansible_failed_task` and `ansible_failed_result`, for the rescue."""
    failed_task = described(task, batch.short_title(task, host), batch.run.settings)
    variables = batch.run.variables
    # the task as it was written, templates and all; the result as plain data
    variables.include_vars(host.name, {"ansible_failed_task": failed_task}, branch=host.branch)
    variables.set_fact(host.name, {"ansible_failed_result": dict(outcome.result)}, branch=host.branch)


def count_out(batch: BatchState, host: HostState) -> None:
    """Nothing round the host's place rescues its failure."""
    if host.deferred:
        return  # what becomes of it is known when the strand is joined
    batch.remove((host.name,))
    if not host.always_depth and not (host.forced and flush_needed(batch, host)):
        batch.failed.add(host.name)


def count_failure(batch: BatchState, host: HostState, failed: HostFailed) -> None:
    """A failure of a strand is the host's now: in the recap, and for a rescue."""
    tally = batch.run.stats.of(host.name)
    own = failed.task is not None  # else it is another host's failure, which is told there
    if host.rescue_depth > 0:
        tally.rescued += own
        if failed.task is not None and failed.outcome is not None:
            remember(batch, host, failed.task, failed.outcome)
    else:
        tally.failed += own
        count_out(batch, host)


def fail_with_others(batch: BatchState, hosts: Iterable[str]) -> None:
    """These hosts fail because others did (any_errors_fatal, max_fail_percentage)."""
    others = tuple(hosts)
    batch.failed.update(others)
    batch.remove(others)


def settle_strand(batch: BatchState, host: HostState, strand: Strand) -> None:
    """A task's strand has failed and nobody was told before the play's end: it is told now, and counts as a task's.

    Raises HostFailed or HostUnreachable. Nothing is said of strands that are no task's: their tasks have spoken.
    """
    found = batch.run.executor.report_of(strand)
    if found is None:
        return
    owner, report = found
    _count(batch, host, report, rescued=False, including=False)
    publish(batch, host, owner.info, report)
    outcome = report.outcome
    if outcome.ignored:
        return
    if outcome.unreachable:
        batch.run.unreachable.add(host.name)
        batch.remove((host.name,))
        raise HostUnreachable(fatal=report.any_errors_fatal)
    fail(batch, host, owner.task, report)


def take_in(batch: BatchState, host: HostState, effects: Iterable[Effect], *, everywhere: bool) -> None:
    """What a result changes outside its task; ``everywhere``: for all hosts of the batch (`run_once`)."""
    receivers = _receivers(batch) if everywhere else (host.name,)
    for effect in effects:
        _apply(batch, host, effect, receivers)


def settle_others(batch: BatchState, host: HostState, task: Task) -> None:
    """`run_once` on another host: nothing to do here but to take back the handler's notification."""
    if task.is_handler:
        batch.notified.get(task.id, set()).discard(host.notified_as)


def _receivers(batch: BatchState) -> tuple[str, ...]:
    """With `run_once` every host of the batch gets the result."""
    return tuple(name for name in batch.hosts if name not in batch.run.unreachable)


def _apply(batch: BatchState, host: HostState, effect: Effect, receivers: Iterable[str]) -> None:
    variables = batch.run.variables
    if isinstance(effect, FactsEffect):
        for name in [effect.delegate] if effect.delegate else receivers:
            if effect.kind == "include_vars":
                variables.include_vars(name, effect.values, branch=host.branch)
            elif effect.kind == "set_fact":
                variables.set_fact(name, effect.values, cacheable=effect.cacheable, branch=host.branch)
            else:
                variables.set_facts(name, effect.values)
    elif isinstance(effect, CustomStats):
        batch.run.stats.add_custom(effect.data, receivers if effect.per_host else ["_run"], aggregate=effect.aggregate)


def _count(batch: BatchState, host: HostState, report: Report, *, rescued: bool, including: bool) -> None:
    tally = batch.run.stats.of(host.name)
    outcome = report.outcome
    if outcome.unreachable:
        if outcome.ignored:
            tally.ok += 1
            tally.ignored += 1
        else:
            tally.unreachable += 1
    elif outcome.failed:
        if outcome.ignored:
            tally.ok += 1
            tally.ignored += 1
            tally.changed += bool(outcome.result.get("changed"))
        elif rescued:
            tally.rescued += 1
        elif not host.deferred:
            tally.failed += 1
    elif outcome.skipped:
        tally.skipped += 1
    elif not including:
        tally.ok += 1
        tally.changed += outcome.status is Status.CHANGED


def publish(batch: BatchState, host: HostState, info: TaskInfo, report: Report) -> None:
    """Show how the task ended."""
    outcome, view = report.outcome, report.view
    batch.run.bus.publish(
        TaskFinished(
            task=view.named(info),
            host=host.name,
            status=outcome.status,
            result=view.result,
            ignored=outcome.ignored,
            duration=report.duration,
            delegated_to=outcome.delegated_to,
            delegate_address=view.delegate_address,
            diff=view.diff,
            warnings=view.warnings,
            deprecations=view.deprecations,
            error=view.error,
            verbose_always=view.verbose_always,
            verbose_override=view.verbose_override,
            item_statuses=report.item_statuses,
        )
    )
