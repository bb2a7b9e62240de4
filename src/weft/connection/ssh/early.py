"""What of an SSH connection needs no asyncssh: its plan, and the byte stream under it.

asyncssh takes longer to import than all of weft. The first connections of a run are dialled meanwhile, so that the
host's sshd, which starts a process for each and gets its keys ready before it says a word, does that at the same time.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import socket

from msgspec import Struct, field

from weft.connection.api import Target
from weft.connection.ssh.dial import open_stream
from weft.connection.ssh.plan import Files, Plan, command_line, make

_MOST = 64  # streams


class Early(Struct):
    """Makes the plans of a run, and dials for them before anything else can be done."""

    files: Files = field(default_factory=Files)
    local_user: str = field(default_factory=lambda: _local_user())
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _plans: dict[Target, Plan] = field(default_factory=dict)  # made and not asked for yet
    _streams: dict[Plan, asyncio.Task[socket.socket]] = field(default_factory=dict)
    _endpoints: set[str] = field(default_factory=set)

    async def begin(self, target: Target) -> None:
        """Open the stream to a target, where that is nothing but TCP: once for each endpoint, and not for everybody,
        since sshd turns away who comes with too many at once. What goes wrong is said to who asks for it.
        """
        try:
            made = self._plans[target] = await self._make(target)
        except ValueError:
            return
        if made.unsupported or made.jump is not None or made.proxy_command is not None:
            return
        if made.where not in self._endpoints and len(self._endpoints) < _MOST:
            self._endpoints.add(made.where)
            self._streams[made] = asyncio.create_task(open_stream(made), name=f"dial {made.where}")

    async def plan(self, target: Target) -> Plan:
        """How to connect to a target. Raises BadConfig, ValueError."""
        return self._plans.pop(target, None) or await self._make(target)

    async def _make(self, target: Target) -> Plan:
        line = command_line(target)
        async with self._reading:  # one reads the files for all
            if not self.files.has_read(line.file):
                await asyncio.to_thread(self.files.sections, line.file)
        if self.files.at_hand(line.file):
            return make(target, self.files, self.local_user, line)
        return await asyncio.to_thread(make, target, self.files, self.local_user, line)

    def take(self, made: Plan) -> asyncio.Task[socket.socket] | None:
        """The stream that was begun for a plan, whatever has come of it; the caller owns it."""
        return self._streams.pop(made, None)

    async def close(self) -> None:
        """What nobody has taken."""
        streams, self._streams = list(self._streams.values()), {}
        for stream in streams:
            stream.cancel()
        if streams:
            await asyncio.wait(streams)
        for stream in streams:
            if not stream.cancelled() and stream.exception() is None:
                stream.result().close()


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return str(os.getuid())
