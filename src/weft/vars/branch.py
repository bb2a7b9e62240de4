"""What a strand of a host's run has set for itself, until it is joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from weft.vars.layers import Layer, plain_layer


class Branch:
    """An overlay over a host's set_fact and include_vars rows, seen only inside the strand until ``merge``.

    ``parent`` is the strand round it; ``after`` are siblings that have ended and that it ``needs``: it sees what they
    have set. The innermost, then the last of ``after``, wins.
    """

    def __init__(
        self,
        host: str,
        *,
        parent: Branch | None,
        after: Sequence[Branch],
        apply: Callable[[Mapping[str, Any], Mapping[str, Any]], None],
    ) -> None:
        self.host = host
        self._parent = parent
        self._after = tuple(after)
        self._apply = apply
        self._facts: Layer | None = None
        self._included: Layer | None = None
        self._merged = False

    def __repr__(self) -> str:
        return f"<Branch of {self.host}: {', '.join(self._facts.data) if self._facts else ''}>"

    def set_fact(self, values: Mapping[str, Any]) -> None:
        """Plain data. What was read before keeps what it saw. After ``merge`` it goes where everything went."""
        if self._merged:
            self._hand_on(values, {})
            return
        self._facts = plain_layer({**self._facts.data, **values} if self._facts else dict(values))

    def include_vars(self, values: Mapping[str, Any]) -> None:
        """May hold templates. After ``merge`` it goes where everything went."""
        if self._merged:
            self._hand_on({}, values)
            return
        self._included = Layer({**self._included.data, **values} if self._included else dict(values))

    def merge(self) -> None:
        """Hand everything on to the strand round this one, or to the host."""
        facts = self._facts.data if self._facts else {}
        included = self._included.data if self._included else {}
        self._facts = self._included = None
        self._merged = True
        self._hand_on(facts, included)

    def _hand_on(self, facts: Mapping[str, Any], included: Mapping[str, Any]) -> None:
        if self._parent is None:
            self._apply(facts, included)
            return
        if facts:
            self._parent.set_fact(facts)
        if included:
            self._parent.include_vars(included)

    def fact_layers(self) -> tuple[Layer, ...]:
        """Strongest first."""
        outer = self._parent.fact_layers() if self._parent is not None else ()
        return tuple(dict.fromkeys((*self._near(lambda branch: branch._facts), *outer)))

    def included_layers(self) -> tuple[Layer, ...]:
        """Strongest first."""
        outer = self._parent.included_layers() if self._parent is not None else ()
        return tuple(dict.fromkeys((*self._near(lambda branch: branch._included), *outer)))

    def _near(self, layer_of: Callable[[Branch], Layer | None]) -> Iterator[Layer]:
        """Its own, then those of the strands it comes after."""
        own = layer_of(self)
        if own is not None:
            yield own
        for sibling in reversed(self._after):
            yield from sibling._near(layer_of)
