"""Runs modules through a session: sends what the host lacks, gives modules what they expect, reads their output.

Comes after the session and ``content.payload``, before ``actions``. Nothing here decides *whether* to run something.
"""

from __future__ import annotations

import asyncio
import datetime
import errno
import json
import posixpath
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from weft.connection.api import Reply, RequestFailed, Session
from weft.connection.hoststate import state_of
from weft.connection.results import (
    FAILURE,
    MODULE_FAILED,
    NO_TRACEBACK,
    Failure,
    Output,
    module_result,
    plain_result,
    tidy,
)
from weft.content.core import version_key
from weft.content.kinds import Kind, interpreter_for
from weft.content.payload import Payload
from weft.model.errors import TaskFailed

_MAX_BATCH = 16 * 1024 * 1024  # bytes of blobs in one request; the wire takes 64 MiB
_SPECIAL_FS = ("fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat")
#: `_ansible_*` arguments that releases before these don't know (they would refuse them).
_SINCE = {"ignore_unknown_opts": (2, 17), "target_log_info": (2, 17), "tracebacks_for": (2, 19)}


class ModuleOptions(Struct, frozen=True, kw_only=True):
    """How a module runs, apart from its own arguments."""

    name: str = ""  # as the task calls it, for messages; empty: the payload's
    check: bool = False
    diff: bool = False
    no_log: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    verbosity: int = 0
    debug: bool = False
    version: str = ""  # what modules are told; empty: the payload's
    timeout: float | None = None  # seconds; None: no limit
    cwd: str | None = None
    lang: str | None = None
    interpreters: Mapping[str, str] = field(default_factory=dict)  # ansible_<name>_interpreter for other languages
    syslog_facility: str = "LOG_USER"
    nofile: int = 0  # how many descriptors it may open; 0: as the host says
    selinux_special_fs: Sequence[str] = _SPECIAL_FS
    keep_remote_files: bool = False
    ignore_unknown_options: bool = False
    target_log_info: str | None = None
    tracebacks_for: Sequence[str] = ()
    strict_utf8: bool = True  # text in the result that is no UTF-8 is a failure


async def run_module(
    session: Session,
    payload: Payload,
    args: Mapping[str, Any],
    options: ModuleOptions,
    *,
    warn: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Run a module and return its result; one that fails, dies or prints junk is a result with ``failed``.

    Warnings about its output go to ``warn``, else into the result. Raises RequestFailed, Unreachable, and TaskFailed
    on a host without Python.
    """
    interpreter = _interpreter(session, payload, options)
    try:
        output = output_of(await _send(session, "module", payload, module_request(session, payload, args, options)))
    except RequestFailed as error:
        output = _never_ran(error, interpreter)
    messages: list[str] = []
    result = module_result(output, interpreter, warn or messages.append, strict=options.strict_utf8)
    if messages:
        result["warnings"] = [*result.get("warnings", ()), *messages]
    return result


async def start_module_job(
    session: Session,
    payload: Payload,
    args: Mapping[str, Any],
    options: ModuleOptions,
    *,
    limit: float,
    jid: str | None = None,
    async_dir: str | None = None,
    title: str = "",
) -> dict[str, Any]:
    """Start a module as a job on the host and return its handle. ``limit`` is in seconds, ``title`` for lists."""
    request = module_request(session, payload, args, options)
    start = _job(session, "module", request, limit, jid, async_dir)
    start.update(name=options.name or payload.name, title=title, no_log=options.no_log)
    return await _handle(_send(session, "job.start", payload, start))


async def start_job(
    session: Session,
    op: str,
    request: Mapping[str, Any],
    *,
    limit: float,
    jid: str | None = None,
    async_dir: str | None = None,
    name: str = "",
    title: str = "",
    no_log: bool = False,
) -> dict[str, Any]:
    """Start a native operation (``command``) as a job on the host and return its handle.

    ``name`` is what it is called in messages, ``title`` in lists; ``no_log`` keeps its output out of the log.
    """
    start = _job(session, op, request, limit, jid, async_dir)
    start.update(name=name or op, title=title, no_log=no_log)
    return await _handle(session.request("job.start", start))


async def _handle(reply: Awaitable[Reply]) -> dict[str, Any]:
    """What ``register`` sees of a job that was started, or that could not be, for want of a place for its files.

    Its failure counts as a change, as ansible-core has it. Raises RequestFailed.
    """
    try:
        return handle_of(await reply)
    except RequestFailed as error:
        if not error.detail.get("async_dir"):
            raise
        failure = Failure(source=MODULE_FAILED, message=error.message)
        return {"failed": True, "changed": True, "msg": error.message, "exception": NO_TRACEBACK, FAILURE: failure}


def _job(
    session: Session, op: str, request: Mapping[str, Any], limit: float, jid: str | None, async_dir: str | None
) -> dict[str, Any]:
    start: dict[str, Any] = {"op": op, "request": dict(request), "limit": limit}
    start["async_dir"] = async_dir or session.target.async_dir
    if jid is not None:
        start["jid"] = jid
    return start


def handle_of(reply: Reply) -> dict[str, Any]:
    """What ``register`` sees of a job that was started."""
    result = reply.result
    return {
        "ansible_job_id": result["ansible_job_id"],
        "results_file": result["results_file"],
        "started": bool(result.get("started", True)),
        "finished": bool(result.get("finished", False)),
        "changed": True,
    }


def job_result(data: Mapping[str, Any], warn: Callable[[str], None], *, strict: bool = True) -> dict[str, Any]:
    """The content of a job's result file as a result: wire types made plain, lines of stdout added. Raises NotUtf8."""
    result = tidy(plain_result(dict(data), strict=strict), warn)
    for key in ("started", "finished"):
        if key in result:
            result[key] = bool(result[key])
    return result


def output_of(reply: Reply) -> Output:
    """stdout and stderr of a reply whose payload is both, joined."""
    size = int(reply.result.get("stdout_len", len(reply.payload)))
    rc = int(reply.result.get("rc") or 0)
    return Output(
        rc=rc if rc >= 0 else 128 - rc,  # ended by a signal: as a shell tells it
        stdout=reply.payload[:size].decode("utf-8", "replace"),
        stderr=reply.payload[size:].decode("utf-8", "replace"),
    )


def _never_ran(error: RequestFailed, interpreter: str | None) -> Output:
    """What a shell would have said of a module that could not be started, or whose process was killed. Else raises."""
    if error.kind == "os" and error.detail.get("errno") == errno.ENOENT and interpreter:
        return Output(rc=127, stdout="", stderr=f"/bin/sh: 1: {interpreter}: not found\n")
    if error.kind == "os":
        return Output(rc=126, stdout="", stderr=f"{error.message}\n")
    if error.kind == "internal":
        return Output(rc=1, stdout="", stderr=f"{error.message}\n")
    raise error


def module_request(
    session: Session, payload: Payload, args: Mapping[str, Any], options: ModuleOptions
) -> dict[str, Any]:
    """The arguments of the agent's ``module`` operation."""
    request: dict[str, Any] = {
        "module": payload.main,
        "kind": payload.kind.value,
        "name": payload.name,
        "fqcn": payload.fqcn,
        "utils": payload.manifest,
        "args": {**jsonable(args, payload.name), **internal_args(session, payload, options)},
        "environment": {str(key): str(value) for key, value in options.environment.items()},
    }
    interpreter = _interpreter(session, payload, options)
    optional = {
        "interpreter": interpreter if payload.kind is not Kind.NEW else None,
        "cwd": options.cwd,
        "timeout": options.timeout,
        "lang": options.lang,
        "nofile": options.nofile or None,
        "tmpdir": session.target.remote_tmp,
    }
    request.update({key: value for key, value in optional.items() if value is not None})
    return request


def jsonable(args: Mapping[str, Any], module: str) -> dict[str, Any]:
    """Arguments as JSON can hold them: dates as ISO text, sets and tuples as lists. Raises TaskFailed."""
    try:
        converted = _jsonable(args)
    except TypeError as error:
        raise TaskFailed(f"Failed to serialize arguments for the {module!r} module: {error}") from error
    assert isinstance(converted, dict)
    return converted


def _jsonable(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {_key(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_jsonable(item) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_jsonable(item) for item in value]
    raise TypeError(f"Object of type {type(value).__name__!r} is not JSON serializable.")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str(key)
    if key is None or isinstance(key, int | float):
        return json.dumps(key)
    raise TypeError(f"Key of type {type(key).__name__!r} is not JSON serializable.")


def internal_args(session: Session, payload: Payload, options: ModuleOptions) -> dict[str, Any]:
    """The ``_ansible_*`` arguments that AnsibleModule reads, for the release of its code that is sent."""
    target = session.target
    told = {
        "check_mode": options.check,
        "no_log": options.no_log,
        "debug": options.debug,
        "diff": options.diff,
        "verbosity": options.verbosity,
        "version": options.version or payload.version,
        "module_name": options.name or payload.name,
        "syslog_facility": options.syslog_facility,
        "selinux_special_fs": list(options.selinux_special_fs),
        "socket": None,
        "shell_executable": target.shell_executable,
        "keep_remote_files": options.keep_remote_files,
        "tmpdir": None,
        "remote_tmp": target.remote_tmp,
        "ignore_unknown_opts": options.ignore_unknown_options,
        "target_log_info": options.target_log_info,
        "tracebacks_for": list(options.tracebacks_for),
    }
    release = version_key(payload.version) if payload.version else ()
    return {f"_ansible_{key}": value for key, value in told.items() if not release or release >= _SINCE.get(key, ())}


def _interpreter(session: Session, payload: Payload, options: ModuleOptions) -> str | None:
    """What the module is run with; for Python ones it is the agent's own."""
    python = session.info.python if session.info else None
    if payload.kind is Kind.NEW:
        return python
    if payload.interpreter is None:
        return None
    program, args = payload.interpreter
    own = {"python": python} if python else {}
    return interpreter_for(program, args, own if posixpath.basename(program) in own else options.interpreters)


async def _send(session: Session, op: str, payload: Payload, arguments: Mapping[str, Any]) -> Reply:
    """Send a request that needs blobs, and with it, unasked, those that the host lacks."""
    known = state_of(session)
    wanted = payload.wanted
    lacking: frozenset[str] | set[str] = wanted - known.blobs
    for _ in range(3):
        try:
            return await _send_with_blobs(session, op, payload, arguments, lacking)
        except RequestFailed as error:
            if error.kind != "missing-blobs":
                raise
            # its cache was emptied, or the request overtook the blobs: they are waited for this time
            lacking = {str(digest) for digest in error.detail.get("missing", wanted)} & wanted or wanted
            known.blobs -= lacking
            await put_blobs(session, {digest: payload.blobs[digest] for digest in lacking})
            lacking = set()
    raise RequestFailed("missing-blobs", f"{session.target.host} does not keep the code of modules it is sent")


async def _send_with_blobs(
    session: Session, op: str, payload: Payload, arguments: Mapping[str, Any], lacking: frozenset[str] | set[str]
) -> Reply:
    """The blobs and the request leave together: no round trip is spent on waiting for the first."""
    if not lacking:
        return await session.request(op, arguments)
    contents = await asyncio.to_thread(lambda: {digest: payload.blobs[digest] for digest in sorted(lacking)})
    sent, reply = await asyncio.gather(
        put_blobs(session, contents), session.request(op, arguments), return_exceptions=True
    )
    for outcome in (sent, reply):
        if isinstance(outcome, BaseException):
            raise outcome
    assert isinstance(reply, Reply)
    return reply


async def put_blobs(session: Session, contents: Mapping[str, bytes]) -> None:
    """Send contents by hash to the host's cache. Raises RequestFailed, Unreachable."""
    for batch in _batches(contents.items()):
        listed = [[digest, len(data)] for digest, data in batch]
        await session.request("put_blobs", {"blobs": listed}, b"".join(data for _, data in batch))
    state_of(session).blobs.update(contents)


def _batches(items: Iterable[tuple[str, bytes]]) -> Iterable[list[tuple[str, bytes]]]:
    batch: list[tuple[str, bytes]] = []
    size = 0
    for digest, data in items:
        if batch and size + len(data) > _MAX_BATCH:
            yield batch
            batch, size = [], 0
        batch.append((digest, data))
        size += len(data)
    if batch:
        yield batch
