"""The Python API: play playbooks from a program, and see every event.

    import asyncio, weft

    async def main() -> None:
        async with weft.play("site.yml", inventory="hosts", extra_vars={"release": "1.2"}) as run:
            async for event in run:
                print(event)
        print(run.exit_code)

    asyncio.run(main())

``await weft.play(...)`` does the same without looking at events and returns the ``Finished`` run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from msgspec import Struct

from weft.events.types import Event, HostRecap, RunFinished
from weft.model.run_options import RunOptions
from weft.model.settings import Settings
from weft.model.values import Origin, Trusted, Value

_END = None  # in the queue: no event follows


class Finished(Struct, frozen=True):
    """A run that has ended: its exit code (as `weft play`'s) and the recap's figures."""

    exit_code: int
    recap: Mapping[str, HostRecap]
    wall: float  # seconds


class Run:
    """One run. Await it, or enter it and iterate over its events. It starts when either is done."""

    def __init__(self, options: RunOptions, settings: Settings) -> None:
        self._options = options
        self._settings = settings
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._task: asyncio.Task[int] | None = None
        self._finished: RunFinished | None = None

    @property
    def exit_code(self) -> int:
        """As `weft play`'s. Raises RuntimeError while the run goes on, and what ended the run if it could not go on."""
        return self.result().exit_code

    def result(self) -> Finished:
        """Raises RuntimeError while the run goes on, WeftError if it could not go on."""
        if self._task is None or not self._task.done():
            raise RuntimeError("the run has not ended")
        code = self._task.result()
        if self._finished is None:
            return Finished(code, {}, 0.0)
        return Finished(code, self._finished.recap, self._finished.wall)

    def __await__(self) -> Generator[Any, None, Finished]:
        return self._to_the_end().__await__()

    async def _to_the_end(self) -> Finished:
        async with self:
            async for _ in self:
                pass
        return self.result()

    async def __aenter__(self) -> Self:
        from weft.run import run_playbooks

        if self._task is not None:
            raise RuntimeError("a run can be started only once")
        run = run_playbooks(self._options, self._settings, (_QueueSink(self),), signals=False)
        self._task = asyncio.create_task(run, name="weft run")
        self._task.add_done_callback(lambda task: self._events.put_nowait(_END))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leaving before the end cancels the run; jobs on hosts live on."""
        assert self._task is not None
        if not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Every event, in order. Raises WeftError at the end if the run could not go on."""
        if self._task is None:
            raise RuntimeError("enter the run first: `async with weft.play(...) as run`")
        while (event := await self._events.get()) is not _END:
            yield event
        self._task.result()

    def take(self, event: Event) -> None:
        """Called by the run for each event."""
        if isinstance(event, RunFinished):
            self._finished = event
        self._events.put_nowait(event)


class _QueueSink:
    """Hands events to the run's reader."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def handle(self, event: Event) -> None:
        self._run.take(event)

    async def close(self) -> None:
        """Nothing is open."""


def play(
    *playbooks: str | os.PathLike[str],
    inventory: str | Sequence[str] | None = None,
    limit: str | None = None,
    extra_vars: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    skip_tags: Sequence[str] = (),
    check: bool = False,
    diff: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> Run:
    """Play playbooks as `weft play` does, with ansible.cfg and ANSIBLE_* variables.

    ``inventory`` is a path, a list of hosts with commas, or several of them; text in ``extra_vars`` may hold templates;
    ``settings`` overrides fields of ``weft.model.settings.Settings``. Raises OptionsError for senseless settings.
    """
    from weft.config.settings import load

    overrides: dict[str, Any] = dict(settings or {})
    if inventory is not None:
        overrides["inventory"] = (inventory,) if isinstance(inventory, str) else tuple(inventory)
    if tags:
        overrides["run_tags"] = tuple(tags)
    if skip_tags:
        overrides["skip_tags"] = tuple(skip_tags)
    if check:
        overrides["check"] = True
    if diff:
        overrides["diff"] = True
    options = RunOptions(
        playbooks=tuple(os.fspath(path) for path in playbooks),
        limit=limit,
        extra_vars=_trusted(dict(extra_vars or {})),
    )
    known = load(os.environ, os.getcwd(), overrides=overrides)
    return Run(options, known)


def _trusted(value: Value) -> Any:
    """Marked, so that text in it may be a template."""
    if isinstance(value, str):
        return Trusted(value, Origin("<extra_vars>"))
    if isinstance(value, Mapping):
        return {key: _trusted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_trusted(item) for item in value]
    return value
