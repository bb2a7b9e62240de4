"""The task debugger: what `debugger:`, `strategy: debug` and `enable_task_debugger` start after a task.

The result is shown, and then a person may look at the task, change its arguments and variables, and run it again,
before anything comes of it: nothing has been counted, registered or failed by then. One host at a time; what the rest
of the run has to say meanwhile is shown afterwards. The commands are those of ansible-playbook's debugger, and as there
whatever is none of them is Python, evaluated on this machine.
"""

from __future__ import annotations

import asyncio
import builtins
import cmd
import enum
import io
import pprint
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from msgspec.structs import replace

from weft.actions.base import PromptInterrupted
from weft.engine.settle import publish as show
from weft.engine.signals import DebuggerQuit
from weft.engine.state import BatchState, HostState
from weft.events import Event, Message
from weft.executor.report import Report
from weft.executor.task import Call
from weft.model.errors import WeftError
from weft.model.nodes import Task
from weft.model.outcome import Outcome, Status
from weft.templating.blocking import evaluate
from weft.vars import Scope


async def debugged(batch: BatchState, host: HostState, call: Call, report: Report) -> tuple[Report, bool]:
    """The task's result in the end, and whether it has been shown. Raises DebuggerQuit."""
    while await _wanted(batch, call, report.outcome):
        async with batch.run.debugging:
            show(batch, host, call.info, report)
            with batch.run.bus.held() as publish:
                session = _Session(batch, host, call, report)
                await session.talk(batch.run.services.prompter.line, publish)
        if session.end is End.QUIT:
            raise DebuggerQuit
        if session.end is End.CONTINUE:
            return report, True
        call = session.call
        report = await batch.run.executor.run(call)
    return report, False


async def _wanted(batch: BatchState, call: Call, outcome: Outcome) -> bool:
    """Whether the debugger starts for this result."""
    failed = outcome.failed and not (outcome.ignored and batch.run.settings.task_debugger_ignore_errors)
    try:
        keyword = await evaluate(lambda: batch.run.keywords.one(call.task, "debugger", call.scope))
    except WeftError:
        keyword = None  # the task has failed with it
    if keyword in ("always", "never"):
        return bool(keyword == "always")
    told = {"on_failed": failed, "on_unreachable": outcome.unreachable, "on_skipped": outcome.skipped}
    return told.get(keyword, False) or (batch.debugs and (failed or outcome.unreachable))


class End(enum.Enum):
    """How a session ends. What is left without a word (Ctrl-C) quits."""

    CONTINUE = "continue"
    REDO = "redo"
    QUIT = "quit"


class _Session:
    """One prompt after the other, until the task is to be left or run again."""

    def __init__(self, batch: BatchState, host: HostState, call: Call, report: Report) -> None:
        self.end = End.QUIT
        self._call = call
        self._render = batch.run.services.templar.render
        self._vars = TaskVars(call.scope)
        self._task = DebuggedTask(call.task, batch.title(call.task, host), {})
        self._host = DebuggedHost(host.name)
        self._result = DebuggedResult(self._host, self._task, report.outcome)
        self._prompt = f"[{host.name}] {self._task!r} (debug)> "

    @property
    def call(self) -> Call:
        """The task with what has been changed."""
        task, changes = self._task.changed(), self._vars.changes
        return replace(self._call, task=task, scope=self._call.scope.child(changes) if changes else self._call.scope)

    async def talk(self, line: Callable[[str], Awaitable[str | None]], publish: Callable[[Event], None]) -> None:
        """``line`` reads one."""
        await asyncio.to_thread(self._task.take, self._arguments)
        names = {"task": self._task, "task_vars": self._vars, "host": self._host, "result": self._result}
        commands = _Commands(names, self._update)
        while commands.end is None:
            try:
                typed = await line(self._prompt)
            except PromptInterrupted:
                return
            # templates may be evaluated by it, and whatever a person thinks of
            await asyncio.to_thread(commands.onecmd, "EOF" if typed is None else typed)
            if text := commands.said():
                publish(Message(text=text))
        self.end = commands.end

    def _update(self) -> None:
        """The task as it was written, with the variables as they are now."""
        self._task.restore()
        self._task.take(self._arguments, strict=True)

    def _arguments(self, task: Task) -> dict[str, Any]:
        """Evaluated. Raises WeftError."""
        scope = self._call.scope.child(self._vars.changes)
        more = self._render(task.args_template, scope) if task.args_template is not None else {}
        return {**more, **self._render(dict(task.args), scope)}


class DebuggedHost:
    """``host`` at the prompt."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


class DebuggedTask:
    """``task`` at the prompt. ``args`` may be changed: evaluated, where they can be, or as they are written."""

    def __init__(self, task: Task, title: str, args: dict[str, Any]) -> None:
        self.name = title
        self.action = task.action
        self.args = args
        self._task = task
        self._before: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"{'HANDLER' if self._task.is_handler else 'TASK'}: {self.name}"

    def take(self, evaluated: Callable[[Task], dict[str, Any]], *, strict: bool = False) -> None:
        try:
            self.args = evaluated(self._task)
        except WeftError:
            self.args = dict(self._task.args)
            if strict:
                raise
        finally:
            self._before = dict(self.args)

    def restore(self) -> None:
        self.args = self._before = dict(self._task.args)

    def changed(self) -> Task:
        """The task to run. Without changes the one that was written, so that its templates see changed variables."""
        if self.args == self._before:
            return self._task
        return replace(self._task, id=f"{self._task.id}/debugged-{id(self)}", args=dict(self.args), args_template=None)


class DebuggedResult:
    """``result`` at the prompt."""

    def __init__(self, host: DebuggedHost, task: DebuggedTask, outcome: Outcome) -> None:
        self.host = host
        self.task = task
        self._result = dict(outcome.result)
        self._status = outcome.status

    def __repr__(self) -> str:
        return pprint.pformat(self._result)

    def is_changed(self) -> bool:
        return bool(self._result.get("changed"))

    def is_failed(self) -> bool:
        return self._status is Status.FAILED

    def is_skipped(self) -> bool:
        return self._status is Status.SKIPPED

    def is_unreachable(self) -> bool:
        return self._status is Status.UNREACHABLE


class TaskVars(MutableMapping[str, Any]):
    """``task_vars`` at the prompt: evaluated when they are read; what is set goes on top of everything."""

    def __init__(self, scope: Scope) -> None:
        self.changes: dict[str, Any] = {}
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        return self.changes[name] if name in self.changes else self._scope.plain(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.changes[name] = value

    def __delitem__(self, name: str) -> None:
        del self.changes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._scope.own_names(), *self.changes)))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return pprint.pformat({**self._scope.flatten(), **self.changes})


class _Commands(cmd.Cmd):
    """The language of the prompt."""

    def __init__(self, names: dict[str, Any], update: Callable[[], None]) -> None:
        super().__init__(stdout=(out := io.StringIO()))
        self.end: End | None = None
        self._names = names
        self._update = update
        self._globals: dict[str, Any] = {"__builtins__": builtins}
        self._out = out

    def said(self) -> str:
        """What there is to show since it was asked last."""
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text

    def _run(self, action: Callable[[], object]) -> None:
        try:
            action()
        except SystemExit:
            self.end = End.QUIT
        except Exception as error:
            self._out.write(f"***{type(error).__name__}:{error!r}\n")

    def do_continue(self, line: str) -> None:
        """Leave the task as it ended, and go on"""
        self.end = End.CONTINUE

    def do_redo(self, line: str) -> None:
        """Run the task again"""
        self.end = End.REDO

    def do_quit(self, line: str) -> None:
        """End the run"""
        self._out.write("User interrupted execution\n")
        self.end = End.QUIT

    def do_update_task(self, line: str) -> None:
        """Make the task anew as it was written, with task_vars as they are now"""
        self._run(self._update)

    def do_pprint(self, line: str) -> None:
        """Show the value of a Python expression: p task.args, p task_vars["name"], p result._result, p host"""
        self._run(lambda: self._out.write(f"{pprint.pformat(eval(line, self._globals, self._names))}\n"))

    def do_EOF(self, line: str) -> None:
        """End the run"""
        self.do_quit(line)

    do_c, do_r, do_q, do_u, do_p, do_h = do_continue, do_redo, do_quit, do_update_task, do_pprint, cmd.Cmd.do_help
    do_print = do_pprint

    def default(self, line: str) -> None:
        """Whatever else was typed is Python."""
        self._run(lambda: exec(compile(f"{line}\n", "<stdin>", "single"), self._globals, self._names))
