"""``command`` and ``shell``: run by the agent itself, without a Python process of their own."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping
from typing import Any

from weft.actions.args import Arg, BadArguments, check
from weft.actions.base import ActionContext, Result
from weft.connection.modules import start_job
from weft.connection.results import FAILURE, MODULE_FAILED, NO_TRACEBACK, Failure, plain_result, tidy
from weft.model.errors import TaskFailed

_MODULE = "ansible.legacy.command"
_CORE = "ansible.builtin.command"
_MOST_SHOWN = 200  # characters
_ONE_OF = (("_raw_params", "cmd", "argv"),)


def _words(value: Any) -> list[str]:
    """A list of words; text is split at commas, as for any list option."""
    if isinstance(value, str):
        value = value.split(",")
    elif isinstance(value, int | float):
        value = [value]
    if not isinstance(value, list):
        raise TypeError(f"{type(value)} cannot be converted to a list")
    return ["" if word is None else str(word) for word in value]


_words.__name__ = "list"

SPEC: Mapping[str, Arg] = {
    "_raw_params": Arg(),
    "_uses_shell": Arg(kind="bool", default=False),
    "argv": Arg(kind=_words),
    "chdir": Arg(kind="path"),
    "cmd": Arg(),
    "creates": Arg(kind="path"),
    "executable": Arg(),
    "expand_argument_vars": Arg(kind="bool", default=True),
    "removes": Arg(kind="path"),
    "stdin": Arg(),
    "stdin_add_newline": Arg(kind="bool", default=True),
    "strip_empty_ends": Arg(kind="bool", default=True),
}


async def shell(context: ActionContext) -> Result:
    """The shell action. Raises TaskFailed."""
    return await command(_in_shell(context))


def _in_shell(context: ActionContext) -> ActionContext:
    if "expand_argument_vars" in context.args:
        raise TaskFailed(f"Unsupported parameters for ({context.name}) module: expand_argument_vars")
    return context.with_args({**context.args, "_uses_shell": True})


async def command(context: ActionContext) -> Result:
    """The command action. A wrong argument is a failed result, as from the module."""
    if _is_replaced(context):
        return await context.module(_MODULE, as_job=True)
    try:
        params, request = _prepared(context)
    except (BadArguments, ValueError) as error:
        return _refused(str(error))
    session = await context.session()
    if context.job is not None:
        job = context.job
        handle = await start_job(
            session,
            "command",
            {**request, "invocation": {"module_args": params}},
            limit=job.limit,
            jid=job.jid,
            async_dir=job.async_dir,
            name=context.name,
            title=job.title or ("" if context.no_log else _shown(request)),
            no_log=context.no_log,
        )
        return context.with_interpreter(handle, session)
    reply = await context.ask(session, "command", request)
    result = tidy(plain_result(dict(reply.result), strict=context.settings.module_strict_utf8), context.warn)
    if "cmd" in result and "shell" in request and params["argv"] is not None:
        result["cmd"] = params["argv"]
    result["invocation"] = {"module_args": params}
    return context.with_interpreter(result, session)


def request_of(context: ActionContext, *, in_shell: bool) -> dict[str, Any] | None:
    """What the agent will be asked by a task that is no job; None where that is something else.

    Raises BadArguments, ValueError, TaskFailed for what the action will refuse.
    """
    if in_shell:
        context = _in_shell(context)
    return None if context.job is not None or _is_replaced(context) else _prepared(context)[1]


def _is_replaced(context: ActionContext) -> bool:
    """Whether the module is the user's own."""
    module = context.services.modules.resolve(_MODULE, (), context.library_dirs())
    return module is not None and module.fqcn != _CORE


def _prepared(context: ActionContext) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Checked arguments, and the request. Raises BadArguments, ValueError."""
    params = check(context.args, SPEC, name=_MODULE, mutually_exclusive=_ONE_OF, required_one_of=_ONE_OF)
    return params, _request(context, params)


def _request(context: ActionContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the agent's operation. Raises ValueError: quotes that don't match."""
    text = params["_raw_params"] or params["cmd"]
    request: dict[str, Any] = {
        "environment": {str(key): str(value) for key, value in context.environment.items()},
        "check": context.check,
        "strip_empty_ends": params["strip_empty_ends"],
        "expand_argument_vars": params["expand_argument_vars"],
    }
    if params["_uses_shell"]:
        request["shell"] = text if text else shlex.join(params["argv"] or ())
        request["executable"] = params["executable"] or context.target.shell_executable
    else:
        request["argv"] = _split(text) if text else params["argv"]
        if params["executable"]:
            request["executable"] = params["executable"]
    for key in ("chdir", "creates", "removes"):
        if params[key] is not None:
            request[key] = params[key]
    if params["stdin"] is not None:
        request["stdin"] = params["stdin"]
        request["stdin_add_newline"] = params["stdin_add_newline"]
    if context.lang:
        request["lang"] = context.lang
    nofile = context.nofile()
    if nofile:
        request["nofile"] = nofile
    return request


def _split(text: str) -> list[str]:
    """As a shell takes text apart. Raises ValueError: quotes that don't match."""
    return list(_parts(text))


@functools.lru_cache(maxsize=256)
def _parts(text: str) -> tuple[str, ...]:
    return tuple(shlex.split(text))  # mostly the same text for many hosts


def _shown(request: Mapping[str, Any]) -> str:
    """The command on one line, for lists."""
    text = str(request["shell"]) if "shell" in request else shlex.join(map(str, request["argv"] or ()))
    return " ".join(text.split())[:_MOST_SHOWN]


def _refused(message: str) -> Result:
    failure = Failure(source=MODULE_FAILED, message=message)
    return {"failed": True, "msg": message, "exception": NO_TRACEBACK, FAILURE: failure}
