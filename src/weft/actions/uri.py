"""``uri``: a request made by the host. Files of the controller that it sends are brought there first."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from weft.actions.args import truth
from weft.actions.base import ActionContext, Result
from weft.actions.host import discard, upload
from weft.actions.sources import from_file
from weft.connection.api import Session
from weft.model.errors import TaskFailed

_MODULE = "ansible.legacy.uri"


async def uri(context: ActionContext) -> Result:
    """Raises TaskFailed: a file that isn't there, a multipart body that is no mapping."""
    args = dict(context.args)
    names = {} if truth(args.get("remote_src")) else _files(context, args)
    if not names:
        return await context.module(_MODULE, args, as_job=True)
    session = await context.session()
    folder = str((await session.request("tempdir", {"prefix": "ansible-tmp-", "mode": "0700"})).result["path"])
    done = False
    try:
        places = {name: await _send(context, session, folder, name, path) for name, path in names.items()}
        result = await context.module(_MODULE, _with_places(args, places), as_job=True)
        done = True
        return result
    finally:
        if context.job is None or not done:  # a job reads its files later: they go when the agent's folder is cleaned
            await discard(session, folder, recursive=True)


def _files(context: ActionContext, args: Mapping[str, Any]) -> dict[str, str]:
    """What is to be sent: name as written -> path on the controller."""
    if args.get("src"):
        return {str(args["src"]): context.find_file("files", str(args["src"]))}
    if args.get("body_format", "raw") != "form-multipart":
        return {}
    body = args.get("body")
    if not isinstance(body, Mapping):
        raise TaskFailed(f"body must be mapping, cannot be type {type(body).__name__}")
    names = [str(field["filename"]) for field in body.values() if _is_file(field)]
    return {name: context.find_file("files", name) for name in names}


def _is_file(field: Any) -> bool:
    return isinstance(field, Mapping) and bool(field.get("filename")) and not field.get("content")


async def _send(context: ActionContext, session: Session, folder: str, name: str, path: str) -> str:
    place = f"{folder}/{os.path.basename(path)}"
    await upload(session, await asyncio.to_thread(from_file, path, None), place)
    return place


def _with_places(args: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    """The arguments with the host's paths in place of the controller's."""
    if args.get("src"):
        return {**args, "src": places[str(args["src"])]}
    body = {
        name: {**field, "filename": places[str(field["filename"])]} if _is_file(field) else field
        for name, field in args["body"].items()
    }
    return {**args, "body": body}
