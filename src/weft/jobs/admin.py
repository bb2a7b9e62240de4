"""`weft jobs`: looks for jobs on many hosts at once, and lists, shows, awaits, ends and clears them away.

Comes after ``reach`` (hosts), ``record`` (one job), ``tables`` and ``logs``; the composition root makes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from weft.connection.api import RequestFailed, Session
from weft.jobs.console import Console
from weft.jobs.logs import LogPrinter
from weft.jobs.reach import Answers, Reach, ask_all
from weft.jobs.record import JobRecord, record_of
from weft.jobs.tables import Paint, as_json, columns, details, line, plain, table
from weft.jobs.waiting import Waits
from weft.model.errors import OptionsError, Unreachable, WeftError
from weft.model.run_options import JobsRequest

OK, FAILED, UNREACHABLE = 0, 2, 4

_RUNNING, _ENDED, _ALL = "running", "ended", "all"


class JobsAdmin:
    """Carries out one request over hosts of the inventory."""

    def __init__(
        self,
        request: JobsRequest,
        hosts: Sequence[str],
        reach: Reach,
        console: Console,
        paint: Paint = plain,
    ) -> None:
        self._request = request
        self._hosts = tuple(hosts)
        self._reach = reach
        self._console = console
        self._paint = paint
        self._sessions: dict[str, Session] = {}
        self._errors: dict[str, WeftError] = {}
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
        if self._request.json:
            errors = {host: error.message for host, error in self._errors.items()}
            await self._console.out(as_json({**document, "errors": errors}))
        if any(isinstance(error, Unreachable) for error in self._errors.values()):
            return UNREACHABLE
        return FAILED if self._failed or self._errors else OK

    # -- commands ------------------------------------------------------------------------------------------------

    async def _list(self) -> dict[str, Any]:
        records = await self._find(_ALL if self._request.finished else _RUNNING)
        await self._print(lambda: self._table(records, "No jobs." if self._request.finished else "No jobs run."))
        return {"jobs": [record.as_json() for record in records]}

    async def _show(self) -> dict[str, Any]:
        records = await self._with_results(await self._find(_ALL))
        texts = [details(record, self._paint) for record in records]
        await self._print(lambda: "\n".join(texts) if texts else "No jobs.\n")
        return {"jobs": [record.as_json() for record in records]}

    async def _wait(self) -> dict[str, Any]:
        records = await self._find(_RUNNING)
        ended, left = await self._await(records)
        self._failed |= any(record.failed for record in ended)
        if left and len(ended) < self._wanted(len(records)):
            self._failed = True
            if not self._request.json:
                many = "1 job still runs" if len(left) == 1 else f"{len(left)} jobs still run"
                await self._console.err(f"{many} after {self._request.timeout:g} seconds")
        if not records:
            await self._print(lambda: "No jobs run.\n")
        known = {(record.host, record.jid): record for record in (*ended, *left)}
        return {"jobs": [known[record.host, record.jid].as_json() for record in records]}

    async def _logs(self) -> dict[str, Any]:
        records = await self._find(_RUNNING if self._request.follow else _ALL)
        printer = LogPrinter(self._session_of, self._console, quiet=self._request.json, prefixed=len(records) > 1)
        await self._each(records, printer.follow if self._request.follow else printer.copy)
        return {"jobs": [{"host": r.host, "jid": r.jid, "log": printer.texts.get((r.host, r.jid), "")} for r in records]}

    async def _cancel(self) -> dict[str, Any]:
        records = [record for record in await self._find(_RUNNING) if record.running]
        await self._on_hosts(records, self._cancel_on)
        after = await self._with_results(records)
        still = [record for record in after if record.running]
        for record in still:
            await self._console.err(f"{record.host}: {record.jid} can't be ended: its processes are not on this host")
        self._failed |= bool(still)
        await self._print(lambda: self._table(after, "No jobs run."))
        return {"jobs": [record.as_json() for record in after]}

    async def _cleanup(self) -> dict[str, Any]:
        age = self._request.older_than
        records = [r for r in await self._find(_ENDED) if not r.running and (age is None or r.older_than(age))]
        erased = await self._on_hosts(records, self._cleanup_on)
        counts = {host: len(paths) for host, paths in erased.items() if paths}
        total = sum(counts.values())
        lines = [f"{host}: {count}\n" for host, count in counts.items()] if len(counts) > 1 else []
        await self._print(lambda: "".join(lines) + f"{total} {'job' if total == 1 else 'jobs'} removed.\n")
        return {"erased": erased}

    # -- looking for jobs ----------------------------------------------------------------------------------------

    async def _find(self, which: str) -> list[JobRecord]:
        """The jobs that are meant, by host and start: those named, whatever their state, or all that are ``which``."""
        answers = await ask_all(self._hosts, self._jobs_on, self._reach.at_once)
        await self._note(answers)
        wanted = frozenset(self._request.jids)
        found: list[JobRecord] = []
        for records in answers.given.values():
            chosen = [r for r in records if (r.jid in wanted if wanted else _is(r, which))]
            found += sorted(chosen, key=lambda record: record.started_at or 0.0)
        for jid in self._request.jids:
            if not any(record.jid == jid for record in found):
                self._failed = True
                await self._console.err(f"{jid}: could not find job")
        return found

    async def _jobs_on(self, host: str) -> list[JobRecord]:
        session = self._sessions[host] = await self._reach.session(host)
        reply = await session.request("job.list", {"async_dir": session.target.async_dir})
        folder, now = str(reply.result.get("async_dir") or ""), float(reply.result.get("now") or 0.0)
        return [record_of(host, folder, now, entry) for entry in reply.result.get("jobs") or ()]

    async def _with_results(self, records: Sequence[JobRecord]) -> list[JobRecord]:
        """The same jobs as they are now, with their results."""
        states = await self._on_hosts(records, self._status_on)
        return [_updated(record, states.get(record.host, {})) for record in records]

    # -- hosts ---------------------------------------------------------------------------------------------------

    def _session_of(self, record: JobRecord) -> Session:
        return self._sessions[record.host]

    async def _on_hosts(
        self, records: Iterable[JobRecord], work: Callable[[str, str, list[str]], Awaitable[Any]]
    ) -> dict[str, Any]:
        """One request for each host with all its jobs; ``work`` gets host, async_dir and jids."""
        jids: dict[str, list[str]] = {}
        folders: dict[str, str] = {}
        for record in records:
            jids.setdefault(record.host, []).append(record.jid)
            folders[record.host] = record.async_dir
        answers = await ask_all(jids, lambda host: work(host, folders[host], jids[host]), self._reach.at_once)
        await self._note(answers)
        return answers.given

    async def _status_on(self, host: str, async_dir: str, jids: list[str]) -> Mapping[str, Any]:
        reply = await self._sessions[host].request("job.status", {"jids": jids, "async_dir": async_dir})
        jobs: Mapping[str, Any] = reply.result["jobs"]
        return jobs

    async def _cancel_on(self, host: str, async_dir: str, jids: list[str]) -> list[str]:
        reply = await self._sessions[host].request("job.cancel", {"jids": jids, "async_dir": async_dir})
        return list(reply.result["cancelled"])

    async def _cleanup_on(self, host: str, async_dir: str, jids: list[str]) -> list[str]:
        reply = await self._sessions[host].request("job.cleanup", {"jids": jids, "async_dir": async_dir})
        return list(reply.result["erased"])

    async def _each(self, records: Sequence[JobRecord], work: Callable[[JobRecord], Awaitable[None]]) -> None:
        """``work`` for all jobs side by side; a host that goes away meanwhile is noted once."""
        by_key = {f"{number}": record for number, record in enumerate(records)}
        answers = await ask_all(by_key, lambda key: work(by_key[key]), max(1, len(by_key)))
        errors = {by_key[key].host: error for key, error in answers.errors.items()}
        await self._note(Answers(errors=errors))

    async def _note(self, answers: Answers[Any]) -> None:
        for host, error in answers.errors.items():
            if host not in self._errors:
                self._errors[host] = error
                kind = "unreachable: " if isinstance(error, Unreachable) else ""
                kind = f"{error.kind}: " if isinstance(error, RequestFailed) and not kind else kind
                await self._console.err(f"{host}: {kind}{error.message}")

    # -- waiting -------------------------------------------------------------------------------------------------

    def _wanted(self, count: int) -> int:
        """How many have to end."""
        told = self._request.wait_for
        return count if told == "all" else min(count, 1 if told == "any" else int(told))

    async def _await(self, records: Sequence[JobRecord]) -> tuple[list[JobRecord], list[JobRecord]]:
        """Those that have ended, as they did, and those that are left once enough have, or the time is over."""
        ended = [record for record in await self._with_results([r for r in records if not r.running])]
        for record in ended:
            await self._print(lambda r=record: line(r, self._paint))  # type: ignore[misc]
        left = {(record.host, record.jid): record for record in records if record.running}
        wanted = self._wanted(len(records))
        async with Waits(self._session_of, self._request.timeout) as waits:
            waits.start(left.values())
            while left and len(ended) < wanted:
                news = await waits.next()
                if news is None:
                    break
                record, outcome = news
                del left[record.host, record.jid]
                if isinstance(outcome, WeftError):
                    await self._note(Answers(errors={record.host: outcome}))
                    wanted = min(wanted, len(ended) + len(left))
                    continue
                ended.append(outcome)
                await self._print(lambda r=outcome: line(r, self._paint))  # type: ignore[misc]
        gone = [record for record in records if record.host in self._errors]
        rest = [record for key, record in left.items()]
        return ended, rest + [r for r in gone if (r.host, r.jid) not in left and r not in ended]

    # -- printing ------------------------------------------------------------------------------------------------

    async def _print(self, text: Callable[[], str]) -> None:
        """For people; with `--json` the document says it."""
        if not self._request.json:
            await self._console.out(text())

    def _table(self, records: Sequence[JobRecord], nothing: str) -> str:
        if not records:
            return nothing + "\n"
        return table(records, self._paint, columns(self._console.stdout))


def _is(record: JobRecord, which: str) -> bool:
    return which == _ALL or record.running is (which == _RUNNING)


def _updated(record: JobRecord, states: Mapping[str, Any]) -> JobRecord:
    status = states.get(record.jid)
    return record if status is None else record.updated(status)


__all__ = ["JobsAdmin", "asyncio"]
