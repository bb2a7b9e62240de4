"""Frames: two lengths, a JSON header, raw bytes (docs/agent-protocol.md). Used by ``link``."""

from __future__ import absolute_import, division, print_function

import struct

from . import compat

MAX_HEADER = 16 << 20
MAX_PAYLOAD = 64 << 20
BIG_HEADER = 4 << 20  # a result whose JSON is longer goes into the payload
PART = 32 << 20  # a payload that is longer goes in parts
_SIZES = struct.Struct(">II")


class Corrupt(Exception):
    """The other side sends what can't be a frame: there is no way to find the next one."""


def encode(header, payload=b""):
    """A frame as a list of bytes (not joined, so that large payloads aren't copied)."""
    data = compat.dumps(header)
    head = _SIZES.pack(len(data), len(payload)) + data
    return [head, payload] if payload else [head]


def encode_answer(header, payload):
    """The frames of an answer: one, unless it is very long."""
    head = encode(header)
    if not payload and len(head[0]) > BIG_HEADER and "result" in header:
        payload = compat.dumps(header["result"])
        header = dict(header, result={}, result_in_payload=True)
    parts = []
    while len(payload) > MAX_PAYLOAD:
        parts.extend(encode({"id": header["id"], "part": True}, payload[:PART]))
        payload = payload[PART:]
    parts.extend(encode(header, payload))
    return parts


class Decoder(object):
    """Collects bytes and gives whole frames."""

    def __init__(self):
        self._parts = []
        self._have = 0
        self._need = _SIZES.size
        self._sizes = None

    def feed(self, data):
        """Take bytes; return the list of (header, payload) they complete. Raises Corrupt."""
        self._parts.append(data)
        self._have += len(data)
        found = []
        while self._have >= self._need:
            buffer = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            if self._sizes is None:
                self._sizes = _SIZES.unpack(buffer[: _SIZES.size])
                if self._sizes[0] > MAX_HEADER or self._sizes[1] > MAX_PAYLOAD:
                    raise Corrupt("a frame of %d and %d bytes" % self._sizes)
                self._need = _SIZES.size + sum(self._sizes)
                self._parts = [buffer]
                continue
            start = _SIZES.size + self._sizes[0]
            try:
                header = compat.loads(buffer[_SIZES.size : start])
            except ValueError as error:
                raise Corrupt("a header that is not JSON: %s" % error)
            if not isinstance(header, dict):
                raise Corrupt("a header that is not an object")
            found.append((header, buffer[start : self._need]))
            rest = buffer[self._need :]
            self._parts = [rest]
            self._have = len(rest)
            self._need = _SIZES.size
            self._sizes = None
        return found
