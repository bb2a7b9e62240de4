"""At run time: what each machine is being written by at this moment, and a warning where two writers meet.

The executor enters what a task writes before each attempt and leaves it afterwards; a job in the background keeps its
entries until its end is known. A *machine* is the inventory name of where a task runs (its delegate, if it has one).
Whoever runs beside others is a strand: what one strand does comes one after the other, so its entries never meet, and
any two entries that do meet are of two strands, or of two hosts.

Without concurrency this costs a look into a table for each attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from weft.events.types import Event, Warned
from weft.model.errors import TaskFailed
from weft.model.values import Origin
from weft.watch.uses import CONTROLLER, PACKAGES, Use

_LOCK_BOTH = "A `lock` that both hold keeps them apart."
_LOCK = "A `lock` on the task keeps the hosts apart."
_NOT_PARALLEL = "A loop without `parallel` keeps its items apart."
_AWAIT = "`await` the job first."


class Writer(Struct, kw_only=True, eq=False):  # not frozen: one is made for each attempt at a task, and that costs
    """Who writes: one attempt of a task. Nobody changes it."""

    task: str  # its name, for messages
    origin: Origin
    host: str  # whose task it is
    strand: str = ""  # the branch of the host's run; "": the main one
    locks: frozenset[str] = frozenset()  # its task's own
    locks_around: frozenset[str] = frozenset()  # the host's, for all that it does meanwhile


class Entry(Struct, eq=False):
    """What one writer is writing on one machine. Given back with ``Conflicts.leave``."""

    writer: Writer
    rows: Sequence[tuple[str, Use]]  # machine and what is used there
    jid: str | None = None  # a job does it in the background
    _left: bool = False


class Conflict(Struct, frozen=True):
    """Two that write the same."""

    first: Entry
    second: Entry
    machine: str
    use: Use

    @property
    def pair(self) -> frozenset[Origin]:
        """What is told once: the two tasks, whatever the hosts and items."""
        return frozenset((self.first.writer.origin, self.second.writer.origin))

    @property
    def message(self) -> str:
        one, two = self.first.writer, self.second.writer
        does = f"use {self.use}" if self.use.kind is PACKAGES else f"write {self.use}"
        where = f"on {self.machine}"
        if self.first.jid is not None:
            return f"'{two.task}' {_third(does)} {where} while a job of '{one.task}' may do so."
        if one.origin != two.origin:
            return f"'{one.task}' and '{two.task}' {does} {where} at the same time."
        if one.host != two.host:
            return f"'{one.task}' {_third(does)} {where} for {one.host} and {two.host} at the same time."
        what = "Strands" if one.strand != two.strand else "Items"
        return f"{what} of '{one.task}' {does} {where} at the same time."

    @property
    def hint(self) -> str:
        one, two = self.first.writer, self.second.writer
        if self.first.jid is not None:
            return _AWAIT
        if one.origin != two.origin or one.strand != two.strand:
            return _LOCK_BOTH
        return _LOCK if one.host != two.host else _NOT_PARALLEL


class Conflicts:
    """Everything that is being written, over the whole run."""

    def __init__(self, publish: Callable[[Event], None], *, strict: bool = False) -> None:
        """``strict``: the second writer fails instead of a warning."""
        self._publish = publish
        self._strict = strict
        self._open: dict[tuple[str, str], list[tuple[Entry, Use]]] = {}
        self._jobs: dict[str, list[Entry]] = {}
        self._told: set[frozenset[Origin]] = set()

    def jobs_in_the_way(self, machine: str, uses: Sequence[Use]) -> tuple[str, ...]:
        """Ids of jobs that would meet these uses, if they still run: their end may not be known yet."""
        if not self._jobs:
            return ()
        found = [
            entry.jid
            for use in uses
            for entry, other in self._open.get((_machine(machine, use), use.key), ())
            if entry.jid is not None and use.meets(other)
        ]
        return tuple(dict.fromkeys(jid for jid in found if jid is not None))

    def enter(self, machine: str, uses: Sequence[Use], writer: Writer) -> Entry:
        """From now on ``writer`` writes this. Raises TaskFailed under ``strict`` where somebody else does."""
        rows = [(CONTROLLER if use.controller else machine, use) for use in uses]
        entry, known = Entry(writer, rows), self._open
        for place, use in rows:
            for other, used in known.get((place, use.key), ()):
                if use.meets(used) and not _kept_apart(other.writer, writer):
                    self._tell(Conflict(other, entry, place, use))
        for place, use in rows:
            key = (place, use.key)
            if key in known:
                known[key].append((entry, use))
            else:
                known[key] = [(entry, use)]
        return entry

    def leave(self, entry: Entry) -> None:
        """It is written. Leaving twice is no error."""
        if entry._left:
            return
        entry._left = True
        for place, use in entry.rows:
            key = (place, use.key)
            others = self._open[key]
            if len(others) == 1:
                del self._open[key]
            else:
                self._open[key] = [row for row in others if row[0] is not entry]

    def go_on_as_job(self, entry: Entry, jid: str) -> None:
        """The attempt is over, its job goes on writing."""
        entry.jid = jid
        self._jobs.setdefault(jid, []).append(entry)

    def job_ended(self, jid: str) -> None:
        """A job's end is known. Unknown ids are no error."""
        for entry in self._jobs.pop(jid, ()):
            self.leave(entry)

    def _tell(self, conflict: Conflict) -> None:
        origin = conflict.second.writer.origin
        if self._strict:
            raise TaskFailed(conflict.message, origin, conflict.hint)
        if conflict.pair not in self._told:
            self._told.add(conflict.pair)
            self._publish(Warned(message=conflict.message, origin=origin, help=conflict.hint))


def _machine(machine: str, use: Use) -> str:
    return CONTROLLER if use.controller else machine


def _kept_apart(first: Writer, second: Writer) -> bool:
    """Whether a lock of both says so.

    What a host holds round both strands keeps other hosts out, not them; likewise a task's lock and the items of its
    loop.
    """
    if first.host != second.host:
        return not (first.locks | first.locks_around).isdisjoint(second.locks | second.locks_around)
    own = first.origin == second.origin and first.strand == second.strand
    return not own and not first.locks.isdisjoint(second.locks)


def _third(does: str) -> str:
    verb, _, rest = does.partition(" ")
    return f"{verb}s {rest}"
