"""``copy``: files, folders and contents of the controller to hosts, with as little talk as possible.

A file that is already right costs one round trip; one that is not costs two (look; send and put in place). What changes
the host are ansible-core's own ``copy`` and ``file`` modules. ``template`` and ``assemble`` end here too.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from weft.actions.args import truth
from weft.actions.base import ActionContext, Result
from weft.actions.diffs import file_diff
from weft.actions.files import FileMissing
from weft.actions.host import expand_user, has_selinux, stat, suffix_of, upload, with_upload
from weft.actions.sources import Source, from_bytes, from_file, mode_of
from weft.actions.trees import Tree, walk
from weft.connection.results import FAILURE
from weft.model.errors import TaskFailed

_ATTRIBUTES = frozenset({"mode", "owner", "group", "attributes", "attr", "seuser", "serole", "selevel", "setype"})
_FILE_OPTIONS = _ATTRIBUTES | {
    "unsafe_writes", "state", "path", "_original_basename", "recurse", "force", "_diff_peek", "src",
}  # fmt: skip
_KNOWN = _FILE_OPTIONS | {
    "dest", "content", "backup", "checksum", "decrypt", "directory_mode", "follow", "local_follow", "raw", "remote_src",
    "validate",
}  # fmt: skip
_AT_ONCE = 64  # files of a folder that are looked at together


class Item(Struct, frozen=True):
    """One file to be put: what is in it, its name below the destination, and the mode it has on the controller."""

    source: Source
    relative: str
    path: str | None = None  # on the controller; None for contents
    is_content: bool = False


async def copy(context: ActionContext) -> Result:
    """The copy action. Wrong arguments are a failed result, as Ansible has it."""
    try:
        return _with_invocation(context, await _copy(context))
    except TaskFailed as error:
        error.result = _with_invocation(context, error.result)
        raise


async def _copy(context: ActionContext) -> Result:
    args = context.args
    for internal in ("_original_basename", "_diff_peek"):
        if args.get(internal) is not None:
            raise TaskFailed(f'Invalid parameter specified: "{internal}"')
    wrong = _wrong_arguments(args)
    if wrong:
        return {"failed": True, "msg": wrong}
    if args.get("content") is not None:
        return await put_item(context, _content(args["content"]), str(args["dest"]))
    if truth(args.get("remote_src")):
        return await context.module("ansible.legacy.copy")
    path = _find(context, str(args["src"]))
    if os.path.isdir(path):
        return await _copy_tree(context, path, str(args["dest"]))
    item = Item(await _open(context, path), os.path.basename(path), path)
    return await put_item(context, item, str(args["dest"]))


def _wrong_arguments(args: Mapping[str, Any]) -> str | None:
    source, content, dest = args.get("src"), args.get("content"), args.get("dest")
    if not source and content is None:
        return "src (or content) is required"
    if not dest:
        return "dest is required"
    if source and content is not None:
        return "src and content are mutually exclusive"
    if content is not None and str(dest).endswith("/"):
        return "can not use content with a dir as dest"
    return None


def _content(content: Any) -> Item:
    text = json.dumps(content) if isinstance(content, Mapping | list) else str(content)
    return Item(from_bytes(text.encode("utf-8", "surrogateescape"), "content"), "", is_content=True)


def _find(context: ActionContext, name: str) -> str:
    """The source's path; it ends with a slash if the name does."""
    try:
        path = context.find_file("files", name)
    except FileMissing as error:
        raise TaskFailed(f"Unexpected AnsibleActionFail error: {error.message}") from None
    return path.rstrip("/") + ("/" if name.endswith("/") else "")


async def _open(context: ActionContext, path: str) -> Source:
    decrypt = context.services.decrypt if truth(context.args.get("decrypt"), True) else None
    return await asyncio.to_thread(from_file, path, decrypt)


# -- one file --------------------------------------------------------------------------------------------------------


async def copy_item(context: ActionContext, item: Item, dest: str) -> Result:
    """Copy contents that another action has made, with copy's arguments in the context."""
    return _with_invocation(context, await put_item(context, item, dest))


async def put_item(context: ActionContext, item: Item, dest: str) -> Result:
    """Copy one file and give the action's result for it."""
    dest = await expand_user(context, dest)
    done = await put_file(context, item, dest, truth(context.args.get("follow")))
    if done is None:
        return {"dest": dest, "src": item.path or item.source.shown, "changed": False}
    if "path" in done and "dest" not in done:
        done["dest"] = done["path"]
    return done


class _Looked(Struct, frozen=True):
    """Checksum of a file here, and what is at its place there."""

    target: str
    checksum: str
    found: Mapping[str, Any]


async def _look(context: ActionContext, item: Item, dest: str, follow: bool) -> _Looked:
    target = os.path.join(dest, item.relative) if dest.endswith("/") else dest
    hashed = truth(context.args.get("force"), True)
    checksum, found = await asyncio.gather(item.source.sha1(), stat(context, target, follow=follow, checksum=hashed))
    if found.get("exists") and found.get("isdir") and not item.is_content:
        target = os.path.join(dest, item.relative)
        found = await stat(context, target, follow=follow, checksum=hashed)
    return _Looked(target, checksum, found)


async def put_file(
    context: ActionContext, item: Item, dest: str, follow: bool, looked: _Looked | None = None
) -> Result | None:
    """Bring one file to where it belongs. None: something is there and is not to be replaced."""
    args = context.args
    if looked is None:
        looked = await _look(context, item, dest, follow)
    found, target, checksum = looked.found, looked.target, looked.checksum
    mode = (mode_of(item.path) if item.path else "0600") if args.get("mode") == "preserve" else None
    if item.is_content and found.get("exists") and found.get("isdir"):
        return {"failed": True, "msg": "can not use content with a dir as dest"}
    if found.get("exists") and not truth(args.get("force"), True):
        return None
    if checksum != found["checksum"]:
        return await _differs(context, item, dest, target, checksum, follow, mode)
    if truth(args.get("raw")):
        return None
    return _with_checksum(await _same(context, item, dest, target, found, follow, mode), checksum)


def _with_checksum(result: Result, checksum: str) -> Result:
    return result if result.get("checksum") else {**result, "checksum": checksum}


async def _differs(
    context: ActionContext, item: Item, dest: str, target: str, checksum: str, follow: bool, mode: str | None
) -> Result | None:
    raw = truth(context.args.get("raw"))
    diff = await file_diff(context, target, item.source, item.is_content) if context.diff and not raw else None
    if context.check:
        return {"changed": True, **({"diff": [diff]} if diff else {})}
    if raw:  # straight to its place, without Python on the host
        await upload(await context.session(), item.source, target)
        return None
    args = {key: value for key, value in context.args.items() if key not in ("content", "decrypt")}
    args.update(dest=dest, _original_basename=item.relative, follow=follow)
    if not args.get("checksum"):
        args["checksum"] = checksum
    if mode is not None:
        args["mode"] = mode
    result = await with_upload(
        context,
        item.source,
        f".source{suffix_of(target)}",
        lambda path: context.module("ansible.legacy.copy", {**args, "src": path}),
        consumed=lambda done: bool(done.get("changed")) and not done.get("failed"),
    )
    return _with_checksum({**result, "diff": [diff]} if diff else result, checksum)


async def _same(
    context: ActionContext,
    item: Item,
    dest: str,
    target: str,
    found: Mapping[str, Any],
    follow: bool,
    mode: str | None,
) -> Result:
    """The contents are right: attributes may not be."""
    if not follow and not await _needs_module(context, found):
        return _as_file_result(target, found)
    if follow:
        link = await stat(context, target, follow=False, checksum=False)
        if link.get("islnk") and link.get("lnk_source"):
            dest = str(link["lnk_source"])
    args = {key: value for key, value in context.args.items() if key in _FILE_OPTIONS and key != "src"}
    args.update(dest=dest, _original_basename=item.relative, recurse=False, state="file")
    if mode is not None:
        args["mode"] = mode
    return await context.module("ansible.legacy.file", args)


async def _needs_module(context: ActionContext, found: Mapping[str, Any]) -> bool:
    """Whether the file module has anything to do, or anything to say that is not known already."""
    if any(context.args.get(name) is not None for name in _ATTRIBUTES) or set(context.args) - _KNOWN:
        return True
    if not found.get("isreg") or "pw_name" not in found or "gr_name" not in found:
        return True
    return await has_selinux(context)  # without being asked, the module sets the default context


def _as_file_result(target: str, found: Mapping[str, Any]) -> Result:
    """What the file module says of a file that it leaves as it is."""
    return {
        "changed": False,
        "path": target,
        "dest": target,
        "uid": found["uid"],
        "gid": found["gid"],
        "owner": found["pw_name"],
        "group": found["gr_name"],
        "mode": found["mode"],
        "state": "file",
        "size": found["size"],
        "diff": {"before": {"path": target}, "after": {"path": target}},
        "checksum": found["checksum"],
    }


# -- folders ---------------------------------------------------------------------------------------------------------


async def _copy_tree(context: ActionContext, path: str, dest: str) -> Result:
    """Every file, folder and link below ``path``. Stops at the first that fails."""
    tree = await asyncio.to_thread(walk, path, truth(context.args.get("local_follow"), True))
    dest = await expand_user(context, dest if dest.endswith("/") else dest + "/")
    follow = truth(context.args.get("follow")) and not tree.folders
    changed, ran = False, False
    last: Result = {}
    for start in range(0, len(tree.files), _AT_ONCE):
        batch = tree.files[start : start + _AT_ONCE]
        items = [Item(await _open(context, local), relative, local) for local, relative in batch]
        looks = await asyncio.gather(*(_look(context, item, dest, follow) for item in items))
        for item, looked in zip(items, looks, strict=True):
            done = await put_file(context, item, dest, follow, looked)
            if done is None:
                continue
            if done.get("failed"):
                return done
            ran, last, changed = True, done, changed or bool(done.get("changed"))
    for args in (*_folder_args(context, tree, dest), *_link_args(context, tree, dest)):
        done = await context.module("ansible.legacy.file", args)
        if done.get("failed"):
            return done
        ran, last, changed = True, done, changed or bool(done.get("changed"))
    if ran and len(tree.files) == 1:
        if "path" in last and "dest" not in last:
            last["dest"] = last["path"]
        return last
    return {"dest": dest, "src": path, "changed": changed}


def _folder_args(context: ActionContext, tree: Tree, dest: str) -> list[dict[str, Any]]:
    common = {key: value for key, value in context.args.items() if key in _FILE_OPTIONS and key != "src"}
    mode = context.args.get("directory_mode")
    return [
        {**common, "path": os.path.join(dest, relative), "state": "directory", "mode": mode, "recurse": False}
        for relative in tree.folders
    ]


def _link_args(context: ActionContext, tree: Tree, dest: str) -> list[dict[str, Any]]:
    common = {key: value for key, value in context.args.items() if key in _FILE_OPTIONS}
    if common.get("mode") == "preserve":
        del common["mode"]
    if tree.folders:
        common["follow"] = False
    return [
        {**common, "path": os.path.join(dest, relative), "src": points_to, "state": "link", "force": True}
        for points_to, relative in tree.links
    ]


# -- results ---------------------------------------------------------------------------------------------------------


def _with_invocation(context: ActionContext, result: Mapping[str, Any]) -> Result:
    """The arguments, without contents that may be secret."""
    done = dict(result)
    if "invocation" not in done:
        shown = {key: value for key, value in context.args.items() if key != FAILURE}
        done["invocation"] = "CENSORED: no_log is set" if context.no_log else {**shown, "module_args": dict(shown)}
    invocation = done["invocation"]
    if isinstance(invocation, dict):
        if "content" in invocation:
            invocation["content"] = "CENSORED: content is a no_log parameter"
        module_args = invocation.get("module_args")
        if isinstance(module_args, dict) and module_args.get("content") is not None:
            module_args["content"] = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    return done
