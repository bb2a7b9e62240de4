"""A transport that tells what it has the host run: for those who want to see much (``-vvv``)."""

from __future__ import annotations

from collections.abc import Callable

from weft.connection.channel import Channel, Receiver, Transport


class Traced:
    """The transport as it is, but for a word about each command before it starts."""

    def __init__(self, transport: Transport, say: Callable[[str], None]) -> None:
        self._transport = transport
        self._say = say

    @property
    def alive(self) -> bool:
        return self._transport.alive

    async def start(self, command: str, receiver: Receiver, *, pty: bool = False) -> Channel:
        self._say(command)
        return await self._transport.start(command, receiver, pty=pty)

    async def close(self) -> None:
        await self._transport.close()
