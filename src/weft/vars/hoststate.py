"""What a host has beyond the inventory, and what of it is new since a lane of plays began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from weft.inventory.model import Host
from weft.vars.layers import Layer


class News(Struct, frozen=True):
    """What plays of a lane have set on a host."""

    facts: Mapping[str, Any]
    set_facts: Mapping[str, Any]
    included: Mapping[str, Any]
    forgotten: frozenset[str]  # facts that are gone


class HostState(Struct, eq=False):
    """Layers are replaced, never changed: scopes keep what they have seen."""

    facts: Mapping[str, Any]
    facts_layer: Layer
    set_facts: Layer | None = None
    included: Layer | None = None
    entry: Host | None = None  # whose static layers these are
    static: dict[tuple[str, ...], tuple[Layer, ...]] = field(default_factory=dict)  # by playbook folders
    before: HostState | None = None  # in a lane: how it was when the lane began

    def lane(self) -> HostState:
        """A copy that goes its own way."""
        return replace(self, static=dict(self.static), before=replace(self))

    def news(self) -> News:
        """What is not as it was when the lane began."""
        before = self.before
        assert before is not None
        return News(
            facts=_new(self.facts, before.facts),
            set_facts=_new(_data(self.set_facts), _data(before.set_facts)),
            included=_new(_data(self.included), _data(before.included)),
            forgotten=frozenset(before.facts.keys() - self.facts.keys()),
        )


def _data(layer: Layer | None) -> Mapping[Any, Any]:
    return layer.data if layer is not None else {}


def _new(values: Mapping[Any, Any], before: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in values.items() if name not in before or before[name] is not value}
