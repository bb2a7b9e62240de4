"""Tasks for which weft has no native way: their action plugin, connection or become method is ansible-core's to run.

The executor sees an action like any other. ``third_party`` runs what lies in action_plugins/ folders and collections;
``fall_back`` runs an action of weft's own on a host that only ansible-core can reach.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

from weft.actions.base import ActionContext, PromptInterrupted, Result
from weft.actions.host import download_to, upload
from weft.actions.services import Prompter, TaskNames
from weft.actions.sources import from_file
from weft.connection.api import RequestFailed
from weft.connection.become import method_name
from weft.connection.errors import NoTransport
from weft.connection.names import transport_name
from weft.connection.results import ACTION_FAILED, FAILURE, MODULE_FAILED, Failure, fold
from weft.content.lane.request import ENDED, POLL, LaneRequest, RoleAt
from weft.events.types import AsyncEnded, AsyncPoll, Deprecated, Message, Warned
from weft.lane import Lane
from weft.model.errors import TaskFailed, Unreachable, WeftError
from weft.model.nodes import Role
from weft.model.settings import Settings
from weft.model.values import Trusted, Value, VaultText

_OWN = "weft."
_FAILURE = "_ansible_lane_failure"
_FAILURE_SOURCES = {f"{source}.": source for source in (MODULE_FAILED, ACTION_FAILED)}
_OLD_HOSTS = "play_hosts"  # reading it is deprecated, and says so
_LAZY = frozenset({"hostvars", "vars", "ansible_delegated_vars", "environment", "omit", _OLD_HOSTS})
_WHAT = {"connection": "connection", "become": "become method", "shell": "shell type"}
#: Options of the command line that beat ansible.cfg and environment only if they were given: field -> its name there.
_GIVEN = {
    "private_key_file": "private_key_file",
    "timeout": "timeout",
    "ssh_common_args": "ssh_common_args",
    "ssh_extra_args": "ssh_extra_args",
}


async def third_party(context: ActionContext) -> Result:
    """Run somebody's action plugin."""
    missing = _missing(context)
    return await _run(context, "action plugins" if missing is None else _reason(missing), followed=missing is None)


async def fall_back(context: ActionContext, why: NoTransport) -> Result:
    """Run an action of weft's as ansible-core has it. Raises ``why`` where ansible-core has none like it."""
    if context.task.fqcn.startswith(_OWN) or context.services.lane is None:
        raise why
    return await _run(context, _reason(why), followed=False)


async def reset(context: ActionContext) -> None:
    """`meta: reset_connection` for a host that only ansible-core can reach."""
    lane = context.services.lane
    if lane is not None:
        request = await asyncio.to_thread(_request, context, poll=0.0, reset=True)
        await lane.run(request, _Talk(context))


def _reason(why: NoTransport) -> str:
    return f"{_WHAT[why.kind]} {why.name}"


def _missing(context: ActionContext) -> NoTransport | None:
    """What of the way to the host weft doesn't have."""
    try:
        transport_name(context.target)
        if context.target.become is not None:
            method_name(context.target.become.method)
    except NoTransport as error:
        return error
    return None


async def _run(context: ActionContext, reason: str, *, followed: bool) -> Result:
    """``followed``: the executor follows the job of an async task itself."""
    lane = context.services.lane
    if lane is None:
        raise TaskFailed(f"There is no way to run {context.name}.", context.task.origin)
    lane.taken.add(reason, str(context.task.name or context.name))
    context.followed = context.followed or not followed
    poll = 0.0 if followed else context.poll
    request = await asyncio.to_thread(_request, context, poll=poll, session=followed)
    result = await lane.run(request, _Talk(context))
    return _finished(result)


# -- the request -----------------------------------------------------------------------------------------------------


def _request(context: ActionContext, *, poll: float, session: bool = False, reset: bool = False) -> LaneRequest:
    """May block: variables are read."""
    task, scope = context.task, context.scope
    delegate = getattr(scope, "delegate", None) if context.delegate_to else None
    return LaneRequest(
        host=context.host,
        action=context.name,
        fqcn=task.fqcn,
        args=_portable(context.args),
        variables=variables_of(scope),
        keywords=_keywords(context, poll),
        options=_options(context.settings),
        delegate=context.delegate_to,
        delegate_variables=variables_of(delegate) if delegate is not None else {},
        title=str(task.name or ""),
        origin=task.origin,
        role=_role(task.role),
        search_path=(*task.path_parents, *(() if context.basedir in task.path_parents else (context.basedir,))),
        basedir=context.basedir,
        playbook_dirs=(context.basedir,),
        plugin_roots=context.content_roots(),
        library=context.settings.library,
        connection_password=context.passwords.conn,
        become_password=context.passwords.become,
        session=session,
        session_user=context.target.become.user if session and context.target.become is not None else None,
        loop=task.id if task.loop is not None or task.loop_with is not None else None,
        reset=reset,
    )


def _role(role: Role | None) -> RoleAt | None:
    return RoleAt(name=role.name, path=role.path, collection=role.collection) if role is not None else None


def _keywords(context: ActionContext, poll: float) -> dict[str, Any]:
    """The task's keywords under ansible-core's names, as far as they are set."""
    task, connection = context.task, context.connection
    given = {
        "become": connection.become,
        "become_method": connection.become_method,
        "become_user": connection.become_user,
        "become_exe": connection.become_exe,
        "become_flags": connection.become_flags,
        "connection": connection.connection,
        "remote_user": connection.remote_user,
        "port": connection.port,
    }
    defaults = [context.templar.render(layer, context.scope) for layer in context.module_defaults]
    return {
        **{name: value for name, value in given.items() if value is not None},
        "check_mode": context.check,
        "diff": context.diff,
        "no_log": context.no_log,
        "environment": [dict(context.environment)] if context.environment else [],
        "collections": [str(name) for name in task.common.collections],
        "tags": [str(tag) for tag in task.common.tags],
        "async_val": int(context.job.limit) if context.job is not None else 0,
        "poll": int(poll),
        "delegate_facts": context.delegate_facts,
        "vars": _portable(task.own_vars),
        "module_defaults": _portable(defaults),
    }


def _options(settings: Settings) -> dict[str, Any]:
    """The command line's options as ansible-core's plugins and keywords look for them."""
    given = {
        name: getattr(settings, field) for field, name in _GIVEN.items() if settings.origin.get(field) == "command line"
    }
    return {
        "verbosity": settings.verbosity,
        "check": settings.check,
        "diff": settings.diff,
        "forks": settings.forks,
        "become": settings.become,
        "become_method": settings.become_method,
        "become_user": None if settings.become_user == "root" else settings.become_user,
        "remote_user": settings.remote_user,
        "connection": settings.transport,
        "tags": list(settings.run_tags),
        "skip_tags": list(settings.skip_tags),
        "inventory": list(settings.inventory),
        **given,
    }


def variables_of(scope: TaskNames) -> dict[str, Any]:
    """Every variable as it was written: ansible-core evaluates what its plugins read."""
    found = {name: _portable(scope.raw(name)) for name in scope.own_names() if name not in _LAZY}
    if "ansible_play_batch" in found:
        found[_OLD_HOSTS] = found["ansible_play_batch"]
    return found


def _portable(value: Value) -> Any:
    """A value as it goes over the wire: marks are kept, what is evaluated when it is read is evaluated."""
    if isinstance(value, Trusted | VaultText) or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {_portable(key): _portable(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_portable(item) for item in value]
    return value


# -- the talk --------------------------------------------------------------------------------------------------------


class _Talk:
    """What a worker says and asks while it runs a task."""

    def __init__(self, context: ActionContext) -> None:
        self._context = context

    def told(self, message: Mapping[str, Any]) -> None:
        publish, host, kind = self._context.publish, self._context.host, message["kind"]
        if kind == POLL:
            publish(AsyncPoll(host=host, jid=message["jid"], started=message["started"], finished=message["finished"]))
        elif kind == ENDED:
            publish(AsyncEnded(host=host, jid=message["jid"], ok=message["ok"]))
        elif "warning" in message:
            publish(Warned(message=message["warning"]))
        elif "deprecation" in message:
            publish(
                Deprecated(message=message["deprecation"], version=message.get("version"), date=message.get("date"))
            )
        else:
            publish(Message(text=message["text"], verbosity=message["verbosity"], stderr=bool(message.get("stderr"))))

    async def answer(self, what: str, message: Mapping[str, Any]) -> Any:
        if what == "hostvars":
            scope = self._context.scope.of_host(str(message["host"]))
            return await asyncio.to_thread(variables_of, scope)
        if what == "prompt":
            return await _ask(self._context.services.prompter, message)
        if what in _ON_HOST:
            try:
                return await _ON_HOST[what](self._context, message)
            except RequestFailed as error:
                raise WeftError(error.message) from error
        raise WeftError(f"A plugin asks for {what!r}, which there is not.")


async def _exec(context: ActionContext, message: Mapping[str, Any]) -> tuple[int, bytes, bytes]:
    """A command of a plugin's: exit status, stdout, stderr."""
    session = await context.session()
    text = {"text": message["text"], "executable": session.target.shell_executable}
    reply = await session.request("raw", text, base64.b64decode(message["stdin"]))
    middle = int(reply.result["stdout_len"])
    return int(reply.result["rc"]), reply.payload[:middle], reply.payload[middle:]


async def _put(context: ActionContext, message: Mapping[str, Any]) -> None:
    source = await asyncio.to_thread(from_file, message["local"], None)
    await upload(await context.session(), source, message["remote"])


async def _fetch(context: ActionContext, message: Mapping[str, Any]) -> None:
    try:
        await download_to(await context.session(), message["remote"], message["local"])
    except OSError as error:
        raise WeftError(f"Could not write {message['local']}: {error.strerror}") from error


async def _module(context: ActionContext, message: Mapping[str, Any]) -> dict[str, Any]:
    """A module of a plugin's: its result, and why it failed."""
    result = await context.module(
        message["name"],
        message["args"],
        check=message["check"],
        diff=message["diff"],
        as_job=message["job"],
        ignore_unknown_options=message["ignore_unknown_options"],
    )
    failure = result.pop(FAILURE, None)
    told = None
    if isinstance(failure, Failure):
        links = [list(link) for link in failure.links] or [[failure.message, None]]
        told = {"links": links, "traceback": failure.traceback}
        result.pop("exception", None)
    return {"result": result, "failure": told}


async def _tempdir(context: ActionContext, _: Mapping[str, Any]) -> str:
    """A fresh folder of the user whose session it is; gone with the agent if nobody removes it before."""
    session = await context.session()
    reply = await session.request("tempdir", {"prefix": "ansible-tmp-", "mode": "0700", "temporary": True})
    return str(reply.result["path"])


async def _reset_session(context: ActionContext, _: Mapping[str, Any]) -> None:
    await context.services.sessions.reset(context.target)


#: What a plugin does on a host that weft has a session with.
_ON_HOST = {
    "exec": _exec,
    "put": _put,
    "fetch": _fetch,
    "module": _module,
    "tempdir": _tempdir,
    "reset": _reset_session,
}


async def _ask(prompter: Prompter, message: Mapping[str, Any]) -> tuple[str, str]:
    """How the question ended, and what was typed."""
    if not prompter.interactive:
        return "nobody", ""
    try:
        text = await prompter.ask(
            message["prompt"],
            echo=not message["private"],
            seconds=message["seconds"],
            complete=message["complete"] or None,
            interrupt=message["interrupt"] or None,
        )
    except PromptInterrupted:
        return "interrupted", ""
    return "answered", text


# -- the result ------------------------------------------------------------------------------------------------------


def _finished(result: Result) -> Result:
    """The result as weft's own actions give it. Raises Unreachable and TaskFailed where it says so."""
    failure = result.pop(_FAILURE, None)
    if failure is None:
        return result
    links = [(str(message), help_text) for message, help_text in failure["links"]]
    if len(links) > 1:
        links = links[1:]  # "Task failed.", which the executor says itself
    trace = failure["traceback"]
    if trace:
        result["exception"] = trace
    if result.pop("unreachable", False):
        rest = {key: value for key, value in result.items() if key not in ("failed", "msg")}
        raise Unreachable(fold([message for message, _ in links]), rest)
    source = _FAILURE_SOURCES.get(links[0][0])
    if source is None:
        raise _failed(links, result)
    causes = links[1:] or [(str(result.get("msg", "Unknown error.")), None)]
    with_help = tuple(causes) if any(help_text for _, help_text in causes) else ()
    message = fold([text for text, _ in causes])
    result[FAILURE] = Failure(source=source, message=message, links=with_help, traceback=trace)
    return result


def _failed(links: Sequence[tuple[str, str | None]], result: Result) -> TaskFailed:
    cause: WeftError | None = None
    for message, help_text in reversed(links[1:]):
        error = WeftError(message, hint=help_text)
        error.__cause__ = cause
        cause = error
    failed = TaskFailed(links[0][0], hint=links[0][1], result=result)
    failed.__cause__ = cause
    if "exception" in result:
        failed.add_note(str(result["exception"]))  # shown with the traceback, where one is wanted
    return failed


__all__ = ["Lane", "fall_back", "reset", "third_party"]
