"""Lines that are typed at a terminal, or come from a pipe."""

from __future__ import annotations

import asyncio
import io
import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from weft.actions.base import PromptInterrupted
from weft.actions.terminal import TerminalPrompter


class OwnTerminal(TerminalPrompter):
    """A pseudo terminal is nobody's controlling one: there a test could not be in the foreground."""

    interactive = True


@contextmanager
def terminal() -> Iterator[tuple[int, TextIO]]:
    """What types, and what is typed at."""
    keys, screen = pty.openpty()
    with open(screen, encoding="utf-8") as source:
        try:
            yield keys, source
        finally:
            os.close(keys)


def typed(data: bytes) -> str | None:
    with terminal() as (keys, source):

        async def main() -> str | None:
            asyncio.get_running_loop().call_soon(os.write, keys, data)
            return await OwnTerminal(source, io.StringIO()).line("> ")

        return asyncio.run(main())


def test_enter_ends_a_line():
    assert typed(b"p tasx\x7fk\r") == "p task"
    assert typed(b"\r") == ""


def test_ctrl_d_on_an_empty_line_is_the_end():
    assert typed(b"\x04") is None
    assert typed(b"c\x04") == "c"


def test_ctrl_c_interrupts():
    with pytest.raises(PromptInterrupted):
        typed(b"c\x03")


def test_lines_of_a_pipe_and_its_end():
    screen = io.StringIO()
    prompter = TerminalPrompter(io.StringIO("p task\n\n"), screen)

    async def main() -> list[str | None]:
        return [await prompter.line("> ") for _ in range(3)]

    assert asyncio.run(main()) == ["p task", "", None]
    assert screen.getvalue() == "> > > "


def test_an_ordinary_question_takes_the_end_as_nothing_typed():
    prompter = TerminalPrompter(io.StringIO(""), io.StringIO())
    assert asyncio.run(prompter.ask("name: ")) == ""
