"""``unarchive``: an archive of the controller, or one that the host has or fetches, is unpacked there."""

from __future__ import annotations

import asyncio
import os
import re

from weft.actions.args import truth
from weft.actions.base import ActionContext, Result
from weft.actions.host import exists, expand_user, stat, with_upload
from weft.actions.sources import from_file
from weft.model.errors import TaskFailed, TaskSkipped

_LOGIN = re.compile(r"(://)[^/@]*@")


async def unarchive(context: ActionContext) -> Result:
    """Raises TaskSkipped where ``creates`` is there; TaskFailed: arguments, ``dest`` is no folder."""
    args = dict(context.args)
    remote = truth(args.get("remote_src"))
    if "copy" in args:
        if "remote_src" in args:
            raise TaskFailed("parameters are mutually exclusive: ('copy', 'remote_src')")
        args["remote_src"] = remote = not truth(args.pop("copy"))
    source, dest = args.get("src"), args.get("dest")
    if source is None or dest is None:
        raise TaskFailed("src (or content) and dest are required")
    await _refuse_needless(context, args.get("creates"))
    dest = await expand_user(context, str(dest))
    local = None if remote else _find(context, str(source))
    found = await stat(context, dest, follow=True, checksum=False)
    if not found.get("exists") or not found.get("isdir"):
        raise TaskFailed(f"dest '{dest}' must be an existing dir")
    args.pop("decrypt", None)
    if local is None:
        return await context.module("ansible.legacy.unarchive", args)
    decrypt = context.services.decrypt if truth(context.args.get("decrypt"), True) else None
    contents = await asyncio.to_thread(from_file, local, decrypt)
    return await with_upload(
        context,
        contents,
        "source",
        lambda path: context.module("ansible.legacy.unarchive", {**args, "src": path}),
    )


async def _refuse_needless(context: ActionContext, creates: object) -> None:
    if not creates:
        return
    path = await expand_user(context, str(creates))
    if await exists(context, path):
        raise TaskSkipped(f"skipped, since {path} exists")


def _find(context: ActionContext, source: str) -> str:
    if "://" in source:
        shown = _LOGIN.sub(r"\1****:****@", source)
        raise TaskFailed(f"Unsupported option, an URI src ({shown}) is only supported when remote_src is True")
    return context.find_file("files", os.path.expanduser(source))
