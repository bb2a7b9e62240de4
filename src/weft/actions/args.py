"""Checks the arguments of actions that weft runs itself, with the messages of ansible-core's argument specs."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from weft.model.errors import TaskFailed, WeftError
from weft.templating.types import type_name

if TYPE_CHECKING:
    from weft.actions.base import ActionContext

_TRUE: Final = frozenset({"y", "yes", "on", "1", "true", "t"})
_FALSE: Final = frozenset({"n", "no", "off", "0", "false", "f"})
_BOOLEANS: Final = "0, '1', 1, 'y', 'true', 'n', 'no', 'false', 't', 'on', 'f', 'yes', '0', 'off'"
#: Names that Jinja takes for something else.
_NOT_NAMES: Final = frozenset({"true", "false", "none", "True", "False", "None", "not"})
VARIABLE_NAME_HELP: Final = (
    "Variable names must be strings starting with a letter or underscore character, "
    "and contain only letters, numbers and underscores."
)

Converter = Callable[[Any], Any]


class Arg(Struct, frozen=True, kw_only=True):
    """One option. ``kind``: str | bool | int | float | list | path | raw, or a function that raises TypeError."""

    kind: str | Converter = "str"
    default: Any = None
    required: bool = False
    choices: tuple[Any, ...] = ()
    aliases: tuple[str, ...] = ()


class BadArguments(TypeError):
    """The arguments don't fit; the message is ansible-core's."""


def validate(
    context: ActionContext,
    spec: Mapping[str, Arg],
    *,
    mutually_exclusive: Sequence[Sequence[str]] = (),
    required_one_of: Sequence[Sequence[str]] = (),
) -> dict[str, Any]:
    """The action's arguments, converted, with defaults. Raises TaskFailed with the first thing that is wrong."""
    try:
        return check(
            context.args,
            spec,
            name=action_label(context.name),
            mutually_exclusive=mutually_exclusive,
            required_one_of=required_one_of,
        )
    except BadArguments as error:
        raise TaskFailed(str(error), origin=context.task.origin) from None


def check(
    args: Mapping[str, Any],
    spec: Mapping[str, Arg],
    *,
    name: str,
    mutually_exclusive: Sequence[Sequence[str]] = (),
    required_one_of: Sequence[Sequence[str]] = (),
) -> dict[str, Any]:
    """The same for any mapping; ``name`` stands in the message about unknown options. Raises BadArguments.

    The order of the checks decides which of several mistakes is told: it is ArgumentSpecValidator's.
    """
    values = _without_aliases(args, spec)
    for group in mutually_exclusive:
        if sum(option in values for option in group) > 1:
            raise BadArguments(f"parameters are mutually exclusive: {'|'.join(group)}")
    missing = [option for option, arg in spec.items() if arg.required and option not in values]
    if missing:
        raise BadArguments(f"missing required arguments: {', '.join(sorted(missing))}")
    for option, arg in spec.items():
        if option in values:
            values[option] = _converted(option, arg, values[option])
    for group in required_one_of:
        if all(values.get(option) is None for option in group):
            raise BadArguments(f"one of the following is required: {', '.join(group)}")
    unknown = sorted(option for option in values if option not in spec)
    if unknown:
        raise BadArguments(
            f"Unsupported parameters for ({name}) module: {', '.join(unknown)}. "
            f"Supported parameters include: {_supported(spec)}."
        )
    return {option: values.get(option, arg.default) for option, arg in spec.items()}


def action_label(name: str) -> str:
    """How ansible-core names an action in the message about unknown options."""
    parts = name.split(".", 2)
    if len(parts) < 3 or name.startswith("ansible.legacy."):
        return name
    return f"ansible_collections.{parts[0]}.{parts[1]}.plugins.action.{parts[2]}"


def _without_aliases(args: Mapping[str, Any], spec: Mapping[str, Arg]) -> dict[str, Any]:
    names = {alias: option for option, arg in spec.items() for alias in arg.aliases}
    values = {option: value for option, value in args.items() if option not in names}
    for alias, option in names.items():
        if alias in args:
            values[option] = args[alias]
    return values


def _supported(spec: Mapping[str, Arg]) -> str:
    return ", ".join(
        f"{option} ({', '.join(sorted(arg.aliases))})" if arg.aliases else option
        for option, arg in sorted(spec.items())
    )


def _converted(option: str, arg: Arg, value: Any) -> Any:
    if value is None and not arg.required:
        return None
    convert = _CONVERTERS[arg.kind] if isinstance(arg.kind, str) else arg.kind
    wanted = arg.kind if isinstance(arg.kind, str) else convert.__name__
    try:
        value = convert(value)
    except (TypeError, ValueError) as error:
        raise BadArguments(
            f"argument '{option}' is of type {type_name(value)} and we were unable to convert to {wanted}: {error}"
        ) from None
    if arg.choices and value not in arg.choices:
        choices = ", ".join(str(choice) for choice in arg.choices)
        raise BadArguments(f"value of {option} must be one of: {choices}, got: {value}")
    return value


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str | int | float):
        raise TypeError(f"{type(value)} cannot be converted to a bool")
    text = str(int(value) if isinstance(value, float) and value in (0, 1) else value).lower().strip()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise TypeError(f"The value '{value}' is not a valid boolean. Valid booleans include: {_BOOLEANS}")


def _to_int(value: Any) -> int:
    if isinstance(value, int):
        return value
    try:
        number = decimal.Decimal(value)
        if number != int(number):
            raise ValueError("Significant decimal part found")
        return int(number)
    except (decimal.DecimalException, TypeError, ValueError):
        raise TypeError(f'"{value!r}" cannot be converted to an int') from None


def _to_float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{type(value)} cannot be converted to a float") from None


def _to_list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, int | float):
        return [str(value)]
    raise TypeError(f"{type(value)} cannot be converted to a list")


def _to_str(value: Any) -> str:
    return "" if value is None else str(value)


_CONVERTERS: Mapping[str, Converter] = {
    "str": _to_str,
    "path": _to_str,  # expanded where it is used: on the host
    "bool": _to_bool,
    "int": _to_int,
    "float": _to_float,
    "list": _to_list,
    "raw": lambda value: value,
}


def truth(value: Any, default: bool = False) -> bool:
    """A lenient boolean: what isn't a word for true is false; ``default`` where there is no value."""
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    return str(value).lower().strip() in _TRUE


def boolean(value: Any) -> bool:
    """A strict boolean. Raises BadArguments."""
    try:
        return _to_bool(value)
    except TypeError as error:
        raise BadArguments(str(error)) from None


def check_variable_name(name: Any) -> None:
    """Raises WeftError where ``name`` can't be a variable's."""
    if isinstance(name, str) and name.isidentifier() and name.isascii() and name not in _NOT_NAMES:
        return
    described = f"name {str(name)!r}" if isinstance(name, str | int | float | None) else "name"
    if not isinstance(name, str):
        described += f" of type {type_name(name)!r}"
    raise WeftError(f"Invalid variable {described}.", getattr(name, "origin", None), hint=VARIABLE_NAME_HELP)
