"""``assemble``: fragments of a folder become one file. The controller's are joined here, a host's by the module."""

from __future__ import annotations

import asyncio
import codecs
import os
import re
from collections.abc import Callable
from typing import Any

from weft.actions.args import truth
from weft.actions.base import ActionContext, Result
from weft.actions.copy import Item, put_item
from weft.actions.files import md5, read_file
from weft.actions.sources import from_bytes
from weft.model.errors import TaskFailed

_OWN = frozenset({"remote_src", "regexp", "delimiter", "ignore_hidden", "decrypt"})


async def assemble(context: ActionContext) -> Result:
    """Raises TaskFailed: arguments, a source that is no folder."""
    args = {key: value for key, value in context.args.items() if key != "decrypt"}
    source, dest = args.get("src"), args.get("dest")
    if source is None or dest is None:
        raise TaskFailed("src and dest are required")
    if truth(args.get("remote_src"), True):
        return await context.module("ansible.legacy.assemble", args)
    path = context.find_file("files", str(source))
    if not os.path.isdir(path):
        raise TaskFailed(f"Source ({path}) is not a directory")
    fragments = _Fragments(args, context.services.decrypt if truth(context.args.get("decrypt"), True) else None)
    data = await asyncio.to_thread(fragments.joined, path)
    given = {key: value for key, value in args.items() if key not in _OWN}
    result = await put_item(context.with_args(given), Item(from_bytes(data, path), "", path), str(dest))
    result.pop("path", None)  # the copy module, which ansible-core always runs here, does not give it
    if isinstance(result.get("diff"), list):
        result["diff"] = result["diff"][0]  # one file, one diff: assemble gives no list
    if not result.get("failed") and not context.check:
        result.setdefault("md5sum", md5(data))
        result.setdefault("src", path)
    return result


class _Fragments:
    """Which files of a folder count, and how they are put together."""

    def __init__(self, args: dict[str, Any], decrypt: Callable[[bytes, str], bytes] | None) -> None:
        self._decrypt = decrypt
        self._hidden = not truth(args.get("ignore_hidden"))
        pattern = args.get("regexp")
        try:
            self._pattern = re.compile(str(pattern)) if pattern is not None else None
        except re.error as error:
            raise TaskFailed(f"Invalid regular expression {pattern!r}: {error}") from error
        delimiter = args.get("delimiter")
        self._delimiter = codecs.escape_decode(str(delimiter).encode())[0] if delimiter else b""

    def joined(self, folder: str) -> bytes:
        """The fragments in order of their names; one that doesn't end its last line is followed by a line break."""
        parts: list[bytes] = []
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if not self._counts(name, path):
                continue
            if parts and not parts[-1].endswith(b"\n"):
                parts.append(b"\n")
            if parts and self._delimiter:
                parts.append(self._delimiter if self._delimiter.endswith(b"\n") else self._delimiter + b"\n")
            parts.append(read_file(path, self._decrypt))
        return b"".join(parts)

    def _counts(self, name: str, path: str) -> bool:
        if self._pattern is not None and not self._pattern.search(name):
            return False
        return os.path.isfile(path) and (self._hidden or not name.startswith("."))
