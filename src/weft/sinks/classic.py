"""The view that looks, line for line, like ansible-playbook's own. Reads events, draws on a ``Screen``.

Where weft has something that ansible-playbook has not (jobs left, locks, plays side by side) it adds lines; it never
changes the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from weft.events import types as ev
from weft.model.outcome import Status
from weft.model.run_options import RunOptions
from weft.model.settings import Settings
from weft.sinks.diffs import diff_text
from weft.sinks.dump import ResultDumper, is_action
from weft.sinks.problems import deprecation_of
from weft.sinks.recap import Recap, config_line
from weft.sinks.remarks import show_message
from weft.sinks.results import ResultLines
from weft.sinks.screen import Screen

_OWN_PACE = frozenset(("free", "host_pinned", "ansible.builtin.free", "ansible.builtin.host_pinned"))
_SHOWS_PATHS_FROM = 2  # -vv
_SHOWS_RETRY_RESULTS_FROM = 3  # -vvv
_SHOWS_OPTIONS_FROM = 4  # -vvvv


class Classic:
    """Banners, results and the recap of `weft play`."""

    def __init__(self, screen: Screen, settings: Settings, options: RunOptions | None = None) -> None:
        self._screen = screen
        self._settings = settings
        self._options = options
        self._dumper = ResultDumper.of(settings)
        self._lines = ResultLines(self._dumper)
        self._recap = Recap(screen, self._dumper, settings)
        self._plays: dict[str, ev.PlayInfo] = {}
        self._play: str | None = None  # id of the play whose banner came last
        self._banner: str | None = None  # id of the task whose banner came last
        self._handlers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.RunStarted: self._run_started,
            ev.PlaybookStarted: self._playbook_started,
            ev.PlayStarted: lambda event: self._play_banner(event.play),
            ev.NoHostsMatched: self._no_hosts_matched,
            ev.NoHostsLeft: self._no_hosts_left,
            ev.StepAnswered: lambda event: screen.banner(event.question),
            ev.TaskStarted: self._task_started,
            ev.HostStarted: self._host_started,
            ev.ItemFinished: self._item_finished,
            ev.TaskFinished: self._task_finished,
            ev.TaskCancelled: self._task_cancelled,
            ev.Retrying: self._retrying,
            ev.Included: self._included,
            ev.AsyncPoll: self._async_poll,
            ev.AsyncEnded: self._async_ended,
            ev.Notified: self._notified,
            ev.LockWait: self._lock_wait,
            ev.Warned: screen.warning,
            ev.Deprecated: screen.deprecation,
            ev.Failed: lambda event: screen.error(event.error),
            ev.Message: lambda event: show_message(screen, event),
            ev.PlaybookFinished: self._recap.playbook_finished,
            ev.RunFinished: self._recap.run_finished,
        }

    def handle(self, event: ev.Event) -> None:
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def flush(self) -> None:
        self._screen.flush()

    async def close(self) -> None:
        await self._screen.drained()

    # the run and its plays

    def _run_started(self, event: ev.RunStarted) -> None:
        self._screen.verbose(config_line(self._settings), 1)

    def _playbook_started(self, event: ev.PlaybookStarted) -> None:
        verbosity = self._screen.verbosity
        if event.collection:
            self._screen.verbose(f"running playbook inside collection {event.collection}", 1)
        if verbosity >= _SHOWS_PATHS_FROM:
            self._screen.banner(f"PLAYBOOK: {os.path.basename(event.path)}")
        if verbosity >= _SHOWS_OPTIONS_FROM and self._options is not None:
            for line in self._options.describe():
                self._screen.show(line, "verbose", log=False)
        if self._settings.check and self._settings.check_mode_markers:
            self._screen.banner("DRY RUN")
        if event.plays:
            self._screen.verbose(f"{event.plays} plays in {event.given or event.path}", 2)

    def _play_banner(self, play: ev.PlayInfo) -> None:
        self._plays[play.id] = play
        self._play = play.id
        self._banner = None
        mark = " [CHECK MODE]" if play.check_mode and self._settings.check_mode_markers else ""
        name = play.name.strip()
        lane = _lane(play.lane) if play.lane != name else ""
        self._screen.banner(f"PLAY{f' [{name}]' if name else ''}{mark}{lane}")

    def _no_hosts_matched(self, event: ev.NoHostsMatched) -> None:
        if self._play != event.play.id:
            self._play_banner(event.play)
        self._screen.show("skipping: no hosts matched", "skip")

    def _no_hosts_left(self, event: ev.NoHostsLeft) -> None:
        play = self._plays.get(event.play)
        self._banner = None
        self._screen.banner(f"NO MORE HOSTS LEFT{_lane(play.lane) if play is not None else ''}")

    # tasks

    def _task_started(self, event: ev.TaskStarted) -> None:
        task = event.task
        if task.implicit and is_action(task, "meta"):
            return
        filtered = not (self._settings.display_skipped_hosts and self._settings.display_ok_hosts)
        if not filtered and not self._goes_its_own_pace(task):
            self._task_banner(task)

    def _goes_its_own_pace(self, task: ev.TaskInfo) -> bool:
        """Whether other tasks are under way beside this one: its banner comes with each of its lines that needs it."""
        if _beside_others(task):
            return True
        play = self._plays.get(task.play)
        return play is not None and play.strategy in _OWN_PACE

    def _task_banner(self, task: ev.TaskInfo) -> None:
        prefix = "RUNNING HANDLER" if task.handler else "TASK"
        name = task.name.strip()
        if self._settings.display_args_to_stdout and not task.no_log:
            name += " " + ", ".join(f"{key}={value}" for key, value in task.args.items())
        mark = " [CHECK MODE]" if task.check_mode and self._settings.check_mode_markers else ""
        strand = f" ({task.strand})" if task.strand and task.strand != name else ""
        self._screen.banner(f"{prefix} [{name}]{mark}{strand}{_lane(task.lane)}")
        if self._screen.verbosity >= _SHOWS_PATHS_FROM:
            self._task_path(task)
        self._banner = task.id

    def _task_path(self, task: ev.TaskInfo) -> None:
        self._screen.show(f"task path: {task.origin.path}:{task.origin.line or 1}", "debug")

    def _under_banner(self, task: ev.TaskInfo) -> None:
        if self._banner != task.id:
            self._task_banner(task)

    def _host_started(self, event: ev.HostStarted) -> None:
        kind = "HANDLER" if event.task.handler else "TASK"
        if self._settings.show_per_host_start:
            self._screen.show(f" [started {kind}: {event.task.name} on {event.host}]", "ok")

    def _task_finished(self, event: ev.TaskFinished) -> None:
        if event.status is Status.UNREACHABLE:
            self._task_unreachable(event)
        elif event.status is Status.FAILED:
            self._task_failed(event)
        elif event.status is Status.SKIPPED:
            self._task_skipped(event)
        else:
            self._diff(event)
            self._task_ok(event)

    def _task_ok(self, event: ev.TaskFinished) -> None:
        if is_action(event.task, "include_tasks", "include_role"):
            if not _beside_others(event.task):  # there, what it included has said it
                self._under_banner(event.task)
            return
        changed = event.status is Status.CHANGED
        if not changed and not self._settings.display_ok_hosts:
            return
        self._under_banner(event.task)
        self._problems(event)
        if not (event.task.loop and "results" in event.result):
            self._screen.show(self._lines.finished(event), "changed" if changed else "ok")

    def _task_failed(self, event: ev.TaskFinished) -> None:
        self._under_banner(event.task)
        self._problems(event)
        # the items have said it all, but for `debug`, of which only the message is kept
        said = event.task.loop and "results" in event.result
        if not said or (is_action(event.task, "debug") and "msg" in event.result):
            if self._screen.verbosity < _SHOWS_PATHS_FROM and self._settings.show_task_path_on_failure:
                self._task_path(event.task)
            self._screen.show(self._lines.failed(event), "error", stderr=self._settings.display_failed_stderr)
        if event.ignored:
            self._screen.show("...ignoring", "skip")

    def _task_unreachable(self, event: ev.TaskFinished) -> None:
        self._under_banner(event.task)
        self._problems(event)
        text = self._lines.unreachable(event)
        self._screen.show(text, "unreachable", stderr=self._settings.display_failed_stderr)
        if event.ignored:
            self._screen.show("...ignoring", "skip")

    def _task_skipped(self, event: ev.TaskFinished) -> None:
        if not self._settings.display_skipped_hosts:
            return
        self._under_banner(event.task)
        self._problems(event)
        self._screen.show(self._lines.skipped(event), "skip")

    def _item_finished(self, event: ev.ItemFinished) -> None:
        if event.status in (Status.FAILED, Status.UNREACHABLE):
            self._under_banner(event.task)
            self._problems(event)
            text = self._lines.item_failed(event)
            self._screen.show(text, "error", stderr=self._settings.display_failed_stderr)
        elif event.status is Status.SKIPPED:
            if self._settings.display_skipped_hosts:
                self._under_banner(event.task)
                self._problems(event)
                self._screen.show(self._lines.item_skipped(event), "skip")
        else:
            self._diff(event)
            self._item_ok(event)

    def _item_ok(self, event: ev.ItemFinished) -> None:
        changed = event.status is Status.CHANGED
        if is_action(event.task, "include_tasks", "include_role"):
            return
        if not changed and not self._settings.display_ok_hosts:
            return
        self._under_banner(event.task)
        self._problems(event)
        self._screen.show(self._lines.item_finished(event), "changed" if changed else "ok")

    def _diff(self, event: ev.TaskResult) -> None:
        if event.status is not Status.CHANGED or not event.diff:
            return
        text = diff_text(event.diff, self._dumper, self._screen.palette, self._settings.diff_context)
        if text:
            self._under_banner(event.task)
            self._screen.show(text)

    def _problems(self, event: ev.TaskResult) -> None:
        show_problems(self._screen, event, stderr=self._settings.display_failed_stderr)

    # what happens within a task

    def _task_cancelled(self, event: ev.TaskCancelled) -> None:
        self._under_banner(event.task)
        self._screen.show(f"cancelled: [{event.host}]", "skip")

    def _retrying(self, event: ev.Retrying) -> None:
        self._beside_others_under_banner(event.task)
        always = event.verbose_always or is_action(event.task, "debug")
        with_result = always or self._screen.verbosity >= _SHOWS_RETRY_RESULTS_FROM
        self._screen.show(self._lines.retrying(event, with_result=with_result), "debug")

    def _beside_others_under_banner(self, task: ev.TaskInfo | None) -> None:
        """For lines that stand where they come, as in Ansible, unless that could be below another task's banner."""
        if task is not None and _beside_others(task):
            self._under_banner(task)

    def _included(self, event: ev.Included) -> None:
        self._beside_others_under_banner(event.task)
        label = f" => (item={event.label})" if event.label else ""
        self._screen.show(f"included: {event.path} for {', '.join(event.hosts)}{label}", "included")

    def _async_poll(self, event: ev.AsyncPoll) -> None:
        self._beside_others_under_banner(event.task)
        state = f"started={event.started} finished={event.finished}"
        self._screen.show(f"ASYNC POLL on {event.host}: jid={event.jid} {state}", "debug")

    def _async_ended(self, event: ev.AsyncEnded) -> None:
        self._beside_others_under_banner(event.task)
        word = "OK" if event.ok else "FAILED"
        self._screen.show(f"ASYNC {word} on {event.host}: jid={event.jid}", "debug")

    def _notified(self, event: ev.Notified) -> None:
        if self._screen.verbosity >= _SHOWS_PATHS_FROM:
            self._screen.show(f"NOTIFIED HANDLER {event.handler} for {event.host}", "verbose", log=False)

    def _lock_wait(self, event: ev.LockWait) -> None:
        if event.granted:
            self._screen.verbose(f"LOCKED: [{event.host}]: {event.lock} after {event.waited:.1f}s", 1)
            return
        self._under_banner(event.task)
        holder = f", held by {event.holder}" if event.holder else ""
        self._screen.show(f"WAITING: [{event.host}]: lock {event.lock}{holder}", "debug")


def show_problems(screen: Screen, event: ev.TaskResult, *, stderr: bool = False) -> None:
    """Warnings, deprecations and the reason of a failure, above the line they belong to."""
    for warning in event.warnings:
        screen.warning(ev.Warned(message=warning))
    for notice in event.deprecations:
        screen.deprecation(deprecation_of(notice))
    if event.error is not None:
        screen.error(event.error, stderr=stderr)


def _beside_others(task: ev.TaskInfo) -> bool:
    """Whether other tasks of the run are under way meanwhile, whatever the strategy."""
    return task.strand is not None or task.lane is not None


def _lane(lane: str | None) -> str:
    return f" ({lane})" if lane is not None else ""
