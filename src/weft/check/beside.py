"""What runs beside what: one host's way through a play, as text, and where two strands of it write the same.

Strands are the children of a parallel block, the items of a parallel loop, and what was started with `async` and
`poll: 0` until a task waits for it. Hosts run beside each other too: they meet where they write on one delegate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct, field

from weft.actions import action_for
from weft.check.findings import Finding, Place, Rule, Severity
from weft.check.includes import Includes
from weft.check.texts import Reader, loop_names, words
from weft.check.waits import Handles, said_by, waits, waits_for_all
from weft.check.writes import Write, held, lock_names, meeting_items, writes_of
from weft.model.convert import to_int, to_number
from weft.model.errors import LoadError
from weft.model.nodes import Node, Parallel, Play, Task, TaskKind
from weft.model.values import Value
from weft.playbook.checks import is_template
from weft.playbook.parallel import order_of_children
from weft.watch.uses import PACKAGES

_INCLUDES = (TaskKind.INCLUDE_TASKS, TaskKind.INCLUDE_ROLE)
_LOCK_BOTH = "A `lock` that both hold keeps them apart."
_LOCK_ONE = "A `lock` on the task keeps the hosts apart."
_NO_PARALLEL = "A loop without `parallel` keeps its items apart."
_AWAIT = "`await` the job first."


class _Way(Struct):
    """Where one strand has got to: what was started beside it and not waited for yet."""

    jobs: list[tuple[str | None, list[Write]]] = field(default_factory=list)  # handle, what it writes

    def split(self) -> _Way:
        return _Way(list(self.jobs))

    def join(self, ways: Iterable[_Way]) -> None:
        """What one of them has waited for is waited for; what they have left open is open."""
        before, found = self.jobs, list(self.jobs)
        for way in ways:
            found = [job for job in found if job in way.jobs or job not in before]
            found += [job for job in way.jobs if job not in before]
        self.jobs = found


class Beside:
    """Goes through one play."""

    def __init__(
        self,
        play: Play,
        *,
        reader: Reader,
        includes: Includes,
        handles: Handles,
        severity: Severity,
        tell: Callable[[Finding], None],
        hosts: Callable[[], frozenset[str] | None],
    ) -> None:
        """``hosts``: which hosts the play is for; None where that isn't known."""
        self._play = play
        self._reader = reader
        self._includes = includes
        self._handles = handles
        self._severity = severity
        self._tell = tell
        self._hosts = hosts

    def go(self) -> list[Write]:
        """The whole play: everything that it writes."""
        play, way = self._play, _Way()
        self._handles.define(play.vars)
        writes: list[Write] = []
        for section in (play.pre_tasks, (*play.role_tasks, *play.tasks), play.post_tasks, play.handlers):
            writes += self._row(section, way)
        one_at_a_time = str(play.serial) == "1" or str(play.serial) == "[1]"
        writes = held(writes, lock_names(self._reader.value(play.lock, play)), one_at_a_time)
        self._between_hosts(writes)
        return writes

    def meet(self, first: Sequence[Write], second: Sequence[Write]) -> None:
        """What this play and another one write, where both run side by side on the same hosts."""
        self._meet(first, second)

    # -- nodes ---------------------------------------------------------------------------------------------------

    def _row(self, nodes: Sequence[Node], way: _Way) -> list[Write]:
        """Nodes one after the other: everything that they write."""
        return [write for node in nodes for write in self._node(node, way)]

    def _node(self, node: Node, way: _Way) -> list[Write]:
        if isinstance(node, Task):
            return self._task(node, way)
        inside = way.split() if _in_background(node) else way
        writes = self._group(node.body, node.parallel, inside)
        writes += self._row(node.rescue, inside)
        writes += self._row(node.always, inside)
        alone = str(node.serial) == "1" or str(node.throttle) == "1"
        writes = held(writes, lock_names(self._reader.value(node.lock, self._play)), alone)
        if _in_background(node):
            way.jobs.append((str(node.register) if node.register else None, writes))
        return writes

    def _group(self, nodes: Sequence[Node], parallel: Parallel | None, way: _Way) -> list[Write]:
        if parallel is None or parallel.limit == 1:
            return self._row(nodes, way)
        ways = [way.split() for _ in nodes]
        children = [self._node(node, own) for node, own in zip(nodes, ways, strict=True)]
        for first, second in _side_by_side(nodes):
            self._meet(children[first], children[second])
        way.join(ways)
        return [write for child in children for write in child]

    def _task(self, task: Task, way: _Way) -> list[Write]:
        self._handles.see(task)
        if waits(task):
            self._wait(task, way)
        if task.kind in _INCLUDES:
            return self._include(task, way)
        writes = writes_of(task, self._play, self._reader)
        background = _in_background(task)
        if _is_parallel(task) or (background and task.loop is not None):
            self._items(writes)
        self._meet_jobs(writes, way)
        if background:
            way.jobs.append((str(task.register) if task.register else None, writes))
            if action_for(task.fqcn).jobs:  # others are strands: the play waits for them at its end
                self._handles.start(task)
        return writes

    def _include(self, task: Task, way: _Way) -> list[Write]:
        nodes = self._includes.nodes(task, self._play)
        if nodes is None:
            way.jobs.clear()  # what is in there may wait for them
            return []
        try:
            inside = way.split() if _in_background(task) else way
            # a role's children stand in a parallel block among its tasks
            parallel = task.parallel if task.kind is TaskKind.INCLUDE_TASKS else None
            writes = self._group(nodes, parallel, inside)
            if _is_parallel(task):
                self._same_include(task, writes)
            locks = lock_names(self._reader.value(task.lock, self._play, task))
            alone = str(task.serial) == "1" or str(task.throttle) == "1"
            writes = held(writes, locks, alone)
            if _in_background(task):
                way.jobs.append((str(task.register) if task.register else None, writes))
            return writes
        finally:
            self._includes.done()

    def _wait(self, task: Task, way: _Way) -> None:
        if waits_for_all(task):
            way.jobs.clear()
            return
        said = self._handles.meant_by(said_by(task))
        way.jobs = [job for job in way.jobs if job[0] is not None and job[0] not in said]

    # -- what is found -------------------------------------------------------------------------------------------

    def _meet(self, first: Sequence[Write], second: Sequence[Write]) -> None:
        for one in first:
            for other in second:
                if one.meets(other):
                    message = f"{_names(one, other)} {_what(other)} at the same time."
                    self._report(message, other, one, _LOCK_BOTH)
                    break

    def _meet_jobs(self, writes: Sequence[Write], way: _Way) -> None:
        for _, job in way.jobs:
            for one in job:
                for other in writes:
                    if one.meets(other):
                        message = f"'{_name(other)}' {_third(_what(other))} while the job of '{_name(one)}' may do so."
                        self._report(message, other, one, _AWAIT)
                        break

    def _items(self, writes: Sequence[Write]) -> None:
        found = meeting_items(writes)
        if found is not None:
            message = f"Items of '{_name(found[1])}' {_what(found[1])} at the same time."
            self._report(message, found[1], None, _NO_PARALLEL)

    def _same_include(self, task: Task, writes: Sequence[Write]) -> None:
        """Items of an include side by side: a task in it that has no use for the item meets itself."""
        for write in writes:
            free = words([write.use.key, write.machine]).isdisjoint(loop_names(task))
            if free and not write.locks and write.use.meets(write.use) and write.sure:
                message = f"'{_name(write)}' {_third(_what(write))} for several items of its include at the same time."
                self._report(message, write, None, _NO_PARALLEL)

    def _between_hosts(self, writes: Sequence[Write]) -> None:
        """Every host of the play, on one delegate."""
        for write in writes:
            if not write.machine or not write.sure or write.locks or write.alone or not write.use.meets(write.use):
                continue
            hosts = self._hosts()
            if hosts is not None and len(hosts) == 1:
                return
            message = f"'{_name(write)}' {_third(_what(write))} for several hosts at the same time."
            self._report(message, write, None, _LOCK_ONE)

    def _report(self, message: str, write: Write, other: Write | None, hint: str) -> None:
        related: tuple[Place, ...] = ()
        if other is not None and other.task is not write.task:
            related = (Place(origin=other.task.origin, message=f"'{_name(other)}' is here."),)
        self._tell(
            Finding(
                severity=self._severity,
                rule=Rule.CONFLICT,
                message=message,
                origin=write.task.origin,
                hint=hint,
                related=related,
            )
        )


def _side_by_side(nodes: Sequence[Node]) -> Iterator[tuple[int, int]]:
    """The children of a parallel block, by number, of which neither needs the other."""
    try:
        before = order_of_children(nodes)
    except LoadError:  # a sibling that could not be read: that is told already
        return
    for second in range(len(nodes)):
        for first in range(second):
            if first not in before[second] and second not in before[first]:
                yield first, second


def _in_background(node: Node) -> bool:
    """`async` with `poll: 0`."""
    return _number(node.async_seconds, to_int) > 0 and node.poll is not None and _number(node.poll, to_number, 1) <= 0


def _is_parallel(task: Task) -> bool:
    value = task.loop_control.parallel
    return task.loop is not None and value is not None and _number(value, to_int, 2) > 1


def _number(value: Value, convert: Callable[[Value], float], unknown: float = 0) -> float:
    """A literal number; what a template may be counts as ``unknown``."""
    if value is None or is_template(value):
        return unknown
    try:
        return convert(value)
    except ValueError:
        return unknown


def _name(write: Write) -> str:
    task = write.task
    return str(task.name) if task.name else task.action


def _names(one: Write, other: Write) -> str:
    return f"'{_name(one)}' and '{_name(other)}'"


def _what(write: Write) -> str:
    does = f"use {write.use}" if write.use.kind is PACKAGES else f"write {write.use}"
    return f"{does} on {write.machine}" if write.machine else does


def _third(does: str) -> str:
    verb, _, rest = does.partition(" ")
    return f"{verb}s {rest}"
