"""One task in a process of its own, forked from one that has ansible-core loaded."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

from weft.content.lane.channel import Channel
from weft.content.lane.request import DISPLAY, ENDED, POLL, RESULT, LaneRequest

_lock_file: Any = None  # what connection plugins lock against each other; shared by all workers


def load() -> None:
    """Import what every worker needs."""
    global _lock_file
    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader()
    import ansible.executor.process.worker
    import ansible.executor.task_executor
    import ansible.playbook.role_include
    import ansible.plugins.action.normal
    import ansible.utils.ssh_functions  # noqa: F401

    import weft.content.lane.objects
    import weft.content.lane.results
    import weft.content.lane.session  # noqa: F401

    _lock_file = tempfile.TemporaryFile()  # noqa: SIM115


def work(sock: socket.socket, hint: Callable[[str], None]) -> None:
    """Answer each request that comes, with a result whatever happens. Only items of a loop come to the same worker.

    ``hint`` is told what workers of such tasks will have to read.
    """
    from weft.content.lane.warming import known

    channel = Channel(sock)
    before = known()
    desk = _Desk(channel)
    try:
        while True:
            request: LaneRequest = channel.receive()
            result = _answer(desk, request)
            for plugin in known() - before:
                hint(plugin)
            before = known()
            channel.send({"kind": RESULT, **result})
            if request.loop is None:
                return
    except (EOFError, BrokenPipeError, ConnectionError):
        pass  # nobody wants more
    finally:
        desk.close()


def _answer(desk: _Desk, request: LaneRequest) -> dict[str, Any]:
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    try:
        return {"result": desk.reset(request) if request.reset else desk.run(request)}
    except (EOFError, BrokenPipeError, ConnectionError):
        raise
    except BaseException as error:
        text = "".join(traceback.format_exception(error))
        return {"problem": f"{type(error).__name__}: {error}", "traceback": text}


class _Queue:
    """Stands for the queue on which ansible-core's workers tell what is to be shown."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send_display(self, method: str, *args: Any, **kwargs: Any) -> None:
        from weft.content.lane.results import notice

        told = notice(method, args, kwargs)
        if told is not None:
            self._channel.send({"kind": DISPLAY, **told})

    def send_callback(self, method_name: str, task_result: Any) -> None:
        data = task_result._return_data
        jid = str(data.get("ansible_job_id") or (data.get("async_result") or {}).get("ansible_job_id") or "")
        if method_name == "v2_runner_on_async_poll":
            numbers = {key: int(data.get(key) or 0) for key in ("started", "finished")}
            self._channel.send({"kind": POLL, "jid": jid, **numbers})
        elif method_name in _ENDS:
            self._channel.send({"kind": ENDED, "jid": jid, "ok": _ENDS[method_name]})

    def send_prompt(self, **asked: Any) -> None:
        # the answer comes through the worker's queue, see ``_Worker``
        keys = [[bytes(key).decode() for key in asked.get(name) or ()] for name in _KEYS]
        self.answer = self._channel.ask(
            "prompt", prompt=str(asked.get("prompt", "")), private=bool(asked.get("private")),
            seconds=asked.get("seconds"), interrupt=keys[0], complete=keys[1],
        )  # fmt: skip


#: How a job ended.
_ENDS = {"v2_runner_on_async_ok": True, "v2_runner_on_async_failed": False}
_KEYS = ("interrupt_input", "complete_input")


class _Worker:
    """Stands for ansible-core's worker process, which plugins that ask the user look at."""

    worker_id = 0

    def __init__(self, queue: _Queue) -> None:
        self.worker_queue = self
        self._queue = queue

    def get(self) -> bytes:
        from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive

        how, text = self._queue.answer
        if how == "interrupted":
            raise AnsiblePromptInterrupt("user interrupt")
        if how == "nobody":
            raise AnsiblePromptNoninteractive("stdin is not interactive")
        return str(text).encode()


class _Desk:
    """Where requests are worked on, one after the other. What they share is kept: files read, the connection."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._loader: Any = None
        self._executor: Any = None

    def run(self, request: LaneRequest) -> dict[str, Any]:
        from ansible._internal._task import TaskContext
        from ansible.utils.display import Display

        from weft.content.lane.results import plain_result

        executor = self._ready(request)
        with TaskContext(executor._task):
            result = executor._execute(executor._task_templar, executor._job_vars)
        if request.loop is None:
            self.close()
        _tell_of_strays(request, Display())
        return plain_result(result)

    def reset(self, request: LaneRequest) -> dict[str, Any]:
        """Drop what the host's connection plugin keeps open between tasks."""
        executor = self._ready(request)
        templar, variables, task = executor._task_templar, executor._job_vars, executor._task
        name = templar.template(variables.get("ansible_connection")) or task.connection
        play_context = executor._play_context.set_task_and_variable_override(task, variables, templar)
        play_context.post_validate(templar)
        play_context.remote_addr = play_context.remote_addr or request.host
        executor._play_context = play_context
        connection = executor._connection = executor._get_connection(variables, templar, name)
        executor._set_connection_options(variables, templar)
        reset = getattr(connection, "reset", None)
        if reset is not None:
            reset()
        return {"changed": False, "pid": os.getpid()}

    def close(self) -> None:
        """The connection ends, if there is one."""
        connection = getattr(self._executor, "_connection", None)
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def _ready(self, request: LaneRequest) -> Any:
        """ansible-core's executor of this task; with the connection that the one before it has made."""
        from ansible.executor.process import worker
        from ansible.executor.task_executor import TaskExecutor
        from ansible.inventory.host import Host
        from ansible.plugins.loader import get_plugin_loader_namespace
        from ansible.utils.display import Display

        from weft.content.lane.objects import Inventory, Variables, make_play_context, make_task, prepare
        from weft.content.lane.session import SessionExecutor

        queue = _Queue(self._channel)
        if self._loader is None:
            self._loader = prepare(request, self._channel)
            Display()._final_q = queue  # `set_queue` wants a process that multiprocessing has started
            worker.current_worker = _Worker(queue)
        inventory = Inventory((request.variables.get("groups") or {}).get("all") or ())
        variables = Variables(self._channel, request, inventory, self._loader)
        task = make_task(request, self._loader, variables)
        known = variables.of_task()
        known["ansible_search_path"] = task.get_search_path()
        executor = (SessionExecutor if request.session else TaskExecutor)(
            inventory.get_host(request.host) or Host(request.host),
            task,
            known,
            make_play_context(request, _lock_file.fileno()),
            self._loader,
            get_plugin_loader_namespace(),
            queue,
            variables,
        )
        if request.session:
            executor.channel = self._channel
            executor.user = request.session_user
        executor._connection = getattr(self._executor, "_connection", None)
        self._executor = executor
        return executor


def _tell_of_strays(request: LaneRequest, display: Any) -> None:
    """What plugins wrote past ansible-core's display."""
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        text = stream.getvalue() if isinstance(stream, io.StringIO) else ""
        if text:
            what = f"WorkerProcess for [{request.host}/TASK: {request.title}]"
            display.warning(f"{what} errantly sent data directly to {name} instead of using Display:\n{text[:256]}")
