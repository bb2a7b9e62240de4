"""A task's keywords with their final values on one host.

Most keywords of most tasks are literals: what needs evaluation is found once for each task and remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from weft.actions.base import Templating
from weft.connection.target import ConnectionKeywords
from weft.events import Event, Warned
from weft.model.convert import to_bool, to_int, to_number
from weft.model.errors import UndefinedName, WeftError
from weft.model.nodes import Task
from weft.model.settings import Settings
from weft.model.values import OMIT, Value, origin_of
from weft.templating.api import Names
from weft.templating.lazy import stored


def _text(value: Any) -> str:
    return value if type(value) is str else str(value)


#: Keyword -> (how to read it from a task, how its evaluated value is converted).
_CONVERT: dict[str, tuple[Callable[[Task], Value], Callable[[Any], Any]]] = {
    "any_errors_fatal": (lambda t: t.common.any_errors_fatal, to_bool),
    "become": (lambda t: t.common.become, to_bool),
    "become_exe": (lambda t: t.common.become_exe, _text),
    "become_flags": (lambda t: t.common.become_flags, _text),
    "become_method": (lambda t: t.common.become_method, _text),
    "become_user": (lambda t: t.common.become_user, _text),
    "check_mode": (lambda t: t.common.check_mode, to_bool),
    "connection": (lambda t: t.common.connection, _text),
    "debugger": (lambda t: t.common.debugger, _text),
    "diff": (lambda t: t.common.diff, to_bool),
    "ignore_errors": (lambda t: t.common.ignore_errors, to_bool),
    "ignore_unreachable": (lambda t: t.common.ignore_unreachable, to_bool),
    "no_log": (lambda t: t.common.no_log, to_bool),
    "port": (lambda t: t.common.port, to_int),
    "remote_user": (lambda t: t.common.remote_user, _text),
    "run_once": (lambda t: t.common.run_once, to_bool),
    "throttle": (lambda t: t.common.throttle, to_int),
    "timeout": (lambda t: t.common.timeout, to_number),
    "delegate_facts": (lambda t: t.common.delegate_facts, to_bool),
    "async": (lambda t: t.async_seconds, to_int),
    "poll": (lambda t: t.poll, to_number),
    "retries": (lambda t: t.retry.retries, to_int),
    "delay": (lambda t: t.retry.delay, to_number),
    "backoff": (lambda t: t.retry.backoff, to_number),
    "max_delay": (lambda t: t.retry.max_delay, to_number),
}

_TYPES: Mapping[Callable[[Any], Any], str] = {to_bool: "bool", to_int: "int", to_number: "float", _text: "str"}
#: Ansible evaluates these before the others, and says so in other words.
_OWN_FAILURES = {"throttle": "Failed to convert the throttle value to an integer."}
_FACTS_OF_ENVIRONMENT = "ansible_env"

_DEFAULT_DELAY = 5.0  # seconds between attempts, as in Ansible
_LONGEST_DELAY = 1e8  # seconds


class _Plan(Struct, frozen=True):
    """What of a task's keywords is known at once, and what each host has to evaluate."""

    known: Mapping[str, Any]
    open: tuple[tuple[str, Value], ...]


class Keywords(Struct, frozen=True, kw_only=True):
    """Final values. Durations are in seconds."""

    any_errors_fatal: bool = False
    check: bool = False
    diff: bool = False
    ignore_errors: bool = False
    ignore_unreachable: bool = False
    no_log: bool = False
    run_once: bool = False
    throttle: int = 0
    timeout: float = 0.0
    delegate_facts: bool = False
    debugger: str | None = None
    async_seconds: int = 0
    poll: float = 15.0
    retries: int | None = None
    delay: float = _DEFAULT_DELAY
    backoff: float = 1.0
    max_delay: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    connection: ConnectionKeywords = field(default_factory=ConnectionKeywords)

    def delay_after(self, attempt: int) -> float:
        """Seconds to wait after an attempt (counted from 1)."""
        try:
            delay = self.delay * self.backoff ** (attempt - 1)
        except OverflowError:
            delay = _LONGEST_DELAY
        return max(0.0, min(delay, _LONGEST_DELAY if self.max_delay is None else self.max_delay))


class KeywordReader:
    """Evaluates keywords; remembers for each task what is literal."""

    def __init__(self, templar: Templating, settings: Settings, publish: Callable[[Event], None]) -> None:
        self._templar = templar
        self._settings = settings
        self._publish = publish
        self._plans: dict[str, _Plan] = {}
        self._literal: dict[str, Keywords] = {}  # of tasks whose keywords are the same for all hosts

    def one(self, task: Task, name: str, names: Names) -> Any:
        """One keyword's final value; None where it is not set. Raises WeftError."""
        plan = self._plan(task)
        if name in plan.known:
            return plan.known[name]
        for key, raw in plan.open:
            if key == name:
                return self._evaluate(key, raw, names, task.common.hidden.get(key, ()))
        return None

    def read(self, task: Task, names: Names) -> Keywords:
        """All of them. Raises WeftError, naming the keyword."""
        plan = self._plan(task)
        if plan.open:
            hidden = task.common.hidden
            evaluated = {key: self._evaluate(key, raw, names, hidden.get(key, ())) for key, raw in plan.open}
            return self._whole(task, names, {**plan.known, **evaluated})
        if task.common.environment:
            return self._whole(task, names, plan.known)
        found = self._literal.get(task.id)
        if found is None:
            found = self._literal[task.id] = self._whole(task, names, plan.known)
        return found

    def _whole(self, task: Task, names: Names, values: Mapping[str, Any]) -> Keywords:
        settings = self._settings
        return Keywords(
            any_errors_fatal=_or(values.get("any_errors_fatal"), settings.any_errors_fatal),
            check=_or(values.get("check_mode"), settings.check),
            diff=_or(values.get("diff"), settings.diff),
            ignore_errors=bool(values.get("ignore_errors")),
            ignore_unreachable=bool(values.get("ignore_unreachable")),
            no_log=_or(values.get("no_log"), settings.no_log),
            run_once=bool(values.get("run_once")),
            throttle=values.get("throttle") or 0,
            timeout=_or(values.get("timeout"), float(settings.task_timeout)),
            delegate_facts=bool(values.get("delegate_facts")),
            debugger=values.get("debugger"),
            async_seconds=values.get("async") or 0,
            poll=_or(values.get("poll"), float(settings.poll_interval)),
            retries=values.get("retries"),
            delay=_delay(values.get("delay")),
            backoff=_or(values.get("backoff"), 1.0),
            max_delay=values.get("max_delay"),
            environment=self.environment(task, names) if task.common.environment else {},
            connection=ConnectionKeywords(
                connection=values.get("connection"),
                remote_user=values.get("remote_user"),
                port=values.get("port"),
                become=values.get("become"),
                become_user=values.get("become_user"),
                become_method=values.get("become_method"),
                become_exe=values.get("become_exe"),
                become_flags=values.get("become_flags"),
            ),
        )

    def environment(self, task: Task, names: Names) -> dict[str, str]:
        """The merged ``environment`` of the task and what is round it."""
        merged: dict[str, str] = {}
        for layer in task.common.environment:
            try:
                for entry in layer if isinstance(layer, list) else [layer]:
                    merged.update(self._environment_entry(entry, names, task))
            except WeftError as error:
                raise WeftError("Error processing keyword 'environment'.", origin_of(layer) or task.origin) from error
        return merged

    def _environment_entry(self, entry: Value, names: Names, task: Task) -> dict[str, str]:
        value = self._templar.evaluate(entry, names)
        if not isinstance(value, dict):
            if value is not OMIT and value is not None:
                message = f"could not parse environment value, skipping: {[entry]!r}"
                self._publish(Warned(message=message, origin=origin_of(entry) or task.origin))
            return {}
        found: dict[str, str] = {}
        for key, raw in stored(value).items():
            try:
                item = self._templar.render(raw, names)
            except UndefinedName as error:
                if _FACTS_OF_ENVIRONMENT in error.message:
                    continue  # the host's own environment: the task that finds it out gets this keyword too
                raise
            if item is not OMIT:
                found[str(key)] = str(item)
        return found

    def _plan(self, task: Task) -> _Plan:
        plan = self._plans.get(task.id)
        if plan is None:
            plan = self._plans[task.id] = self._make_plan(task)
        return plan

    def _make_plan(self, task: Task) -> _Plan:
        known: dict[str, Any] = {}
        waiting: list[tuple[str, Value]] = []
        for name, (get, convert) in _CONVERT.items():
            raw = get(task)
            if raw is None:
                continue
            if self._templar.is_template(raw):
                waiting.append((name, raw))
                continue
            try:
                known[name] = _convert(name, raw, convert, task)
            except WeftError:
                waiting.append((name, raw))  # told when it is read; other keywords are there all the same
        return _Plan(known, tuple(waiting))

    def _evaluate(self, name: str, raw: Value, names: Names, hidden: Sequence[Value] = ()) -> Any:
        try:
            value = self._templar.render(raw, names)
        except WeftError as error:
            raise keyword_failed(name, raw, error) from error
        if value is OMIT and hidden:
            return self._evaluate(name, hidden[0], names, hidden[1:])
        if value is None or value is OMIT or value == "":
            return None
        return _convert(name, value, _CONVERT[name][1], None, raw)


def _convert(name: str, value: Any, convert: Callable[[Any], Any], task: Task | None, raw: Value = None) -> Any:
    try:
        return convert(value)
    except ValueError:
        origin = origin_of(raw if raw is not None else value) or (task.origin if task is not None else None)
        shown = str(value) if isinstance(value, str) else value
        text = f"The value {shown!r} could not be converted to {_TYPES[convert]!r}."
        if name in _OWN_FAILURES:
            text = f"invalid literal for int() with base 10: {shown!r}"
        cause = WeftError(text, origin)
        cause.apart = name not in _OWN_FAILURES
        raise WeftError(_failure(name), origin) from cause


def keyword_failed(name: str, raw: Value, error: WeftError) -> WeftError:
    """What to raise where a keyword of a task can't be evaluated: says which one it is."""
    return WeftError(_failure(name), error.origin or origin_of(raw))


def _failure(name: str) -> str:
    return _OWN_FAILURES.get(name, f"Error processing keyword {name!r}.")


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _delay(value: float | None) -> float:
    if value is None:
        return _DEFAULT_DELAY
    return value if value >= 0 else 1.0  # a negative delay counts as one second, as in Ansible
