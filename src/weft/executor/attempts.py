"""The attempts at a task: the action itself, `changed_when`, `failed_when`, `until`, and waiting for jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from weft.actions.action import Action
from weft.actions.base import ActionContext, JobRequest, Services, with_defaults
from weft.actions.services import Ahead
from weft.connection.api import RequestFailed, Target
from weft.connection.errors import NoTransport
from weft.connection.results import TAKEN_IN
from weft.connection.target import Passwords
from weft.events import Retrying, TaskInfo
from weft.executor.arguments import ArgumentReader, without_omitted
from weft.executor.background import Background, TakeIn, TaskStrand
from weft.executor.conditions import Skipped, enough, judge
from weft.executor.endings import complete
from weft.executor.environment import RunEnvironment
from weft.executor.errors import TimedOut, shown_seconds
from weft.executor.following import follow_job, pause_for
from weft.executor.growing import grow
from weft.executor.holds import Forks, Holds, Limits
from weft.executor.interpreters import LanguageInterpreters
from weft.executor.items import item_marks
from weft.executor.keywords import KeywordReader, Keywords, keyword_failed
from weft.executor.rehearsal import rehearsed
from weft.executor.report import Draft, censored, public, registered
from weft.executor.results import facts_kind
from weft.executor.targets import Targets
from weft.executor.terms import TermsReader
from weft.executor.writing import Writing
from weft.jobs.registry import JobRegistry
from weft.jobs.strands import Strands
from weft.jobs.waiting import unfinished_jobs
from weft.locks.keeper import Key, Locks
from weft.model.errors import TaskFailed, TaskSkipped, WeftError
from weft.model.nodes import Task
from weft.model.values import Value
from weft.templating.blocking import evaluate
from weft.vars import Scope, Variables
from weft.watch.conflicts import Conflicts

_MOST_TIMEOUT = 100_000_000  # seconds
_DEFAULT_RETRIES = 3  # with `until` and without `retries`


class _Try(Struct, frozen=True):
    """One task on one host, ready to be attempted."""

    task: Task
    info: TaskInfo
    host: str
    names: Scope
    keywords: Keywords
    action: Action
    context: ActionContext
    draft: Draft
    carried: dict[str, Any]  # what earlier items of the loop, and earlier attempts, have set
    holds: Holds
    take_in: TakeIn

    @property
    def as_strand(self) -> bool:
        """Whether it is async and its action no job on the host. In check mode it runs in the foreground."""
        return self.keywords.async_seconds > 0 and not self.action.jobs and not self.keywords.check

    @property
    def left_behind(self) -> bool:
        """Whether it is a strand that the task does not wait for."""
        return self.as_strand and self.keywords.poll <= 0


class Attempts:
    """Runs a task's action, as often as `until` says."""

    def __init__(
        self,
        services: Services,
        find_action: Callable[[str], Action],
        passwords: Passwords,
        jobs: JobRegistry,
        forks: Forks,
        variables: Variables,
        locks: Locks,
        strands: Strands,
        conflicts: Conflicts,
    ) -> None:
        self._services = services
        self._strands = strands
        self._background = Background(services, strands, variables)
        self._variables = variables
        self._find_action = find_action
        self._passwords = passwords
        self._targets = Targets(services.settings, passwords)
        self._jobs = jobs
        self._limits = Limits(forks, locks, services)
        self._writing = Writing(conflicts, jobs)
        self.keywords = KeywordReader(services.templar, services.settings, services.publish)
        self.arguments = ArgumentReader(services.templar, inject_facts=services.settings.inject_facts_as_vars)

    def holds(self, task: Task, info: TaskInfo, host: str, held: frozenset[Key] = frozenset()) -> Holds:
        """What the task will hold on this host while it runs; what is round it holds ``held``. Close it."""
        return Holds(self._limits, task, info, host, held)

    @property
    def limits(self) -> Limits:
        """What the tasks of the run share."""
        return self._limits

    def terms(self) -> TermsReader:
        """Reads the terms of groups of tasks."""
        return TermsReader(self._services, self.keywords, self._passwords)

    async def run(
        self,
        task: Task,
        info: TaskInfo,
        host: str,
        names: Scope,
        environment: RunEnvironment,
        draft: Draft,
        carried: dict[str, Any],
        holds: Holds,
        take_in: TakeIn,
        ahead: Ahead | None = None,
    ) -> None:
        """Fill in ``draft.result``. Raises WeftError (the task failed) and Unreachable."""
        keywords = await evaluate(lambda: self.keywords.read(task, names))
        draft.diff = keywords.diff
        draft.any_errors_fatal = keywords.any_errors_fatal
        draft.debugger = keywords.debugger
        draft.delegate_facts = keywords.delegate_facts
        action = self._find_action(task.fqcn)
        defaults = [self._services.templar.evaluate(layer, names) for layer in task.common.module_defaults]
        args = await evaluate(lambda: self._arguments(task, names, action, defaults))
        title = info.name if task.name else ""
        context = self._context(task, title, host, names, environment, keywords, args, draft, action)
        context.module_defaults = defaults
        context.ahead = ahead
        attempt = _Try(task, info, host, names, keywords, action, context, draft, carried, holds, take_in)
        if attempt.left_behind:
            await self._repeat(attempt)  # the strand takes the locks itself, and holds them to its end
        else:
            async with holds.inside(keywords, context, draft):
                await self._repeat(attempt)
        draft.delegate_address = await self._delegate_address(names)
        draft.notify = await self._notify(task, names, draft)

    def foresee(
        self, task: Task, host: str, names: Scope, environment: RunEnvironment
    ) -> tuple[Action, Keywords, ActionContext]:
        """What a task without a loop will be run with, before its turn. Raises WeftError, WouldBlock."""
        keywords = self.keywords.read(task, names)
        action = self._find_action(task.fqcn)
        args = self._arguments(task, names, action, ())
        return action, keywords, self._context(task, "", host, names, environment, keywords, args, Draft(), action)

    async def reset(self, task: Task, host: str, names: Scope, environment: RunEnvironment) -> None:
        """`meta: reset_connection`: what is open to the host is dropped. Raises WeftError, Unreachable."""
        keywords = await evaluate(lambda: self.keywords.read(task, names))
        context = self._context(task, "", host, names, environment, keywords, {}, Draft())
        try:
            target = context.target
        except NoTransport:
            from weft.actions.lane import reset

            await reset(context)
        else:
            await self._services.sessions.reset(target)

    # -- making ready --------------------------------------------------------------------------------------------

    def _arguments(
        self, task: Task, names: Scope, action: Action, defaults: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        args = self.arguments.read(
            task,
            names,
            action.raw_args,
            free_form=_free_form(task, action),
            marked=action.marked_args,
            omitted=bool(defaults),
        )
        if not defaults:
            return args
        # what a task omits it has all the same: no default takes its place
        return without_omitted(with_defaults(self._services, task.fqcn, args, defaults, names))

    def _context(
        self,
        task: Task,
        title: str,
        host: str,
        names: Scope,
        environment: RunEnvironment,
        keywords: Keywords,
        args: dict[str, Any],
        draft: Draft,
        action: Action | None = None,
    ) -> ActionContext:
        delegate = draft.delegate
        connection_names = names.delegate if names.delegate is not None else names

        def make_target() -> Target:
            return self._targets.find(connection_names, delegate or host, keywords.connection)

        limit = keywords.async_seconds if action is not None and action.jobs else 0
        return ActionContext(
            task=task,
            args=args,
            host=host,
            scope=names,
            services=self._services,
            make_target=make_target,
            basedir=environment.basedir,
            check=keywords.check,
            diff=keywords.diff,
            no_log=draft.no_log,
            environment=keywords.environment,
            delegate_to=delegate,
            delegate_facts=keywords.delegate_facts,
            poll=keywords.poll,
            connection=keywords.connection,
            passwords=self._passwords,
            # in check mode an async task runs in the foreground
            job=JobRequest(limit=float(limit), title=title) if limit > 0 and not keywords.check else None,
            roots=environment.roots,
            interpreters=LanguageInterpreters(connection_names),
        )

    # -- attempts ------------------------------------------------------------------------------------------------

    async def _repeat(self, work: _Try) -> None:
        attempts, templar = _attempts(work), self._services.templar
        for number in range(1, attempts + 1):
            result = await self._attempt(work)
            if attempts > 1:
                result["attempts"] = number
            names = self._seen(work, result)
            judged = await evaluate(lambda: judge(work.task, names, dict(result), templar))  # noqa: B023
            if not judged.get("failed"):
                work.draft.error = None  # a strand's failure that is none after all
            if not judged.get("failed") and (changed := self._grow(work, judged)) is not None:
                judged["changed"] = changed
                names = self._seen(work, judged)
                judged = await evaluate(lambda: judge(work.task, names, dict(judged), templar))  # noqa: B023
            result.clear()
            result.update(judged)
            work.draft.result = result
            if attempts == 1:
                return
            names = self._seen(work, result)
            if await evaluate(lambda: enough(work.task, names, result, templar)):  # noqa: B023
                return
            if number < attempts:
                result["retries"] = attempts
                self._publish_retry(work, result, attempts - number)
                await self._pause(work, result, work.keywords.delay_after(number))
        result = work.draft.result
        result["attempts"] = attempts - 1
        result["failed"] = True

    async def _attempt(self, work: _Try) -> dict[str, Any]:
        """The action once, and the job or strand that it may have started, to its end."""
        if work.as_strand:
            return await self._attempt_as_strand(work)
        host = work.draft.delegate or work.host
        result = await rehearsed(lambda: self._act(work), work.keywords, self._jobs, host)
        started = work.context.job is not None and "ansible_job_id" in result and not result.get("failed")
        if started and not work.context.followed:
            result = await follow_job(work.context, self._jobs, work.keywords, result, work.info)
        return complete(result)

    async def _attempt_as_strand(self, work: _Try) -> dict[str, Any]:
        """With `poll: 0` the handle, otherwise the result."""
        told = work.draft
        draft = Draft(
            ignore_errors=told.ignore_errors,
            ignore_unreachable=told.ignore_unreachable,
            no_log=told.no_log,
            any_errors_fatal=told.any_errors_fatal,
            diff=told.diff,
            delegate=told.delegate,
            delegate_facts=told.delegate_facts,
            task=told.task,
        )
        owner = TaskStrand(work.task, work.info, draft, item_marks(work.names) if work.info.loop else {})
        if work.left_behind:
            act = partial(self._act_with_locks, work)
            return self._background.start(owner, work.context, work.keywords, act, work.take_in)
        result = await self._background.run(owner, work.context, work.keywords, lambda _: self._act_unlimited(work))
        told.error = draft.error
        return complete(result)

    async def _act_with_locks(self, work: _Try, draft: Draft) -> dict[str, Any]:
        """The action with what its task wants to hold, round all of it."""
        own = self.holds(work.task, work.info, work.host)
        try:
            async with own.inside(work.keywords, work.context, draft):
                return await self._act_unlimited(work)
        finally:
            await own.close()

    async def _act(self, work: _Try) -> dict[str, Any]:
        """The action, with a place among the forks if it works."""
        if work.action.waits:
            return await self._act_unlimited(work)
        async with work.holds.fork():
            return await self._act_unlimited(work)

    async def _act_unlimited(self, work: _Try) -> dict[str, Any]:
        """The action. A strand takes no place among the forks: like a job it keeps no other host from its tasks."""
        seconds = work.keywords.timeout
        if not 0 <= seconds <= _MOST_TIMEOUT:
            raise WeftError(
                f"Timeout {shown_seconds(seconds)} is invalid, it must be between 0 and {_MOST_TIMEOUT}.",
                work.task.origin,
            )
        try:
            async with asyncio.timeout(seconds if seconds > 0 else None):
                result = await self._writing.act(work.action, work.context, work.info, work.keywords.connection)
        except TimeoutError:
            raise TimedOut(shown_seconds(seconds), work.task.origin) from None
        except TaskSkipped as skipped:
            raise Skipped({"msg": skipped.message, **skipped.result}) from None
        except RequestFailed as error:
            raise TaskFailed(error.message, work.task.origin) from error
        return result

    def _grow(self, work: _Try, result: Mapping[str, Any]) -> bool | None:
        """Whether the inventory grows with a result; None: it says nothing of that, or had its effect before."""
        return None if result.get(TAKEN_IN) else grow(self._variables, work.host, result)

    def _seen(self, work: _Try, result: Mapping[str, Any]) -> Scope:
        """The variables with what the result brings, for conditions and for later items of the loop."""
        task = work.task
        if task.register:
            work.carried[task.register] = registered(result)
        facts = result.get("ansible_facts")
        if isinstance(facts, Mapping) and facts and not result.get(TAKEN_IN):
            if facts_kind(task) == "module":
                known = work.context.variable("ansible_facts", {})
                short = {_short_fact(key): value for key, value in facts.items()}
                work.carried["ansible_facts"] = {**known, **short}
            else:
                work.carried.update(facts)
        return work.names.child(work.carried) if work.carried else work.names

    async def _pause(self, work: _Try, result: Mapping[str, Any], seconds: float) -> None:
        """Between two attempts: it ends early when what the task asks about does."""
        jids = unfinished_jobs(result) if work.task.fqcn.endswith("async_status") else ()
        if jids:
            await pause_for(work.context, self._jobs, self._strands, jids, seconds)
        else:
            await asyncio.sleep(seconds)

    def _publish_retry(self, work: _Try, result: Mapping[str, Any], left: int) -> None:
        self._services.publish(
            Retrying(
                task=work.info,
                host=work.host,
                left=left,
                result=censored(result) if work.draft.no_log else public(result),
                delegated_to=work.draft.delegate,
            )
        )

    # -- afterwards ----------------------------------------------------------------------------------------------

    async def _delegate_address(self, names: Scope) -> str | None:
        delegate = names.delegate
        if delegate is None or "ansible_host" not in delegate:
            return None
        try:
            return str(await evaluate(lambda: delegate["ansible_host"]))
        except WeftError:
            return None

    async def _notify(self, task: Task, names: Scope, draft: Draft) -> tuple[str, ...]:
        if not task.common.notify or not draft.result.get("changed"):
            return ()
        rendered = await evaluate(lambda: [self._notified(raw, names) for raw in task.common.notify])
        found: list[str] = []
        for value in rendered:
            found.extend(str(name) for name in (value if isinstance(value, list) else [value]) if name)
        return tuple(dict.fromkeys(found))

    def _notified(self, raw: Value, names: Scope) -> Any:
        try:
            return self._services.templar.render(raw, names)
        except WeftError as error:
            raise keyword_failed("notify", raw, error) from error


def _free_form(task: Task, action: Action) -> bool:
    """Whether the action takes text. The Windows counterparts of `command` and its kin do too."""
    return action.free_form or task.fqcn.rpartition(".")[2].startswith("win_") or task.fqcn.endswith(".group_by")


def _attempts(work: _Try) -> int:
    """How often at most, the first time included."""
    if work.keywords.retries is not None:
        return 1 + max(0, work.keywords.retries)
    return 1 + _DEFAULT_RETRIES if work.task.retry.until else 1


def _short_fact(name: Any) -> Any:
    if isinstance(name, str) and name.startswith("ansible_") and name != "ansible_local":
        return name.removeprefix("ansible_")
    return name
