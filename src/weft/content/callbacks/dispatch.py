"""From events to the methods of callback plugins, in ansible-core's order and with its rules about who is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.executor.task_result import _RawTaskResult
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.utils.display import Display

from weft.content.callbacks import objects

Event = Mapping[str, Any]


class Dispatch:
    """Calls plugins. An assertion in one of them ends the process, as with ansible-core; other errors are told."""

    def __init__(self, plugins: Sequence[Any], hello: Mapping[str, Any], ask: objects.Ask) -> None:
        self._plugins = list(plugins)
        self._cast = objects.Cast(hello["extra_vars"], ask)
        self._display = Display()
        self._shows = bool(hello["main"])  # one of the plugins has the screen: what weft has to say is shown here
        self._diff = bool(hello["options"]["diff"])
        self._current: dict[str, Event] = {}  # host -> the task it is at
        self._jobs: dict[str, Event] = {}  # job -> its task
        self._over: set[str] = set()  # playbooks whose statistics are out
        self._path = ""
        self._handlers: dict[str, Callable[[Event], None]] = {
            "playbook_started": self._playbook_started,
            "vars_asked": self._vars_asked,
            "play_started": self._play_started,
            "no_hosts_matched": lambda event: self._call("v2_playbook_on_no_hosts_matched"),
            "no_hosts_left": lambda event: self._call("v2_playbook_on_no_hosts_remaining"),
            "task_started": self._task_started,
            "host_started": self._host_started,
            "item_finished": self._item_finished,
            "task_finished": self._task_finished,
            "retrying": self._retrying,
            "included": lambda event: self._call("v2_playbook_on_include", objects.included(self._cast, event)),
            "async_poll": self._async_poll,
            "async_ended": self._async_ended,
            "notified": self._notified,
            "playbook_finished": self._stats,
            "run_finished": self._stats,
            "warned": self._warned,
            "deprecated": self._deprecated,
            "failed": self._failed,
            "message": self._message,
        }

    def handle(self, kind: str, event: Event) -> None:
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(event)

    # -- the run -------------------------------------------------------------------------------------------------------

    def _playbook_started(self, event: Event) -> None:
        self._path = event["path"]
        self._call("v2_playbook_on_start", objects.Book(self._path))

    def _vars_asked(self, event: Event) -> None:
        names = ("name", "private", "prompt", "encrypt", "confirm", "salt_size", "salt", "default", "unsafe")
        self._call("v2_playbook_on_vars_prompt", *(event[name] for name in names))

    def _play_started(self, event: Event) -> None:
        play = self._cast.play(event["play"])
        context = PlayContext(play, {}, None)
        for plugin in self._plugins:
            plugin.set_play_context(context)
        self._call("v2_playbook_on_play_start", play)

    def _task_started(self, event: Event) -> None:
        task = self._cast.task(event["task"])
        if event["task"]["handler"]:
            self._call("v2_playbook_on_handler_task_start", task)
        else:
            self._call("v2_playbook_on_task_start", task, is_conditional=False)

    def _host_started(self, event: Event) -> None:
        self._current[event["host"]] = event["task"]
        self._call("v2_runner_on_start", self._cast.host(event["host"]), self._cast.task(event["task"]))

    def _notified(self, event: Event) -> None:
        handler = objects.HandlerView()
        handler.shown = handler.name = event["handler"]
        self._call("v2_playbook_on_notify", handler, self._cast.host(event["host"]))

    def _stats(self, event: Event) -> None:
        self._call("v2_playbook_on_stats", objects.stats_of(event["recap"], event["custom_stats"]))

    # -- results -------------------------------------------------------------------------------------------------------

    def _item_finished(self, event: Event) -> None:
        result = objects.result_of(self._cast, event, item=True)
        if event["status"] in ("failed", "unreachable"):
            self._call("v2_runner_item_on_failed", result)
        elif event["status"] == "skipped":
            self._call("v2_runner_item_on_skipped", result)
        else:
            if event["diff"]:
                self._call("v2_on_file_diff", result)
            self._call("v2_runner_item_on_ok", result)

    def _task_finished(self, event: Event) -> None:
        result = objects.result_of(self._cast, event)
        status = event["status"]
        if status == "failed":
            self._call("v2_runner_on_failed", result, ignore_errors=event["ignored"])
        elif status == "unreachable":
            self._call("v2_runner_on_unreachable", result)
        elif status == "skipped":
            self._call("v2_runner_on_skipped", result)
        else:
            if event["diff"]:
                self._call("v2_on_file_diff", result)
            self._call("v2_runner_on_ok", result)

    def _retrying(self, event: Event) -> None:
        data = {**event["result"], "_ansible_retry": True}
        self._call("v2_runner_retry", objects.plain_result(self._cast, event["host"], event["task"], data))

    def _async_poll(self, event: Event) -> None:
        task = self._current.get(event["host"])
        if task is not None:
            self._jobs[event["jid"]] = task
            data = {"ansible_job_id": event["jid"], "started": event["started"], "finished": event["finished"]}
            self._call("v2_runner_on_async_poll", objects.plain_result(self._cast, event["host"], task, data))

    def _async_ended(self, event: Event) -> None:
        task = self._jobs.pop(event["jid"], None) or self._current.get(event["host"])
        if task is not None:
            method = "v2_runner_on_async_ok" if event["ok"] else "v2_runner_on_async_failed"
            data = {"ansible_job_id": event["jid"], "finished": 1}
            self._call(method, objects.plain_result(self._cast, event["host"], task, data))

    # -- what weft has to say ------------------------------------------------------------------------------------------

    def _warned(self, event: Event) -> None:
        if self._shows:
            self._display.warning(event["message"], help_text=event["help"], obj=objects._origin(event["origin"]))

    def _deprecated(self, event: Event) -> None:
        if self._shows:
            names = ("message", "version", "date", "collection", "help")
            self._display._deprecated(objects.deprecation(*(event[name] for name in names)))

    def _failed(self, event: Event) -> None:
        if self._shows:
            self._display._error(objects.error_of(event["error"]), stderr=True)

    def _message(self, event: Event) -> None:
        if self._shows and event["verbosity"] <= self._display.verbosity:
            text = event["text"] if event["host"] is None else f"<{event['host']}> {event['text']}"
            self._display.display(text, stderr=event["stderr"])

    # -- calling -------------------------------------------------------------------------------------------------------

    def _call(self, method: str, *args: Any, **kwargs: Any) -> None:
        implicit = any(isinstance(arg, Task) and arg.implicit for arg in args)
        for plugin in self._plugins:
            if plugin.disabled or (implicit and not plugin.wants_implicit_tasks):
                continue
            implemented = plugin._implemented_callback_methods
            for name in (method, "v2_on_any"):
                if name in implemented:
                    self._call_one(plugin, name, method, args, kwargs)
            plugin._current_task_result = None

    def _call_one(self, plugin: Any, name: str, event: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        given: list[Any] = []
        for arg in args:
            if isinstance(arg, _RawTaskResult):
                arg = plugin._current_task_result = objects.clean(arg)
            given.append(arg)
        try:
            getattr(plugin, name)(*given, **kwargs)
        except AssertionError:
            raise
        except Exception as error:
            message = f"Callback dispatch {event!r} failed for plugin {plugin._load_name!r}."
            self._display.error_as_warning(message, exception=error)
