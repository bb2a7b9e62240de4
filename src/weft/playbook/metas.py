"""What ``meta`` tasks may say, and where."""

from __future__ import annotations

from typing import Final

from weft.model.errors import LoadError
from weft.model.values import origin_of
from weft.playbook.action import Called
from weft.playbook.checks import is_template
from weft.playbook.hints import did_you_mean
from weft.playbook.own import Own
from weft.playbook.place import Place

META_ACTIONS: Final = (
    "clear_facts",
    "clear_host_errors",
    "end_batch",
    "end_host",
    "end_play",
    "end_role",
    "flush_handlers",
    "noop",
    "refresh_inventory",
    "reset_connection",
)

#: What limits or repeats work has nothing to do here; elsewhere these are keywords of a task.
_NO_WORK: Final = ("async", "lock", "serial", "backoff", "max_delay")


def check_meta(called: Called, place: Place) -> None:
    """Raises LoadError for a meta action that there isn't, or that has no place here."""
    action = called.args.get("_raw_params")
    origin = origin_of(action) or called.origin
    if is_template(action):
        raise LoadError(f"invalid meta action requested: {action}", origin, "A meta action can't be a template.")
    if action not in META_ACTIONS:
        hint = did_you_mean(str(action), META_ACTIONS) or f"There are: {', '.join(META_ACTIONS)}."
        raise LoadError(f"invalid meta action requested: {action}", origin, hint)
    if action == "flush_handlers" and place.handlers:
        raise LoadError("flush_handlers cannot be used as a handler", origin)
    if action == "end_role":
        if place.handlers:
            raise LoadError("Cannot execute 'end_role' from a handler", origin)
        if place.role is None:
            raise LoadError("Cannot execute 'end_role' from outside of a role", origin)


def check_meta_keywords(own: Own) -> None:
    """Raises LoadError for keywords that are for work that a task does."""
    for name in _NO_WORK:
        if own.get(name):
            raise LoadError(f"'{name}' has no meaning for a meta action.", own.place_of(name))
