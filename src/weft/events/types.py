"""Every event of a run, frozen. Results in them are safe to show: what `no_log` hides was taken out before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.model.outcome import Status
from weft.model.values import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. ``at`` is seconds since the epoch."""

    at: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayInfo:
    """A play as the views show it."""

    id: str
    name: str
    hosts: tuple[str, ...]
    strategy: str
    check_mode: bool
    origin: Origin
    lane: str | None = None  # plays that run side by side: a label that keeps their output apart


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """A task as the views show it. One ``id`` for each time the play comes to it (the unit of a banner)."""

    id: str
    name: str  # rendered, with the role as prefix: `role : name`
    action: str
    origin: Origin
    play: str  # id of its play
    handler: bool = False
    implicit: bool = False
    check_mode: bool = False
    no_log: bool = False
    loop: bool = False
    args: Mapping[str, Any] = field(default_factory=dict)  # unrendered; empty under no_log
    role: str | None = None
    tags: tuple[str, ...] = ()
    strand: str | None = None  # the branch of a host's run it belongs to, if not the main one


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    playbooks: tuple[str, ...]
    check_mode: bool = False
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookStarted(Event):
    path: str
    plays: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayStarted(Event):
    play: PlayInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class NoHostsMatched(Event):
    play: PlayInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class NoHostsLeft(Event):
    """Every host of the play failed, or too many did: NO MORE HOSTS LEFT."""

    play: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted(Event):
    """The play comes to a task (in lockstep: once for all hosts; in `free`: with the first host)."""

    task: TaskInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStarted(Event):
    """A host begins a task."""

    task: TaskInfo
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult(Event):
    """Shared by the end of a task and the end of an item."""

    task: TaskInfo
    host: str
    status: Status
    result: Mapping[str, Any]
    ignored: bool = False
    duration: float = 0.0  # seconds
    delegated_to: str | None = None
    delegate_address: str | None = None  # the delegate's ansible_host, shown where it differs from its name
    diff: tuple[Mapping[str, Any], ...] = ()  # to show when it changed and --diff is on
    warnings: tuple[str, ...] = ()
    deprecations: tuple[Mapping[str, Any], ...] = ()
    error: ErrorInfo | None = None  # why it failed, for the [ERROR] lines above `fatal:`
    verbose_always: bool = False  # the result is shown without -v too (debug, a failed assert)
    verbose_override: bool = False  # the result is not shown below -vv... (setup, stat with facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One link of an error's chain: shown with its own place below the message, joined by ``<<< caused by >>>``."""

    message: str
    origin: Origin | None = None
    help: str | None = None
    parts: tuple[ErrorInfo, ...] = ()  # errors that happened side by side


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """An error with its chain of causes folded into one message (``A: B: C``), and its place.

    ``chain`` has the links, outermost first, where there is more than the message itself to show.
    """

    message: str
    origin: Origin | None = None
    help: str | None = None
    traceback: str | None = None
    chain: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFinished(TaskResult):
    """One item of a loop has ended on a host. ``label`` is its rendered loop_control.label (any type)."""

    label: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFinished(TaskResult):
    """A task has ended on a host. With a loop, ``item_statuses`` has how each item ended."""

    item_statuses: tuple[Status, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying(Event):
    task: TaskInfo
    host: str
    left: int
    result: Mapping[str, Any]
    delegated_to: str | None = None
    delegate_address: str | None = None
    verbose_always: bool = False  # the result is shown without -vvv too (debug, assert)


@dataclass(frozen=True, slots=True, kw_only=True)
class Included(Event):
    """A dynamic include was expanded. ``label`` is the item's label, or None without a loop."""

    path: str
    hosts: tuple[str, ...]
    label: Any = None
    task: TaskInfo | None = None  # the include


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncPoll(Event):
    host: str
    jid: str
    started: int
    finished: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncEnded(Event):
    host: str
    jid: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified(Event):
    host: str
    handler: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockWait(Event):
    """A task waits for a lock (published after 1 s, and when it gets it)."""

    host: str
    task: TaskInfo
    lock: str
    holder: str
    waited: float
    granted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Event):
    message: str
    origin: Origin | None = None
    help: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecated(Event):
    message: str
    version: str | None = None
    date: str | None = None
    collection: str | None = None
    origin: Origin | None = None
    help: str | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """An error of the run itself (not of a task): load errors, bad options."""

    error: ErrorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Event):
    """Text for the user, shown from ``verbosity`` on (0: always)."""

    text: str
    verbosity: int = 0
    host: str | None = None
    stderr: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecap:
    """The recap's figures of one host."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsLeft:
    """Jobs of this run that still run on a host, as one user."""

    host: str
    jids: tuple[str, ...]
    become_user: str | None = None  # None: as the user who connects


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookFinished(Event):
    """One of several playbooks is done: the figures so far, of the whole run. The last one's are in ``RunFinished``."""

    path: str
    recap: Mapping[str, HostRecap]
    custom_stats: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    recap: Mapping[str, HostRecap]
    custom_stats: Mapping[str, Any] = field(default_factory=dict)
    jobs_left: tuple[JobsLeft, ...] = ()
    exit_code: int = 0
    wall: float = 0.0  # seconds
    task_seconds: float = 0.0  # sum over hosts and tasks
