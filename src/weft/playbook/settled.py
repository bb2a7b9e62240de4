"""A play's own keywords with their final values: what Ansible evaluates once, before the play's hosts are known.

Comes after ``plays``, which leaves them as they are written; used where plays run and where they are listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from weft.model.convert import to_bool, to_int
from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Play
from weft.model.values import OMIT, Value, VaultText, origin_of
from weft.playbook.checks import type_name

Render = Callable[[Value], Any]

#: The patterns of hosts that are null when evaluated: nothing is called so, as Ansible has it.
NOBODY: Final = ("None",)


def settled(play: Play, render: Render) -> Play:
    """The play with its evaluated name, hosts (a list of patterns), and what else holds for all of it.

    ``render`` knows the variables that are known without a host. Raises LoadError, for `hosts` that are empty too:
    these must never be taken for all hosts.
    """
    final: dict[str, Any] = {"name": _name(play, render), "hosts": _keyword(play, "hosts", render, _patterns)}
    for name, convert in _CONVERT.items():
        if getattr(play, name) is not None:
            final[name] = _keyword(play, name, render, convert)
    return replace(play, **final)


def _name(play: Play, render: Render) -> str:
    """Its name, or its hosts: as they are written, or evaluated where they are one text."""
    if play.name is not None and (name := _keyword(play, "name", render, _text)):
        return str(name)
    if isinstance(play.hosts, list | tuple):
        return ",".join(str(host) for host in play.hosts)
    return str(_evaluated(play, "name", play.hosts, render, _text) or "")


def _keyword(play: Play, name: str, render: Render, convert: Callable[[Any], Any]) -> Any:
    return _evaluated(play, name, getattr(play, name), render, convert)


def _evaluated(play: Play, name: str, raw: Value, render: Render, convert: Callable[[Any], Any]) -> Any:
    try:
        value = render(raw)
        return convert(None if value is OMIT else value)
    except WeftError as error:
        raise LoadError(f"Error processing keyword {name!r}.", origin_of(raw) or play.origin) from error


def _patterns(value: Any) -> Sequence[str]:
    if value is None:
        return NOBODY
    patterns = value if isinstance(value, list | tuple) else [value]
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise WeftError(f"Keyword 'hosts' items must be of type 'str', not {type_name(pattern)!r}.")
        if not pattern.strip():
            raise WeftError("Keyword 'hosts' is required, and cannot have empty values.")
    return [str(pattern) for pattern in patterns]


def _text(value: Any) -> str | None:
    return None if value is None or isinstance(value, VaultText) else str(value).strip()


def _as_it_is(value: Any) -> Any:
    return value


def _converted(kind: str, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        try:
            return None if value is None else convert(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise WeftError(f"The value {value!r} could not be converted to {kind!r}.") from error

    return checked


def _percentage(value: Any) -> float:
    return float(value.replace("%", "") if isinstance(value, str) else value)


#: Keyword -> how its evaluated value is read. Batches, strategies and orders are checked where they are used.
_CONVERT: Mapping[str, Callable[[Any], Any]] = {
    "gather_facts": _converted("bool", to_bool),
    "gather_subset": _as_it_is,
    "gather_timeout": _converted("int", to_int),
    "force_handlers": _converted("bool", to_bool),
    "max_fail_percentage": _converted("percent", _percentage),
    "serial": _as_it_is,
    "strategy": _as_it_is,
    "order": _as_it_is,
}
