"""The byte pipes that sessions run over: a ``Transport`` starts programs on one host, each at the end of a ``Channel``.

Comes before every transport (ssh, local, docker, ...) and before ``bootstrap`` and ``session``, which only know these.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Ended(Struct, frozen=True):
    """How a channel ended: the program's exit status, or why the link went before there was one."""

    rc: int | None = None
    signal: str | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return self.reason
        if self.signal:
            return f"it was killed by signal {self.signal}"
        return f"it ended with status {self.rc}" if self.rc is not None else "the connection was lost"


class Receiver(Protocol):
    """What takes a channel's output. Called on the event loop, in order; ``on_end`` last and once."""

    def on_data(self, data: bytes) -> None:
        """Bytes of the program's stdout."""

    def on_error(self, data: bytes) -> None:
        """Bytes of its stderr."""

    def on_end(self, ended: Ended) -> None: ...


class Channel(Protocol):
    """One running program on the host: its stdin, stdout and stderr."""

    receiver: Receiver  # may be replaced at any time

    def write(self, data: bytes) -> None:
        """Queue bytes for the program's stdin. Never blocks; dropped once the channel has ended."""

    def write_eof(self) -> None: ...

    def close(self) -> None:
        """Break it off. ``on_end`` follows if it has not come yet."""

    async def wait_closed(self) -> None:
        """Until nothing of it is left (processes reaped, descriptors closed)."""


class Transport(Protocol):
    """A way to run programs on one host."""

    @property
    def alive(self) -> bool:
        """Whether it is worth asking for another channel."""

    async def start(self, command: str, receiver: Receiver, *, pty: bool = False) -> Channel:
        """Have the host's shell run one line. Raises Unreachable."""

    async def close(self) -> None:
        """End it and its channels; nothing of it is left afterwards."""
