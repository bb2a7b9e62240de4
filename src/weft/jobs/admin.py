"""`weft jobs`: looks for jobs on many hosts at once, and lists, shows, awaits, ends and clears them away.

Comes after ``asking`` (hosts), ``record`` (one job), ``tables``, ``awaiting`` and ``logs``. `weft.run` makes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from weft.jobs.asking import HostJobs, ask_all
from weft.jobs.awaiting import Outcome, await_jobs
from weft.jobs.console import Console
from weft.jobs.logs import LogPrinter
from weft.jobs.record import JobRecord
from weft.jobs.tables import Paint, as_json, columns, details, line, plain, table
from weft.jobs.waiting import wait_through_losses
from weft.model.errors import OptionsError, Unreachable, WeftError
from weft.model.run_options import JobsRequest

OK, FAILED, UNREACHABLE = 0, 2, 4

_NONE_RUN = "No jobs run.\n"

_Text = Callable[[], str]


class JobsAdmin:
    """Carries out one request over hosts of the inventory."""

    def __init__(self, request: JobsRequest, jobs: HostJobs, console: Console, paint: Paint = plain) -> None:
        self._request = request
        self._jobs = jobs
        self._console = console
        self._paint = paint
        self._failed = False
        self._actions: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
            "list": self._list,
            "show": self._show,
            "wait": self._wait,
            "logs": self._logs,
            "cancel": self._cancel,
            "cleanup": self._cleanup,
        }

    async def run(self) -> int:
        """Returns the exit code: 4 if a host could not be reached, 2 if something failed. Raises OptionsError."""
        action = self._actions.get(self._request.action)
        if action is None:
            raise OptionsError(f"jobs: there is no command {self._request.action!r}")
        document = await action()
        errors = self._jobs.errors
        if self._request.json:
            said = {host: error.message for host, error in errors.items()}
            await self._console.out(as_json({**document, "errors": said}))
        if any(isinstance(error, Unreachable) for error in errors.values()):
            return UNREACHABLE
        return FAILED if self._failed or errors else OK

    # -- commands ------------------------------------------------------------------------------------------------

    async def _list(self) -> dict[str, Any]:
        every = self._request.finished
        records = await self._find(lambda record: every or record.at_work)
        await self._print(lambda: self._table(records, "No jobs.\n" if every else _NONE_RUN))
        return _document(records)

    async def _show(self) -> dict[str, Any]:
        records = await self._jobs.with_results(await self._find(lambda record: True))
        texts = [details(record, self._paint) for record in records]
        await self._print(lambda: "\n".join(texts) or self._nothing("No jobs.\n"))
        return _document(records)

    async def _wait(self) -> dict[str, Any]:
        records = await self._find(lambda record: record.running)
        if not records:
            await self._print(lambda: self._nothing(_NONE_RUN))
        told, count = self._request.wait_for, len(records)
        wanted = count if told == "all" else min(count, 1 if told == "any" else int(told))
        began = asyncio.get_running_loop().time()

        async def wait(record: JobRecord) -> JobRecord:
            states = await wait_through_losses(
                lambda: self._jobs.session(record.host), [record.jid], record.async_dir, None
            )
            return record.updated(states[record.jid], asyncio.get_running_loop().time() - began)

        outcomes = await await_jobs(
            records, wait, wanted=wanted, seconds=self._request.timeout, on_end=self._tell_of_end
        )
        ended = [outcome for outcome in outcomes if isinstance(outcome, JobRecord)]
        lost = sum(isinstance(outcome, WeftError) for outcome in outcomes)
        if len(ended) + lost < wanted:
            self._failed = True
            left = count - len(ended) - lost
            many = "1 job still runs" if left == 1 else f"{left} jobs still run"
            await self._console.err(f"{many} after {self._request.timeout:g} seconds")
        self._failed |= any(record.failed for record in ended)
        pairs = zip(records, outcomes, strict=True)
        return _document([new if isinstance(new, JobRecord) else old for old, new in pairs])

    async def _tell_of_end(self, record: JobRecord, outcome: Outcome) -> None:
        if isinstance(outcome, WeftError):
            await self._jobs.note(record.host, outcome)
        else:
            await self._print(lambda: line(outcome, self._paint))

    async def _logs(self) -> dict[str, Any]:
        follow = self._request.follow
        records = await self._find(lambda record: record.running or not follow)
        printer = LogPrinter(
            lambda record: self._jobs.session(record.host),
            self._console,
            quiet=self._request.json,
            prefixed=len(records) > 1 and not self._request.json,
        )
        for record in records:
            if record.no_log:
                await self._console.err(f"{record.host}: {record.jid} keeps no log: 'no_log: true'")
        if follow:
            await self._each(records, printer.follow)
        else:
            for record in records:
                await self._each([record], printer.copy)
        return {
            "jobs": [{"host": r.host, "jid": r.jid, "log": printer.texts.get((r.host, r.jid), "")} for r in records]
        }

    async def _cancel(self) -> dict[str, Any]:
        records = [record for record in await self._find(lambda record: record.at_work) if record.at_work]
        await self._jobs.cancel(records)
        after = await self._jobs.with_results(records)
        for record in after:
            if record.at_work:
                self._failed = True
                await self._console.err(f"{record.host}: {record.jid} can't be ended from there")
        await self._print(lambda: self._table(after, _NONE_RUN))
        return _document(after)

    async def _cleanup(self) -> dict[str, Any]:
        age = self._request.older_than
        records = [
            record
            for record in await self._find(lambda record: not record.at_work)
            if not record.at_work and (age is None or record.older_than(age))
        ]
        erased = await self._jobs.cleanup(records)
        total = sum(len(paths) for paths in erased.values())
        await self._print(lambda: f"{total} {'job' if total == 1 else 'jobs'} removed.\n")
        return {"erased": erased}

    # -- helpers -------------------------------------------------------------------------------------------------

    async def _find(self, among: Callable[[JobRecord], bool]) -> list[JobRecord]:
        """The jobs that are meant: those named, whatever their state, or all that ``among`` takes."""
        wanted = self._request.jids
        found = await self._jobs.find(lambda record: record.jid in wanted if wanted else among(record))
        for jid in wanted:
            if not any(record.jid == jid for record in found):
                self._failed = True
                await self._console.err(f"{jid}: could not find job")
        return found

    async def _each(self, records: Sequence[JobRecord], work: Callable[[JobRecord], Awaitable[None]]) -> None:
        """``work`` for all jobs side by side; a host that goes away meanwhile is said once."""
        answers = await ask_all(records, work, max(1, len(records)))
        for record, error in answers.errors.items():
            await self._jobs.note(record.host, error)

    async def _print(self, text: _Text) -> None:
        """For people; with `--json` the document says it."""
        if not self._request.json:
            await self._console.out(text())

    def _table(self, records: Sequence[JobRecord], nothing: str) -> str:
        if not records:
            return self._nothing(nothing)
        return table(records, self._paint, columns(self._console.stdout))

    def _nothing(self, text: str) -> str:
        """That there is nothing, if anybody could be asked and no job was asked for by name (that was said already)."""
        return text if self._jobs.answered and not self._request.jids else ""


def _document(records: Sequence[JobRecord]) -> dict[str, Any]:
    return {"jobs": [record.as_json() for record in records]}
