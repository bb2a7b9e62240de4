"""Filters, tests and globals that know of markers, and so can't be plain functions of their values."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from jinja2 import filters, tests
from jinja2.runtime import Undefined
from jinja2.utils import pass_context, pass_environment

from weft.content.filters_common import PluginError
from weft.content.plugins import Plugin
from weft.model.values import Decrypted, VaultText
from weft.templating.environment import takes_markers
from weft.templating.failures import MARKERS, Undecryptable
from weft.templating.lazy import LazyList
from weft.templating.markers import ErrorMarker, UndefinedMarker
from weft.templating.types import type_name

#: What ``undef()`` gives without a hint.
DEFAULT_UNDEFINED: Final = UndefinedMarker("Mandatory variable has not been overridden")


def ciphertext_of(value: Any) -> str | None:
    """The encrypted form of a value that was, or is, encrypted."""
    if isinstance(value, Decrypted | VaultText):
        return value.ciphertext
    if type(value) is ErrorMarker and isinstance(value.error, Undecryptable):
        return value.error.ciphertext
    return None


# -- filters -----------------------------------------------------------------------------------------------------------


def default(value: Any, default_value: Any = "", boolean: Any = False) -> Any:
    """The other value in place of an undefined one; with ``boolean``, of one that is false too."""
    if not isinstance(boolean, bool):
        _trip(boolean)
        raise TypeError(f"The 'boolean' argument must be of type 'bool', not {type_name(boolean)!r}.")
    if type(value) is UndefinedMarker:
        return default_value
    return default_value if boolean and not value else value


def mandatory(value: Any, msg: Any = None) -> Any:
    if type(value) is not UndefinedMarker:
        return value
    if msg is not None:
        raise PluginError(str(msg))
    name = f"{value.name!r} " if value.name is not None else ""
    raise PluginError(f"Mandatory variable {name}not defined.")


def ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    """One of the two (or three); the others may be undefined."""
    if value is None and none_val is not None:
        return none_val
    return true_val if bool(value) else false_val


def type_debug(value: Any) -> str:
    return type_name(value)


@pass_environment
def extract(environment: Any, item: Any, container: Any, morekeys: Any = None) -> Any:
    """``container[item]``, and further down by ``morekeys``."""
    keys = [item]
    if isinstance(morekeys, list):
        keys.extend(morekeys)
    elif morekeys is not None:
        keys.append(morekeys)
    value = container
    for key in keys:
        value = environment.getitem(value, key)
    return value


def unvault(vault: Any, *args: Any, **kwargs: Any) -> Any:
    """Decrypted with a key of one's own; the value may be one that weft has no key for."""
    from weft.content.plugins_ansible import call_foreign, core_function

    ciphertext = ciphertext_of(vault)
    for value in (*(() if ciphertext else (vault,)), *args, *kwargs.values()):
        _trip(value)
    vault = str(vault) if isinstance(vault, str) and not ciphertext else ciphertext or vault
    return call_foreign(core_function("filter", "encryption", "unvault"), (vault, *args), kwargs, None)


class Group(NamedTuple):
    """One group of `groupby`."""

    grouper: Any
    list: list[Any]

    def __repr__(self) -> str:
        return tuple.__repr__(self)

    def __str__(self) -> str:
        return tuple.__repr__(self)


@pass_environment
def groupby(*args: Any, **kwargs: Any) -> list[Group]:
    return [Group(group.grouper, group.list) for group in filters.sync_do_groupby(*args, **kwargs)]


def _lenient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Jinja's filter on the items of a list, those that can't be evaluated among them."""

    @pass_context
    def call(context: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        if type(value) is LazyList:
            value = list(value.with_markers())
        return function(context, value, *args, **kwargs)

    return call


# -- tests -------------------------------------------------------------------------------------------------------------


def defined(value: Any) -> Any:
    return value if type(value) is ErrorMarker else tests.test_defined(value)


def undefined(value: Any) -> Any:
    return value if type(value) is ErrorMarker else tests.test_undefined(value)


def vault_encrypted(value: Any) -> bool:
    if ciphertext_of(value) is not None:
        return True
    _trip(value)
    return isinstance(value, str) and value.startswith("$ANSIBLE_VAULT")


def _trip(value: Any) -> None:
    if type(value) in MARKERS:
        value.trip()


def _plugin(name: str, function: Callable[..., Any], *, takes_undefined: bool = True) -> Plugin:
    return Plugin(f"ansible.builtin.{name}", function, takes_undefined=takes_undefined)


SPECIAL_FILTERS: Final[Mapping[str, Plugin]] = {
    "d": _plugin("d", default),
    "default": _plugin("default", default),
    "mandatory": _plugin("mandatory", mandatory),
    "ternary": _plugin("ternary", ternary),
    "type_debug": _plugin("type_debug", type_debug),
    "extract": _plugin("extract", extract, takes_undefined=False),
    "groupby": _plugin("groupby", groupby, takes_undefined=False),
    "unvault": Plugin("ansible.builtin.unvault", unvault, takes_undefined=True, blocking=True),
    **{
        name: _plugin(name, _lenient(getattr(filters, f"do_{name}")), takes_undefined=False)
        for name in ("map", "select", "selectattr", "reject", "rejectattr")
    },
}

SPECIAL_TESTS: Final[Mapping[str, Plugin]] = {
    "defined": _plugin("defined", defined),
    "undefined": _plugin("undefined", undefined),
    "vault_encrypted": _plugin("vault_encrypted", vault_encrypted),
}


# -- globals -----------------------------------------------------------------------------------------------------------


def now(utc: Any = False, fmt: str | None = None) -> Any:
    """The time, in local time or UTC, without zone; as text where there is a format."""
    moment = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) if utc else datetime.datetime.now()
    return moment.strftime(fmt) if fmt else moment


@takes_markers
def undef(hint: Any = None) -> Undefined:
    """An undefined value, with a message of one's own."""
    if type(hint) in MARKERS or not (hint is None or isinstance(hint, str)):
        _trip(hint)
        raise TypeError(f"The 'hint' argument must be of type 'str' or 'NoneType', not {type_name(hint)!r}.")
    return UndefinedMarker(str(hint)) if hint else DEFAULT_UNDEFINED
