"""One task in a process of its own, forked from one that has ansible-core loaded."""

from __future__ import annotations

import io
import os
import socket
import sys
import tempfile
import traceback
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
    import ansible.plugins.action.normal
    import ansible.plugins.connection.local
    import ansible.plugins.connection.ssh
    import ansible.plugins.shell.sh  # noqa: F401

    import weft.content.lane.objects
    import weft.content.lane.results
    import weft.content.lane.session  # noqa: F401

    _lock_file = tempfile.TemporaryFile()  # noqa: SIM115


def work(sock: socket.socket) -> None:
    """Answer the one request that comes, with a result whatever happens."""
    channel = Channel(sock)
    request: LaneRequest = channel.receive()
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    try:
        result = _reset(request, channel) if request.reset else _run(request, channel)
        channel.send({"kind": RESULT, "result": result})
    except (EOFError, BrokenPipeError, ConnectionError):
        pass  # nobody wants it any more
    except BaseException as error:
        text = "".join(traceback.format_exception(error))
        message = f"{type(error).__name__}: {error}"
        channel.send({"kind": RESULT, "problem": message, "traceback": text})


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


def _executor(request: LaneRequest, channel: Channel) -> tuple[Any, Any]:
    from ansible.executor.process import worker
    from ansible.executor.task_executor import TaskExecutor
    from ansible.inventory.host import Host
    from ansible.plugins.loader import get_plugin_loader_namespace
    from ansible.utils.display import Display

    from weft.content.lane.objects import Inventory, Variables, make_play_context, make_task, prepare
    from weft.content.lane.session import SessionExecutor

    loader = prepare(request, channel)
    queue = _Queue(channel)
    Display()._final_q = queue  # `set_queue` wants a process that multiprocessing has started
    worker.current_worker = _Worker(queue)
    inventory = Inventory((request.variables.get("groups") or {}).get("all") or ())
    variables = Variables(channel, request, inventory, loader)
    task = make_task(request, loader, variables)
    play_context = make_play_context(request, _lock_file.fileno())
    host = inventory.get_host(request.host) or Host(request.host)
    kind = SessionExecutor if request.session else TaskExecutor
    executor = kind(
        host, task, variables.of_task(), play_context, loader, get_plugin_loader_namespace(), queue, variables
    )
    if request.session:
        executor.channel = channel
        executor.user = request.session_user
    return executor, task


def _run(request: LaneRequest, channel: Channel) -> dict[str, Any]:
    from ansible._internal._task import TaskContext
    from ansible.utils.display import Display

    from weft.content.lane.results import plain_result

    executor, task = _executor(request, channel)
    with TaskContext(task):
        result = executor.run()
    _tell_of_strays(request, Display())
    return plain_result(result)


def _tell_of_strays(request: LaneRequest, display: Any) -> None:
    """What plugins wrote past ansible-core's display."""
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        text = stream.getvalue() if isinstance(stream, io.StringIO) else ""
        if text:
            what = f"WorkerProcess for [{request.host}/TASK: {request.title}]"
            display.warning(f"{what} errantly sent data directly to {name} instead of using Display:\n{text[:256]}")


def _reset(request: LaneRequest, channel: Channel) -> dict[str, Any]:
    """Drop what the host's connection plugin keeps open between tasks."""
    executor, task = _executor(request, channel)
    templar = executor._task_templar
    variables = executor._job_vars
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
