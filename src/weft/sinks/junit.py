"""JUnit XML of a run: a test case for each task on each host. On with `callbacks_enabled = junit`.

The JUNIT_* variables of ansible-core's callback of that name hold: JUNIT_OUTPUT_DIR, JUNIT_TASK_CLASS,
JUNIT_TASK_RELATIVE_PATH, JUNIT_REPLACE_OUT_OF_TREE_PATH, JUNIT_FAIL_ON_CHANGE, JUNIT_FAIL_ON_IGNORE,
JUNIT_INCLUDE_SETUP_TASKS_IN_REPORT, JUNIT_HIDE_TASK_ARGUMENTS, JUNIT_TEST_CASE_PREFIX.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from weft.events import types as ev
from weft.model.convert import is_true
from weft.model.outcome import Status
from weft.model.settings import Settings
from weft.sinks.dump import ResultDumper, is_action, without_status
from weft.sinks.problems import brief

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JUnitOptions(Struct, frozen=True, kw_only=True):
    """What the JUNIT_* variables say."""

    folder: str = "~/.ansible.log"
    class_per_file: bool = False
    relative_to: str = ""
    out_of_tree: str | None = None  # stands for the folders of tasks outside of ``relative_to``
    fail_on_change: bool = False
    fail_on_ignore: bool = False
    with_setup: bool = True
    hide_arguments: bool = False
    prefix: str = ""  # only tasks whose name begins so count, and those that fail

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> JUnitOptions:
        return cls(
            folder=environ.get("JUNIT_OUTPUT_DIR", "~/.ansible.log"),
            class_per_file=is_true(environ.get("JUNIT_TASK_CLASS", "no")),
            relative_to=environ.get("JUNIT_TASK_RELATIVE_PATH", ""),
            out_of_tree=environ.get("JUNIT_REPLACE_OUT_OF_TREE_PATH"),
            fail_on_change=is_true(environ.get("JUNIT_FAIL_ON_CHANGE", "no")),
            fail_on_ignore=is_true(environ.get("JUNIT_FAIL_ON_IGNORE", "no")),
            with_setup=is_true(environ.get("JUNIT_INCLUDE_SETUP_TASKS_IN_REPORT", "yes")),
            hide_arguments=is_true(environ.get("JUNIT_HIDE_TASK_ARGUMENTS", "no")),
            prefix=environ.get("JUNIT_TEST_CASE_PREFIX", ""),
        )


class _Case(Struct):
    """One task on one host. ``status``: ok | failed | skipped | included."""

    host: str
    status: str
    ended: float
    event: ev.TaskFinished | None = None
    text: str = ""


class _Task(Struct):
    info: ev.TaskInfo
    name: str
    play: str
    started: float
    cases: dict[str, _Case] = field(default_factory=dict)


class JUnit:
    """Collects results and writes one file when the run has ended."""

    def __init__(self, options: JUnitOptions, settings: Settings, warn: Callable[[ev.Warned], None]) -> None:
        self._options = options
        self._dumper = ResultDumper.of(settings)
        self._warn = warn
        self._playbook = ""
        self._plays: dict[str, str] = {}
        self._tasks: dict[str, _Task] = {}
        self._ended: float | None = None

    def handle(self, event: ev.Event) -> None:
        if isinstance(event, ev.TaskFinished):
            self._task_finished(event)
        elif isinstance(event, ev.TaskCancelled):
            self._add(event.task, _Case(event.host, "skipped", event.at, text="cancelled"))
        elif isinstance(event, ev.TaskStarted):
            self._task_started(event)
        elif isinstance(event, ev.Included):
            self._included(event)
        elif isinstance(event, ev.PlayStarted):
            self._plays[event.play.id] = event.play.name
        elif isinstance(event, ev.PlaybookStarted):
            self._playbook = self._playbook or os.path.splitext(os.path.basename(event.path))[0]
        elif isinstance(event, ev.RunFinished):
            self._ended = event.at

    async def close(self) -> None:
        if self._ended is not None:
            import asyncio

            await asyncio.to_thread(self._write, self._ended)

    def _task_started(self, event: ev.TaskStarted) -> None:
        task = event.task
        name = task.name.strip()
        if not task.no_log and not self._options.hide_arguments and task.args:
            name += " " + ", ".join(f"{key}={value}" for key, value in task.args.items())
        self._tasks.setdefault(task.id, _Task(task, name, self._plays.get(task.play, ""), event.at))

    def _task_finished(self, event: ev.TaskFinished) -> None:
        if is_action(event.task, "include_tasks", "include_role") and event.status in (Status.OK, Status.CHANGED):
            return
        if event.status is Status.SKIPPED:
            status = "skipped"
        elif event.status in (Status.FAILED, Status.UNREACHABLE):
            status = "ok" if event.ignored and not self._options.fail_on_ignore else "failed"
        else:
            status = "failed" if self._options.fail_on_change and event.status is Status.CHANGED else "ok"
        self._add(event.task, _Case(event.host, status, event.at, event))

    def _included(self, event: ev.Included) -> None:
        if event.task is None:
            return
        text = f"{event.path} (hosts: {', '.join(event.hosts)})"
        task = self._tasks.get(event.task.id)
        known = task.cases.get("include") if task is not None else None
        text = f"{known.text}\n{text}" if known is not None else text
        self._add(event.task, _Case("include", "included", event.at, text=text))

    def _add(self, info: ev.TaskInfo, case: _Case) -> None:
        task = self._tasks.get(info.id)
        if task is None:
            return
        if case.status == "failed" and "EXPECTED FAILURE" in task.name:
            case.status = "ok"
        elif "TOGGLE RESULT" in task.name and case.status in ("ok", "failed"):
            case.status = "failed" if case.status == "ok" else "ok"
        if task.name.startswith(self._options.prefix) or case.status == "failed":
            task.cases[case.host] = case

    def _write(self, ended: float) -> None:
        from xml.dom import minidom
        from xml.etree import ElementTree

        cases = [self._case(task, case) for task in self._reported() for case in task.cases.values()]
        failures = sum(case.find("failure") is not None for case in cases)
        errors = sum(case.find("error") is not None for case in cases)
        skipped = sum(case.find("skipped") is not None for case in cases)
        seconds = sum(float(case.get("time", "0")) for case in cases)
        shared = {
            "disabled": "0",
            "errors": str(errors),
            "failures": str(failures),
            "tests": str(len(cases)),
            "time": str(seconds),
        }
        suites = ElementTree.Element("testsuites", shared)
        suite = ElementTree.SubElement(suites, "testsuite", {"name": self._playbook, "skipped": str(skipped), **shared})
        suite.extend(cases)
        text = minidom.parseString(ElementTree.tostring(suites, encoding="unicode")).toprettyxml()
        folder = os.path.expanduser(self._options.folder)
        try:
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, f"{self._playbook}-{ended}.xml"), "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            self._warn(ev.Warned(message=f"The JUnit report can't be written to {folder!r}: {error}"))

    def _reported(self) -> list[_Task]:
        tasks = self._tasks.values()
        return [task for task in tasks if self._options.with_setup or not is_action(task.info, "setup", "gather_facts")]

    def _case(self, task: _Task, case: _Case) -> Element:
        from xml.etree import ElementTree

        element = ElementTree.Element(
            "testcase",
            {
                "classname": _clean(self._class_name(task.info)),
                "name": _clean(f"[{case.host}] {task.play}: {task.name}"),
                "time": str(max(0.0, case.ended - task.started)),
            },
        )
        if case.event is None:
            tag = "skipped" if case.status == "skipped" else "system-out"
            ElementTree.SubElement(element, tag).text = _clean(case.text)
            return element
        result = case.event.result
        dumped = _clean(self._dumper.dump(without_status(result), indent=0, always=case.event.verbose_always))
        if case.status == "ok":
            ElementTree.SubElement(element, "system-out").text = dumped
        elif case.status == "skipped":
            ElementTree.SubElement(element, "skipped").text = _clean(str(result.get("skip_reason", "skipped")))
        else:
            _add_failure(element, case.event, dumped)
        return element

    def _class_name(self, task: ev.TaskInfo) -> str:
        path = f"{task.origin.path}:{task.origin.line or 1}"
        if self._options.relative_to:
            path = os.path.relpath(path, self._options.relative_to)
        if self._options.out_of_tree is not None and path.startswith("../"):
            path = self._options.out_of_tree + os.path.basename(path)
        return re.sub(r"\.yml:[0-9]+$", "", path) if self._options.class_per_file else path


def _add_failure(element: Element, event: ev.TaskFinished, dumped: str) -> None:
    from xml.etree import ElementTree

    if event.error is not None:
        tag, message = "error", brief(event.error)
        dumped = _clean(event.error.traceback or "(traceback unavailable)")
    else:
        tag, message = "failure", _message(event.result)
    failure = ElementTree.SubElement(element, tag, {"message": _clean(message), "type": tag})
    failure.text = dumped


def _message(result: Mapping[str, Any]) -> str:
    return str(result["msg"]) if "msg" in result else f"rc={result.get('rc', 0)}"


def _clean(text: str) -> str:
    """Text without what XML 1.0 has no place for."""
    return _NOT_IN_XML.sub("\ufffd", text)
