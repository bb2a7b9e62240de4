"""``validate_argument_spec``: a role's arguments against its specification."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from weft.actions.base import ActionContext, Result
from weft.model.errors import WeftError


async def validate_argument_spec(context: ActionContext) -> Result:
    """Fails with every error there is. Raises WeftError where the action itself is called wrongly."""
    args = context.args
    if "argument_spec" not in args:
        raise WeftError(f'"argument_spec" arg is required in args: {args}', context.task.origin)
    spec, provided = args["argument_spec"], args.get("provided_arguments", {})
    for name, value in (("argument_spec", spec), ("provided_arguments", provided)):
        if not isinstance(value, Mapping):
            raise WeftError(f"Incorrect type for {name}, expected dict and got {type(value)}", context.task.origin)
    from weft.content.argspec import validate

    values = {**_from_variables(context, spec), **provided}
    errors = await asyncio.to_thread(validate, spec, values)
    result: Result = {"validate_args_context": args.get("validate_args_context", {})}
    if errors:
        message = "Validation of arguments failed:\n" + "\n".join(errors)
        return {**result, "failed": True, "msg": message, "argument_spec_data": spec, "argument_errors": errors}
    return {**result, "changed": False, "msg": "The arg spec validation passed"}


def _from_variables(context: ActionContext, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that come as variables of the task."""
    return {str(name): context.scope[name] for name in spec if name in context.scope}
