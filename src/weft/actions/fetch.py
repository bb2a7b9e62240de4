"""``fetch``: files of hosts to the controller."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import Any

from weft.actions.args import truth
from weft.actions.base import ActionContext, Result
from weft.actions.files import md5, sha1
from weft.actions.host import download_to, expand_user, stat
from weft.connection.api import RequestFailed
from weft.connection.results import FAILURE, MODULE_FAILED, NO_TRACEBACK, Failure
from weft.model.errors import TaskFailed, TaskSkipped, WeftError

_IS_FOLDER = "remote file is a directory, fetch cannot work on directories"
_MISSING = "the remote file does not exist, not transferring, ignored"


async def fetch(context: ActionContext) -> Result:
    """Raises TaskFailed for arguments that can't be meant; TaskSkipped in check mode."""
    if context.check:
        raise TaskSkipped("check mode not (yet) supported for this module")
    args = context.args
    source, dest = args.get("src"), args.get("dest")
    if source is None or dest is None:
        raise TaskFailed("src and dest are required")
    for name, value in (("dest", dest), ("source", source)):
        if not isinstance(value, str):
            raise TaskFailed(f"Invalid type supplied for {name} option, it must be a string")
    needed = truth(args.get("fail_on_missing"), True)
    source = await expand_user(context, os.path.normpath(source) if source.startswith("/") else source)
    try:
        found = await stat(context, source, follow=True)
    except WeftError as error:
        if needed and context.target.become is not None:  # ansible-core reads such files by a module, which says so
            return _failed(f"File is not readable: {source}", f"File is not readable: {source}")
        if needed:
            return {"changed": False, "file": source, "failed": True, "msg": error.message}
        return {"changed": False, "file": source, "msg": f"{error.message}, ignored"}
    if found.get("isdir"):
        if needed:
            return {"failed": True, "changed": False, "msg": _IS_FOLDER}
        return {"msg": f"{_IS_FOLDER}, not transferring, ignored"}
    if not found.get("exists"):
        return _missing(source, needed)
    local = _local_path(context, source, dest)
    return await _transfer(context, source, local, str(found.get("checksum") or ""), needed)


def _missing(source: str, needed: bool) -> Result:
    if not needed:
        return {"file": source, "changed": False, "msg": _MISSING}
    return _failed(_MISSING, f"File not found: {source}: [Errno 2] No such file or directory: {source!r}")


def _failed(message: str, why: str) -> Result:
    failure = Failure(source=MODULE_FAILED, message=why)
    return {"failed": True, "msg": message, "exception": NO_TRACEBACK, FAILURE: failure}


def _local_path(context: ActionContext, source: str, dest: str) -> str:
    """Where the file goes: ``dest/host/path``, or ``dest`` itself with ``flat``."""
    if not truth(context.args.get("flat")):
        base = _beside_playbook(context, dest)
        return os.path.normpath(f"{base}/{context.host}/{source}")
    if os.path.isdir(os.path.expanduser(dest)) and not dest.endswith("/"):
        raise TaskFailed(
            "dest is an existing directory, use a trailing slash if you want to fetch src into that directory"
        )
    if dest.endswith("/"):
        dest = os.path.join(dest, os.path.basename(source))
        if os.path.isdir(os.path.expanduser(dest)):
            raise TaskFailed(
                f"calculated dest '{dest}' is an existing directory, "
                "use another path that does not point to an existing directory"
            )
    return os.path.normpath(_beside_playbook(context, dest))


def _beside_playbook(context: ActionContext, path: str) -> str:
    return os.path.join(context.basedir, os.path.expanduser(path))


async def _transfer(context: ActionContext, source: str, local: str, remote: str, needed: bool) -> Result:
    before = await asyncio.to_thread(_sums, local)
    if remote and before is not None and before[0] == remote:
        return {"changed": False, "md5sum": before[1], "file": source, "dest": local, "checksum": before[0]}
    session = await context.session()
    try:
        await asyncio.to_thread(os.makedirs, os.path.dirname(local), exist_ok=True)
        await download_to(session, source, local)
    except RequestFailed as error:
        why = str(error.detail.get("strerror") or error.message)
        if error.detail.get("errno") == errno.EACCES:
            why = f"File is not readable: {source}"
        if not needed:
            return {"file": source, "changed": False, "msg": why}
        return _failed(why, why)
    except OSError as error:
        raise TaskFailed("Failed to fetch the file.") from error
    after = await asyncio.to_thread(_sums, local)
    checksum, digest = after or (None, None)
    result: dict[str, Any] = {
        "md5sum": digest,
        "dest": local,
        "remote_md5sum": None,
        "checksum": checksum,
        "remote_checksum": remote or checksum,
    }
    if remote and checksum != remote and truth(context.args.get("validate_checksum"), True):
        return {**result, "failed": True, "msg": "checksum mismatch", "file": source}
    return {**result, "changed": checksum != (before[0] if before else None) or bool(remote)}


def _sums(path: str) -> tuple[str, str | None] | None:
    """SHA-1 and MD5 of a controller file; None where there is none."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (FileNotFoundError, IsADirectoryError):
        return None
    return sha1(data), md5(data)
