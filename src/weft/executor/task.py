"""One task on one host: its conditions, its keywords, and what comes of it. ``loops`` does it for each item."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from msgspec import Struct, structs
from msgspec.structs import replace

from weft.actions.base import Services
from weft.connection.results import NO_TRACEBACK, fold
from weft.events import ErrorInfo, TaskInfo, Warned
from weft.events.deferred import collecting
from weft.executor.attempts import Attempts
from weft.executor.background import TakeIn, TaskStrand
from weft.executor.conditions import Skipped, check_when
from weft.executor.endings import ending
from weft.executor.environment import RunEnvironment
from weft.executor.errors import TimedOut, error_info, links_of, shown_seconds, unexpected
from weft.executor.foresight import Foresight
from weft.executor.holds import Holds
from weft.executor.items import loop_items
from weft.executor.report import CENSORED_LABEL, Draft, Include, Report
from weft.executor.results import report_of
from weft.executor.sentahead import SentAhead
from weft.executor.terms import delegate_of
from weft.jobs.strands import Strand
from weft.locks.keeper import Key
from weft.model.errors import UndefinedName, Unreachable, WeftError
from weft.model.nodes import Task, TaskKind
from weft.model.values import OMIT
from weft.templating.blocking import evaluate
from weft.vars import Scope

_BAD_NO_LOG = "Invalid no_log value for task, output will be masked"
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
        return owner, report_of(owner.task, draft)

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
            draft = await self._once(call, call.scope, {}, loop_error, holds=holds)
            return report_of(call.task, draft)
        from weft.executor.loops import Loop  # many runs have none

        return await Loop(call, items, holds, self._services, partial(self._once, call, holds=holds)).run()

    # -- one time ------------------------------------------------------------------------------------------------

    async def _once(
        self, call: Call, names: Scope, carried: dict[str, Any], loop_error: WeftError | None = None, *, holds: Holds
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
            try:
                draft.delegate = await delegate_of(task, names, self._services)
            except WeftError:
                draft.delegate = str(task.common.delegate_to)  # the views show it as it is written
                raise
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
            return True

    # -- reports -------------------------------------------------------------------------------------------------

    def done(self, call: Call, result: Mapping[str, Any]) -> Report:
        """The report of what was not run here, but has a result."""
        return report_of(call.task, Draft(result=dict(result), no_log=call.info.no_log))

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
        return report_of(call.task, draft)


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
