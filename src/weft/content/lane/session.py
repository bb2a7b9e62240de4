"""Plugins on a host that weft reaches itself: commands, files and modules go through the controller's session.

ansible-core's connection plugin is still there, for its options and its shell; only what it would send takes another
way. The session is already that of the user to become: ansible-core's become plugin has nothing left to do.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ansible._internal._errors import _captured
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.executor.task_executor import TaskExecutor
from ansible.module_utils._internal import _messages
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase

from weft.content.lane.channel import Channel, Refused

_CHAINED = "<<< caused by >>>"


class _Through:
    """Asks the controller, in ansible-core's errors."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def ask(self, what: str, **details: Any) -> Any:
        try:
            return self._channel.ask(what, **details)
        except Refused as error:
            kind = AnsibleConnectionFailure if error.unreachable else AnsibleError
            raise kind(str(error)) from None


class OverSession(ConnectionBase):  # type: ignore[misc]
    """What is put before a connection plugin's own class."""

    _through: _Through
    has_pipelining = True

    @property
    def connected(self) -> bool:
        return True

    def _connect(self) -> OverSession:
        return self

    def close(self) -> None:
        pass

    def reset(self) -> None:
        self._through.ask("reset")

    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool:
        return True

    def exec_command(
        self, cmd: str | bytes, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        text = cmd.decode("utf-8", "surrogateescape") if isinstance(cmd, bytes) else str(cmd)
        data = base64.b64encode(in_data).decode() if in_data else ""
        rc, out, err = self._through.ask("exec", text=text, stdin=data)
        return rc, out, err

    def put_file(self, in_path: str | bytes, out_path: str | bytes) -> None:
        self._through.ask("put", local=_path(in_path), remote=_path(out_path))

    def fetch_file(self, in_path: str | bytes, out_path: str | bytes) -> None:
        self._through.ask("fetch", remote=_path(in_path), local=_path(out_path))


class NativeModules(ActionBase):  # type: ignore[misc]
    """What is put between an action plugin's class and ansible-core's base: modules are weft's to run."""

    _through: _Through
    _session_user: str | None = None

    def _get_remote_user(self) -> str | None:
        user: str | None = self._session_user or super()._get_remote_user()
        return user

    def _make_tmp_path(self, remote_user: str | None = None) -> str:
        path = str(self._through.ask("tempdir")) + "/"
        self._connection._shell.tmpdir = path
        return path

    def _execute_module(
        self,
        module_name: str | None = None,
        module_args: dict[str, Any] | None = None,
        tmp: str | None = None,
        task_vars: dict[str, Any] | None = None,
        persist_files: bool = False,
        delete_remote_tmp: bool | None = None,
        wrap_async: bool = False,
        ignore_unknown_opts: bool = False,
    ) -> dict[str, Any]:
        name = module_name or self._task.action
        args = dict(self._task.args if module_args is None else module_args)
        try:
            given = json.loads(json.dumps(args))
        except (TypeError, ValueError):  # only ansible-core knows how to send these
            sent: dict[str, Any] = super()._execute_module(
                module_name, module_args, tmp, task_vars, persist_files, delete_remote_tmp, wrap_async,
                ignore_unknown_opts,
            )  # fmt: skip
            return sent
        answer = self._through.ask(
            "module",
            name=str(name),
            args=given,
            check=bool(self._task.check_mode),
            diff=bool(self._task.diff),
            job=bool(wrap_async),
            ignore_unknown_options=bool(ignore_unknown_opts),
        )
        result: dict[str, Any] = answer["result"]
        if answer["failure"] is not None:
            result["exception"] = _captured_error(answer["failure"])
        result["_ansible_parsed"] = True
        return result


class SessionExecutor(TaskExecutor):  # type: ignore[misc]
    """ansible-core's executor of one task, on a host that the controller has a session with."""

    channel: Channel
    user: str | None = None

    def _get_connection(self, cvars: Any, templar: Any, current_connection: str) -> Any:
        connection = super()._get_connection(cvars, templar, current_connection)
        kind = type(connection)
        connection.__class__ = type(kind.__name__, (OverSession, kind), {"__module__": kind.__module__})
        connection._through = _Through(self.channel)
        return connection

    def _set_become_plugin(self, cvars: Any, templar: Any, connection: Any) -> None:
        connection.set_become_plugin(None)

    def _get_action_handler_with_module_context(self, templar: Any) -> tuple[Any, Any]:
        handler, module = super()._get_action_handler_with_module_context(templar)
        kind = type(handler)
        handler.__class__ = type(kind.__name__, (kind, NativeModules), {"__module__": kind.__module__})
        handler._through = _Through(self.channel)
        handler._session_user = self.user
        return handler, module


def _captured_error(failure: Mapping[str, Any]) -> _captured.CapturedErrorSummary:
    event: _messages.Event | None = None
    for number, (message, help_text) in enumerate(reversed(failure["links"])):
        chain = None
        if event is not None:
            chain = _messages.EventChain(msg_reason=_CHAINED, traceback_reason=_CHAINED, event=event)
        last = number == len(failure["links"]) - 1
        event = _messages.Event(
            msg=message,
            help_text=help_text,
            formatted_traceback=failure["traceback"] if last else None,
            chain=chain,
        )
    return _captured.CapturedErrorSummary(event=event, error_type=_captured.AnsibleModuleCapturedError)


def _path(path: str | bytes) -> str:
    return path.decode("utf-8", "surrogateescape") if isinstance(path, bytes) else str(path)
