"""What the controller asks a lane process for. It goes over a private socket: secrets may be in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from weft.model.values import Origin

#: Kinds of frames that a worker sends; each is a JSON object with one of them under ``kind``.
RESULT, DISPLAY, POLL, ENDED, ASK = "result", "display", "poll", "ended", "ask"


class RoleAt(Struct, frozen=True, kw_only=True):
    """The role that a task belongs to."""

    name: str
    path: str
    collection: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRequest:
    """One task on one host, templates of its arguments evaluated. ``variables`` are as written."""

    host: str
    action: str  # as written
    fqcn: str
    args: Mapping[str, Any] = field(repr=False)
    variables: Mapping[str, Any] = field(repr=False)
    keywords: Mapping[str, Any] = field(repr=False)  # of the task, final, under ansible-core's names
    options: Mapping[str, Any]  # of the command line, under ansible-core's names
    delegate: str | None = None
    delegate_variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    title: str = ""
    origin: Origin
    role: RoleAt | None = None
    search_path: tuple[str, ...] = ()
    basedir: str
    playbook_dirs: tuple[str, ...] = ()  # folders beside which collections/ counts
    plugin_roots: tuple[str, ...] = ()  # folders whose action_plugins/, library/ ... count
    library: tuple[str, ...] = ()
    connection_password: str | None = field(default=None, repr=False)
    become_password: str | None = field(default=None, repr=False)
    session: bool = False  # the controller has a session with the host: commands, files and modules go through it
    session_user: str | None = None  # whose session it is, where that is another user than who connects
    loop: str | None = None  # requests with the same mark are items of one loop: they share a worker and its connection
    reset: bool = False  # only drop the connection
