"""``template``: a file of the controller is rendered, then put in place as ``copy`` does it."""

from __future__ import annotations

import asyncio
import datetime
import os
import pwd
import time
from collections.abc import Mapping
from typing import Any

from weft.actions.args import truth
from weft.actions.base import ActionContext, Result
from weft.actions.copy import Item, copy_item
from weft.actions.files import FileMissing, read_file
from weft.actions.sources import from_bytes, mode_of
from weft.model.errors import TaskFailed
from weft.model.values import Origin, Trusted

#: Options of the template itself, with their defaults; everything else goes to copy.
_STRINGS = {
    "block_start_string": "{%",
    "block_end_string": "%}",
    "variable_start_string": "{{",
    "variable_end_string": "}}",
    "comment_start_string": "{#",
    "comment_end_string": "#}",
}
_OWN = frozenset({*_STRINGS, "newline_sequence", "trim_blocks", "lstrip_blocks", "output_encoding"})
_NEWLINES = {"\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n", "\n": "\n", "\r": "\r", "\r\n": "\r\n"}


async def template(context: ActionContext) -> Result:
    """Raises TaskFailed (arguments), and what the template raises."""
    args = _checked(context)
    try:
        path = context.find_file("templates", str(args["src"]))
    except FileMissing as error:
        raise error.told() from None
    text = await _render(context, args, path)
    given = {key: value for key, value in args.items() if key not in _OWN}
    given["mode"] = mode_of(path) if args.get("mode") == "preserve" else args.get("mode")
    given.update(src=path, follow=truth(args.get("follow")))
    encoding = str(args.get("output_encoding") or "utf-8")
    try:
        data = text.encode(encoding, "surrogateescape" if encoding.lower() in ("utf-8", "utf8") else "strict")
    except (UnicodeError, LookupError) as error:
        raise TaskFailed(f"Could not write the template as {encoding}: {error}") from error
    item = Item(from_bytes(data, path), os.path.basename(path), path)
    return await copy_item(context.with_args(given), item, str(args["dest"]))


def _checked(context: ActionContext) -> dict[str, Any]:
    args = dict(context.args)
    for name in ("src", "dest", "state", "newline_sequence", *_STRINGS):
        value = args.get(name)
        if value is not None and not isinstance(value, str):
            if not isinstance(value, int | float):
                raise TaskFailed(f"{name} is expected to be a string, but got {type(value)} instead")
            args[name] = str(value)
    if args.get("state") is not None:
        raise TaskFailed("'state' cannot be specified on a template")
    if args.get("src") is None or args.get("dest") is None:
        raise TaskFailed("src and dest are required")
    if args.get("newline_sequence", "\n") not in _NEWLINES:
        raise TaskFailed("newline_sequence needs to be one of: \n, \r or \r\n")
    return args


async def _render(context: ActionContext, args: Mapping[str, Any], path: str) -> str:
    data = await asyncio.to_thread(read_file, path, context.services.decrypt)
    try:
        source = Trusted(data.decode("utf-8"), Origin(path))
    except UnicodeDecodeError as error:
        raise TaskFailed(f"Template source files must be utf-8 encoded: {path}: {error}") from error
    overrides = {name: str(args.get(name, default)) for name, default in _STRINGS.items()}
    options: dict[str, Any] = {
        **overrides,
        "trim_blocks": truth(args.get("trim_blocks"), True),
        "lstrip_blocks": truth(args.get("lstrip_blocks"), False),
        "newline_sequence": _NEWLINES[str(args.get("newline_sequence", "\n"))],
    }

    def render() -> str:
        names = context.scope.child(template_variables(context, str(args["src"]), path, str(args["dest"])))
        return context.templar.render_text(source, names, overrides=options, searchpath=_searchpath(context, path))

    return await context.evaluate(render)


def _searchpath(context: ActionContext, path: str) -> list[str]:
    """Where ``include`` and ``extends`` look: ``templates/`` of each of the task's folders, then the folder itself."""
    folders = [*context.task.path_parents, context.basedir, os.path.dirname(path)]
    return list(dict.fromkeys(place for folder in folders for place in (os.path.join(folder, "templates"), folder)))


def template_variables(context: ActionContext, name: str, path: str, dest: str) -> dict[str, Any]:
    """What a template can say of itself."""
    status = os.stat(path)
    try:
        owner: str | int = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = status.st_uid
    values: dict[str, Any] = {
        "template_host": os.uname().nodename,
        "template_path": name,
        "template_mtime": datetime.datetime.fromtimestamp(status.st_mtime),
        "template_uid": owner,
        "template_run_date": datetime.datetime.now(),
        "template_destpath": dest,
        "template_fullpath": path,
    }
    if "ansible_managed" not in context.scope:
        values["ansible_managed"] = _managed(context, values, status.st_mtime)
    return values


def _managed(context: ActionContext, values: Mapping[str, Any], changed: float) -> str:
    """The setting ``ansible_managed``: {host}, {uid} and {file} in it, and strftime's marks, speak of the template."""
    text = context.settings.ansible_managed.format(
        host="{{ template_host }}", uid="{{ template_uid }}", file="{{ template_path }}"
    )
    text = time.strftime(text, time.localtime(changed))
    return str(context.templar.render(Trusted(text), context.scope.child(values)))
