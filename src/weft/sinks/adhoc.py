"""The views of `weft run`: a paragraph (``Minimal``), a line (``OneLine``) or a file (``Tree``) for each host."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from weft.connection.results import NO_TRACEBACK
from weft.events import types as ev
from weft.model.outcome import Status
from weft.model.settings import Settings
from weft.sinks.classic import show_problems
from weft.sinks.diffs import diff_text
from weft.sinks.dump import ResultDumper, is_action, shown_result, without_status
from weft.sinks.recap import config_line, jobs_left_line
from weft.sinks.screen import Screen

#: Their results are shown as a shell would: what they printed.
_RAW = (
    "command",
    "shell",
    "raw",
    "win_command",
    "win_shell",
    "ansible.windows.win_command",
    "ansible.windows.win_shell",
)
_WHOLE_FROM = 3  # -vvv


class _AdHocView:
    """What the text views share; they differ in how a result is written."""

    def __init__(self, screen: Screen, settings: Settings) -> None:
        self._screen = screen
        self._settings = settings
        self._dumper = ResultDumper.of(settings)
        self._handlers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.RunStarted: self._run_started,
            ev.NoHostsMatched: self._no_hosts,
            ev.TaskFinished: self._task_finished,
            ev.Warned: screen.warning,
            ev.Deprecated: screen.deprecation,
            ev.Failed: lambda event: screen.error(event.error),
            ev.Message: self._message,
            ev.RunFinished: self._run_finished,
        }

    def handle(self, event: ev.Event) -> None:
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def flush(self) -> None:
        self._screen.flush()

    async def close(self) -> None:
        await self._screen.drained()

    def _task_finished(self, event: ev.TaskFinished) -> None:
        raise NotImplementedError

    def _run_started(self, event: ev.RunStarted) -> None:
        self._screen.verbose(config_line(self._settings), 1)

    def _no_hosts(self, event: ev.NoHostsMatched) -> None:
        self._screen.warning(ev.Warned(message="No hosts matched, nothing to do"))

    def _message(self, event: ev.Message) -> None:
        if event.verbosity > 0:
            self._screen.verbose(event.text, event.verbosity, event.host)
        else:
            self._screen.show(event.text, stderr=event.stderr)

    def _run_finished(self, event: ev.RunFinished) -> None:
        # asked to wait for nothing (-P 0): the answer has the ids, and says enough for one task
        if event.jobs_left and self._screen.verbosity:
            self._screen.show(jobs_left_line(event.jobs_left, self._settings), "changed")


class Minimal(_AdHocView):
    """`host | CHANGED | rc=0 >>` and what was printed, or `host | SUCCESS => {...}`."""

    def _task_finished(self, event: ev.TaskFinished) -> None:
        if event.diff:
            text = diff_text(event.diff, self._dumper, self._screen.palette, self._settings.diff_context)
            self._screen.show(text)
        show_problems(self._screen, event)
        host, result = event.host, event.result
        if event.status is Status.SKIPPED:
            self._screen.show(f"{host} | SKIPPED", "skip")
        elif event.status is Status.UNREACHABLE:
            self._screen.show(f"{host} | UNREACHABLE! => {self._dump(event, without_status(result))}", "unreachable")
        elif event.status is Status.FAILED:
            if is_action(event.task, *_RAW) and "module_stderr" not in result:
                self._screen.show(_printed(host, result, "FAILED"), "error")
            else:
                self._screen.show(f"{host} | FAILED! => {self._dump(event, without_status(result))}", "error")
        else:
            word, kind = _success(event)
            shown = shown_result(event.task, result)
            if is_action(event.task, *_RAW) and "ansible_job_id" not in result:
                self._screen.show(_printed(host, shown, word), kind)
            else:
                self._screen.show(f"{host} | {word} => {self._dump(event, shown)}", kind)

    def _dump(self, event: ev.TaskFinished, result: Mapping[str, Any]) -> str:
        return self._dumper.dump(result, indent=4, always=event.verbose_always)


class OneLine(_AdHocView):
    """Each host's answer in one line; a failed command's output in one of its own."""

    def __init__(self, screen: Screen, settings: Settings) -> None:
        super().__init__(screen, settings)
        self._handlers[ev.PlayStarted] = self._play_started

    def _play_started(self, event: ev.PlayStarted) -> None:
        if event.play.hosts:
            self._screen.deprecation(outdated("oneline"))

    def _no_hosts(self, event: ev.NoHostsMatched) -> None:
        super()._no_hosts(event)
        self._screen.deprecation(outdated("oneline"))

    def _task_finished(self, event: ev.TaskFinished) -> None:
        host, result = event.host, without_status(event.result)
        for warning in event.warnings:
            self._screen.warning(ev.Warned(message=warning))
        raw = is_action(event.task, *_RAW)
        if event.status is Status.SKIPPED:
            self._screen.show(f"{host} | SKIPPED", "skip")
        elif event.status is Status.UNREACHABLE:
            self._screen.show(f"{host} | UNREACHABLE!: {result.get('msg', '')}", "unreachable")
        elif event.status is Status.FAILED:
            if raw and "module_stderr" not in result:
                self._screen.show(_printed_in_line(host, result, "FAILED"), "error")
            else:
                self._screen.show(self._exception(event.error), "error")
            self._screen.show(f"{host} | FAILED! => {self._dump(event, result)}", "error")
        else:
            word, kind = _success(event)
            if raw and "ansible_job_id" not in result:
                self._screen.show(_printed_in_line(host, result, word), kind)
            else:
                self._screen.show(f"{host} | {word} => {self._dump(event, result)}", kind)

    def _exception(self, error: ev.ErrorInfo | None) -> str:
        """What ansible-core says of the traceback; it has one where that is asked for."""
        known = error.traceback if error is not None and self._screen.shows_traceback("error") else None
        trace = known or NO_TRACEBACK
        said = "An exception occurred during task execution."
        if self._screen.verbosity < _WHOLE_FROM:
            return f"{said} To see the full traceback, use -vvv. The error was: {trace.strip().splitlines()[-1]}"
        return f"{said} The full traceback is:\n{trace.replace(chr(10), '')}"

    def _dump(self, event: ev.TaskFinished, result: Mapping[str, Any]) -> str:
        return self._dumper.dump(result, indent=0, always=event.verbose_always).replace("\n", "")


class Tree:
    """Each host's last result as JSON, in a file of its name in ``folder``."""

    def __init__(self, folder: str, settings: Settings, screen: Screen) -> None:
        self._folder = os.path.expanduser(folder)
        self._dumper = ResultDumper.of(settings)
        self._screen = screen
        self._warn = screen.warning
        self._results: dict[str, str] = {}

    def handle(self, event: ev.Event) -> None:
        if isinstance(event, ev.NoHostsMatched) or (isinstance(event, ev.PlayStarted) and event.play.hosts):
            self._screen.deprecation(outdated("tree"))
        elif isinstance(event, ev.TaskFinished) and event.status is not Status.SKIPPED:
            result = without_status(event.result)
            self._results[event.host] = self._dumper.dump(result, always=event.verbose_always)

    async def close(self) -> None:
        import asyncio

        # files are written off the loop, once, when the results are complete
        await asyncio.to_thread(self._write)

    def _write(self) -> None:
        if not self._results:
            return
        try:
            os.makedirs(self._folder, exist_ok=True)
        except OSError as error:
            self._warn(
                ev.Warned(message=f"Unable to access or create the configured directory {self._folder!r}: {error}")
            )
            return
        for host, text in self._results.items():
            try:
                with open(os.path.join(self._folder, host), "wb") as file:
                    file.write(text.encode("utf-8", "surrogateescape"))
            except OSError as error:
                self._warn(ev.Warned(message=f"Unable to write to {host!r}'s file: {error}"))


def outdated(callback: str) -> ev.Deprecated:
    """What ansible-core says where one of the callbacks is used that it is going to remove."""
    return ev.Deprecated(
        message=f"The {callback} callback plugin is deprecated.", version="2.23", collection="ansible.builtin"
    )


def _success(event: ev.TaskFinished) -> tuple[str, str]:
    return ("CHANGED", "changed") if event.status is Status.CHANGED else ("SUCCESS", "ok")


def _printed(host: str, result: Mapping[str, Any], word: str) -> str:
    said = "".join(str(result.get(key) or "") for key in ("stdout", "stderr", "msg"))
    return f"{host} | {word} | rc={result.get('rc', -1)} >>\n{said}\n"


def _printed_in_line(host: str, result: Mapping[str, Any], word: str) -> str:
    def escaped(name: str) -> str:
        return str(result.get(name) or "").replace("\n", "\\n").replace("\r", "\\r")

    stderr = escaped("stderr")
    line = f"{host} | {word} | rc={result.get('rc', -1)} | (stdout) {escaped('stdout')}"
    return f"{line} (stderr) {stderr}" if stderr else line
