"""Random nests of blocks, parallel blocks, locks, batches, retries and strands, and which tasks of them run on a host.

The model knows nothing of time: in these plays the order in which strands get ahead must not matter. (No facts are
passed on, and no failure of one host is another's.)
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

HOSTS = ("h1", "h2", "h3")


@dataclass(frozen=True)
class Step:
    """A task: how long it takes on each host, and on which hosts it fails."""

    name: str
    seconds: tuple[int, ...]
    fails: tuple[bool, ...]


@dataclass(frozen=True)
class Group:
    """A block."""

    name: str
    body: tuple[Node, ...]
    rescue: tuple[Node, ...] = ()
    always: tuple[Node, ...] = ()
    parallel: int | None = None  # 0: without limit
    limit: str | None = None  # lock, throttle, serial
    retries: int | None = None
    poll: int | None = None  # async; 0: nobody waits for it


Node = Step | Group


@st.composite
def plays(draw: st.DrawFn) -> tuple[Node, ...]:
    """The nodes of a play; every name in it is its own."""
    numbers = itertools.count(1)
    budget = [draw(st.integers(3, 12))]  # tasks

    def step() -> Step:
        budget[0] -= 1
        seconds = tuple(draw(st.integers(0, 3)) for _ in HOSTS)
        fails = tuple(draw(st.integers(0, 5)) == 0 for _ in HOSTS)
        return Step(f"t{next(numbers)}", seconds, fails)

    def nodes(depth: int, most: int, *, empty: bool = False) -> tuple[Node, ...]:
        count = draw(st.integers(0 if empty else 1, most))
        return tuple(node(depth) for _ in range(count) if budget[0] > 0) or (() if empty else (step(),))

    def node(depth: int) -> Node:
        if depth >= 3 or draw(st.integers(0, 2)) == 0:
            return step()
        name = f"g{next(numbers)}"
        body = nodes(depth + 1, 3)
        return Group(
            name,
            body,
            rescue=nodes(depth + 1, 2, empty=True) if draw(st.booleans()) else (),
            always=nodes(depth + 1, 1, empty=True) if draw(st.booleans()) else (),
            parallel=draw(st.sampled_from([None, 0, 1, 2])),
            limit=draw(st.sampled_from([None, None, "lock", "throttle", "serial"])),
            retries=draw(st.sampled_from([None, None, None, 1])),
            poll=draw(st.sampled_from([None, None, None, 0, 2])),
        )

    return nodes(0, 4)


def written(nodes: tuple[Node, ...]) -> list[dict[str, Any]]:
    """The nodes as a playbook has them."""
    return [_written(node) for node in nodes]


def _written(node: Node) -> dict[str, Any]:
    if isinstance(node, Step):
        return {"name": node.name, "command": node.name}
    found: dict[str, Any] = {"name": node.name, "block": written(node.body)}
    if node.rescue:
        found["rescue"] = written(node.rescue)
    if node.always:
        found["always"] = written(node.always)
    if node.parallel is not None:
        found["parallel"] = node.parallel or True
    if node.limit is not None:
        found |= {"lock": {"lock": {"name": node.name}}, "throttle": {"throttle": 2}, "serial": {"serial": 2}}[
            node.limit
        ]
    if node.retries is not None:
        found |= {"retries": node.retries, "delay": 1}
    if node.poll is not None:
        found |= {"async": 100_000, "poll": node.poll}
    return found


def playbook(nodes: tuple[Node, ...], strategy: str) -> str:
    """The whole playbook (JSON is YAML)."""
    return json.dumps([{"hosts": "all", "gather_facts": False, "strategy": strategy, "tasks": written(nodes)}])


def steps(nodes: tuple[Node, ...]) -> dict[str, Step]:
    found: dict[str, Step] = {}
    for node in nodes:
        if isinstance(node, Step):
            found[node.name] = node
        else:
            found |= steps((*node.body, *node.rescue, *node.always))
    return found


def awaited(group: Group) -> set[str]:
    """The tasks that are over when the group is: not those of strands that nobody waits for."""
    found: set[str] = set()
    for node in (*group.body, *group.rescue, *group.always):
        if isinstance(node, Step):
            found.add(node.name)
        elif node.poll != 0:
            found |= awaited(node)
    return found


def groups(nodes: tuple[Node, ...]) -> list[Group]:
    found: list[Group] = []
    for node in nodes:
        if isinstance(node, Group):
            found += [node, *groups((*node.body, *node.rescue, *node.always))]
    return found


@dataclass
class Model:
    """One host's way. ``runs``: how often which task ran; ``failed``: whether the host is, in the end."""

    host: int
    runs: Counter[str] = field(default_factory=Counter)
    failed: bool = False

    def play(self, nodes: tuple[Node, ...]) -> None:
        self.failed = self._in_order(nodes) or self.failed

    def _in_order(self, nodes: tuple[Node, ...]) -> bool:
        """Whether it fails."""
        return any(self._node(node) for node in nodes)

    def _node(self, node: Node) -> bool:
        if isinstance(node, Step):
            self.runs[node.name] += 1
            return node.fails[self.host]
        if node.poll == 0:
            # nobody hears of its failure before the end
            self.failed = self._attempts(node) or self.failed
            return False
        return self._attempts(node)

    def _attempts(self, group: Group) -> bool:
        failed = True
        for _ in range(1 + (group.retries or 0)):
            failed = self._once(group)
            if not failed:
                break
        return failed

    def _once(self, group: Group) -> bool:
        if group.parallel is None:
            failed = self._in_order(group.body)
        else:
            failed = bool([node for node in group.body if self._node(node)])
        if failed and group.rescue:
            failed = self._in_order(group.rescue)
        return self._in_order(group.always) or failed
