"""Random plays, and a small model of what comes of them.

The model knows nothing of weft. It keeps for each host the blocks that it is in, and goes from task to task as
Ansible's linear strategy does: a host leaves a block with the task behind it, and a failure is marked on the block in
which the host is. What it says was compared with ansible-core itself (``tests/differential``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

HOSTS = ("h1", "h2", "h3", "h4")
OUTCOMES = ("ok", "changed", "changed", "skipped", "failed", "unreachable")
NEVER = (False, False, False, False)


@dataclass(frozen=True)
class ATask:
    """``outcomes``: how it ends, in the order of HOSTS. ``notify``: a handler. ``fatal``: any_errors_fatal."""

    name: str
    outcomes: tuple[str, ...]
    ignore: bool = False
    once: bool = False
    fatal: bool | None = None
    notify: str | None = None

    def outcome(self, host: str) -> str:
        return self.outcomes[HOSTS.index(host)]


@dataclass(frozen=True)
class AMeta:
    """A meta action. ``hosts``: those for which its condition holds (`end_host`; the others have none)."""

    name: str
    action: str
    hosts: tuple[bool, ...] = NEVER

    def holds(self, host: str) -> bool:
        return self.action != "end_host" or self.hosts[HOSTS.index(host)]


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


Node = ATask | AMeta | ABlock | AnInclude


@dataclass(frozen=True)
class APlay:
    """``serial``: 0 for all hosts at once. ``max_fail``: max_fail_percentage."""

    nodes: tuple[Node, ...]
    handlers: tuple[ATask, ...] = ()
    serial: int = 0
    fatal: bool = False
    max_fail: int | None = None


# -- making them -----------------------------------------------------------------------------------------------------


class Maker:
    """Makes plays. ``pick(n)`` chooses one of 0 to n-1: of these choices a play is made, whoever makes them."""

    def __init__(self, pick: Callable[[int], int], *, lockstep: bool = True) -> None:
        """``lockstep``: with what has a meaning only where hosts do a task together."""
        self._pick = pick
        self._lockstep = lockstep
        self._number = 0
        self._handlers: tuple[str, ...] = ()

    def play(self) -> APlay:
        self._handlers = tuple(self._name("n") for _ in range(self._pick(3)))
        handlers = tuple(replace(self._task(), name=name, notify=None) for name in self._handlers)
        nodes = self._nodes(3)
        if not self._lockstep:
            return APlay(nodes, handlers)
        limits = (None, None, None, None, 0, 30, 60)
        return APlay(
            nodes,
            handlers,
            serial=(0, 0, 0, 1, 2)[self._pick(5)],
            fatal=self._rarely(8),
            max_fail=limits[self._pick(len(limits))],
        )

    def _nodes(self, depth: int) -> tuple[Node, ...]:
        return tuple(self._node(depth) for _ in range(1 + self._pick(3)))

    def _node(self, depth: int) -> Node:
        kind = ("task", "task", "task", "meta", "block", "block", "include")[self._pick(7 if depth else 4)]
        if kind == "task":
            return self._task()
        if kind == "meta":
            return self._meta()
        if kind == "include":
            return AnInclude(self._name("f"), self._nodes(depth - 1), static=self._rarely(2))
        body = self._nodes(depth - 1)
        rescue = self._nodes(depth - 1) if self._pick(2) else ()
        return ABlock(body, rescue, self._nodes(depth - 1) if self._pick(2) else ())

    def _task(self) -> ATask:
        outcomes = tuple(OUTCOMES[self._pick(len(OUTCOMES))] for _ in HOSTS)
        return ATask(
            self._name("t"),
            outcomes,
            ignore=self._rarely(4),
            once=self._lockstep and self._rarely(6),
            fatal=True if self._lockstep and self._rarely(8) else None,
            notify=self._handlers[self._pick(len(self._handlers))] if self._handlers and self._rarely(3) else None,
        )

    def _meta(self) -> AMeta:
        # `clear_host_errors` has tests of its own
        actions = ("end_host", "end_host", "end_batch", "end_play")
        action = actions[self._pick(len(actions) if self._lockstep else 2)]
        return AMeta(self._name("m"), action, tuple(self._rarely(3) for _ in HOSTS))

    def _rarely(self, one_in: int) -> bool:
        return self._pick(one_in) == one_in - 1

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number}"


# -- writing them ----------------------------------------------------------------------------------------------------

TaskWriter = Callable[[ATask], dict[str, Any]]


def as_command(task: ATask) -> dict[str, Any]:
    """Runs the command `NAME`: the hosts know how it ends."""
    return {"command": task.name}


@dataclass
class Writer:
    """A play as data; included files under their names."""

    task: TaskWriter = as_command
    files: dict[str, list[Any]] = field(default_factory=dict)

    def play(self, play: APlay, strategy: str = "linear") -> dict[str, Any]:
        return {
            "hosts": "all",
            "gather_facts": False,
            "strategy": strategy,
            **({"serial": play.serial} if play.serial else {}),
            **({"any_errors_fatal": True} if play.fatal else {}),
            **({"max_fail_percentage": play.max_fail} if play.max_fail is not None else {}),
            "tasks": self.nodes(play.nodes),
            "handlers": self.nodes(play.handlers),
        }

    def nodes(self, nodes: Iterable[Node]) -> list[dict[str, Any]]:
        return [self._node(node) for node in nodes]

    def _node(self, node: Node) -> dict[str, Any]:
        if isinstance(node, ATask):
            return self._written(node)
        if isinstance(node, AMeta):
            hosts = [host for host in HOSTS if node.holds(host)]
            condition = {"when": f"inventory_hostname in {hosts}"} if node.action == "end_host" else {}
            return {"name": node.name, "meta": node.action, **condition}
        if isinstance(node, AnInclude):
            self.files[f"{node.name}.yml"] = self.nodes(node.nodes)
            return {"import_tasks" if node.static else "include_tasks": f"{node.name}.yml"}
        parts = {"block": node.body, "rescue": node.rescue, "always": node.always}
        return {key: self.nodes(nodes) for key, nodes in parts.items() if nodes}

    def _written(self, task: ATask) -> dict[str, Any]:
        skipped = [host for host in HOSTS if task.outcome(host) == "skipped"]
        return {
            "name": task.name,
            **self.task(task),
            **({"when": f"inventory_hostname not in {skipped}"} if skipped else {}),
            **({"ignore_errors": True} if task.ignore else {}),
            **({"run_once": True} if task.once else {}),
            **({"any_errors_fatal": task.fatal} if task.fatal is not None else {}),
            **({"notify": task.notify} if task.notify is not None else {}),
        }


def as_debug(task: ATask) -> dict[str, Any]:
    """Needs no hosts but this machine; those that are to be out of reach have a port where nobody listens."""
    ends = {name: [host for host in HOSTS if task.outcome(host) == name] for name in OUTCOMES}
    known = {f"{name}_when": f"inventory_hostname in {ends[name]}" for name in ("changed", "failed") if ends.get(name)}
    if not ends["unreachable"]:
        return {"debug": {"msg": task.name}, **known}
    connection = f"{{{{ 'ssh' if inventory_hostname in {ends['unreachable']} else 'local' }}}}"
    return {"ping": {}, **known, "vars": {"ansible_connection": connection, "ansible_port": 1}}


# -- where a host is -------------------------------------------------------------------------------------------------

BODY, RESCUE, ALWAYS, OVER = range(4)


@dataclass(frozen=True)
class Frame:
    """One block that a host is in; ``index``: its last node there. An included file is a block too."""

    parts: tuple[tuple[Node, ...], ...]  # body, rescue, always
    part: int = BODY
    index: int = -1
    failed: bool = False

    def at(self, part: int, *, failed: bool) -> Frame:
        return replace(self, part=part, index=-1, failed=failed)

    def behind(self, part: int) -> int:
        """The part that comes after this one, whatever has happened."""
        return ALWAYS if part < ALWAYS and self.parts[ALWAYS] else OVER


Place = tuple[Frame, ...]  # outermost first; empty: through, or out


def entered(node: Node) -> Frame | None:
    """The block that a node is, if it is none of the leaves."""
    if isinstance(node, ABlock):
        return Frame((node.body, node.rescue, node.always))
    if isinstance(node, AnInclude):
        mark = () if node.static else (ATask(node.name, ("included",) * len(HOSTS)),)
        return Frame(((*mark, *node.nodes), (), ()))
    return None


def onwards(place: Place) -> tuple[Place, bool]:
    """The place of the next task; and if there is none, whether the host has failed."""
    while place:
        top = place[-1]
        if top.part == OVER:
            place = place[:-1]
            if top.failed:
                if not place:
                    return (), True
                place = failing(place)
        elif top.index + 1 < len(top.parts[top.part]):
            top = replace(top, index=top.index + 1)
            place = (*place[:-1], top)
            inner = entered(top.parts[top.part][top.index])
            if inner is None:
                return place, False
            place = (*place, inner)
        else:
            failed = top.failed and top.part != RESCUE
            place = (*place[:-1], top.at(top.behind(top.part), failed=failed))
    return (), False


def failing(place: Place) -> Place:
    """A host that is there has failed."""
    top = place[-1]
    if top.part == OVER:
        return place
    part = RESCUE if top.part == BODY and top.parts[RESCUE] else top.behind(top.part)
    return (*place[:-1], top.at(part, failed=True))


def position(place: Place) -> tuple[int, ...]:
    """Sorts as the tasks are written."""
    return tuple(number for frame in place for number in (frame.part, frame.index))


# -- what comes of them ----------------------------------------------------------------------------------------------


@dataclass
class Batch:
    """The hosts of one batch on their way."""

    hosts: tuple[str, ...]
    places: dict[str, Place]
    out: set[str] = field(default_factory=set)  # failed, and done with the play
    notified: dict[str, set[str]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)  # as max_fail_percentage counts them
    broken: bool = False
    ended: bool = False


@dataclass
class Model:
    """Goes through plays. ``runs``: task and host, in order; ``recap``: host -> figures; ``code``: the exit code."""

    runs: list[tuple[str, str]] = field(default_factory=list)
    recap: Mapping[str, Counter[str]] = field(default_factory=lambda: {host: Counter() for host in HOSTS})
    unreachable: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    code: int = 0

    def play(self, play: APlay) -> None:
        size = play.serial or len(HOSTS)
        for start in range(0, len(HOSTS), size):
            hosts = HOSTS[start : start + size]
            before = len(self.failed) + len(self.unreachable)
            batch = self._batch(play, hosts)
            if batch.ended or len(self.failed) + len(self.unreachable) - before == len(hosts):
                break

    def _batch(self, play: APlay, hosts: tuple[str, ...]) -> Batch:
        root = Frame((play.nodes, (), ()))
        batch = Batch(hosts, dict.fromkeys(hosts, (root,)))
        batch.out = set(self.failed)
        batch.failed = set()
        if self._section(play, batch):
            self._flush(play, batch)
        self.failed = batch.failed | batch.out
        self.code = 2 if batch.broken else 4 if self.unreachable else 2 if batch.out else 0
        return batch

    def _there(self, batch: Batch) -> list[str]:
        return [host for host in batch.hosts if host not in self.unreachable]

    def _section(self, play: APlay, batch: Batch) -> bool:
        """Whether the batch goes on with its handlers."""
        reached: tuple[int, ...] = ()
        while True:
            ahead = self._ahead(batch)
            if not ahead:
                return True
            later = [at for at in map(position, ahead.values()) if at > reached]
            reached = min(later) if later else min(map(position, ahead.values()))
            group = [host for host in batch.hosts if host in ahead and position(ahead[host]) == reached]
            for host in group:
                batch.places[host] = ahead[host]
            left = self._there(batch)
            frame = ahead[group[0]][-1]
            leaf = frame.parts[frame.part][frame.index]
            if isinstance(leaf, AMeta):
                self._meta(batch, leaf, group)
            else:
                assert isinstance(leaf, ATask)
                self._round(play, batch, leaf, group)
            if batch.broken and len(batch.failed) >= len(left):
                return False

    def _ahead(self, batch: Batch) -> dict[str, Place]:
        ahead = {}
        for host in self._there(batch):
            if host not in batch.out and batch.places[host]:
                place, failed = onwards(batch.places[host])
                if place:
                    ahead[host] = place
                elif failed:
                    batch.out.add(host)
        return ahead

    def _meta(self, batch: Batch, meta: AMeta, group: list[str]) -> None:
        ending = [host for host in group if meta.holds(host)] if meta.action == "end_host" else self._there(batch)
        batch.ended = batch.ended or meta.action == "end_play"
        for host in ending:
            place, batch.places[host] = batch.places[host], ()
            if len(place) > 1 and place[1].failed and place[-1].part != RESCUE:
                batch.out.add(host)

    def _round(self, play: APlay, batch: Batch, task: ATask, group: list[str]) -> None:
        """One task on the hosts that have come to it."""
        fatal = (play.fatal if task.fatal is None else task.fatal) or task.once
        failed, lost = [], []
        left = self._there(batch)  # those that are lost now are among them, as in Ansible
        for host in group[:1] if task.once else group:
            outcome = task.outcome(host)
            if outcome == "failed":
                failed.append(host)
            elif outcome == "unreachable":
                lost.append(host)
            self._end(batch, task, host, outcome)
        if fatal and not task.ignore and (failed or lost):
            self._fail(batch, [host for host in left if host not in failed])
        limit = play.max_fail
        if limit is not None and len(batch.failed) / len(batch.hosts) > limit / 100:
            self._fail(batch, [host for host in left if host not in failed])
            batch.broken = True

    def _fail(self, batch: Batch, hosts: Iterable[str]) -> None:
        for host in hosts:
            batch.failed.add(host)
            if batch.places[host]:
                batch.places[host] = failing(batch.places[host])

    def _end(self, batch: Batch, task: ATask, host: str, outcome: str) -> None:
        place = batch.places[host]
        if outcome not in ("skipped", "included"):
            self.runs.append((task.name, host))
        rescued = any(frame.part == BODY and frame.parts[RESCUE] for frame in place)
        self._count(host, outcome, ignored=task.ignore, rescued=rescued)
        if outcome == "changed" and task.notify:
            batch.notified.setdefault(task.notify, set()).add(host)
        if outcome == "unreachable":
            self.unreachable.add(host)
        elif outcome == "failed" and not task.ignore:
            for other in self._there(batch) if task.once else [host]:
                if batch.places[other]:
                    batch.places[other] = failing(batch.places[other])
            through, out = onwards(batch.places[host])
            if not through and out:
                batch.failed.add(host)

    def _count(self, host: str, outcome: str, *, ignored: bool, rescued: bool) -> None:
        figures = self.recap[host]
        if outcome == "failed":
            keys = ("ok", "ignored") if ignored else ("rescued",) if rescued else ("failed",)
        elif outcome == "changed":
            keys = ("ok", "changed")
        else:
            keys = ("ok",) if outcome == "included" else (outcome,)
        for key in keys:
            figures[key] += 1

    # -- handlers ------------------------------------------------------------------------------------------------

    def _flush(self, play: APlay, batch: Batch) -> None:
        """At the end of the play, for hosts that have come through it."""
        for host in self._there(batch):
            through = host not in batch.out and not batch.ended
            batch.places[host] = (Frame(((), (), ())),) if through and host in self._through(batch) else ()
        for handler in play.handlers:
            waiting = batch.notified.get(handler.name, set())
            group = [host for host in self._there(batch) if host in waiting and batch.places[host]]
            if group:
                self._round(play, batch, handler, group)
                self._ahead_of_handlers(batch)
            if batch.broken and len(batch.failed) >= len(self._there(batch)):
                return

    def _through(self, batch: Batch) -> Iterator[str]:
        for host in self._there(batch):
            if batch.places[host]:
                yield host

    def _ahead_of_handlers(self, batch: Batch) -> None:
        for host in self._there(batch):
            place = batch.places[host]
            if place and place[-1].failed:
                batch.places[host] = ()
                batch.out.add(host)
