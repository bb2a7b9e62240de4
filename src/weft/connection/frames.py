"""The wire's framing: lengths, a JSON header, a raw payload (docs/agent-protocol.md, "Frames").

``FrameReader`` takes bytes as they come and gives whole frames; ``encode`` does the reverse. Nothing here does I/O.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from weft.connection.errors import BrokenFrames

MAX_HEADER = 16 * 1024 * 1024
MAX_PAYLOAD = 64 * 1024 * 1024
_LENGTHS = struct.Struct(">II")


class Frame(NamedTuple):
    """One frame as it came in."""

    header: dict[str, Any]
    payload: bytes


class FrameReader:
    """Cuts a stream of bytes into frames. Bytes are joined once per frame however small the pieces they come in."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0
        self._wanted = _LENGTHS.size  # so many bytes before there is anything to do

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes. Raises BrokenFrames."""
        self._pieces.append(data)
        self._held += len(data)
        if self._held < self._wanted:
            return []
        joined = data if len(self._pieces) == 1 else b"".join(self._pieces)
        frames, used, self._wanted = _cut(joined)
        rest = joined[used:] if used else joined
        self._pieces = [rest] if rest else []
        self._held = len(rest)
        return frames

    def __repr__(self) -> str:
        return f"<FrameReader held={self._held} wanted={self._wanted}>"


def _cut(data: bytes) -> tuple[list[Frame], int, int]:
    """The whole frames in ``data``, how many bytes they take, and how many the next one needs at least."""
    view = memoryview(data)
    frames: list[Frame] = []
    position = 0
    while len(data) - position >= _LENGTHS.size:
        header_length, payload_length = _LENGTHS.unpack_from(data, position)
        if header_length > MAX_HEADER or payload_length > MAX_PAYLOAD:
            raise BrokenFrames(f"The agent's output is not what was expected: {data[position : position + 200]!r}")
        start = position + _LENGTHS.size
        end = start + header_length + payload_length
        if end > len(data):
            return frames, position, end - position
        header = decode_json(view[start : start + header_length])
        if not isinstance(header, dict):
            raise BrokenFrames(f"The agent sent a header that is no object: {header!r}")
        frames.append(Frame(header, bytes(view[start + header_length : end])))
        position = end
    return frames, position, _LENGTHS.size


def encode(header: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """One frame. Raises ValueError for what is too large for one, TypeError for what JSON can't hold."""
    return frame(encode_json(header), payload)


def frame(text: bytes, payload: bytes = b"") -> bytes:
    """One frame of a header that is JSON already. Raises ValueError for what is too large for one."""
    check_size(text, payload)
    return b"".join((_LENGTHS.pack(len(text), len(payload)), text, payload))


def check_size(text: bytes, payload: bytes) -> None:
    """Raises ValueError for what is too large for one frame."""
    if len(text) > MAX_HEADER or len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a frame of {len(text)} + {len(payload)} bytes is too large")


def encode_json(value: Any) -> bytes:
    """JSON in UTF-8; text that UTF-8 can't hold (a file name's bytes as lone surrogates) goes as ``\\udcXX``."""
    import msgspec

    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except (UnicodeEncodeError, TypeError):
        return json.dumps(value, default=_plain).encode("ascii")


def decode_json(data: bytes | memoryview) -> Any:
    """The reverse; takes lone surrogates, NaN and huge numbers too. Raises BrokenFrames."""
    import msgspec

    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        try:
            return json.loads(bytes(data).decode("utf-8", "surrogateescape"))
        except ValueError as error:
            raise BrokenFrames(f"The agent sent no JSON: {error}: {bytes(data[:200])!r}") from None


def _plain(value: Any) -> Any:
    """What msgspec does not take by itself: subclasses of the plain types."""
    kinds: tuple[type[Any], ...] = (str, int, float, dict, list)
    for kind in kinds:
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} can't be sent to a host: {value!r}")
