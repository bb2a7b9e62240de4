"""Before and after of a file on a host, for ``--diff``."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from weft.actions.base import ActionContext
from weft.actions.sources import Source

_HIDDEN = " [[ Diff output has been hidden because 'no_log: true' was specified for this result ]]\n"


async def file_diff(context: ActionContext, target: str, source: Source, is_content: bool) -> dict[str, Any]:
    """The row of ``diff`` that shows what a new file would change. Without one where the old can't be looked at."""
    limit = context.settings.max_diff_size
    peek = await context.module("ansible.legacy.file", {"path": target, "_diff_peek": True})
    if peek.get("failed"):
        name = source.shown.rpartition("/")[2]
        context.warn(f"Failed to get diff between '{name}' and '{target}': {peek.get('msg', '')}")
        return {}
    diff: dict[str, Any] = {}
    if peek.get("state") in (None, "absent"):
        diff["before"] = ""
    elif peek.get("appears_binary"):
        diff["dst_binary"] = 1
    elif limit > 0 and (peek.get("size") or 0) > limit:
        diff["dst_larger"] = limit
    else:
        await _add_before(context, target, diff)
    await _add_after(source, target if is_content else source.shown, limit, diff)
    if context.no_log:
        if "before" in diff:
            diff["before"] = ""
        if "after" in diff:
            diff["after"] = _HIDDEN
    return diff


async def _add_before(context: ActionContext, target: str, diff: dict[str, Any]) -> None:
    old = await context.module("ansible.legacy.slurp", {"path": target})
    if "content" in old:
        diff["before_header"] = target
        diff["before"] = base64.b64decode(old["content"]).decode("utf-8", "replace")


async def _add_after(source: Source, header: str, limit: int, diff: dict[str, Any]) -> None:
    if limit > 0 and source.size > limit:
        diff["src_larger"] = limit
        return
    data = await asyncio.to_thread(source.read)
    if b"\x00" in data:
        diff["src_binary"] = 1
        return
    diff["after_header"] = header
    diff["after"] = data.decode("utf-8", "replace")
