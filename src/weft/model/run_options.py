"""What a command line asks of a run, beside what the settings say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from msgspec import Struct, field

from weft.model.record import Discreet
from weft.model.values import Value


class Passwords(Discreet, frozen=True, kw_only=True):
    """What was typed, or read from files, before the run. ``None``: not asked for. Never shown."""

    unshown: ClassVar[frozenset[str]] = frozenset({"connection", "become", "vault"})

    connection: str | None = None
    become: str | None = None
    vault: Mapping[str, str] = field(default_factory=dict)  # vault id -> password that was typed


class AdHoc(Struct, frozen=True, kw_only=True):
    """The one task of `weft run`."""

    pattern: str
    module: str = "command"
    args: str = ""
    background: int = 0  # seconds the task may take in the background; 0: in the foreground
    poll: int | None = None  # seconds between polls; None: as the settings say
    one_line: bool = False
    tree: str | None = None  # folder for one file of results a host
    task_timeout: int | None = None  # seconds
    basedir: str | None = None  # stands for the playbook's folder


class RunOptions(Struct, frozen=True, kw_only=True):
    """Everything `weft play` and `weft run` may ask that is no setting.

    What is a setting too (`-f`, `-i`, `-b`, `--check`, `--tags`...) has been put into ``Settings`` by the command line.
    """

    playbooks: tuple[str, ...] = ()
    adhoc: AdHoc | None = None
    limit: str | None = None
    extra_vars: Mapping[str, Value] = field(default_factory=dict)  # text in it is Trusted
    passwords: Passwords = Passwords()
    vault_ids: tuple[str, ...] = ()  # `label@source` or `source`, the settings' first
    flush_cache: bool = False
    # instead of running
    syntax_check: bool = False
    list_hosts: bool = False
    list_tasks: bool = False
    list_tags: bool = False
    # which tasks
    start_at_task: str | None = None
    step: bool = False
    # views
    profile: bool = False
    json: bool = False
    # weft's own
    parallel: int | None = None  # playbooks side by side: so many at once, 0: all; None: one after the other
    strict_conflicts: bool = False

    @property
    def only_lists(self) -> bool:
        """Nothing is run, and no password is needed."""
        return self.list_hosts or self.list_tasks or self.list_tags or self.syntax_check

    def describe(self) -> Iterator[str]:
        """What was asked for, one line each, for -vvvv. No passwords."""
        if self.playbooks:
            yield f"Positional arguments: {' '.join(self.playbooks)}"
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value and name not in ("playbooks", "passwords"):
                yield f"{name}: {value}"


class JobsRequest(Struct, frozen=True, kw_only=True):
    """What `weft jobs` is to do, and with which jobs."""

    action: str = "list"  # list | show | wait | logs | cancel | cleanup
    pattern: str = "all"  # hosts
    jids: tuple[str, ...] = ()  # empty: every job of those hosts
    finished: bool = False  # list: those that have ended too
    follow: bool = False  # logs: go on until the job ends
    wait_for: str = "all"  # wait: all | any | a number
    timeout: float | None = None  # wait: seconds
    older_than: float | None = None  # cleanup: seconds since the job ended
    json: bool = False
