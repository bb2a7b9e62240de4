"""A task's loop on one host: its items one after the other or side by side, and the result of all of them.

Comes after ``items``, which evaluates what the loop goes over; ``task`` does the task for each item.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weft.actions.base import Services
from weft.events import ItemFinished, Warned
from weft.executor.ahead import AT_ONCE, InOrder, start_together
from weft.executor.holds import Holds
from weft.executor.items import LoopPlan, item_names
from weft.executor.report import (
    CENSORED_LABEL,
    Draft,
    Include,
    Report,
    View,
    censored,
    public,
    registered,
    status_of,
    with_notices,
)
from weft.executor.results import DEBUG, report_of
from weft.executor.sidebyside import side_by_side
from weft.model.errors import WeftError
from weft.model.nodes import Retry
from weft.model.outcome import Outcome
from weft.templating.blocking import evaluate
from weft.vars import Scope

if TYPE_CHECKING:
    from weft.executor.task import Call

_NOTICES = ("warnings", "deprecations")

Once = Callable[[Scope, dict[str, Any]], Awaitable[Draft]]


class Loop:
    """The items of one task on one host."""

    def __init__(self, call: Call, items: list[Any], holds: Holds, services: Services, once: Once) -> None:
        """``once`` does the task with an item's variables; what it sets goes into the dict for later items."""
        self._call = call
        self._items = items
        self._holds = holds
        self._services = services
        self._once = once

    async def run(self) -> Report:
        """Raises WeftError for what is wrong with the loop itself."""
        call, count = self._call, len(self._items)
        if not count:
            result = {"changed": False, "skipped": True, "skipped_reason": "No items in the list", "results": []}
            return report_of(call.task, Draft(result=result))
        plan = await LoopPlan.make(call.task, call.scope, self._services.templar)
        self._warn_about_collision(plan)
        ended: dict[int, tuple[Report, Draft]] = {}

        async def run(index: int, carried: dict[str, Any], order: InOrder | None = None) -> bool:
            ended[index], over = await self._item(plan, index, carried, order)
            return over

        if plan.parallel > 1:
            # items side by side don't see each other's facts and results: each has its own
            await side_by_side(count, plan.parallel, plan.pause, lambda index: run(index, {}))
        elif start_together(call.task, plan, self._services.templar):
            order = InOrder(count)
            await side_by_side(count, AT_ONCE, 0.0, lambda index: run(index, {}, order))
        else:
            if call.task.lock is None:
                self._holds.keep(fork=self._works_through())
            carried: dict[str, Any] = {}
            for index in range(count):
                if index and plan.pause:
                    await asyncio.sleep(plan.pause)
                if await run(index, carried):
                    break
        reports, drafts = zip(*(ended[index] for index in sorted(ended)), strict=True)
        return _whole(reports, drafts)

    def _works_through(self) -> bool:
        """Whether its items do nothing but work: between attempts, and while a job or a strand runs, others may."""
        task = self._call.task
        waits = task.retry != Retry() or task.async_seconds is not None
        return not waits and not self._services.templar.is_template(task.action)

    async def _item(
        self, plan: LoopPlan, index: int, carried: dict[str, Any], order: InOrder | None
    ) -> tuple[tuple[Report, Draft], bool]:
        """One item to its end, told of in its turn if there is an order, and whether the loop ends with it."""
        task = self._call.task
        local = item_names(plan, self._items, index)
        names = self._call.scope.child({**carried, **local})
        draft = await self._once(names, carried)
        if task.register:
            carried[task.register] = with_notices(registered(draft.result), draft.notices)
        draft.result.update(plan.marks(self._items[index], index, local))
        label = await self._label(plan, names.child(carried), draft)
        if draft.include is not None:
            shown = CENSORED_LABEL if draft.no_log else label
            draft.include = Include(args=draft.include.args, variables=local, label=shown)
        report = report_of(task, draft)
        if order is not None:
            await order.turn(index)
        self._publish_item(report, label)
        over = bool(plan.break_when) and await self._breaks(plan, names.child(carried))
        return (report, draft), over

    def _warn_about_collision(self, plan: LoopPlan) -> None:
        if plan.loop_var in self._call.scope:
            self._services.publish(
                Warned(
                    message=f"The loop variable {plan.loop_var!r} is already in use.",
                    origin=self._call.task.origin,
                    help="You should set the `loop_var` value in the `loop_control` option for the task to something "
                    "else to avoid variable collisions and unexpected behavior.",
                )
            )

    async def _label(self, plan: LoopPlan, names: Scope, draft: Draft) -> Any:
        if plan.label is None:
            return draft.result[plan.loop_var]
        try:
            return await evaluate(lambda: self._services.templar.render(plan.label, names))
        except WeftError as error:
            draft.result.update(failed=True, msg=f"Failed to template loop_control.label: {error.message}")
            draft.unexplained = True
            # ansible-core has cut what debug tells to the message by the time it looks for the item
            return None if self._call.task.fqcn in DEBUG else draft.result[plan.loop_var]

    async def _breaks(self, plan: LoopPlan, names: Scope) -> bool:
        templar = self._services.templar
        return await evaluate(lambda: all(templar.condition(text, names) for text in plan.break_when))

    def _publish_item(self, report: Report, label: Any) -> None:
        outcome, view = report.outcome, report.view
        self._services.publish(
            ItemFinished(
                task=view.named(self._call.info),
                host=self._call.host,
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
                label=CENSORED_LABEL if outcome.no_log else label,
            )
        )


def _whole(reports: Sequence[Report], drafts: Sequence[Draft]) -> Report:
    """The loop's own result, from those of its items."""
    outcomes = tuple(report.outcome for report in reports)
    result: dict[str, Any] = {
        "results": [_without_notices(public(draft.result)) for draft in drafts],
        "skipped": all(outcome.skipped for outcome in outcomes),
        "changed": any(draft.result.get("changed") for draft in drafts),
    }
    failed = [outcome for outcome in outcomes if outcome.failed]
    unreachable = [outcome for outcome in outcomes if outcome.unreachable]
    if failed:
        result.update(failed=True, msg="One or more items failed")
    else:
        result["msg"] = "All items skipped" if result["skipped"] else "All items completed"
    if unreachable:
        result["unreachable"] = True
    if any(draft.lock_waited is not None for draft in drafts):
        result["lock"] = {"waited": round(sum(draft.lock_waited or 0.0 for draft in drafts), 3)}
    shown: Mapping[str, Any] = dict(result)
    for key in _NOTICES:
        if told := [entry for outcome in outcomes for entry in outcome.result.get(key) or ()]:
            result[key] = told
    status = status_of(result)
    no_log = any(outcome.no_log for outcome in outcomes)
    warnings = tuple(text for report in reports for text in report.view.warnings)
    if no_log:
        # the views still see that there were items
        shown = {**censored(result), "results": [censored(outcome.result) for outcome in outcomes]}
    error = next((report.view.error for report in reports if report.outcome.failed and report.view.error), None)
    outcome = Outcome(
        status=status,
        result=result,
        ignored=bool(failed or unreachable) and all(o.ignored for o in (*failed, *unreachable)),
        no_log=no_log,
        items=outcomes,
        notify=tuple(dict.fromkeys(name for o in outcomes if o.changed for name in o.notify)),
        delegated_to=next((o.delegated_to for o in outcomes if o.delegated_to), None),
    )
    return Report(
        outcome=outcome,
        view=View(result=shown, warnings=warnings if not no_log else (), error=None if failed else error),
        effects=tuple(effect for report in reports for effect in report.effects),
        includes=tuple(include for report in reports for include in report.includes),
        item_statuses=tuple(o.status for o in outcomes),
        any_errors_fatal=any(report.any_errors_fatal for report in reports),
        debugger=next((report.debugger for report in reports if report.debugger), None),
    )


def _without_notices(result: Mapping[str, Any]) -> dict[str, Any]:
    """An item's result as part of the loop's: what it had to say is the loop's."""
    return {key: value for key, value in result.items() if key not in _NOTICES}
