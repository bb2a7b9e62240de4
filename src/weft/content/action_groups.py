"""Action groups, by which ``module_defaults`` name many actions at once: a collection's ``meta/runtime.yml`` has them.

Comes after ``collections``, which reads that file, and before ``modules``, which finds out what the members stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from weft.content.collections import BUILTIN, is_fqcn, split_fqcn
from weft.model.errors import LoadError

Runtime = Callable[[str], Mapping[str, Any]]


class ActionGroup(Struct):
    """``members`` are FQCNs, those of groups that it extends included; ``remarks`` say what is wrong with metadata."""

    members: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)


def action_group(name: str, runtime: Runtime) -> ActionGroup:
    """The group ``ns.coll.name``; a short name is one of ansible.builtin's. ``runtime``: a collection's metadata.

    Raises LoadError where there is no such group.
    """
    name = name if is_fqcn(name) else f"{BUILTIN}.{name}"
    found = ActionGroup()
    if not _collect(name, runtime, found, set()):
        raise LoadError(f"Error loading module_defaults: could not resolve the module_defaults group {name}")
    return found


def _collect(name: str, runtime: Runtime, found: ActionGroup, seen: set[str]) -> bool:
    """Whether there is such a group. Groups may extend each other."""
    if name in seen:
        return True
    seen.add(name)
    collection, short = split_fqcn(name)
    groups = runtime(collection).get("action_groups") or {}
    entries = groups.get(name, groups.get(short))
    if entries is None:
        return False
    found.members |= {_qualified(entry, collection) for entry in entries if isinstance(entry, str)}
    metadata = [entry for entry in entries if not isinstance(entry, str)]
    for number, entry in enumerate(metadata):
        wrong = " ".join(_wrong_with(entry, repeated=number > 0))
        if wrong:
            intro = f"Invalid metadata was found for action_group {name} while loading module_defaults."
            found.remarks.append(f"{intro} {wrong}")
        for other in _extended(entry):
            _collect(_qualified(other, collection), runtime, found, seen)
    return True


def _qualified(name: str, collection: str) -> str:
    return name if is_fqcn(name) else f"{collection}.{name}"


def _extended(entry: Any) -> Sequence[str]:
    metadata = entry.get("metadata") if isinstance(entry, Mapping) else None
    other = metadata.get("extend_group") if isinstance(metadata, Mapping) else None
    if isinstance(other, str):
        return [other] if other else []
    return [name for name in other if isinstance(name, str)] if isinstance(other, list) else []


def _wrong_with(entry: Any, *, repeated: bool) -> Iterator[str]:
    """ansible-core's words for an entry that is no mapping with the one key ``metadata``, or has the wrong things
    there."""
    if not isinstance(entry, Mapping) or set(entry) != {"metadata"}:
        yield f"The only expected key is metadata, but got keys: {', '.join(sorted(map(str, entry)))}"
        return
    if repeated:
        yield "The group contains multiple metadata entries."
    metadata = entry["metadata"]
    if not isinstance(metadata, Mapping):
        yield f"The metadata is not a dictionary. Got {metadata}"
        return
    unexpected = [str(key) for key in metadata if key != "extend_group"]
    if unexpected:
        yield f"The metadata contains unexpected keys: {', '.join(unexpected)}"
    extended = metadata.get("extend_group", "")
    if not isinstance(extended, str | list):
        yield f"The metadata contains unexpected key types: extend_group is {extended} (expected type list)"
