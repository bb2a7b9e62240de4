"""ansible-core's hosts, tasks, plays, results and statistics, made from events."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ansible._internal._datatag._tags import Origin as OriginTag
from ansible.errors import AnsibleError
from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import CallbackTaskResult, _RawTaskResult
from ansible.inventory.host import Host
from ansible.module_utils._internal import _messages
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.handler import Handler
from ansible.playbook.included_file import IncludedFile
from ansible.playbook.play import Play
from ansible.playbook.task_include import TaskInclude

from weft.content.ansible_values import to_ansible
from weft.content.lane.objects import Inventory, LaneTask, Role, Stacked
from weft.content.lane.request import RoleAt
from weft.model.errors import source_excerpt
from weft.model.values import Origin, Written

_CHAINED = "<<< caused by >>>"
_HANDLING = "<<< while handling >>>"
_RECAP = {"ok": "ok", "changed": "changed", "unreachable": "dark", "failed": "failures", "skipped": "skipped"}
_ALSO = ("rescued", "ignored")


Ask = Callable[..., Any]  # what to ask, and its details; None where nothing is known


class TaskView(LaneTask):
    """A task as it was announced."""

    shown: str = ""
    written: Callable[[], Mapping[str, Any]] | None = None

    @property
    def _ds(self) -> Any:
        """The task as it stands in its file."""
        return self.written() if self.written is not None else self.__dict__.get("_ds")

    @_ds.setter
    def _ds(self, value: Any) -> None:
        self.__dict__["_ds"] = value

    def get_name(self, include_role_fqcn: bool = True) -> str:
        return self.shown

    def copy(self, exclude_parent: bool = False, exclude_tasks: bool = False) -> TaskView:
        new: TaskView = super().copy(exclude_parent, exclude_tasks)
        new.shown, new.written = self.shown, self.written
        return new


class HandlerView(TaskView, Handler):  # type: ignore[misc]
    """A handler as it was announced."""


class IncludeView(TaskView, TaskInclude):  # type: ignore[misc]
    """An include of tasks or of a role as it was announced: views don't show the results of these."""


class HandlerIncludeView(HandlerView, TaskInclude):  # type: ignore[misc]
    """An include among the handlers."""


class PlayView(Play):  # type: ignore[misc]
    """A play as it was announced."""

    ask: Ask | None = None

    def get_variable_manager(self) -> Any:
        return self._variable_manager

    def get_vars(self) -> dict[str, Any]:
        return dict(self.vars)

    def get_tasks(self) -> list[list[TaskView]]:
        """The tasks of each block, as far as names go."""
        found = self.ask("tasks", play=self._uuid) if self.ask is not None else None
        return [[_named(name) for name in names] for names in found or ()]


def _named(name: str) -> TaskView:
    task = TaskView()
    task.name = task.shown = name
    return task


class Variables:
    """Stands for the variable manager: asks the controller, which answers with what is known by then."""

    def __init__(self, ask: Ask, play: str, extra_vars: Mapping[str, Any], inventory: Inventory) -> None:
        self._ask = ask
        self._play = play
        self._inventory = inventory
        self._hostvars: dict[str, Any] = {}
        self.extra_vars = self._extra_vars = extra_vars

    def get_vars(self, play: Any = None, host: Any = None, task: Any = None, **_: Any) -> dict[str, Any]:
        """Variables as they were written; those of a task and a host, where they are named."""
        found = self._ask(
            "vars",
            play=self._play,
            host=host.name if host is not None else None,
            task=task._uuid if task is not None else None,
        )
        if found is None:
            return dict(self.extra_vars)
        known: dict[str, Any] = to_ansible(found)
        known["vars"] = known.copy()
        return known


class Book:
    """A playbook: its file."""

    def __init__(self, path: str) -> None:
        self._file_name = path
        self._basedir = os.path.dirname(os.path.abspath(path))
        self._loader = DataLoader()
        self._loader.set_basedir(self._basedir)
        self._entries: list[Any] = []

    def get_plays(self) -> list[Any]:
        return self._entries[:]

    def get_loader(self) -> DataLoader:
        return self._loader


class Cast:
    """Everybody who takes part, made once each."""

    def __init__(self, extra_vars: Mapping[str, Any], ask: Ask) -> None:
        self._hosts: dict[str, Host] = {}
        self._tasks: dict[tuple[str, str], TaskView] = {}
        self._plays: dict[str, PlayView] = {}
        self._loader = DataLoader()
        self._extra_vars = extra_vars
        self._ask = ask

    def host(self, name: str) -> Host:
        if name not in self._hosts:
            self._hosts[name] = Host(name)
        return self._hosts[name]

    def play(self, info: Mapping[str, Any]) -> PlayView:
        play = PlayView()
        play.name = info["name"]
        play.hosts = list(info["patterns"])
        play.strategy = info["strategy"]
        play.check_mode = info["check_mode"]
        play._uuid = info["id"]
        play._loader = self._loader
        play._origin = _origin(info["origin"])
        play.ask = self._ask
        play._variable_manager = Variables(self._ask, info["id"], self._extra_vars, Inventory(info["hosts"]))
        self._plays[info["id"]] = play
        return play

    def play_of(self, task: Mapping[str, Any]) -> PlayView | None:
        return self._plays.get(task["play"])

    def task(self, info: Mapping[str, Any]) -> TaskView:
        key = (info["id"], info["action"])  # a template names another action for each host
        known = self._tasks.get(key)
        if known is None:
            known = self._tasks[key] = self._task(info)
        return known

    def _task(self, info: Mapping[str, Any]) -> TaskView:
        play = self.play_of(info) or PlayView()
        role = Role(RoleAt(name=info["role"], path="")) if info["role"] else None
        task = _KINDS[info["handler"], _is_include(info, "include_tasks", "include_role")](
            block=Stacked(play), role=role
        )
        task._loader = self._loader
        task._variable_manager = play._variable_manager
        task._uuid = info["id"]
        task._origin = _origin(info["origin"])
        named = {"name": info["name"]}
        task._ds = task._origin.tag(named) if task._origin else named
        task.written = partial(self._written, task._origin, task._ds)
        task.shown = info["name"]
        task.implicit = info["implicit"]
        prefix = f"{info['role']} : " if info["role"] else ""
        own = info["name"].removeprefix(prefix)
        task.name = "" if own == info["action"] else own
        task.action = info["action"]
        # what lies in a library folder has no other name than its short one
        task._resolved_action = (info.get("fqcn") or "").removeprefix("ansible.legacy.") or None
        task.args = dict(info["args"])
        task.no_log = info["no_log"]
        task.check_mode = info["check_mode"]
        task.tags = list(info["tags"])
        task.loop = [None] if info["loop"] else None  # what plugins ask is whether there is one
        for name, value in (info.get("keywords") or {}).items():
            setattr(task, name, value)
        return task

    def _written(self, origin: OriginTag | None, named: Mapping[str, Any]) -> Mapping[str, Any]:
        """The mapping that stands at a place; ``named`` where it can't be read."""
        if origin is None or not origin.path:
            return named
        try:
            found = _at(self._loader.load_from_file(origin.path, cache="all"), origin)
        except AnsibleError:
            return named
        return named if found is None else found


_KINDS = {
    (False, False): TaskView,
    (False, True): IncludeView,
    (True, False): HandlerView,
    (True, True): HandlerIncludeView,
}


def _is_include(info: Mapping[str, Any], *names: str) -> bool:
    return str(info.get("fqcn") or info.get("action")).removeprefix("ansible.builtin.") in names


def _at(data: Any, origin: OriginTag) -> Mapping[str, Any] | None:
    """The mapping in a file's data that begins there."""
    if isinstance(data, Mapping):
        place = OriginTag.get_tag(data)
        if place is not None and (place.line_num, place.col_num) == (origin.line_num, origin.col_num):
            return data
    elif not isinstance(data, list):
        return None
    inner = data.values() if isinstance(data, Mapping) else data
    return next((found for value in inner if (found := _at(value, origin)) is not None), None)


def _origin(place: Mapping[str, Any] | None) -> OriginTag | None:
    if not place:
        return None
    if not str(place["path"]).startswith("/"):
        return OriginTag(description=place["path"] or "<unknown>")
    return OriginTag(path=place["path"], line_num=place["line"] or None, col_num=place["column"] or None)


# -- results -----------------------------------------------------------------------------------------------------------


def result_of(cast: Cast, event: Mapping[str, Any], *, item: bool = False) -> _RawTaskResult:
    """The end of a task, or of an item, as ansible-core's strategies have it."""
    info = event["task"]
    task = cast.task(info)
    data: dict[str, Any] = dict(event["result"])
    status = event["status"]
    if status in ("failed", "unreachable", "skipped"):
        data[status] = True
    data.setdefault("changed", status == "changed")
    if event["warnings"]:
        data["warnings"] = [_messages.WarningSummary(event=_messages.Event(msg=text)) for text in event["warnings"]]
    if event["deprecations"]:
        data["deprecations"] = [_deprecation(entry) for entry in event["deprecations"]]
    if event["error"]:
        data["exception"] = error_of(event["error"])
    if event["verbose_always"]:
        data["_ansible_verbose_always"] = True
    if event["verbose_override"]:
        data["_ansible_verbose_override"] = True
    data["_ansible_no_log"] = "censored" in data
    if not data.get("failed"):
        data.pop("failed", None)
    if event["delegated_to"]:
        task.delegate_to = event["delegated_to"]
        address = event["delegate_address"] or event["delegated_to"]
        data["_ansible_delegated_vars"] = {"ansible_delegated_host": event["delegated_to"], "ansible_host": address}
    if item:
        data["_ansible_item_label"] = event["label"]
        data["_ansible_item_result"] = True
    if event["diff"] and "diff" not in data:
        data["diff"] = list(event["diff"])
    fields = {**task.dump_attrs(), "name": task.name, "ignore_errors": event["ignored"] or task.ignore_errors}
    return _RawTaskResult(host=cast.host(event["host"]), task=task, return_data=data, task_fields=fields)


def plain_result(cast: Cast, host: str, info: Mapping[str, Any], data: Mapping[str, Any]) -> _RawTaskResult:
    """A result of which only some of its data is known."""
    task = cast.task(info)
    return _RawTaskResult(host=cast.host(host), task=task, return_data=dict(data), task_fields=task.dump_attrs())


def clean(result: _RawTaskResult) -> CallbackTaskResult:
    """A copy for one call of one plugin."""
    if "censored" in result._return_data:  # weft has hidden what was to be hidden
        return CallbackTaskResult(result.host, result.task, dict(result._return_data), result.task_fields)
    return result.as_callback_task_result()


def error_of(error: Mapping[str, Any]) -> _messages.ErrorSummary:
    """An error with its chain of causes."""
    links: Sequence[Mapping[str, Any]] = error["chain"] or (error,)
    event: _messages.Event | None = None
    for number, link in enumerate(reversed(links)):
        chain = None
        if event is not None:
            chain = _messages.EventChain(msg_reason=_CHAINED, traceback_reason=_CHAINED, event=event)
        elif link.get("apart"):
            # what it was raised while handling isn't told of, but keeps it from being folded into the one before it
            chain = _messages.EventChain(
                msg_reason=_HANDLING, traceback_reason=_HANDLING, event=_messages.Event(msg=""), follow=False
            )
        last = number == len(links) - 1
        event = _messages.Event(
            msg=link["message"],
            formatted_source_context=_source(link.get("origin")),
            formatted_traceback=error["traceback"] if last and _wants_tracebacks() else None,
            help_text=link.get("help"),
            chain=chain,
        )
    assert event is not None
    return _messages.ErrorSummary(event=event)


def _wants_tracebacks() -> bool:
    from ansible.module_utils._internal import _traceback

    return bool(_traceback.is_traceback_enabled(_traceback.TracebackEvent.ERROR))


def _source(place: Mapping[str, Any] | None) -> str | None:
    if not place:
        return None
    origin = Origin(place["path"], place["line"], place["column"])
    if "text" in place:
        origin = Written(place["path"], text=place["text"])
    excerpt = source_excerpt(origin)
    return f"Origin: {origin}\n\n{excerpt}\n" if excerpt else f"Origin: {origin}"


def _deprecation(entry: Mapping[str, Any]) -> _messages.DeprecationSummary:
    return deprecation(str(entry.get("msg", "")), entry.get("version"), entry.get("date"), entry.get("collection_name"))


def deprecation(
    message: str, version: str | None, date: str | None, collection: str | None, help_text: str | None = None
) -> _messages.DeprecationSummary:
    by = None
    if collection:
        by = _messages.PluginInfo(resolved_name=collection, type=None)
    return _messages.DeprecationSummary(
        event=_messages.Event(msg=message, help_text=help_text), version=version, date=date, deprecator=by
    )


def stats_of(recap: Mapping[str, Mapping[str, int]], custom: Mapping[str, Any]) -> AggregateStats:
    stats = AggregateStats()
    for host, figures in recap.items():
        stats.processed[host] = 1
        for ours, theirs in (*_RECAP.items(), *((name, name) for name in _ALSO)):
            if figures[ours]:
                getattr(stats, theirs)[host] = figures[ours]
    stats.custom = dict(custom)
    return stats


def included(cast: Cast, event: Mapping[str, Any]) -> IncludedFile:
    """An expanded include."""
    task = cast.task(event["task"]) if event["task"] else None
    label = event["label"]
    names = {"_ansible_item_label": label} if label is not None else {}
    found = IncludedFile(
        event["path"], names, dict(names), task, is_role=_is_include(event["task"] or {}, "include_role")
    )
    for name in event["hosts"]:
        found.add_host(cast.host(name))
    return found
