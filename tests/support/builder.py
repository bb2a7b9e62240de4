"""Plays for tests of the language: text in, what a user sees out.

    def test_a_failed_host_is_left_out(project):
        ran = project.play('''
            - hosts: all
              tasks: [...]
        ''', "--limit a")
        assert ran.lines == [...]

A ``Project`` is a folder with a playbook, an inventory and whatever else is put there. It is played in this process, by
the whole of weft from the command line's options to the classic view, on hosts that are not there: ``fake_host`` says
what these can do. Time is virtual. ``really=True`` plays on this machine instead (`connection: local`, real time).
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import io
import os
import re
import shlex
import signal
import sys
import textwrap
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from tests.support.fake_host import Hosts
from tests.support.virtual_time import VirtualTimeLoop
from weft.actions.base import PromptInterrupted
from weft.cli.execute import show_lists
from weft.cli.play import play as play_command
from weft.cli.problems import report
from weft.cli.request import Request, playbook_request
from weft.content.payload import PayloadStore
from weft.events.bus import Bus
from weft.events.types import Event, HostRecap, RunFinished, TaskFinished
from weft.model.run_options import RunOptions
from weft.model.settings import Settings
from weft.parts import Parts
from weft.run import run_playbooks
from weft.sinks import Streams, build

T = TypeVar("T")

HOSTS = "a\nb\n"
_FOREVER = 1e7  # seconds
_STARS = re.compile(r" \*{3,}$")
_BLANKS = re.compile(r" {2,}(?=\w+=)| +(?=: ok=)")


def normal(text: str) -> list[str]:
    """Lines without the stars of banners, the columns of the recap, and empty lines."""
    lines = [_BLANKS.sub(" ", _STARS.sub("", line)).rstrip() for line in text.splitlines()]
    return [line for line in lines if line]


def lines_of(text: str) -> list[str]:
    """An expectation as it is written in a test."""
    return normal(textwrap.dedent(text))


class Recorder:
    """A sink that keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        self.events.append(event)

    async def close(self) -> None:
        pass


class Answers:
    """A person at the terminal who has all answers ready. None: nobody is there."""

    def __init__(self, answers: Iterable[str] | None) -> None:
        self._answers = None if answers is None else list(answers)
        self.questions: list[str] = []

    @property
    def interactive(self) -> bool:
        return self._answers is not None

    async def ask(
        self,
        text: str,
        *,
        echo: bool = True,
        seconds: float | None = None,
        complete: Sequence[str] | None = None,
        interrupt: Sequence[str] | None = None,
    ) -> str:
        self.questions.append(text)
        if not self._answers:
            if seconds is not None:
                await asyncio.sleep(seconds)
            return ""
        return self._answers.pop(0)

    async def line(self, text: str) -> str | None:
        """Ctrl-C is the answer ``\x03``."""
        self.questions.append(text)
        if not self._answers:
            return None
        answer = self._answers.pop(0)
        if answer == "\x03":
            raise PromptInterrupted
        return answer


@dataclass
class Ran:
    """A run that has ended."""

    code: int
    out: str
    err: str
    events: list[Event]
    hosts: Hosts
    seconds: float = 0.0
    questions: list[str] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)  # when the run had something to do after it had waited

    @property
    def lines(self) -> list[str]:
        """Standard output, see ``normal``."""
        return normal(self.out)

    @property
    def problems(self) -> list[str]:
        """Standard error, likewise."""
        return normal(self.err)

    @property
    def recap(self) -> dict[str, str]:
        """Host -> its figures that are not 0: `ok=2 failed=1`."""
        finished = next(event for event in self.events if isinstance(event, RunFinished))
        return {host: _figures(recap) for host, recap in finished.recap.items()}

    @property
    def tasks(self) -> list[str]:
        """Every task that ended, in order: `host: name (status)`."""
        ended = [event for event in self.events if isinstance(event, TaskFinished)]
        return [f"{event.host}: {event.task.name} ({event.status.value})" for event in ended]

    def result(self, task: str, host: str = "a") -> Mapping[str, Any]:
        """The result of a task as the views see it."""
        for event in self.events:
            if isinstance(event, TaskFinished) and event.task.name == task and event.host == host:
                return event.result
        raise AssertionError(f"no task {task!r} on {host}:\n{self}")

    def messages(self, host: str = "a") -> list[Any]:
        """What `debug` said on a host."""
        return [
            event.result["msg"]
            for event in self.events
            if isinstance(event, TaskFinished) and event.host == host and "msg" in event.result
            if event.task.action.endswith("debug") and not event.result.get("results")
        ]

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    def prints(self, text: str, code: int = 0) -> None:
        """What it printed to standard output is exactly this text (see ``normal``), and its exit code ``code``."""
        _same(self.lines, lines_of(text), self)
        assert self.code == code, self

    def complains(self, text: str) -> None:
        """What it printed to standard error is exactly this text."""
        _same(self.problems, lines_of(text), self)


def _same(lines: list[str], expected: list[str], ran: Ran) -> None:
    if lines != expected:
        shown = "\n".join(difflib.unified_diff(expected, lines, "expected", "printed", lineterm="", n=1))
        raise AssertionError(f"{shown}\n\n{ran}")


def _figures(recap: HostRecap) -> str:
    names = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
    return " ".join(f"{name}={getattr(recap, name)}" for name in names if getattr(recap, name))


class _FakeParts(Parts):
    """A run's parts, on hosts that are not there."""

    def __init__(
        self, options: RunOptions, settings: Settings, bus: Bus, hosts: Hosts, prompter: Answers, window: int | None
    ) -> None:
        super().__init__(options, settings, bus)
        self._hosts = hosts
        self._prompter = prompter
        self._window = window

    @cached_property
    def state(self) -> Any:
        state = super().state
        if self._window is not None:
            state.window = self._window
        return state

    @cached_property
    def sessions(self) -> Any:
        return self._hosts

    @cached_property
    def prompter(self) -> Any:
        return self._prompter

    @cached_property
    def payloads(self) -> Any:
        return _SHARED.setdefault("payloads", super().payloads)


_SHARED: dict[str, PayloadStore] = {}  # modules are packed once for all tests


class Project:
    """A folder to play in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts = Hosts()
        self.window: int | None = None  # how many tasks are sent ahead; None: as ever
        self.file("inventory", HOSTS)

    def file(self, path: str, text: str) -> Path:
        """Write a file (and the folders round it)."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).lstrip("\n"))
        return target

    def files(self, **texts: str) -> None:
        """Several files; ``__`` stands for ``/`` and ``.yml`` is added."""
        for name, text in texts.items():
            self.file(name.replace("__", "/") + ".yml", text)

    def play(
        self,
        text: str | None = None,
        arguments: str = "",
        *,
        hosts: str | None = None,
        answers: Iterable[str] | None = None,
        really: bool = False,
        interpreter: bool = True,
        ctrl_c: Sequence[float] = (),
    ) -> Ran:
        """Play ``text`` (or what is in play.yml) with arguments of `weft play`. ``hosts``: the inventory's text.

        Without ``interpreter`` the hosts' Python is not told but found. ``ctrl_c``: when it is pressed, in seconds.
        """
        if text is not None:
            self.file("play.yml", text)
        if hosts is not None:
            self.file("inventory", hosts)
        words = shlex.split(arguments)
        if not any(word in ("-i", "--inventory") for word in words):
            words += ["-i", "inventory"]
        if not any(word in ("-f", "--forks") for word in words):
            words += ["-f", "1"]  # hosts in the inventory's order, whatever takes how long
        if really:
            words += ["-c", "local"]
        if interpreter:
            words += ["-e", f"ansible_python_interpreter={sys.executable}"]
        if not any(word.endswith(".yml") and word[0] != "@" for word in words):
            words.append("play.yml")
        return self._run(words, Answers(answers), really, ctrl_c)

    def _run(self, words: list[str], prompter: Answers, really: bool, ctrl_c: Sequence[float]) -> Ran:
        streams = Streams(io.StringIO(), io.StringIO())
        recorder = Recorder()
        clock = _Clock()
        with contextlib.redirect_stderr(streams.stderr), contextlib.redirect_stdout(streams.stdout):
            try:
                request = playbook_request(play_command.make_context("play", words).params)
                code = self._carry_out(request, streams, recorder, prompter, clock, really, ctrl_c)
            except BaseException as error:
                code = report(error, words)
        return Ran(
            code=code,
            out=self._relative(streams.stdout),
            err=self._relative(streams.stderr),
            events=recorder.events,
            hosts=self.hosts,
            seconds=clock.seconds,
            questions=prompter.questions,
            wakes=clock.wakes,
        )

    def _carry_out(
        self,
        request: Request,
        streams: Streams,
        recorder: Recorder,
        prompter: Answers,
        clock: _Clock,
        really: bool,
        ctrl_c: Sequence[float],
    ) -> int:
        if request.options.only_lists:
            return show_lists(request)
        views = build(request.options, request.settings, streams, {})

        def make(options: RunOptions, settings: Settings, bus: Bus) -> Parts:
            return _FakeParts(options, settings, bus, self.hosts, prompter, self.window)

        async def main() -> int:
            sinks = (*views.sinks, recorder)
            start = asyncio.get_running_loop().time()
            for warning in request.warnings:
                bus_of(sinks).publish(warning)
            parts = Parts if really else make
            for at in ctrl_c:
                asyncio.get_running_loop().call_later(at, signal.raise_signal, signal.SIGINT)
            try:
                # virtual seconds: hosts that wait for each other for ever end here
                async with asyncio.timeout(None if really else _FOREVER):
                    return await run_playbooks(
                        request.options, request.settings, sinks, signals=bool(ctrl_c), make_parts=parts
                    )
            finally:
                loop = asyncio.get_running_loop()
                clock.seconds = loop.time() - start
                clock.wakes = loop.wakes if isinstance(loop, VirtualTimeLoop) else []

        try:
            return _run_loop(main(), None if really else VirtualTimeLoop)
        finally:
            views.close()

    def _relative(self, stream: Any) -> str:
        text: str = stream.getvalue()
        return text.replace(f"{self.folder}{os.sep}", "").replace(str(self.folder), ".")


@dataclass
class _Clock:
    seconds: float = 0.0
    wakes: list[float] = field(default_factory=list)


def bus_of(sinks: tuple[Any, ...]) -> Bus:
    return Bus(sinks)


def _run_loop(main: Coroutine[Any, Any, T], factory: Callable[[], asyncio.AbstractEventLoop] | None) -> T:
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)
