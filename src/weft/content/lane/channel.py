"""Frames between the controller and a worker: four bytes of length (big-endian), then the contents.

The worker sends JSON. The controller's request and answers are pickles: the worker trusts who started it.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

from weft.content.lane.request import ASK

LENGTH = struct.Struct(">I")
#: To the lane process: the number of a worker, with its socket; without one: end that worker.
COMMAND = struct.Struct(">Q")
#: From the lane process: the number of a worker that has ended, and its exit status (negative: a signal's number).
ENDED = struct.Struct(">Qi")
READY = b"R"


def framed(data: bytes) -> bytes:
    return LENGTH.pack(len(data)) + data


def pickled(value: Any) -> bytes:
    import pickle  # most runs never need it

    return pickle.dumps(value)


class Refused(Exception):
    """What was asked for can't be had. ``unreachable``: because the host can't be reached."""

    def __init__(self, message: str, unreachable: bool) -> None:
        super().__init__(message)
        self.unreachable = unreachable


class Channel:
    """The worker's end. Blocking; used by one thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def send(self, message: Mapping[str, Any]) -> None:
        """Raises OSError where the controller is gone, TypeError and ValueError for what JSON has no form for."""
        self._socket.sendall(framed(json.dumps(message).encode("utf-8", "surrogatepass")))

    def receive(self) -> Any:
        """Raises EOFError where the controller is gone."""
        import pickle

        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        return pickle.loads(self._exactly(length))

    def ask(self, what: str, **details: Any) -> Any:
        """Something that only the controller knows, or can do. Raises Refused."""
        self.send({"kind": ASK, "what": what, **details})
        answer, problem, unreachable = self.receive()
        if problem is not None:
            raise Refused(problem, unreachable)
        return answer

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = self._socket.recv(min(count, 1 << 20))
            if not part:
                raise EOFError("the controller is gone")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
