"""What the rest of weft knows of connections: a target, and a session with it.

Comes after ``vars`` (targets are made from a host's variables) and before ``jobs``, ``actions`` and ``executor``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

from msgspec import Struct

from weft.model.errors import WeftError
from weft.model.record import Discreet


class Become(Discreet, frozen=True, kw_only=True):
    """How to become another user on the host."""

    unshown: ClassVar[frozenset[str]] = frozenset({"password"})

    method: str = "sudo"
    user: str = "root"
    password: str | None = None
    exe: str | None = None
    flags: str | None = None
    chdir: str | None = None  # sudo: where to go before (ansible_sudo_chdir)
    prompts: tuple[str, ...] = ()  # su: the words of its password prompt, without the colon; none: the known ones


class Target(Discreet, frozen=True, kw_only=True):
    """Where a task runs and as whom. Equal targets share one session."""

    unshown: ClassVar[frozenset[str]] = frozenset({"password", "private_key", "private_key_passphrase", "extra"})

    host: str  # inventory name, for messages
    connection: str = "ssh"  # ssh | local | docker | podman | kubectl | a name that takes the compatibility lane
    address: str = ""
    port: int | None = None
    user: str | None = None
    password: str | None = None
    private_key_file: str | None = None
    private_key: str | None = None  # the key itself, PEM or OpenSSH format
    private_key_passphrase: str | None = None
    timeout: float = 10.0  # seconds to connect
    become_timeout: float = 12.0  # seconds to become the user
    retries: int = 0
    host_key_checking: bool = True
    ssh_executable: str = "ssh"
    ssh_args: str | None = None
    ssh_common_args: str = ""
    ssh_extra_args: str = ""
    interpreter: str = "auto"  # a path, or auto | auto_silent | auto_legacy...
    interpreter_fallback: tuple[str, ...] = ()
    shell_executable: str = "/bin/sh"
    become: Become | None = None
    remote_tmp: str = "~/.ansible/tmp"
    async_dir: str = "~/.ansible_async"
    cwd: str | None = None  # local: where the agent starts
    extra: tuple[tuple[str, str], ...] = ()  # what other transports need (container, namespace, pod, ...)


class AgentInfo(Discreet, frozen=True, kw_only=True):
    """What the agent said of itself."""

    unshown: ClassVar[frozenset[str]] = frozenset({"blobs"})

    python: str
    version: tuple[int, int, int]
    pid: int
    uid: int
    user: str
    home: str
    boot_id: str
    hostname: str
    discovered: bool = False  # the interpreter was found, not told
    blobs: frozenset[str] = frozenset()


class Reply(Struct, frozen=True):
    """The end of a request."""

    result: Mapping[str, Any]
    payload: bytes = b""
    took: float = 0.0  # seconds from its begin on the host, where it had to wait for another one's end; else 0


class RequestFailed(WeftError):
    """The agent could not carry out a request (not: a module that failed). ``kind`` is as in the protocol page."""

    def __init__(self, kind: str, message: str, detail: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.detail = detail or {}


class Posted(Protocol):
    """A request on its way, while others are sent. It is waited for, called off or forgotten by who posted it."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def outcome(self) -> Reply | WeftError | None:
        """How it ended (RequestFailed, Unreachable); None: it has not, or nobody wants to know any more."""

    async def over(self) -> None:
        """Wait for its end. Cancelling that leaves the request alone."""

    async def call_off(self) -> None:
        """End it, as ``Session.request`` does when it is cancelled."""

    def forget(self) -> None:
        """It ends by itself, and nobody wants to know how."""


#: Kind of ``RequestFailed``: what had to end well before it did not, or it was called off in time.
NOT_RUN: Final = "not-run"


class Session(Protocol):
    """One live connection to a host as one user, with the agent at its other end."""

    @property
    def target(self) -> Target: ...

    @property
    def info(self) -> AgentInfo | None:
        """None where the host has no Python: only ``raw`` and file transfer work there."""

    async def request(
        self,
        op: str,
        arguments: Mapping[str, Any] | None = None,
        payload: bytes = b"",
        *,
        on_stream: Callable[[Mapping[str, Any], bytes], None] | None = None,
    ) -> Reply:
        """Send one request and wait for its end.

        A lost link is mended underneath. Cancelling the awaiting task sends ``cancel`` for the request, and waits until
        the processes that run for it have ended (TERM, KILL after 2 s).
        Raises RequestFailed, or Unreachable when the link can't be mended.
        """

    def post(self, op: str, arguments: Mapping[str, Any], *, after: Posted | None = None) -> Posted | None:
        """Send a request without waiting for its end; None: that can't be done here, or not now.

        ``after``: the agent begins it once that one, of the same session, has ended well.
        """

    async def revoke(self, posted: Sequence[Posted]) -> None:
        """What of these has not begun is refused; returns when it is known of each whether it was.

        Raises RequestFailed, Unreachable.
        """

    def on_push(self, name: str, callback: Callable[[Mapping[str, Any], bytes], None]) -> Callable[[], None]:
        """Call back for each push of that name; returns what ends it."""

    async def close(self) -> None: ...


class Sessions(Protocol):
    """All sessions of a run, each opened at first need and shared by equal targets."""

    async def open(self, target: Target) -> Session:
        """Raises Unreachable; a failure is not remembered: the next call tries again."""

    async def reset(self, target: Target, *, user: str | None = None) -> None:
        """Drop what is open to that target's host; the next ``open`` connects anew.

        With ``user`` only sessions that became that user, and of them only those with nothing under way.
        """

    async def close(self) -> None: ...
