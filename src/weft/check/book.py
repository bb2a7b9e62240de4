"""Checks one loaded playbook: goes through its plays, and brings together what was found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec import Struct, field

from weft.check.beside import Beside
from weft.check.findings import Finding, Rule, Severity, of_error
from weft.check.includes import IncludeLoader, Includes
from weft.check.texts import Reader
from weft.check.waits import Handles
from weft.check.writes import Write
from weft.events.types import Deprecated, Event, Warned
from weft.model.errors import LoadError
from weft.model.nodes import Play, Playbook

#: The hosts that a play is for; None where the inventory doesn't tell.
HostsOf = Callable[[Play], frozenset[str] | None]


class Notices(Struct):
    """A sink: what loading warns of, and what it had to leave out, as findings."""

    findings: list[Finding] = field(default_factory=list)
    muted: bool = False

    def take(self, error: LoadError) -> None:
        """An error after which loading went on."""
        self.findings.append(of_error(error))

    def handle(self, event: Event) -> None:
        if self.muted or not isinstance(event, Warned | Deprecated):
            return
        finding = Finding(
            severity=Severity.WARNING if isinstance(event, Warned) else Severity.HINT,
            rule=Rule.NOTICE,
            message=event.message,
            origin=event.origin,
            hint=event.help,
        )
        self.findings.append(finding)

    async def close(self) -> None:
        pass


class BookCheck:
    """What the checks of a run's playbooks share: a job of one may be awaited in the next."""

    def __init__(self, loader: IncludeLoader, reader: Reader, hosts_of: HostsOf, *, strict: bool) -> None:
        """``strict``: conflicts are errors."""
        self._loader = loader
        self._reader = reader
        self._hosts_of = hosts_of
        self._severity = Severity.ERROR if strict else Severity.WARNING
        self.handles = Handles()
        self.all_known = True  # every include could be looked into

    def check(self, book: Playbook) -> list[Finding]:
        """Conflicts, and what is wrong in dynamic includes. Call it in an event loop (see ``Reader``)."""
        findings: list[Finding] = []
        lanes: list[tuple[Play, list[Write]]] = []  # plays of lists of parallel plays
        for play in book.plays:
            includes = Includes(self._loader, self._reader, findings.append)
            beside = Beside(
                play,
                reader=self._reader,
                includes=includes,
                handles=self.handles,
                severity=self._severity,
                tell=findings.append,
                hosts=partial(self._hosts_of, play),
            )
            writes = beside.go()
            if play.parallel_with is not None:
                for other, written in lanes:
                    if _side_by_side(play, other) and self._meet_on_hosts(play, other):
                        beside.meet(written, writes)
                lanes.append((play, writes))
            self.all_known = self.all_known and includes.all_known
        return findings

    def _meet_on_hosts(self, play: Play, other: Play) -> bool:
        mine, theirs = self._hosts_of(play), self._hosts_of(other)
        if mine is None or theirs is None:
            return bool(play.hosts == other.hosts)
        return not mine.isdisjoint(theirs)

    def forgotten_jobs(self) -> list[Finding]:
        """Jobs that nobody waits for, once every playbook was checked. Nothing where one can't be sure."""
        return self.handles.forgotten() if self.all_known else []


def _side_by_side(play: Play, other: Play) -> bool:
    return play.parallel_with == other.parallel_with and play.parallel_lane != other.parallel_lane
