"""What actions do on the host beside running modules: look at files, move them, run text in its shell."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from weft.actions.base import ActionContext, Result
from weft.actions.sources import Source
from weft.connection.api import Reply, RequestFailed, Session
from weft.connection.hoststate import state_of
from weft.connection.modules import output_of
from weft.model.errors import TaskFailed, WeftError

_ENOENT = 2
_GET_CHUNK = 8 * 1024 * 1024  # bytes


async def run_text(
    context: ActionContext,
    text: str,
    *,
    executable: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Result:
    """Run text in the host's shell: rc, stdout and stderr with their lines. Needs no Python there."""
    session = await context.session()
    request: dict[str, Any] = {"text": text, "executable": executable or session.target.shell_executable}
    if environment:
        request["environment"] = {str(key): str(value) for key, value in environment.items()}
    output = output_of(await session.request("raw", request))
    return {
        "rc": output.rc,
        "stdout": output.stdout,
        "stdout_lines": output.stdout.splitlines(),
        "stderr": output.stderr,
        "stderr_lines": output.stderr.splitlines(),
    }


async def expand_user(context: ActionContext, path: str) -> str:
    """A path on the host with ``~`` and ``~user`` expanded there; other paths stay as they are."""
    if not path.startswith("~"):
        return path
    session = await context.session()
    first, slash, rest = path.partition("/")
    if first == "~" and session.info is not None and session.info.home:
        return session.info.home.rstrip("/") + slash + rest if slash else session.info.home
    reply = await session.request("expand", {"paths": [path]})
    return str(reply.result["paths"][0])


async def stat(context: ActionContext, path: str, *, follow: bool, checksum: bool = True) -> dict[str, Any]:
    """What a path is on the host, as ansible.builtin.stat says it, with the SHA-1 of a file.

    ``checksum`` is ``1`` where nothing is there, empty where it can't be told. Raises WeftError: no right to look.
    """
    session = await context.session()
    try:
        reply = await session.request(
            "stat", {"path": path, "follow": follow, "checksum": "sha1" if checksum else None}
        )
    except RequestFailed as error:
        why = error.detail.get("strerror") or error.message
        raise WeftError(f"Failed to get information on remote file ({path}): {why}") from error
    found = dict(reply.result)
    found["checksum"] = (found.get("checksum") or "") if found.get("exists") else "1"
    return found


async def exists(context: ActionContext, path: str) -> bool:
    """Whether something is there; a link that leads nowhere is not."""
    return bool((await stat(context, path, follow=True, checksum=False)).get("exists"))


async def transfer_dir(session: Session) -> str:
    """A private folder on the host for files on their way: made once for a session, removed when its agent ends."""
    state = state_of(session)
    if state.transfer_dir is None:
        reply = await session.request("tempdir", {"prefix": "ansible-tmp-", "mode": "0700", "temporary": True})
        state.transfer_dir = str(reply.result["path"])
    return state.transfer_dir


async def transfer_path(session: Session, name: str) -> str:
    """A path in that folder that is nobody else's until it is taken out of ``transfer_paths``.

    ``name`` is what the file is called, as in Ansible (``.source.conf``; results show it, and some modules go by the
    suffix). Beside another of that name it has a number before it.
    """
    folder = await transfer_dir(session)
    state = state_of(session)
    path = f"{folder}/{name}"
    if path in state.transfer_paths:
        state.transfers += 1
        path = f"{folder}/{state.transfers}{name if name.startswith(('.', '-')) else '-' + name}"
    state.transfer_paths.add(path)
    return path


async def upload(session: Session, source: Source, path: str, *, mode: str | None = None) -> None:
    """Put contents at a path on the host, in one step there. Raises RequestFailed, TaskFailed, Unreachable."""
    last = await _all_but_last(session, source, path)
    await session.request("put", last.request(path, mode), last.data)


async def with_upload(
    context: ActionContext,
    source: Source,
    name: str,
    use: Callable[[str], Awaitable[Result]],
    *,
    consumed: Callable[[Result], bool] = lambda result: False,
) -> Result:
    """Bring contents to a fresh path on the host, run ``use`` with it, and remove it unless ``consumed``.

    What ``use`` asks first leaves together with the last piece: the agent takes requests in the order they were sent,
    so no round trip is spent on waiting for the upload.
    """
    session = await context.session()
    for attempt in range(2):
        path = await transfer_path(session, name)
        last = await _all_but_last(session, source, path)
        put = asyncio.create_task(session.request("put", last.request(path, None), last.data))
        await asyncio.sleep(0)  # the piece is on its way before ``use`` says anything
        sent, result = await asyncio.gather(put, use(path), return_exceptions=True)
        if isinstance(sent, RequestFailed) and gone(sent) and attempt == 0:
            state_of(session).transfer_dir = None  # the agent was started anew: its folder went with it
            state_of(session).transfer_paths.discard(path)
            continue
        for outcome in (sent, result):
            if isinstance(outcome, BaseException):
                raise outcome
        assert isinstance(result, dict)
        if not consumed(result):
            await discard(session, path)
        state_of(session).transfer_paths.discard(path)  # not after an error: what it was for may go on
        return result
    raise AssertionError("unreachable")


class _Piece:
    """The last chunk of an upload."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data = data
        self.offset = offset

    def request(self, path: str, mode: str | None) -> dict[str, Any]:
        request: dict[str, Any] = {"path": path, "offset": self.offset, "more": False}
        return request if mode is None else {**request, "mode": mode}


async def _all_but_last(session: Session, source: Source, path: str) -> _Piece:
    """Send every chunk but the last, which is returned."""
    offset = 0
    previous: bytes | None = None
    try:
        for piece in source.chunks():
            if previous is not None:
                await session.request("put", {"path": path, "offset": offset, "more": True}, previous)
                offset += len(previous)
            previous = piece
    except OSError as error:
        raise TaskFailed(f"Could not read {source.shown}: {error.strerror}") from error
    return _Piece(previous or b"", offset)


async def discard(session: Session, *paths: str, recursive: bool = False) -> None:
    """Remove files on the host that were only on their way."""
    await session.request("remove", {"paths": list(paths), "recursive": recursive})


async def download(session: Session, path: str, limit: int | None = None) -> bytes:
    """A host file's contents, at most ``limit`` bytes. Raises RequestFailed."""
    pieces: list[bytes] = []
    offset = 0
    while True:
        reply = await _get(session, path, offset)
        pieces.append(reply.payload)
        offset += len(reply.payload)
        if reply.result.get("eof") or not reply.payload or (limit is not None and offset >= limit):
            return b"".join(pieces)[:limit]


async def download_to(session: Session, path: str, local: str) -> None:
    """Write a host file's contents to a controller file. Raises RequestFailed, OSError."""
    offset = 0
    file = await asyncio.to_thread(open, local, "wb")
    try:
        while True:
            reply = await _get(session, path, offset)
            await asyncio.to_thread(file.write, reply.payload)
            offset += len(reply.payload)
            if reply.result.get("eof") or not reply.payload:
                return
    finally:
        await asyncio.to_thread(file.close)


async def _get(session: Session, path: str, offset: int) -> Reply:
    return await session.request("get", {"path": path, "offset": offset, "length": _GET_CHUNK})


async def has_selinux(context: ActionContext) -> bool:
    """Whether the host enforces or permits SELinux contexts; asked once for a session."""
    session = await context.session()
    state = state_of(session)
    if state.selinux is None:
        state.selinux = await exists(context, "/sys/fs/selinux/enforce")
    return state.selinux


def gone(error: RequestFailed) -> bool:
    """Whether an operation failed because a path isn't there."""
    return error.kind == "os" and error.detail.get("errno") == _ENOENT


def suffix_of(path: str) -> str:
    return os.path.splitext(path)[1]
