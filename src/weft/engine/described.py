"""A task as playbooks see it: `ansible_failed_task`."""

from __future__ import annotations

from typing import Any

from weft.model.nodes import Task
from weft.model.settings import Settings

_DEFAULT_DELAY = 5


def described(task: Task, name: str, settings: Settings) -> dict[str, Any]:
    """The task's keywords under Ansible's names. Templates in it are evaluated when they are read."""
    common, retry = task.common, task.retry
    return {
        "_resolved_action": task.fqcn,
        "action": task.action,
        "any_errors_fatal": _or(common.any_errors_fatal, settings.any_errors_fatal),
        "args": dict(task.args),
        "async": _or(task.async_seconds, 0),
        "async_val": _or(task.async_seconds, 0),
        "become": _or(common.become, settings.become),
        "become_exe": common.become_exe,
        "become_flags": common.become_flags,
        "become_method": _or(common.become_method, settings.become_method),
        "become_user": common.become_user,
        "changed_when": list(task.changed_when or ()),
        "check_mode": _or(common.check_mode, settings.check),
        "collections": list(common.collections),
        "connection": _or(common.connection, settings.transport),
        "debugger": common.debugger,
        "delay": _or(retry.delay, _DEFAULT_DELAY),
        "delegate_facts": common.delegate_facts,
        "delegate_to": common.delegate_to,
        "diff": _or(common.diff, settings.diff),
        "environment": list(common.environment),
        "failed_when": list(task.failed_when or ()),
        "ignore_errors": common.ignore_errors,
        "ignore_unreachable": common.ignore_unreachable,
        "loop": task.loop,
        "loop_control": {"loop_var": task.loop_control.loop_var} if task.loop is not None else None,
        "loop_with": task.loop_with,
        "module_defaults": list(common.module_defaults),
        "name": name if task.name is not None else "",
        "no_log": _or(common.no_log, settings.no_log),
        "notify": list(common.notify) or None,
        "path": str(task.origin),
        "poll": _or(task.poll, settings.poll_interval),
        "port": common.port,
        "register": task.register,
        "remote_user": common.remote_user,
        "retries": retry.retries,
        "run_once": common.run_once,
        "tags": list(common.tags),
        "throttle": _or(common.throttle, 0),
        "timeout": _or(common.timeout, 0),
        "until": list(retry.until),
        "uuid": task.id,
        "vars": {str(key): value for layer in common.vars for key, value in layer.items()},
        "when": list(common.when),
    }


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
