"""Numbers that weft's own keywords take: what can't be meant is an error when the playbook is loaded.

Where Ansible has a keyword too it is left to Ansible's rules (most of which apply when the task runs).
"""

from __future__ import annotations

import re
from typing import Final

from weft.events.types import Warned
from weft.model.convert import to_number
from weft.model.errors import LoadError
from weft.model.values import Origin, Value, VaultText, origin_of
from weft.playbook.api import Publish
from weft.playbook.checks import is_template, type_name
from weft.playbook.keywords import On
from weft.playbook.own import Own

_PERCENT = r"\s*(\d+(?:\.\d+)?)\s*%\s*"
_SERIAL_HINT: Final = 'For example: 1, "30%", or [1, 5, "20%"].'
#: On what Ansible can't retry, limit or detach as a whole.
_OF_GROUPS: Final = ("retries", "delay", "async", "poll")


def check_amounts(own: Own, on: On, publish: Publish) -> None:
    """The numbers on a node. Raises LoadError; publishes a warning for what has no effect."""
    check_serial(own.get("serial"), own.place_of("serial"))
    _above(own, "backoff", 0)
    _not_below(own, "max_delay", own.get("max_delay"))
    if on not in On.TASK | On.HANDLER:
        for name in _OF_GROUPS:
            _not_below(own, name, own.get(name))
        for name, value in own.whole.items():
            _not_below(own, name, value)
        if on in On.INCLUDE | On.HANDLER_INCLUDE:  # Ansible has none there
            _not_below(own, "throttle", own.get("throttle"))
    idle = [name for name in ("backoff", "max_delay") if own.get(name) is not None]
    if idle and own.get("until") is None and own.get("retries") is None:
        message = f"'{idle[0]}' has no effect without 'until' or 'retries'."
        publish(Warned(message=message, origin=own.place_of(idle[0])))


def check_serial(value: Value, origin: Origin | None) -> None:
    """``serial`` on a task or block: a number, a percentage, or a list of these. Raises LoadError."""
    if value is None:
        return
    place = origin_of(value) or origin
    if not isinstance(value, list):
        _check_batch(value, place)
        return
    if not value:
        raise LoadError("'serial' needs at least one size of a batch.", place, _SERIAL_HINT)
    for item in value:
        _check_batch(item, origin_of(item) or place)


def _check_batch(value: Value, place: Origin | None) -> None:
    if is_template(value) or isinstance(value, VaultText):
        return
    percent = re.fullmatch(_PERCENT, value) if isinstance(value, str) else None
    if isinstance(value, float):
        raise LoadError(f"'serial' must be a whole number of hosts, not {value}.", place, _SERIAL_HINT)
    try:
        number = float(percent.group(1)) if percent else _whole(value)
    except ValueError:
        shown = repr(str(value)) if isinstance(value, str) else type_name(value)
        message = f"'serial' must be a number, a percentage or a list of these, not {shown}."
        raise LoadError(message, place, _SERIAL_HINT) from None
    if number <= 0:
        raise LoadError(f"'serial' must be at least 1, not {value}.", place, _SERIAL_HINT)


def _whole(value: Value) -> int:
    """Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(value)
    return int(value)


def _above(own: Own, name: str, least: float) -> None:
    value = own.get(name)
    if _number(value, least) <= least:
        raise LoadError(f"'{name}' must be more than {least:g}, not {value}.", origin_of(value) or own.place_of(name))


def _not_below(own: Own, name: str, value: Value) -> None:
    if _number(value, 0) < 0:
        raise LoadError(f"'{name}' can't be negative: {value}.", origin_of(value) or own.place_of(name))


def _number(value: Value, least: float) -> float:
    """A literal's value; where nothing is known yet, one that is no mistake."""
    if value is None or is_template(value) or isinstance(value, VaultText):
        return least + 1
    return to_number(value)
