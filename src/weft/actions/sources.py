"""What is to be put on a host: a file of the controller or contents in memory, without reading big files at once."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable, Iterator

from msgspec import Struct

from weft.actions.files import FileMissing, missing_message, read_file
from weft.model.errors import TaskFailed

CHUNK = 4 * 1024 * 1024  # bytes
_VAULT_HEADER = b"$ANSIBLE_VAULT;"


class Source(Struct, frozen=True):
    """Contents with their size. ``data`` is None where they are read from ``path``; ``shown`` names them in diffs."""

    shown: str
    size: int
    path: str | None = None
    data: bytes | None = None

    def chunks(self) -> Iterator[bytes]:
        """The contents in pieces, at least one. Raises OSError."""
        if self.data is not None:
            for start in range(0, max(len(self.data), 1), CHUNK):
                yield self.data[start : start + CHUNK]
            return
        assert self.path is not None
        with open(self.path, "rb") as file:
            first = True
            while (piece := file.read(CHUNK)) or first:
                first = False
                yield piece

    def read(self) -> bytes:
        """All of it. Raises OSError."""
        return self.data if self.data is not None else b"".join(self.chunks())

    async def sha1(self) -> str:
        """The checksum that hosts are asked for."""
        return await asyncio.to_thread(self._sha1) if self.size > CHUNK else self._sha1()

    def _sha1(self) -> str:
        digest = hashlib.sha1(usedforsecurity=False)
        for piece in self.chunks():
            digest.update(piece)
        return digest.hexdigest()


def from_bytes(data: bytes, shown: str) -> Source:
    return Source(shown, len(data), None, data)


def from_file(path: str, decrypt: Callable[[bytes, str], bytes] | None) -> Source:
    """A controller file; a vault is decrypted in memory and never written down. Raises TaskFailed, VaultFailed."""
    try:
        with open(path, "rb") as file:
            head = file.read(len(_VAULT_HEADER))
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise FileMissing(missing_message(path, ())) from None
    except OSError as error:
        raise TaskFailed(f"Could not read {path}: {error.strerror}") from error
    if decrypt is not None and head == _VAULT_HEADER:
        data = read_file(path, decrypt)
        return Source(path, len(data), None, data)
    return Source(path, size, path)


def mode_of(path: str) -> str:
    """The permissions of a controller file as octal text, for ``mode: preserve``."""
    return f"0{stat.S_IMODE(os.stat(path).st_mode):03o}"
