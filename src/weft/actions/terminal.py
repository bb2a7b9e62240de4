"""Asking the person at the terminal, without holding up the event loop."""

from __future__ import annotations

import asyncio
import codecs
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from weft.actions.base import PromptInterrupted

_END_KEYS = "\r\n"
_ERASE_KEYS = "\x7f\x08"
_INTERRUPT_KEY = "\x03"
_END_OF_INPUT = "\x04"


class TerminalPrompter:
    """One prompt at a time, on the terminal that standard input is."""

    def __init__(
        self,
        source: TextIO | None = None,
        screen: TextIO | None = None,
        *,
        before: Callable[[], None] | None = None,
    ) -> None:
        """``before`` is called, in a thread, before each question: what is queued for the screen goes out first."""
        self._before = before
        self._source = source if source is not None else sys.stdin
        self._screen = screen if screen is not None else sys.stdout
        self._turn = asyncio.Lock()

    @property
    def interactive(self) -> bool:
        """Standard input is a terminal, and this process may read it (it is not in the background)."""
        try:
            descriptor = self._source.fileno()
            return os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
        except (OSError, ValueError, AttributeError):
            return False

    async def ask(
        self,
        text: str,
        *,
        echo: bool = True,
        seconds: float | None = None,
        complete: Sequence[str] | None = None,
        interrupt: Sequence[str] | None = None,
    ) -> str:
        """See ``weft.actions.base.Prompter``."""
        return await self._ask(text, echo, seconds, complete, interrupt) or ""

    async def line(self, text: str) -> str | None:
        """See ``weft.actions.base.Prompter``."""
        return await self._ask(text)

    async def _ask(
        self,
        text: str,
        echo: bool = True,
        seconds: float | None = None,
        complete: Sequence[str] | None = None,
        interrupt: Sequence[str] | None = None,
    ) -> str | None:
        async with self._turn:
            if self._before is not None:
                await asyncio.to_thread(self._before)
            self._show(text)
            if not self.interactive:
                return await asyncio.to_thread(self._read_line)
            descriptor = self._source.fileno()
            with _unbuffered(descriptor):
                return await self._keys(descriptor, echo, seconds, complete, interrupt)

    def _read_line(self) -> str | None:
        try:
            line = self._source.readline()
        except (OSError, ValueError):
            return None
        return line.rstrip("\r\n") if line else None

    def _show(self, text: str) -> None:
        self._screen.write(text)
        self._screen.flush()

    async def _keys(
        self,
        descriptor: int,
        echo: bool,
        seconds: float | None,
        complete: Sequence[str] | None,
        interrupt: Sequence[str] | None,
    ) -> str | None:
        """What was typed; None at the end of input."""
        keys: asyncio.Queue[str] = asyncio.Queue()
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        loop = asyncio.get_running_loop()

        def readable() -> None:
            data = os.read(descriptor, 1024)
            for key in decoder.decode(data) if data else _END_OF_INPUT:
                keys.put_nowait(key)

        loop.add_reader(descriptor, readable)
        line: list[str] = []
        ends = frozenset(key.lower() for key in complete) if complete is not None else None
        stops = frozenset(key.lower() for key in interrupt or ())
        try:
            async with asyncio.timeout(seconds):
                while not self._take(key := await keys.get(), line, echo, ends, stops):
                    pass
                if key == _END_OF_INPUT and not line:
                    return None
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(descriptor)
            self._show("\n")
        return "".join(line)

    def _take(self, key: str, line: list[str], echo: bool, ends: frozenset[str] | None, stops: frozenset[str]) -> bool:
        """Whether this key ends the prompt."""
        if key == _INTERRUPT_KEY or key.lower() in stops:
            raise PromptInterrupted
        if key == _END_OF_INPUT:
            return True
        if ends is not None:
            return key.lower() in ends
        if key in _END_KEYS:
            return True
        if key in _ERASE_KEYS:
            if line:
                line.pop()
                if echo:
                    self._show("\b \b")
            return False
        line.append(key)
        if echo:
            self._show(key)
        return False


@contextmanager
def _unbuffered(descriptor: int) -> Iterator[None]:
    """Keys one by one, not echoed; Ctrl-C comes as a key, so that it ends the prompt and not the run."""
    import termios

    before = termios.tcgetattr(descriptor)
    mode = termios.tcgetattr(descriptor)
    mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
    mode[6][termios.VMIN] = 1
    mode[6][termios.VTIME] = 0
    termios.tcsetattr(descriptor, termios.TCSADRAIN, mode)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
