"""What a run does, from its playbooks to its exit code.

The command line calls ``run_playbooks``, ``run_adhoc``, ``list_playbooks``, ``check_playbooks`` and ``jobs_command``.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from weft.events.bus import Asking, Bus, Sink
from weft.model.errors import WeftError
from weft.model.nodes import Play, Playbook
from weft.model.run_options import JobsRequest, RunOptions
from weft.model.settings import Settings
from weft.model.values import Value
from weft.parts import Parts

if TYPE_CHECKING:
    from weft.check.book import Notices
    from weft.check.findings import Checked
    from weft.engine.runner import Runner

T = TypeVar("T")

_THREADS = 64
INTERRUPTED = 130  # exit code after Ctrl-C


async def run_playbooks(
    options: RunOptions,
    settings: Settings,
    sinks: Sequence[Sink],
    *,
    signals: bool = True,
    make_parts: Callable[[RunOptions, Settings, Bus], Parts] = Parts,
) -> int:
    """Play playbooks. Returns the exit code. Raises WeftError for what ends the whole run.

    ``signals``: Ctrl-C ends the run as the command line has it; without, the caller cancels. ``make_parts``: where
    some of the parts are to be others (sessions with hosts that aren't there, say).
    """
    bus = Bus(tuple(sinks))
    parts = make_parts(options, settings, bus)
    _answer(sinks, parts)
    try:
        with _quiet_collector():
            books = [parts.load(path) for path in options.playbooks]
            parts.expect_plugins(books)
            parts.check_limit()
            parts.expect_hosts(books)
            parts.forget_facts()
        return await _play(parts, books, signals)
    finally:
        await _close(parts, bus)


async def run_adhoc(options: RunOptions, settings: Settings, sinks: Sequence[Sink]) -> int:
    """Run one module on hosts. Returns the exit code. Raises WeftError for what ends the whole run."""
    bus = Bus(tuple(sinks))
    parts = Parts(options, settings, bus)
    _answer(sinks, parts)
    assert options.adhoc is not None
    try:
        book = parts.adhoc_playbook(options.adhoc)
        parts.expect_plugins([book])
        parts.expect_hosts([book])
        parts.forget_facts()
        return await _play(parts, [book], signals=True)
    finally:
        await _close(parts, bus)


async def jobs_command(request: JobsRequest, options: RunOptions, settings: Settings, sinks: Sequence[Sink]) -> int:
    """`weft jobs`. Returns the exit code. Raises WeftError for what ends the whole command."""
    from weft.jobs.admin import JobsAdmin
    from weft.jobs.asking import HostJobs
    from weft.jobs.console import Console
    from weft.jobs.reach import Reach
    from weft.sinks.style import Palette, wants_color

    bus = Bus(tuple(sinks))
    parts = Parts(options, settings, bus)
    console = Console(sys.stdout, sys.stderr)
    try:
        hosts = parts.variables.inventory.select_or_fail(request.pattern, options.limit)
        reach = Reach(parts.variables, parts.sessions, settings, parts.passwords)
        colored = wants_color(sys.stdout, forced=settings.force_color, refused=settings.nocolor)
        paint = Palette(colored, settings.colors).paint
        return await JobsAdmin(request, HostJobs(hosts, reach, console.err), console, paint).run()
    finally:
        await _close(parts, bus)


def _answer(sinks: Sequence[Sink], parts: Parts) -> None:
    """Sinks that ask of the run what their events don't say are told where."""
    for sink in sinks:
        if isinstance(sink, Asking):
            sink.answers = parts.asked.answer


async def _play(parts: Parts, books: Sequence[Playbook], signals: bool) -> int:
    from weft.engine.runner import Runner

    _more_threads()
    runner = Runner(parts.state)
    if not signals:
        return await runner.play(books)
    with _on_interrupt(runner) as interrupt:
        try:
            return await runner.play(books)
        except asyncio.CancelledError:
            if interrupt.presses < 2:
                raise
            return INTERRUPTED


def _more_threads() -> None:
    """Lookups and file reads of many hosts wait side by side: the default is a handful of threads."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="weft"))


async def _close(parts: Parts, bus: Bus) -> None:
    try:
        await parts.close()
    finally:
        await bus.close()


class _Interrupt(Struct):
    """How often Ctrl-C was pressed. Once: no new task starts, what runs is waited for; twice: now."""

    runner: Runner
    main: asyncio.Task[Any]
    presses: int = 0

    def pressed(self) -> None:
        self.presses += 1
        if self.presses == 1:
            self.runner.stop()
        else:
            self.main.cancel()

    def ended(self) -> None:
        """SIGTERM is as Ctrl-C twice."""
        self.presses = 2
        self.runner.stop()
        self.main.cancel()


@contextmanager
def _on_interrupt(runner: Runner) -> Iterator[_Interrupt]:
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    assert main is not None
    interrupt = _Interrupt(runner, main)
    loop.add_signal_handler(signal.SIGINT, interrupt.pressed)
    loop.add_signal_handler(signal.SIGTERM, interrupt.ended)
    try:
        yield interrupt
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Loading makes many objects that stay: looking for garbage among them is time lost."""
    import gc

    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def list_playbooks(options: RunOptions, settings: Settings, bus: Bus) -> str:
    """What `--list-hosts`, `--list-tasks`, `--list-tags` and `--syntax-check` print. Raises WeftError.

    What is noticed on the way (hosts that nobody knows, say) is published.
    """
    parts = Parts(options, settings, bus)
    inventory = parts.variables.inventory
    if options.adhoc is not None:
        found = inventory.select_or_fail(options.adhoc.pattern, options.limit)
        return "\n".join([f"  hosts ({len(found)}):", *(f"    {host}" for host in found)])
    parts.check_limit()
    texts = [_listed(path, parts) for path in options.playbooks]
    return "".join(texts).rstrip("\n")


def _listed(path: str, parts: Parts) -> str:
    from weft.playbook.checks import is_template
    from weft.playbook.listing import Wanted, listing, syntax_checked
    from weft.playbook.settled import settled
    from weft.vars import PlayVars

    options, settings = parts.options, parts.settings

    def render(play: Play, value: Value) -> Any:
        return parts.templar.render(value, parts.variables.scope(None, play=PlayVars(play=play)))

    def hosts_of(patterns: Any) -> Sequence[str]:
        return parts.variables.inventory.select(patterns, limit=options.limit)

    book = parts.load(path)
    for play in book.plays:
        patterns = settled(play, partial(render, play)).hosts
        if not (options.syntax_check and is_template(play.hosts)):  # as Ansible: what matches nothing is said
            hosts_of(patterns)
    if options.syntax_check:
        return syntax_checked(path)
    wanted = Wanted(
        tasks=options.list_tasks,
        tags=options.list_tags,
        only_tags=settings.run_tags,
        skip_tags=settings.skip_tags,
        hosts=hosts_of if options.list_hosts else None,
    )
    return listing(book, path, wanted, render)


def check_playbooks(options: RunOptions, settings: Settings) -> list[Checked]:
    """`weft check`: what is wrong with each playbook, as far as that can be seen without running it.

    What is wrong with a playbook is a finding. Raises WeftError for what is wrong outside of them.
    """
    from weft.check.book import BookCheck, Notices
    from weft.check.findings import Checked, in_order, of_error
    from weft.check.texts import Reader
    from weft.vars.static import StaticNames

    notices = Notices()
    parts = Parts(options, settings, Bus((notices,)))
    parts.loader.collect_errors(notices.take)
    reader = Reader(
        lambda value, names: parts.templar.render(value, StaticNames(names, parts.templar)), options.extra_vars
    )
    check = BookCheck(parts.loader, reader, _hosts_of(parts, notices), strict=options.strict_conflicts)
    found: list[Checked] = []
    for path in options.playbooks:
        notices.findings.clear()
        try:
            book = parts.load(path)
            findings = asyncio.run(_in_loop(lambda: check.check(book)))  # noqa: B023
        except WeftError as error:
            findings = [of_error(error)]
        found.append(Checked(path=path, findings=[*notices.findings, *findings]))
    if found and not any(each.errors for each in found):  # what could not be read may wait for jobs
        last = found[-1]
        found[-1] = Checked(path=last.path, findings=[*last.findings, *check.forgotten_jobs()])
    return [Checked(path=each.path, findings=in_order(each.findings)) for each in found]


async def _in_loop(function: Callable[[], T]) -> T:
    """There, what would run a program while a template is evaluated refuses to (``templating.blocking``)."""
    return function()


def _hosts_of(parts: Parts, notices: Notices) -> Callable[[Play], frozenset[str] | None]:
    def hosts_of(play: Play) -> frozenset[str] | None:
        notices.muted = True  # what is wrong with the inventory is not the playbook's
        try:
            return frozenset(parts.variables.inventory.select(play.hosts, limit=parts.options.limit)) or None
        except WeftError:
            return None
        finally:
            notices.muted = False

    return hosts_of


def decrypter(options: RunOptions, settings: Settings) -> Any:
    """Makes the contents of an encrypted `-e @FILE` plain."""
    parts = Parts(options, settings, Bus())
    return parts.decrypt_data
