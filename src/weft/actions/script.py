"""``script``: a program of the controller is sent to the host and run there, without Python."""

from __future__ import annotations

import asyncio
import os
import shlex

from weft.actions.args import Arg, truth, validate
from weft.actions.base import ActionContext, Result
from weft.actions.files import FileMissing
from weft.actions.host import discard, run_text, upload
from weft.actions.sources import from_file
from weft.connection.api import RequestFailed, Session
from weft.model.errors import TaskFailed, TaskSkipped

_SPEC = {
    "_raw_params": Arg(),
    "cmd": Arg(),
    "creates": Arg(),
    "removes": Arg(),
    "chdir": Arg(),
    "executable": Arg(),
}
_ONE_OF = (("_raw_params", "cmd"),)


async def script(context: ActionContext) -> Result:
    """Raises TaskSkipped where ``creates`` or ``removes`` say that it isn't needed, and in check mode."""
    args = {key: value for key, value in context.args.items() if key != "decrypt"}
    params = validate(context.with_args(args), _SPEC, mutually_exclusive=_ONE_OF, required_one_of=_ONE_OF)
    await _refuse_needless(context, params["creates"], params["removes"])
    if params["chdir"] and not params["chdir"].startswith("/"):
        raise TaskFailed(f"chdir {params['chdir']} must be an absolute path for a Unix-aware remote node")
    line = str(params["_raw_params"] or params["cmd"]).strip()
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise TaskFailed(str(error)) from error
    if not words:
        raise TaskFailed("no command given")
    try:
        path = context.find_file("files", words[0])
    except FileMissing as error:
        raise error.told() from None
    if context.check:
        if params["creates"] or params["removes"]:
            return {"changed": True}
        raise TaskSkipped("Check mode is not supported for this task.", {"changed": False})
    decrypt = context.services.decrypt if truth(context.args.get("decrypt"), True) else None
    source = await asyncio.to_thread(from_file, path, decrypt)
    session = await context.session()
    folder = await _folder(session)
    try:
        remote = f"{folder}/{os.path.basename(path)}"
        await upload(session, source, remote, mode="0700")
        command = line.replace(words[0], remote)  # the rest keeps its quotes
        text = f"{params['executable']} {command}" if params["executable"] else command
        if params["chdir"]:
            text = f"cd {params['chdir']} && {text}"
        result = await run_text(context, text, environment=context.environment)
    finally:
        await discard(session, folder, recursive=True)
    result["changed"] = True
    if result["rc"] != 0:
        result.update(msg="non-zero return code", failed=True)
    return result


async def _refuse_needless(context: ActionContext, creates: str | None, removes: str | None) -> None:
    if creates and await _there(context, creates):
        raise TaskSkipped(f"{creates} exists, matching creates option")
    if removes and not await _there(context, removes):
        raise TaskSkipped(f"{removes} does not exist, matching removes option")


async def _there(context: ActionContext, path: str) -> bool:
    """As the shell's ``test -e`` sees it: on hosts without Python too."""
    quoted = shlex.quote(path) if not path.startswith("~") else path
    return bool((await run_text(context, f"test -e {quoted}"))["rc"] == 0)


async def _folder(session: Session) -> str:
    """A private folder for the script: scripts may look at their own name."""
    try:
        reply = await session.request("tempdir", {"prefix": "ansible-tmp-", "mode": "0700"})
    except RequestFailed as error:
        raise TaskFailed(f"Failed to create temporary directory on {session.target.host}: {error.message}") from error
    return str(reply.result["path"])
