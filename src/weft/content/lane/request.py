"""What the controller asks a lane process for. It goes over a private socket: secrets may be in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct, field

from weft.model.record import Discreet
from weft.model.values import Origin

#: Kinds of frames that a worker sends; each is a JSON object with one of them under ``kind``.
RESULT, DISPLAY, POLL, ENDED, ASK = "result", "display", "poll", "ended", "ask"


class RoleAt(Struct, frozen=True, kw_only=True):
    """The role that a task belongs to."""

    name: str
    path: str
    collection: str | None = None


class LaneRequest(Discreet, frozen=True, kw_only=True):
    """One task on one host, templates of its arguments evaluated. ``variables`` are as written."""

    unshown: ClassVar[frozenset[str]] = frozenset({
        "args", "variables", "keywords", "delegate_variables", "connection_password", "become_password",
    })  # fmt: skip

    host: str
    action: str  # as written
    fqcn: str
    args: Mapping[str, Any]
    variables: Mapping[str, Any]
    keywords: Mapping[str, Any]  # of the task, final, under ansible-core's names
    options: Mapping[str, Any]  # of the command line, under ansible-core's names
    delegate: str | None = None
    delegate_variables: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    origin: Origin
    role: RoleAt | None = None
    search_path: tuple[str, ...] = ()
    basedir: str
    playbook_dirs: tuple[str, ...] = ()  # folders beside which collections/ counts
    plugin_roots: tuple[str, ...] = ()  # folders whose action_plugins/, library/ ... count
    library: tuple[str, ...] = ()
    connection_password: str | None = None
    become_password: str | None = None
    session: bool = False  # the controller has a session with the host: commands, files and modules go through it
    session_user: str | None = None  # whose session it is, where that is another user than who connects
    loop: str | None = None  # requests with the same mark are items of one loop: they share a worker and its connection
    reset: bool = False  # only drop the connection
