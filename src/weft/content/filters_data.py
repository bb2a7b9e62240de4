"""Filters on lists and mappings: combine, flatten, sub-elements, sets, random choices."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence
from random import Random, SystemRandom, shuffle
from typing import Any, Final

from jinja2.filters import do_unique
from jinja2.utils import pass_environment

from weft.content.filters_common import Notices, PluginError, is_sequence, with_notices

_LIST_MERGES: Final = ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp")


def combine(*terms: Any, **options: Any) -> Any:
    """Mappings as one; later ones win. Lists of mappings are taken apart one level."""
    recursive = options.pop("recursive", False)
    list_merge = options.pop("list_merge", "replace")
    if options:
        raise PluginError("'recursive' and 'list_merge' are the only valid keyword arguments")
    mappings = flatten(terms, levels=1)
    if not mappings:
        return {}
    result = mappings[-1]
    for mapping in reversed(mappings[:-1]):
        result = merge(mapping, result, recursive, list_merge)
    return result


def merge(low: Any, high: Any, recursive: bool, list_merge: str) -> Any:
    """A new mapping of both; entries of ``high`` win."""
    if list_merge not in _LIST_MERGES:
        known = ", ".join(repr(name) for name in _LIST_MERGES[:-1])
        raise PluginError(f"merge_hash: 'list_merge' argument can only be equal to {known} or {_LIST_MERGES[-1]!r}")
    for value in (low, high):
        if not isinstance(value, Mapping):
            raise PluginError(
                f"failed to combine variables, expected dicts but got a '{_shown(low)}' and a '{_shown(high)}'."
            )
    if not low or low == high:
        return _copy(high)
    if not high:
        return low
    merged = _copy(low)
    if not recursive and list_merge == "replace":
        merged.update(high)
        return merged
    for key, value in high.items():
        merged[key] = _merged(merged[key], value, recursive, list_merge) if key in merged else value
    return merged


def _copy(mapping: Any) -> Any:
    """Values that have not been read yet stay unread in a copy, so it is made by the mapping itself."""
    return mapping.copy() if isinstance(mapping, dict) else dict(mapping)


def _shown(value: Any) -> str:
    return next((kind.__name__ for kind in (dict, list, str) if isinstance(value, kind)), type(value).__name__)


def _merged(old: Any, new: Any, recursive: bool, list_merge: str) -> Any:
    if isinstance(old, MutableMapping) and isinstance(new, MutableMapping):
        return merge(old, new, recursive, list_merge) if recursive else new
    if not (isinstance(old, MutableSequence) and isinstance(new, MutableSequence)):
        return new
    match list_merge:
        case "keep":
            return old
        case "append":
            return [*old, *new]
        case "prepend":
            return [*new, *old]
        case "append_rp":
            return [*(item for item in old if item not in new), *new]
        case "prepend_rp":
            return [*new, *(item for item in old if item not in new)]
    return new


def flatten(items: Iterable[Any], levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    """A list without lists in it, down to ``levels``."""
    flat: list[Any] = []
    for item in items:
        if skip_nulls and (item is None or (isinstance(item, str) and item in ("None", "null"))):
            continue
        if is_sequence(item) and (levels is None or levels >= 1):
            flat.extend(flatten(item, None if levels is None else int(levels) - 1, skip_nulls))
        else:
            flat.append(item)
    return flat


def dict2items(mapping: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    if not isinstance(mapping, Mapping):
        raise TypeError(f"dict2items requires a dictionary, got {_kind(mapping)} instead.")
    return [{key_name: key, value_name: mapping[key]} for key in mapping]


def items2dict(items: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    if not is_sequence(items):
        raise TypeError(f"items2dict requires a list, got {_kind(items)} instead.")
    try:
        return {item[key_name]: item[value_name] for item in items}
    except KeyError:
        raise TypeError(
            "items2dict requires each dictionary in the list to contain the keys "
            f"'{key_name}' and '{value_name}', got {items} instead."
        ) from None
    except TypeError:
        raise TypeError(f"items2dict requires a list of dictionaries, got {items} instead.") from None


def _kind(value: Any) -> Any:
    return str if isinstance(value, str) else type(value)


def subelements(obj: Any, subelements: Any, skip_missing: bool = False) -> list[tuple[Any, Any]]:
    """Each element with each of the items of a list inside it."""
    if isinstance(obj, Mapping):
        elements = list(obj.values())
    elif is_sequence(obj):
        elements = list(obj)
    else:
        raise PluginError("obj must be a list of dicts or a nested dict")
    if isinstance(subelements, str):
        path = subelements.split(".")
    elif isinstance(subelements, list):
        path = list(subelements)
    else:
        raise TypeError("subelements must be a list or a string")
    return [(element, item) for element in elements for item in _below(element, path, skip_missing)]


def _below(element: Any, path: list[Any], skip_missing: bool) -> list[Any]:
    value = element
    for key in path:
        try:
            value = value[key]
        except KeyError:
            if skip_missing:
                return []
            raise PluginError(f"could not find {str(key)!r} key in iterated item {value!r}") from None
        except TypeError as error:
            raise TypeError(f"the key {key} should point to a dictionary, got '{value}': {error}") from None
    if not isinstance(value, list):
        raise TypeError(f"the key {str(path[-1]) if path else path!r} should point to a list, got {value!r}")
    return value


def rekey_on_member(data: Any, key: Any, duplicates: str = "error") -> dict[Any, Any]:
    """Mappings by the value that each has under ``key``."""
    if duplicates not in ("error", "overwrite"):
        raise PluginError(f"duplicates parameter to rekey_on_member has unknown value {duplicates!r}")
    if isinstance(data, Mapping):
        items: Iterable[Any] = data.values()
    elif isinstance(data, Iterable) and not isinstance(data, str | bytes):
        items = data
    else:
        raise PluginError("Type is not a valid list, set, or dict")
    found: dict[Any, Any] = {}
    for item in items:
        if not isinstance(item, Mapping):
            raise PluginError("List item is not a valid dict")
        try:
            name = item[key]
        except KeyError:
            raise PluginError(f"Key {key!r} was not found.") from None
        if found.get(name) and duplicates == "error":
            raise PluginError(f"Key {name!r} is not unique, cannot convert to dict.")
        found[name] = item
    return found


# -- sets --------------------------------------------------------------------------------------------------------------


@with_notices
@pass_environment
def unique(environment: Any, notices: Notices, a: Any, case_sensitive: Any = None, attribute: Any = None) -> list[Any]:
    """Each item once, in order; text without regard to case unless told otherwise."""
    try:
        return list(do_unique(environment, a, case_sensitive=bool(case_sensitive), attribute=attribute))
    except Exception as error:
        if case_sensitive is False or attribute:
            raise PluginError(
                "Jinja2's unique filter failed and we cannot fall back to Ansible's version as it does not support "
                f"the parameters supplied: {error}"
            ) from error
        if not isinstance(error, TypeError):
            notices.warn(f"Falling back to Ansible unique filter as Jinja2 one failed: {error}")
        return _distinct(a)


def _distinct(items: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def union(a: Any, b: Any) -> list[Any]:
    try:
        return list(set(a) | set(b))
    except TypeError:
        return _distinct(a + b)


def intersect(a: Any, b: Any) -> list[Any]:
    try:
        return list(set(a) & set(b))
    except TypeError:
        return _distinct(item for item in a if item in b)


def difference(a: Any, b: Any) -> list[Any]:
    try:
        return list(set(a) - set(b))
    except TypeError:
        return _distinct(item for item in a if item not in b)


def symmetric_difference(a: Any, b: Any) -> list[Any]:
    try:
        return list(set(a) ^ set(b))
    except TypeError:
        common = intersect(a, b)
        return [item for item in union(a, b) if item not in common]


# -- chance ------------------------------------------------------------------------------------------------------------


def random(end: Any, start: Any = None, step: Any = None, seed: Any = None) -> Any:
    """A number below ``end``, or one of its items; the same each time for the same ``seed``."""
    source = SystemRandom() if seed is None else Random(seed)
    if isinstance(end, int):
        return source.randrange(start or 0, end, step or 1)
    if hasattr(end, "__iter__"):
        if start or step:
            raise PluginError("start and step can only be used with integer values")
        return source.choice(end)
    raise PluginError("random can only be used on sequences and integers")


def shuffled(items: Any, seed: Any = None) -> Any:
    """The items in any order; what has none is handed on."""
    try:
        items = list(items)
        if seed:
            Random(seed).shuffle(items)
        else:
            shuffle(items)
    except TypeError:
        pass
    return items


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "combinations": itertools.combinations,
    "combine": combine,
    "dict2items": dict2items,
    "difference": difference,
    "flatten": flatten,
    "intersect": intersect,
    "items2dict": items2dict,
    "permutations": itertools.permutations,
    "product": itertools.product,
    "random": random,
    "rekey_on_member": rekey_on_member,
    "shuffle": shuffled,
    "subelements": subelements,
    "symmetric_difference": symmetric_difference,
    "union": union,
    "unique": unique,
    "zip": zip,
    "zip_longest": itertools.zip_longest,
}
