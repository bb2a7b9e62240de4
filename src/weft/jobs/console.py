"""Where `weft jobs` writes: answers to stdout, and what is wrong, one line each, to stderr."""

from __future__ import annotations

import asyncio
from typing import TextIO


class Console:
    """The two streams of the command. Writing waits in a thread: a slow pipe holds up nothing else."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self.stdout = stdout
        self._stderr = stderr
        self._turn = asyncio.Lock()

    async def out(self, text: str) -> None:
        """Write text as it is. Raises BrokenPipeError when nobody reads any more."""
        await self._write(self.stdout, text)

    async def err(self, message: str) -> None:
        """A line of its own, whatever is in the message."""
        await self._write(self._stderr, " ".join(message.split()) + "\n")

    async def _write(self, stream: TextIO, text: str) -> None:
        async with self._turn:
            await asyncio.to_thread(_put, stream, text)


def _put(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
