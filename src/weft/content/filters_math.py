"""Filters on numbers, and on sizes that people write."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from weft.content.filters_common import PluginError

_UNITS: Final[Mapping[str, tuple[int, str]]] = {
    "Y": (1 << 80, "yotta"),
    "Z": (1 << 70, "zetta"),
    "E": (1 << 60, "exa"),
    "P": (1 << 50, "peta"),
    "T": (1 << 40, "tera"),
    "G": (1 << 30, "giga"),
    "M": (1 << 20, "mega"),
    "K": (1 << 10, "kilo"),
    "B": (1, ""),
}
_SIZE: Final = re.compile(r"^([0-9]*\.?[0-9]+)(?:\s*([A-Za-z]+))?\s*$")


def log(x: Any, base: Any = math.e) -> float:
    try:
        return math.log10(x) if base == 10 else math.log(x, base)
    except TypeError as error:
        raise PluginError(f"log() can only be used on numbers: {error}") from error


def power(x: Any, y: Any) -> float:
    try:
        return math.pow(x, y)
    except TypeError as error:
        raise PluginError(f"pow() can only be used on numbers: {error}") from error


def root(x: Any, base: Any = 2) -> float:
    try:
        return math.sqrt(x) if base == 2 else math.pow(x, 1.0 / float(base))
    except (ValueError, TypeError) as error:
        raise PluginError(f"root() can only be used on numbers: {error}") from error


def human_readable(size: Any, isbits: Any = False, unit: str | None = None) -> str:
    """A size in bytes (or bits) as people read it: ``1.50 KB``."""
    try:
        return _readable(size, bool(isbits), unit)
    except TypeError as error:
        raise PluginError(f"human_readable() failed on bad input: {error}") from error
    except Exception as error:
        raise PluginError(f"human_readable() can't interpret the input: {error}") from error


def _readable(size: Any, isbits: bool, unit: str | None) -> str:
    base = "bits" if isbits else "Bytes"
    fitting = (
        prefix for prefix, (limit, _) in _UNITS.items() if (size >= limit if unit is None else unit.upper() == prefix)
    )
    prefix = next(fitting, "B")
    limit = _UNITS[prefix][0]
    return f"{size / limit:.2f} {base if limit == 1 else prefix + base[0]}"


def human_to_bytes(size: Any, default_unit: str | None = None, isbits: Any = False) -> int:
    """Bytes (or bits) of what people write: ``10 KB``."""
    try:
        return _bytes(size, default_unit, bool(isbits))
    except TypeError as error:
        raise PluginError(f"human_to_bytes() failed on bad input: {error}") from error
    except Exception as error:
        raise PluginError(f"human_to_bytes() can't interpret the input: {error}") from error


def _bytes(number: Any, default_unit: str | None, isbits: bool) -> int:
    match = _SIZE.search(str(number))
    if match is None:
        raise ValueError(f"human_to_bytes() can't interpret following string: {number}")
    unit = match.group(2) or default_unit
    value = float(match.group(1))
    if unit is None:
        return round(value)
    prefix = unit[0].upper()
    if prefix not in _UNITS:
        raise ValueError(
            f"human_to_bytes() failed to convert {number} (unit = {unit}). "
            f"The suffix must be one of {', '.join(_UNITS)}"
        )
    limit, name = _UNITS[prefix]
    letter, word = ("b", "bit") if isbits else ("B", "byte")
    short = letter if limit == 1 else prefix + letter
    if len(unit) > 1 and unit != short and unit.lower() != name + word:
        expected = f"expect {letter} or {word}" if prefix == "B" else f"expect {short} or {prefix}"
        raise ValueError(f"human_to_bytes() failed to convert {number}. Value is not a valid string ({expected})")
    return round(value * limit)


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "human_readable": human_readable,
    "human_to_bytes": human_to_bytes,
    "log": log,
    "pow": power,
    "root": root,
}
