"""Short ways to make events, and to see what the views of a run make of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weft.events import types as ev
from weft.model.outcome import Status
from weft.model.run_options import RunOptions
from weft.model.settings import Settings
from weft.model.values import Origin
from weft.sinks import Streams, build

PLACE = Origin("/site/play.yml", 4, 7)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Shown:
    stdout: str
    stderr: str


def banner(text: str) -> str:
    return f"\n{text} {'*' * (79 - len(text))}\n"


def play(name: str = "web", **changes: Any) -> ev.PlayInfo:
    values: dict[str, Any] = {
        "id": "play-1",
        "name": name,
        "hosts": ("h1",),
        "strategy": "linear",
        "check_mode": False,
        "origin": PLACE,
    }
    return ev.PlayInfo(**{**values, **changes})


def task(name: str = "t", action: str = "command", **changes: Any) -> ev.TaskInfo:
    values: dict[str, Any] = {"id": f"task-{name}", "name": name, "action": action, "origin": PLACE, "play": "play-1"}
    return ev.TaskInfo(**{**values, **changes})


def started(info: ev.TaskInfo, **more: Any) -> ev.TaskStarted:
    return ev.TaskStarted(task=info, **more)


def ended(
    info: ev.TaskInfo,
    status: Status = Status.OK,
    result: Mapping[str, Any] | None = None,
    host: str = "h1",
    **more: Any,
) -> ev.TaskFinished:
    return ev.TaskFinished(task=info, host=host, status=status, result=result or {}, **more)


def item(
    info: ev.TaskInfo, label: Any, status: Status = Status.OK, result: Mapping[str, Any] | None = None, **more: Any
) -> ev.ItemFinished:
    return ev.ItemFinished(task=info, host="h1", status=status, result=result or {}, label=label, **more)


def show(
    *events: ev.Event,
    options: RunOptions | None = None,
    terminal: bool = False,
    environ: Mapping[str, str] | None = None,
    **settings: Any,
) -> Shown:
    """What stdout and stderr get from a run of these events."""
    stdout, stderr = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
    views = build(options or RunOptions(), Settings(**settings), Streams(stdout, stderr), environ or {})
    for event in events:
        for sink in views.sinks:
            sink.handle(event)
    views.close()
    return Shown(stdout.getvalue(), stderr.getvalue())


def after_banner(shown: Shown, name: str) -> str:
    """Stdout below a task's banner."""
    head = banner(f"TASK [{name}]")
    assert shown.stdout.startswith(head), shown.stdout
    return shown.stdout.removeprefix(head)
