"""Random plays, and a small model of what comes of them: hosts as sets that split, part and meet again.

The model knows nothing of weft: it walks the tree with all hosts at once, as Ansible's documentation has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

HOSTS = ("h1", "h2", "h3", "h4")
OUTCOMES = ("ok", "changed", "changed", "skipped", "failed", "unreachable")


@dataclass(frozen=True)
class ATask:
    """Runs the command `NAME`. ``outcomes``: how it ends, in the order of HOSTS."""

    name: str
    outcomes: tuple[str, ...]
    ignore: bool = False
    once: bool = False

    def outcome(self, host: str) -> str:
        return self.outcomes[HOSTS.index(host)]


@dataclass(frozen=True)
class ABlock:
    body: tuple[Node, ...]
    rescue: tuple[Node, ...] = ()
    always: tuple[Node, ...] = ()


@dataclass(frozen=True)
class AnInclude:
    """A file of tasks; ``static``: imported."""

    name: str
    nodes: tuple[Node, ...]
    static: bool = False


Node = ATask | ABlock | AnInclude


# -- making them -----------------------------------------------------------------------------------------------------


@st.composite
def plays(draw: st.DrawFn) -> tuple[Node, ...]:
    """A play's tasks."""
    counter = iter(range(1_000))
    return draw(_nodes(counter, depth=3))


@st.composite
def _nodes(draw: st.DrawFn, counter: Iterator[int], depth: int) -> tuple[Node, ...]:
    return tuple(draw(_node(counter, depth)) for _ in range(draw(st.integers(1, 3))))


@st.composite
def _node(draw: st.DrawFn, counter: Iterator[int], depth: int) -> Node:
    kind = draw(st.sampled_from(("task", "task", "block", "include"))) if depth else "task"
    if kind == "task":
        return draw(_task(counter))
    if kind == "include":
        name = f"f{next(counter)}"
        return AnInclude(name, draw(_nodes(counter, depth - 1)), draw(st.booleans()))
    body = draw(_nodes(counter, depth - 1))
    rescue = draw(_nodes(counter, depth - 1)) if draw(st.booleans()) else ()
    always = draw(_nodes(counter, depth - 1)) if draw(st.booleans()) else ()
    return ABlock(body, rescue, always)


@st.composite
def _task(draw: st.DrawFn, counter: Iterator[int]) -> ATask:
    once = draw(st.integers(0, 5)) == 0
    # what becomes of the others where a `run_once` task fails has tests of its own
    choices = ("ok", "changed", "skipped") if once else OUTCOMES
    outcomes = draw(st.tuples(*[st.sampled_from(choices)] * len(HOSTS)))
    return ATask(f"t{next(counter)}", outcomes, ignore=draw(st.integers(0, 3)) == 0, once=once)


# -- writing them ----------------------------------------------------------------------------------------------------


@dataclass
class Writer:
    """A play as YAML; included files under their names."""

    files: dict[str, str] = field(default_factory=dict)

    def nodes(self, nodes: Iterable[Node], indent: int) -> str:
        return "".join(self._node(node, " " * indent) for node in nodes)

    def _node(self, node: Node, pad: str) -> str:
        if isinstance(node, ATask):
            skipped = [host for host in HOSTS if node.outcome(host) == "skipped"]
            lines = [f"- name: {node.name}", f"  command: {node.name}"]
            lines += [f"  when: inventory_hostname not in {skipped}"] if skipped else []
            lines += ["  ignore_errors: yes"] if node.ignore else []
            lines += ["  run_once: yes"] if node.once else []
            return "".join(f"{pad}{line}\n" for line in lines)
        if isinstance(node, AnInclude):
            self.files[f"{node.name}.yml"] = self.nodes(node.nodes, 0)
            return f"{pad}- {'import' if node.static else 'include'}_tasks: {node.name}.yml\n"
        text = ""
        for key, nodes in (("block", node.body), ("rescue", node.rescue), ("always", node.always)):
            if nodes:
                text += f"{pad}{'- ' if key == 'block' else '  '}{key}:\n{self.nodes(nodes, len(pad) + 4)}"
        return text


# -- what comes of them ----------------------------------------------------------------------------------------------


@dataclass
class Model:
    """Walks a play. ``runs``: task and host, in order; ``recap``: host -> figures."""

    runs: list[tuple[str, str]] = field(default_factory=list)
    recap: Mapping[str, Counter[str]] = field(default_factory=lambda: {host: Counter() for host in HOSTS})
    unreachable: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def play(self, nodes: Iterable[Node]) -> None:
        _, self.failed = self._sequence(nodes, set(HOSTS), rescued=False)

    @property
    def code(self) -> int:
        return 4 if self.unreachable else 2 if self.failed else 0

    def _sequence(self, nodes: Iterable[Node], hosts: set[str], *, rescued: bool) -> tuple[set[str], set[str]]:
        """Those that came through, and those that failed on the way."""
        lost: set[str] = set()
        for node in nodes:
            if not hosts:
                break
            hosts, failed = self._node(node, hosts, rescued=rescued)
            lost |= failed
        return hosts, lost

    def _node(self, node: Node, hosts: set[str], *, rescued: bool) -> tuple[set[str], set[str]]:
        if isinstance(node, ATask):
            return self._task(node, hosts, rescued=rescued)
        if isinstance(node, ABlock):
            return self._block(node, hosts, rescued=rescued)
        if not node.static:
            for host in hosts:
                self.recap[host]["ok"] += 1
        return self._sequence(node.nodes, hosts, rescued=rescued)

    def _block(self, block: ABlock, hosts: set[str], *, rescued: bool) -> tuple[set[str], set[str]]:
        through, failed = self._sequence(block.body, hosts, rescued=rescued or bool(block.rescue))
        if block.rescue and failed:
            saved, failed = self._sequence(block.rescue, failed, rescued=rescued)
            through |= saved
        if block.always and through | failed:
            there, failed_there = self._sequence(block.always, through | failed, rescued=rescued)
            through, failed = through & there, (failed & there) | failed_there
        return through, failed

    def _task(self, task: ATask, hosts: set[str], *, rescued: bool) -> tuple[set[str], set[str]]:
        failed: set[str] = set()
        ordered = [host for host in HOSTS if host in hosts]
        for host in ordered[:1] if task.once else ordered:
            outcome = task.outcome(host)
            if outcome != "skipped":
                self.runs.append((task.name, host))
            self._count(host, outcome, ignored=task.ignore, rescued=rescued)
            if outcome == "unreachable":
                self.unreachable.add(host)
            elif outcome == "failed" and not task.ignore:
                failed.add(host)
        return hosts - failed - self.unreachable, failed

    def _count(self, host: str, outcome: str, *, ignored: bool, rescued: bool) -> None:
        figures = self.recap[host]
        if outcome == "failed":
            keys = ("ok", "ignored") if ignored else ("rescued",) if rescued else ("failed",)
        elif outcome == "changed":
            keys = ("ok", "changed")
        else:
            keys = (outcome,)
        for key in keys:
            figures[key] += 1
