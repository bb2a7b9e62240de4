"""``debug``, ``assert`` and ``fail``: they only look at variables."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any

from weft.actions.args import Arg, validate
from weft.actions.base import ActionContext, Result, plain
from weft.model.errors import UndefinedName, WeftError
from weft.model.values import OMIT, Origin, Trusted, Value, origin_of
from weft.templating.failures import MARKERS
from weft.templating.finalize import finalize
from weft.templating.lazy import LazyDict, LazyList, stored


def _text_only(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"'{plain(value)!r}' is not a string and conversion is not allowed")
    return value


_text_only.__name__ = "_check_type_str_no_conversion"


def _text_or_texts(value: Any) -> str | list[str]:
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or any(not isinstance(item, str) for item in value):
        raise TypeError("a string or list of strings is required")
    return value


_text_or_texts.__name__ = "str_or_list_of_str"

_DEBUG = {
    "msg": Arg(kind="raw", default="Hello world!"),
    "var": Arg(kind=_text_only),
    "verbosity": Arg(kind="int", default=0),
}
_ASSERT = {
    "fail_msg": Arg(kind=_text_or_texts, default="Assertion failed", aliases=("msg",)),
    "success_msg": Arg(kind=_text_or_texts, default="All assertions passed"),
    "quiet": Arg(kind="bool", default=False),
    "that": Arg(kind="raw", required=True),
}


async def debug(context: ActionContext) -> Result:
    """Show a message or the value of an expression. What is undefined shows as such and doesn't fail the task."""
    args = await _with_expression(context)
    params = validate(context.with_args(args), _DEBUG, mutually_exclusive=(("msg", "var"),))
    if params["verbosity"] > context.settings.verbosity:
        return {"skipped_reason": "Verbosity threshold not met.", "skipped": True, "failed": False}
    if not params["var"]:
        return {"msg": params["msg"], "_ansible_verbose_always": True, "failed": False}
    expression = _trusted(params["var"], context.args["var"])
    return {
        str(expression): await _value(context, expression),
        "_ansible_verbose_always": True,
        "failed": False,
    }


async def _with_expression(context: ActionContext) -> Mapping[str, Any]:
    """The arguments with ``var`` as the expression it is, where it was written as a template."""
    templar, args = context.templar, context.args
    written = args.get("var")
    if not templar.is_template(written):
        return args
    expression = await context.evaluate(lambda: templar.render_marked(written, context.scope))
    others = {name: value for name, value in args.items() if name != "var"}
    return others if expression is OMIT else {**others, "var": expression}


def _trusted(expression: str, written: Value) -> Trusted:
    """An expression that comes of a template must have been written by the user itself. Raises WeftError."""
    if not isinstance(expression, Trusted):
        cause = WeftError("Encountered untrusted template or expression.", origin_of(written))
        cause.hint = (
            "Templates and expressions must be defined by trusted sources such as playbooks or roles, "
            "not untrusted sources such as module results."
        )
        raise WeftError("Error while resolving `var` expression.", origin_of(written)) from cause
    return expression


async def _value(context: ActionContext, expression: str) -> Any:
    templar = context.templar
    try:
        value = await context.evaluate(lambda: templar.expression(expression, context.scope))
    except UndefinedName:
        return await _with_gaps(context, expression)
    except WeftError as error:
        raise WeftError("Error while resolving `var` expression.", origin_of(expression)) from error
    if value is OMIT:
        context.warn("The result of the `var` expression could not be omitted; a placeholder was used instead.")
        return "<<Omit>>"
    return value


async def _with_gaps(context: ActionContext, expression: str) -> Any:
    """The value with a note in the place of each part that has none."""
    gaps = Gaps()

    def evaluate() -> Any:
        gaps.messages.clear()
        try:
            return gaps.filled(context.templar.evaluate_expression(expression, context.scope))
        except UndefinedName as error:
            return gaps.note(error.message, error.origin)

    value = await context.evaluate(evaluate)
    numbered = enumerate(gaps.messages, 1)
    for origin, found in itertools.groupby(numbered, key=lambda entry: entry[1][1]):
        told = [f"error {number} - {message}" for number, (message, _) in found]
        message = "\n".join([f"Encountered {len(told)} template error{'s' if len(told) > 1 else ''}.", *told])
        context.templar.warn(message, origin or origin_of(expression))
    return value


class Gaps:
    """Replaces what is undefined in evaluated values, and counts it."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Origin | None]] = []  # with the template they come from; None: the expression

    def note(self, message: str, origin: Origin | None) -> str:
        self.messages.append((message, origin))
        return f"<< error {len(self.messages)} - {message} >>"

    def filled(self, value: Any) -> Any:
        """Plain data. Raises what else went wrong in evaluating it."""
        if type(value) in MARKERS and isinstance(value.as_error(), UndefinedName):
            return self.note(value.message, value.origin)
        if isinstance(value, LazyDict):
            return {str(key): self.filled(value.peek(key)) for key in value}
        if isinstance(value, LazyList):
            return [self.filled(item) for item in value.with_markers()]
        if isinstance(value, Mapping):
            return {str(key): self.filled(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.filled(item) for item in value]
        return finalize(value)


async def check(context: ActionContext) -> Result:
    """``assert``: every condition of ``that`` must hold."""
    params = validate(context, _ASSERT)
    result: Result = {} if params["quiet"] else {"_ansible_verbose_always": True}
    conditions = await context.evaluate(partial(_conditions, context, params["that"]))
    for condition in conditions:
        holds = await context.evaluate(partial(context.templar.condition, condition, context.scope))
        if not holds:
            assertion = plain(condition)
            return {**result, "failed": True, "evaluated_to": holds, "assertion": assertion, "msg": params["fail_msg"]}
    return {**result, "changed": False, "msg": params["success_msg"]}


def _conditions(context: ActionContext, that: Value) -> list[Value]:
    """``that`` as a list. A template that names a list gives its items as they were written, still unevaluated."""
    if isinstance(that, str) and context.templar.is_template(that):
        try:
            value = context.templar.evaluate(that, context.scope)
        except WeftError:
            return [that]
        if isinstance(value, list):
            return list(stored(value))
    return list(that) if isinstance(that, list) else [that]


async def fail(context: ActionContext) -> Result:
    """Fail, with the task's words."""
    return {"failed": True, "msg": context.args.get("msg", "Failed as requested from task")}
