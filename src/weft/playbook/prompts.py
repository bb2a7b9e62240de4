"""``vars_prompt`` of a play."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weft.model.convert import to_bool, to_int
from weft.model.errors import LoadError
from weft.model.nodes import VarsPrompt
from weft.model.values import Origin, Value, origin_of
from weft.playbook.checks import check_variable, type_name

_KEYS = ("name", "prompt", "default", "private", "confirm", "encrypt", "salt_size", "salt", "unsafe")


def read_prompts(data: Value, origin: Origin, render: Callable[[Value], Any]) -> tuple[VarsPrompt, ...]:
    """The entries; ``render`` evaluates what must be known before anyone is asked. Raises LoadError."""
    if data is None:
        return ()
    entries = data if isinstance(data, list) else [data]
    return tuple(_prompt(entry, origin_of(entry) or origin_of(data) or origin, render) for entry in entries)


def _prompt(entry: Value, origin: Origin, render: Callable[[Value], Any]) -> VarsPrompt:
    if not isinstance(entry, Mapping):
        raise LoadError(f"Invalid vars_prompt data structure, it is a {type_name(entry)}", origin)
    if "name" not in entry:
        raise LoadError("Invalid vars_prompt data structure, missing 'name' key", origin)
    for key in entry:
        if key not in _KEYS:
            message = f"Invalid vars_prompt data structure, found unsupported key '{key}'"
            raise LoadError(message, origin_of(key) or origin, f"There are: {', '.join(_KEYS)}.")
    check_variable(entry["name"], origin)

    def value(name: str, convert: Callable[[Any], Any], default: Any) -> Any:
        given = entry.get(name)
        if given is None:
            return default
        try:
            return convert(render(given))
        except ValueError as error:
            message = f"'{name}' of vars_prompt: the value {str(given)!r} is of the wrong type."
            raise LoadError(message, origin_of(given) or origin) from error

    return VarsPrompt(
        name=str(entry["name"]),
        prompt=entry.get("prompt"),
        default=entry.get("default"),
        private=value("private", to_bool, True),
        confirm=value("confirm", to_bool, False),
        encrypt=value("encrypt", str, None),
        salt=value("salt", str, None),
        salt_size=value("salt_size", to_int, None),
        unsafe=value("unsafe", to_bool, False),
        origin=origin,
    )
