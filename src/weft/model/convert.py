"""Ansible's ideas of what is true and what is a number, for keyword and option values."""

from __future__ import annotations

from typing import Any

TRUE_WORDS = frozenset(("y", "yes", "on", "1", "true", "t"))
FALSE_WORDS = frozenset(("n", "no", "off", "0", "false", "f"))


def to_bool(value: Any) -> bool:
    """Raises ValueError where the value is neither true nor false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    word = value.strip().lower() if isinstance(value, str) else None
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError(f"The value {value!r} is not a valid boolean.")


def is_true(value: Any) -> bool:
    """Whether the value says yes; anything that isn't a boolean in some spelling says no."""
    try:
        return to_bool(value)
    except ValueError:
        return False


def to_number(value: Any) -> float:
    """Raises ValueError where the value is no number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def to_int(value: Any) -> int:
    """Raises ValueError where the value is no whole number."""
    number = to_number(value)
    if number != int(number):
        raise ValueError(f"{value!r} is not a whole number")
    return int(number)
