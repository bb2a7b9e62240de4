"""One task on one host: its loop, its conditions, and what comes of it."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct, structs
from msgspec.structs import replace

from weft.actions.base import Services
from weft.connection.results import NO_TRACEBACK, fold
from weft.events import ErrorInfo, ItemFinished, TaskInfo, Warned
from weft.events.deferred import collecting
from weft.executor.ahead import AT_ONCE, InOrder, start_together
from weft.executor.attempts import Attempts
from weft.executor.background import TakeIn, TaskStrand
from weft.executor.conditions import Skipped, check_when
from weft.executor.endings import ending
from weft.executor.environment import RunEnvironment
from weft.executor.errors import TimedOut, error_info, links_of, shown_seconds, unexpected
from weft.executor.foresight import Foresight
from weft.executor.holds import Holds
from weft.executor.items import LoopPlan, item_names, loop_items
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
from weft.executor.results import effects_of, view_of
from weft.executor.sentahead import SentAhead
from weft.executor.sidebyside import side_by_side
from weft.executor.terms import delegate_of
from weft.jobs.strands import Strand
from weft.locks.keeper import Key
from weft.model.errors import UndefinedName, Unreachable, WeftError
from weft.model.nodes import Retry, Task, TaskKind
from weft.model.outcome import Outcome, Status
from weft.model.values import OMIT
from weft.templating.blocking import evaluate
from weft.vars import Scope

_BAD_NO_LOG = "Invalid no_log value for task, output will be masked"
_NOTICES = ("warnings", "deprecations")
_INCLUDES = (TaskKind.INCLUDE_TASKS, TaskKind.INCLUDE_ROLE)


class Deadline(Struct, frozen=True):
    """When the `timeout` of what is round a task is over."""

    at: float  # the loop's time
    seconds: float  # as it was asked for
    outer: Deadline | None = None  # what counts where this one no longer does: in a block's rescue and always
    of: str = ""  # id of the block or include


class Call(Struct, frozen=True, kw_only=True):
    """What the engine asks for: this task, on this host, with these variables."""

    task: Task
    info: TaskInfo
    host: str
    scope: Scope
    environment: RunEnvironment
    take_in: TakeIn  # what the task's strand brings, once its end is told
    held: frozenset[Key] = frozenset()  # locks that the blocks round the task hold
    deadline: Deadline | None = None  # the nearest of those round the task
    ahead: SentAhead | None = None  # of a plain task: where its request may be on its way


class Executor:
    """Runs tasks. Holds nothing of a host: every call brings its own scope."""

    def __init__(
        self,
        services: Services,
        attempts: Attempts,
        resolve_action: Callable[[str, Sequence[str]], str | None] = lambda name, collections: None,
    ) -> None:
        """``resolve_action`` gives the FQCN of an action that a template names."""
        self._services = services
        self._resolve_action = resolve_action
        self._attempts = attempts
        self.foresight = Foresight(attempts, services.templar)

    async def run(self, call: Call) -> Report:
        """Never raises for what goes wrong with the task: that is the report."""
        started = time.monotonic()
        holds = self._attempts.holds(call.task, call.info, call.host, call.held)
        try:
            report = await self._run(call, holds)
        except Unreachable as error:
            report = self.broken(call, error, unreachable=True)
        except WeftError as error:
            report = self.broken(call, error)
        except Exception as error:
            report = self.broken(call, unexpected(error))
        finally:
            await holds.close()
        duration = time.monotonic() - started
        # it has run while earlier results were on their way here
        return structs.replace(report, duration=duration if call.ahead is None else max(duration, call.ahead.took))

    def report_of(self, strand: Strand) -> tuple[TaskStrand, Report] | None:
        """The end of a task's strand that nobody was told; None: it is no task's."""
        owner = strand.owner
        if not isinstance(owner, TaskStrand):
            return None
        draft = replace(owner.draft, result={**strand.state(), "results_file": "", **owner.marks}, notices=[])
        return owner, self._report(owner.task, draft, (), ())

    async def reset_connection(self, task: Task, host: str, scope: Scope, environment: RunEnvironment) -> None:
        """`meta: reset_connection`. Raises WeftError, Unreachable."""
        await self._attempts.reset(task, host, scope, environment)

    async def _run(self, call: Call, holds: Holds) -> Report:
        items: list[Any] | None = None
        loop_error: WeftError | None = None
        try:
            items = await loop_items(call.task, call.scope, self._services.templar, call.environment)
        except UndefinedName as error:
            # `when` may say that the task is skipped, in which case the loop doesn't matter
            loop_error = error
        if items is None:
            draft = await self._once(call, call.scope, holds, {}, loop_error)
            return self._single(call, draft)
        return await self._loop(call, items, holds)

    # -- one time ------------------------------------------------------------------------------------------------

    async def _once(
        self, call: Call, names: Scope, holds: Holds, carried: dict[str, Any], loop_error: WeftError | None = None
    ) -> Draft:
        """The task without its loop. Failures become the draft's result."""
        draft = Draft()
        with collecting() as draft.notices:
            await self._fill(call, names, draft, loop_error, carried, holds)
        if not draft.no_log:
            for notice in draft.notices:
                self._services.publish(notice)
        return draft

    async def _fill(
        self,
        call: Call,
        names: Scope,
        draft: Draft,
        loop_error: WeftError | None,
        carried: dict[str, Any],
        holds: Holds,
    ) -> None:
        with ending(call.task, draft):
            if self._services.templar.is_template(call.task.action):
                call = replace(call, task=await self._with_action(call.task, names))
                draft.task = call.task
            names = await self._prepare(call, names, draft, loop_error)
            if not draft.result:
                async with _in_time(call):
                    await self._attempts.run(
                        call.task, call.info, call.host, names, call.environment, draft, carried, holds, call.take_in,
                        call.ahead,
                    )  # fmt: skip

    async def _with_action(self, task: Task, names: Scope) -> Task:
        """A task whose action is a template: with what that gives. Raises WeftError."""
        name = await evaluate(lambda: self._services.templar.render(task.action, names))
        if name is OMIT:
            raise WeftError("Omit is not valid for the `action` keyword.", task.action_origin)
        fqcn = self._resolve_action(str(name), task.common.collections)
        if fqcn is None:
            raise WeftError(f"Cannot resolve {name!r} to an action or module.", task.action_origin)
        return replace(task, id=f"{task.id}/{fqcn}", action=str(name), fqcn=fqcn)

    async def _prepare(self, call: Call, names: Scope, draft: Draft, loop_error: WeftError | None) -> Scope:
        """All that is decided before the action: delegation, conditions, keywords; an include is done with that.

        Returns the variables with those of the delegate.
        """
        task = call.task
        keywords = self._attempts.keywords
        draft.no_log = await self._lenient(call, names, "no_log")
        draft.ignore_errors = await self._lenient(call, names, "ignore_errors")
        draft.ignore_unreachable = await self._lenient(call, names, "ignore_unreachable")
        if task.common.delegate_to:
            draft.delegate = await delegate_of(task, names, self._services)
            if draft.delegate is not None:
                names = names.delegated(draft.delegate)
        if task.common.when:
            try:
                await evaluate(lambda: check_when(task, names, self._services.templar))
            except Skipped:
                raise
            except WeftError:
                if loop_error is None:
                    raise
                raise loop_error from loop_error.__cause__
        if loop_error is not None:
            raise loop_error
        if task.kind in _INCLUDES:
            args = await evaluate(lambda: self._attempts.arguments.read(task, names))
            draft.include = Include(args=args, variables={}, label=CENSORED_LABEL if draft.no_log else None)
            draft.result = {"changed": False, **_asked_for(args)}
            draft.any_errors_fatal = bool(keywords.one(task, "any_errors_fatal", names))
        return names

    async def _lenient(self, call: Call, names: Scope, keyword: str) -> bool:
        """A keyword that matters to how a failure is shown or taken: what can't be evaluated counts as set."""
        if getattr(call.task.common, keyword) is None:
            return keyword == "no_log" and self._services.settings.no_log
        try:
            return bool(await evaluate(lambda: self._attempts.keywords.one(call.task, keyword, names)))
        except WeftError as error:
            if keyword == "no_log":
                message = fold([f"{_BAD_NO_LOG}.", *(link.message for link in links_of(error))])
                self._services.publish(Warned(message=message, origin=error.origin))
            return keyword == "no_log"

    # -- loops ---------------------------------------------------------------------------------------------------

    async def _loop(self, call: Call, items: list[Any], holds: Holds) -> Report:
        if not items:
            result = {"changed": False, "skipped": True, "skipped_reason": "No items in the list", "results": []}
            return self._report(call.task, Draft(result=result), (), ())
        plan = await LoopPlan.make(call.task, call.scope, self._services.templar)
        self._warn_about_collision(call, plan)
        ended: dict[int, tuple[Report, Draft]] = {}

        async def run(index: int, carried: dict[str, Any], order: InOrder | None = None) -> bool:
            ended[index], over = await self._item(call, plan, items, index, carried, holds, order)
            return over

        if plan.parallel > 1:
            # items side by side don't see each other's facts and results: each has its own
            await side_by_side(len(items), plan.parallel, plan.pause, lambda index: run(index, {}))
        elif start_together(call.task, plan, self._services.templar):
            order = InOrder(len(items))
            await side_by_side(len(items), AT_ONCE, 0.0, lambda index: run(index, {}, order))
        else:
            if call.task.lock is None:
                holds.keep(fork=self._works_through(call.task))
            carried: dict[str, Any] = {}
            for index in range(len(items)):
                if index and plan.pause:
                    await asyncio.sleep(plan.pause)
                if await run(index, carried):
                    break
        reports, drafts = zip(*(ended[index] for index in sorted(ended)), strict=True)
        return self._whole(call, reports, drafts)

    def _works_through(self, task: Task) -> bool:
        """Whether its items do nothing but work: between attempts, and while a job or a strand runs, others may."""
        waits = task.retry != Retry() or task.async_seconds is not None
        return not waits and not self._services.templar.is_template(task.action)

    async def _item(
        self,
        call: Call,
        plan: LoopPlan,
        items: list[Any],
        index: int,
        carried: dict[str, Any],
        holds: Holds,
        order: InOrder | None,
    ) -> tuple[tuple[Report, Draft], bool]:
        """One item to its end, told of in its turn if there is an order, and whether the loop ends with it."""
        local = item_names(plan, items, index)
        names = call.scope.child({**carried, **local})
        draft = await self._once(call, names, holds, carried)
        if call.task.register:
            carried[call.task.register] = with_notices(registered(draft.result), draft.notices)
        draft.result.update(plan.marks(items[index], index, local))
        label = await self._label(plan, names.child(carried), draft)
        if draft.include is not None:
            shown = CENSORED_LABEL if draft.no_log else label
            draft.include = Include(args=draft.include.args, variables=local, label=shown)
        report = self._single(call, draft)
        if order is not None:
            await order.turn(index)
        self._publish_item(call, report, label)
        over = bool(plan.break_when) and await self._breaks(plan, names.child(carried))
        return (report, draft), over

    def _warn_about_collision(self, call: Call, plan: LoopPlan) -> None:
        if plan.loop_var in call.scope:
            self._services.publish(
                Warned(
                    message=f"The loop variable {plan.loop_var!r} is already in use.",
                    origin=call.task.origin,
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
            return None

    async def _breaks(self, plan: LoopPlan, names: Scope) -> bool:
        templar = self._services.templar
        return await evaluate(lambda: all(templar.condition(text, names) for text in plan.break_when))

    def _publish_item(self, call: Call, report: Report, label: Any) -> None:
        outcome, view = report.outcome, report.view
        self._services.publish(
            ItemFinished(
                task=view.named(call.info),
                host=call.host,
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

    # -- reports -------------------------------------------------------------------------------------------------

    def _single(self, call: Call, draft: Draft) -> Report:
        includes = (draft.include,) if draft.include is not None and not draft.result.get("failed") else ()
        return self._report(call.task, draft, (), includes)

    def _report(self, task: Task, draft: Draft, items: tuple[Outcome, ...], includes: tuple[Include, ...]) -> Report:
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
            items=items,
            notify=draft.notify,
            delegated_to=draft.delegate,
        )
        return Report(
            outcome=outcome,
            view=view_of(task, draft, outcome),
            effects=effects_of(task, draft) if status in (Status.OK, Status.CHANGED) else (),
            includes=includes,
            any_errors_fatal=draft.any_errors_fatal,
            debugger=draft.debugger,
        )

    def _whole(self, call: Call, reports: Sequence[Report], drafts: Sequence[Draft]) -> Report:
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

    def done(self, call: Call, result: Mapping[str, Any]) -> Report:
        """The report of what was not run here, but has a result."""
        return self._single(call, Draft(result=dict(result), no_log=call.info.no_log))

    def broken(self, call: Call, error: WeftError, *, unreachable: bool = False) -> Report:
        """The report of a task that as a whole could not be run (its loop, say)."""
        links = list(links_of(error))
        info: ErrorInfo = error_info(links, "".join(traceback.format_exception(error)))
        result: dict[str, Any] = {"msg": info.message}
        if unreachable:
            result.update(unreachable=True, changed=False)
        else:
            result.update(failed=True, exception=NO_TRACEBACK)
        draft = Draft(result=result, error=info, ignore_errors=call.task.common.ignore_errors is True)
        return self._single(call, draft)


def _asked_for(args: Mapping[str, Any]) -> dict[str, Any]:
    """What the registered result of an include says of it: the file, and other arguments."""
    others = {name: value for name, value in args.items() if name != "_raw_params"}
    file = {"include": args["_raw_params"]} if "_raw_params" in args else {}
    return {**file, "include_args": others}


@asynccontextmanager
async def _in_time(call: Call) -> AsyncIterator[None]:
    """Raises TimedOut where the time of what is round the task is over."""
    if call.deadline is None:
        yield
        return
    try:
        async with asyncio.timeout_at(call.deadline.at):
            yield
    except TimeoutError:
        raise TimedOut(shown_seconds(call.deadline.seconds), call.task.origin) from None


def _without_notices(result: Mapping[str, Any]) -> dict[str, Any]:
    """An item's result as part of the loop's: what it had to say is the loop's."""
    return {key: value for key, value in result.items() if key not in _NOTICES}
