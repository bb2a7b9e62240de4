"""One job as `weft jobs` knows it: what the agent's list, or its status, says, in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

RUNNING, FINISHED, FAILED, LOST = "running", "finished", "failed", "lost"
TIMED_OUT, CANCELLED = "timed out", "cancelled"

#: What a status says of a job beside its module's result.
_NOTES = frozenset({"alive", "ansible_job_id", "finished", "lost", "missing", "orphans", "results_file", "started"})
_HIDDEN = "the result has been hidden due to the fact that 'no_log: true' was specified for this job"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """Times are seconds since the epoch by the host's clock; ``now`` is when the host was asked."""

    host: str
    jid: str
    async_dir: str
    state: str
    what: str = ""  # the task's name, or what it runs
    user: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    now: float = 0.0
    limit: float = 0.0  # seconds; 0: none
    rc: int | None = None
    foreign: bool = False  # ansible-core started it
    no_log: bool = False
    orphans: tuple[int, ...] = ()  # processes that a lost job left behind
    result: Mapping[str, Any] | None = field(default=None, repr=False, hash=False)

    @property
    def running(self) -> bool:
        return self.state == RUNNING

    @property
    def at_work(self) -> bool:
        """Whether processes of it run, so that there is something to cancel."""
        return self.running or bool(self.orphans)

    @property
    def failed(self) -> bool:
        """It ended, and not well."""
        return self.state not in (RUNNING, FINISHED)

    @property
    def age(self) -> float | None:
        """Seconds since it started."""
        return None if self.started_at is None else max(0.0, self.now - self.started_at)

    @property
    def runtime(self) -> float | None:
        """Seconds that it took, or has taken so far."""
        if self.started_at is None:
            return None
        return max(0.0, (self.now if self.ended_at is None else self.ended_at) - self.started_at)

    def older_than(self, seconds: float) -> bool:
        """Whether it ended longer ago than that."""
        return self.ended_at is not None and self.now - self.ended_at >= seconds

    def updated(self, status: Mapping[str, Any], passed: float = 0.0) -> JobRecord:
        """With what ``job.status`` (or ``job.wait``) says of it, ``passed`` seconds after the host was asked."""
        state = state_of(status)
        now = self.now + passed
        ended_at = self.ended_at
        if ended_at is None and state != RUNNING:
            ended_at = now
        return replace(
            self,
            state=state,
            now=now,
            ended_at=ended_at,
            rc=_rc(status),
            orphans=_orphans(status),
            result=result_of(status, no_log=self.no_log),
        )

    def as_json(self) -> dict[str, Any]:
        """Plain data; ``result`` only where it was asked for."""
        plain: dict[str, Any] = {
            "host": self.host,
            "jid": self.jid,
            "async_dir": self.async_dir,
            "state": self.state,
            "what": self.what,
            "user": self.user,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "age": self.age,
            "runtime": self.runtime,
            "limit": self.limit,
            "rc": self.rc,
            "foreign": self.foreign,
            "orphans": list(self.orphans),
        }
        return plain if self.result is None else {**plain, "result": dict(self.result)}


def record_of(host: str, async_dir: str, now: float, entry: Mapping[str, Any]) -> JobRecord:
    """From one entry of ``job.list``."""
    state = state_of(entry)
    return JobRecord(
        host=host,
        jid=str(entry["ansible_job_id"]),
        async_dir=async_dir,
        state=state,
        what=str(entry.get("title") or entry.get("name") or ""),
        user=entry.get("user"),
        started_at=entry.get("started_at"),
        ended_at=None if state == RUNNING else entry.get("changed_at"),
        now=now,
        limit=float(entry.get("limit") or 0),
        rc=_rc(entry),
        foreign=bool(entry.get("foreign")),
        no_log=bool(entry.get("no_log")),
        orphans=_orphans(entry),
    )


def state_of(status: Mapping[str, Any]) -> str:
    """How a job stands, from the keys of its result."""
    if not status.get("finished"):
        return RUNNING
    for key, state in (("lost", LOST), ("missing", LOST), ("timedout", TIMED_OUT), ("cancelled", CANCELLED)):
        if status.get(key):
            return state
    # a result without `failed` goes by its return code, as in Ansible
    failed = status["failed"] if "failed" in status else status.get("rc") not in (None, 0, "0")
    return FAILED if failed else FINISHED


def result_of(status: Mapping[str, Any], *, no_log: bool) -> dict[str, Any]:
    """The module's result in a status; what `no_log` hides is left out."""
    if not status.get("finished"):
        return {}
    if no_log:
        kept = ("changed", "failed", "rc", "timedout", "cancelled")
        return {"censored": _HIDDEN, **{key: status[key] for key in kept if key in status}}
    return {key: value for key, value in status.items() if key not in _NOTES}


def _orphans(status: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(status.get("orphans") or ())


def _rc(status: Mapping[str, Any]) -> int | None:
    code = status.get("rc")
    return code if isinstance(code, int) else None
