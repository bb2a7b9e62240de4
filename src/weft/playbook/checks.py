"""Checks of single values: types of keywords, names of variables, what is a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weft.model.convert import to_int, to_number
from weft.model.errors import LoadError
from weft.model.values import Origin, Trusted, Value, VaultText, origin_of
from weft.playbook.keywords import Keyword, Kind

_MARKS = ("{{", "{%", "{#")
_NOT_NAMES = frozenset(("true", "false", "none", "True", "False", "None", "not"))  # words of the expression language
_NAME_RULE = (
    "Variable names must be strings starting with a letter or underscore character, "
    "and contain only letters, numbers and underscores."
)
_DEBUGGER: Final = ("always", "on_failed", "on_unreachable", "on_skipped", "never")


def is_template(value: Value) -> bool:
    """Whether text may be a template; containers are not looked into."""
    return isinstance(value, Trusted) and (any(mark in value for mark in _MARKS) or value.startswith("#jinja2:"))


def holds_template(value: Value) -> bool:
    """Whether there may be a template, or something encrypted, anywhere in a value."""
    if isinstance(value, VaultText):
        return True
    if isinstance(value, str):
        return is_template(value)
    if isinstance(value, Mapping):
        return any(holds_template(key) or holds_template(item) for key, item in value.items())
    return isinstance(value, list) and any(holds_template(item) for item in value)


def only_template(text: str) -> bool:
    """Whether text begins and ends as a template: its value may have any type."""
    stripped = text.strip()
    return isinstance(text, Trusted) and stripped.startswith("{{") and stripped.endswith("}}")


def type_name(value: Any) -> str:
    """The type of a value in a user's words."""
    if value is None:
        return "null"
    for kind, name in ((bool, "bool"), (str, "str"), (int, "int"), (float, "float"), (Mapping, "dict"), (list, "list")):
        if isinstance(value, kind):
            return name
    return "vault-encrypted text" if isinstance(value, VaultText) else type(value).__name__


def check_value(keyword: Keyword, value: Value, origin: Origin | None) -> None:
    """Raises LoadError where a literal value can't be the keyword's, whatever happens at run time.

    Truth values are not looked at here: Ansible finds those out when the task runs, where `ignore_errors` and `rescue`
    still apply.
    """
    kind = keyword.kind
    if value is None or kind is Kind.BOOL or kind is Kind.ANY:
        return
    if kind is Kind.TEXT or kind is Kind.VARIABLE:
        _check_text(keyword, value, origin)
    elif kind is Kind.INT or kind is Kind.FLOAT:
        check_number(value, kind, origin)


def check_number(value: Value, kind: Kind, origin: Origin | None) -> None:
    """Raises LoadError for a literal that is no (whole) number."""
    if value is None or is_template(value) or isinstance(value, VaultText):
        return
    try:
        if kind is Kind.INT:
            to_int(value)
        else:
            to_number(value)
    except (ValueError, OverflowError) as error:
        plain = str(value) if isinstance(value, str) else value
        message = f"The value {plain!r} could not be converted to '{kind.value}'."
        raise LoadError(message, origin_of(value) or origin) from error


def _check_text(keyword: Keyword, value: Value, origin: Origin | None) -> None:
    name = keyword.name
    if isinstance(value, list | Mapping):
        raise LoadError(
            f"The field '{name}' is supposed to be a string type,"
            f" however the incoming data structure is a {type_name(value)}",
            origin_of(value) or origin,
        )
    if keyword.kind is Kind.VARIABLE:
        try:
            check_variable(value, origin)
        except LoadError as error:
            raise LoadError(f"Invalid '{name}' specified: {error.message}", error.origin, error.hint) from error
    elif name == "debugger" and not is_template(value) and value and value not in _DEBUGGER:
        raise LoadError(
            f"'{value}' is not a valid value for debugger. Must be one of {', '.join(_DEBUGGER)}",
            origin_of(value) or origin,
        )


def check_variable(name: Any, origin: Origin | None = None) -> None:
    """Raises LoadError where ``name`` can't be a variable's."""
    if isinstance(name, str) and name.isidentifier() and name.isascii() and name not in _NOT_NAMES:
        return
    described = f"name {str(name)!r}" if isinstance(name, str | int | float | bool) or name is None else "name"
    if not isinstance(name, str):
        described += f" of type {type_name(name)!r}"
    raise LoadError(f"Invalid variable {described}.", origin_of(name) or origin, _NAME_RULE)


def variables(value: Value, node: str, origin: Origin | None) -> Mapping[str, Value]:
    """The ``vars`` of a node. Raises LoadError."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        message = f"Vars in a {node} must be specified as a dictionary."
        raise LoadError(message, origin_of(value) or origin)
    for name in value:
        if not (isinstance(name, str) and name.isidentifier() and name.isascii() and name not in _NOT_NAMES):
            check_variable(name, origin_of(value) or origin)
    return value


def texts(value: Value, name: str, origin: Origin | None) -> tuple[str, ...]:
    """A keyword that holds one name or a list of them. Raises LoadError."""
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, str):
            message = f"Keyword {name!r} items must be of type 'str', not {type_name(item)!r}."
            raise LoadError(message, origin_of(item) or origin_of(value) or origin)
    return tuple(items)


def conditions(value: Value) -> tuple[Value, ...]:
    """A condition, or a list of which all must hold."""
    if isinstance(value, list):
        return tuple(item for item in value if item is not None)
    return () if value is None else (value,)
