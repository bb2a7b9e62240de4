"""Every event of a run, frozen. Results in them are safe to show: what `no_log` hides was taken out before.

They are structs of msgspec: these are made in a fraction of the time that dataclasses take, and so are the types
themselves, when this is imported at the start of every command. ``msgspec.structs`` has ``replace`` and ``fields``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from weft.model.outcome import Status
from weft.model.values import Origin


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened. ``at`` is seconds since the epoch."""

    at: float = field(default_factory=time.time)


class PlayInfo(Struct, frozen=True, kw_only=True):
    """A play as the views show it."""

    id: str
    name: str
    hosts: tuple[str, ...]
    strategy: str
    check_mode: bool
    origin: Origin
    lane: str | None = None  # plays that run side by side: a label that keeps their output apart
    patterns: tuple[str, ...] = ()  # what says which hosts it is for


class TaskInfo(Struct, frozen=True, kw_only=True):
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
    fqcn: str = ""  # of the action, as resolved; empty as long as only a template names it
    keywords: Mapping[str, Any] = field(default_factory=dict)  # that say where and as whom it runs, unrendered, if set
    strand: str | None = None  # the branch of a host's run it belongs to, if not the main one
    lane: str | None = None  # that of its play


class RunStarted(Event, frozen=True, kw_only=True):
    playbooks: tuple[str, ...]
    check_mode: bool = False
    run_id: str = ""


class PlaybookStarted(Event, frozen=True, kw_only=True):
    path: str
    plays: int = 0
    given: str = ""  # the path as it was asked for
    collection: str | None = None  # the one it belongs to


class PlayStarted(Event, frozen=True, kw_only=True):
    play: PlayInfo


class VarsAsked(Event, frozen=True, kw_only=True):
    """The user is asked for a variable of `vars_prompt` (or would be, were somebody there)."""

    name: str
    prompt: str
    private: bool = True
    confirm: bool = False
    default: Any = None
    encrypt: str | None = None
    salt: str | None = None
    salt_size: int | None = None
    unsafe: bool = False


class NoHostsMatched(Event, frozen=True, kw_only=True):
    play: PlayInfo


class StepAnswered(Event, frozen=True, kw_only=True):
    """``--step``: the question whether a task is to run has been answered."""

    question: str


class NoHostsLeft(Event, frozen=True, kw_only=True):
    """Every host of the play failed, or too many did: NO MORE HOSTS LEFT."""

    play: str


class TaskStarted(Event, frozen=True, kw_only=True):
    """The play comes to a task (in lockstep: once for all hosts; in `free`: with the first host)."""

    task: TaskInfo


class HostStarted(Event, frozen=True, kw_only=True):
    """A host begins a task."""

    task: TaskInfo
    host: str


class TaskResult(Event, frozen=True, kw_only=True):
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


class Cause(Struct, frozen=True, kw_only=True):
    """One link of an error's chain: shown with its own place below the message, joined by ``<<< caused by >>>``."""

    message: str
    origin: Origin | None = None
    help: str | None = None
    parts: tuple[ErrorInfo, ...] = ()  # errors that happened side by side
    apart: bool = False  # shown below the link before it, even where it adds but its message


class ErrorInfo(Struct, frozen=True, kw_only=True):
    """An error with its chain of causes folded into one message (``A: B: C``), and its place.

    ``chain`` has the links, outermost first, where there is more than the message itself to show.
    """

    message: str
    origin: Origin | None = None
    help: str | None = None
    traceback: str | None = None
    chain: tuple[Cause, ...] = ()


class ItemFinished(TaskResult, frozen=True, kw_only=True):
    """One item of a loop has ended on a host. ``label`` is its rendered loop_control.label (any type)."""

    label: Any


class TaskFinished(TaskResult, frozen=True, kw_only=True):
    """A task has ended on a host. With a loop, ``item_statuses`` has how each item ended."""

    item_statuses: tuple[Status, ...] = ()


class TaskCancelled(Event, frozen=True, kw_only=True):
    """A task was stopped before its end: its strand was cancelled, or came to its limit. It has no result."""

    task: TaskInfo
    host: str


class Retrying(Event, frozen=True, kw_only=True):
    task: TaskInfo
    host: str
    left: int
    result: Mapping[str, Any]
    delegated_to: str | None = None
    delegate_address: str | None = None
    verbose_always: bool = False  # the result is shown without -vvv too (debug, assert)


class Included(Event, frozen=True, kw_only=True):
    """A dynamic include was expanded. ``label`` is the item's label, or None without a loop."""

    path: str
    hosts: tuple[str, ...]
    label: Any = None
    task: TaskInfo | None = None  # the include


class AsyncPoll(Event, frozen=True, kw_only=True):
    host: str
    jid: str
    started: int
    finished: int
    task: TaskInfo | None = None


class AsyncEnded(Event, frozen=True, kw_only=True):
    host: str
    jid: str
    ok: bool
    task: TaskInfo | None = None


class Notified(Event, frozen=True, kw_only=True):
    host: str
    handler: str


class LockWait(Event, frozen=True, kw_only=True):
    """A task waits for a lock (published after 1 s, and when it gets it)."""

    host: str
    task: TaskInfo
    lock: str
    holder: str
    waited: float
    granted: bool = False


class Warned(Event, frozen=True, kw_only=True):
    message: str
    origin: Origin | None = None
    help: str | None = None


class Deprecated(Event, frozen=True, kw_only=True):
    message: str
    version: str | None = None
    date: str | None = None
    collection: str | None = None
    origin: Origin | None = None
    help: str | None = None
    removed: bool = False


class Failed(Event, frozen=True, kw_only=True):
    """An error of the run itself (not of a task): load errors, bad options."""

    error: ErrorInfo


class Message(Event, frozen=True, kw_only=True):
    """Text for the user, shown from ``verbosity`` on (0: always)."""

    text: str
    verbosity: int = 0
    host: str | None = None
    stderr: bool = False


class HostRecap(Struct, frozen=True, kw_only=True):
    """The recap's figures of one host."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


class JobsLeft(Struct, frozen=True, kw_only=True):
    """Jobs of this run that still run on a host, as one user."""

    host: str
    jids: tuple[str, ...]
    become_user: str | None = None  # None: as the user who connects


class PlaybookFinished(Event, frozen=True, kw_only=True):
    """One of several playbooks is done: the figures so far, of the whole run. The last one's are in ``RunFinished``."""

    path: str
    recap: Mapping[str, HostRecap]
    custom_stats: Mapping[str, Any] = field(default_factory=dict)


class RunFinished(Event, frozen=True, kw_only=True):
    recap: Mapping[str, HostRecap]
    custom_stats: Mapping[str, Any] = field(default_factory=dict)
    jobs_left: tuple[JobsLeft, ...] = ()
    exit_code: int = 0
    wall: float = 0.0  # seconds
    task_seconds: float = 0.0  # sum over hosts and tasks
