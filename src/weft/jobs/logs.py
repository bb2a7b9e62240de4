"""What jobs have printed, and what they go on to print."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Awaitable, Callable

from weft.connection.api import Session
from weft.jobs.console import Console
from weft.jobs.record import JobRecord
from weft.jobs.waiting import wait_for_jobs

_CHUNK = 1 << 20  # bytes asked for at once
_SOON, _LATE = 0.1, 1.0  # seconds between looks at a log: while it grows, and when it has not for long


class LogPrinter:
    """Prints logs. ``prefixed``: whole lines, each with host and job. ``quiet``: they are only kept in ``texts``."""

    def __init__(
        self,
        session_of: Callable[[JobRecord], Awaitable[Session]],
        console: Console,
        *,
        quiet: bool = False,
        prefixed: bool = False,
    ) -> None:
        self._session_of = session_of
        self._console = console
        self._quiet = quiet
        self._prefixed = prefixed
        self.texts: dict[tuple[str, str], str] = {}

    async def copy(self, record: JobRecord) -> None:
        """What there is now."""
        text = self._text(record)
        await self._drain(record, text, 0)
        if record.foreign:
            await self._result_output(record, text)
        await text.end()

    async def follow(self, record: JobRecord) -> None:
        """What there is, and what comes until the job ends."""
        text = self._text(record)
        session = await self._session_of(record)
        end = asyncio.ensure_future(wait_for_jobs(session, [record.jid], record.async_dir, None))
        offset, pause = 0, _SOON
        try:
            while True:
                over = end.done()  # before the log is read: then nothing comes any more
                if over:
                    end.result()
                before, offset = offset, await self._drain(record, text, offset)
                if over:
                    break
                pause = _SOON if offset > before else min(_LATE, pause * 1.5)
                await asyncio.wait([end], timeout=pause)
        finally:
            end.cancel()
            await asyncio.wait([end])
        if record.foreign:
            await self._result_output(record, text)
        await text.end()

    async def _drain(self, record: JobRecord, text: _Text, offset: int) -> int:
        """Print from ``offset`` to the end there is; returns where that was."""
        while True:
            session = await self._session_of(record)
            arguments = {"jid": record.jid, "async_dir": record.async_dir, "offset": offset, "length": _CHUNK}
            reply = await session.request("job.log", arguments)
            await text.add(reply.payload)
            offset += len(reply.payload)
            if not reply.payload or reply.result.get("eof"):
                return offset

    async def _result_output(self, record: JobRecord, text: _Text) -> None:
        """ansible-core keeps no log: what a job of it printed is in its result, once there is one."""
        session = await self._session_of(record)
        arguments = {"jids": [record.jid], "async_dir": record.async_dir}
        reply = await session.request("job.status", arguments)
        status = reply.result["jobs"].get(record.jid) or {}
        for key in ("stdout", "stderr"):
            content = status.get(key)
            if status.get("finished") and isinstance(content, str) and content:
                await text.add((content + "\n").encode("utf-8", "surrogateescape"))

    def _text(self, record: JobRecord) -> _Text:
        return _Text(f"{record.host}/{record.jid}: " if self._prefixed else "", lambda text: self._put(record, text))

    async def _put(self, record: JobRecord, text: str) -> None:
        if self._quiet:
            key = (record.host, record.jid)
            self.texts[key] = self.texts.get(key, "") + text
        else:
            await self._console.out(text)


class _Text:
    """Bytes to text, however they come apart; with a prefix only whole lines go out."""

    def __init__(self, prefix: str, put: Callable[[str], Awaitable[None]]) -> None:
        self._prefix = prefix
        self._put = put
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    async def add(self, data: bytes) -> None:
        await self._say(self._decoder.decode(data))

    async def end(self) -> None:
        await self._say(self._decoder.decode(b"", final=True))
        if self._rest:
            rest, self._rest = self._rest, ""
            await self._put(f"{self._prefix}{rest}\n")

    async def _say(self, text: str) -> None:
        if not self._prefix:
            if text:
                await self._put(text)
            return
        *lines, self._rest = (self._rest + text).split("\n")
        if lines:
            await self._put("".join(f"{self._prefix}{line}\n" for line in lines))
