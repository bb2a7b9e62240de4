"""Runs callback plugins. Standard input is a socket: lines of JSON, each an event as ``--json`` writes it.

Besides events there come ``hello`` (the first line: what to load), ``text`` (what weft's own views write: it goes out
here, so that it and what plugins write are in order), ``sync`` (answered once all before it is done), ``answer`` and
``end``. What this process says are lines of JSON too: how loading went, the numbers of ``sync``, what plugins ask (the
answer is a pickle: who started this process is trusted), and at the end why a plugin broke the run.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import pickle
import signal
import socket
import sys
import traceback
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weft.content.lane.__main__ import die_with

_CHUNK = 1 << 16


class Host:
    """What the process does for its controller."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._dispatch: Any = None
        self._ended = True  # whether the text so far ends with its line
        self._over = False
        self._pending = b""  # of a message that has not come whole
        self._waiting: list[dict[str, Any]] = []

    def serve(self) -> None:
        while not self._over and (self._waiting or self._read()):
            messages, self._waiting = self._waiting, []
            # as few writes as can be: plugins with threads that write would be waited for each time
            for message in _joined(messages):
                self._take(message)
            if not (sys.stdout.line_buffering and self._ended):  # on a terminal whole lines are out already
                _flush()

    def _read(self) -> bool:
        """Wait for more messages. False at the end."""
        data = self._control.recv(_CHUNK)
        *lines, self._pending = (self._pending + data).split(b"\n")
        self._waiting += map(json.loads, lines)
        return bool(data)

    def ask(self, what: str, **details: Any) -> Any:
        """What the controller has to say to a plugin's question; None where it knows nothing. Events wait meanwhile."""
        self._say({"ask": what, **details})
        seen = 0
        while True:
            for number, message in enumerate(self._waiting[seen:], seen):
                if message["event"] == "answer":
                    del self._waiting[number]
                    return pickle.loads(b64decode(message["pickle"]))
            seen = len(self._waiting)
            if not self._read():
                return None

    def _take(self, message: Mapping[str, Any]) -> None:
        event = message["event"]
        if event == "text":
            if message["stderr"]:
                sys.stdout.flush()  # what came before it
            (sys.stderr if message["stderr"] else sys.stdout).write(message["text"])
            self._ended = message["text"].endswith("\n")
        elif event == "sync":
            _flush()
            self._say({"sync": message["number"]})
        elif event == "hello":
            self._load(message)
        elif event == "end":
            self._over = True
        elif self._dispatch is not None:
            self._dispatch.handle(event, message)

    def _load(self, hello: Mapping[str, Any]) -> None:
        _import()
        from weft.content.callbacks.dispatch import Dispatch
        from weft.content.callbacks.loading import load

        try:
            self._dispatch = Dispatch(load(hello), hello, self.ask)
        except Exception as error:
            _flush()
            self._say({"failed": str(getattr(error, "message", error))})
            return
        _flush()
        self._say({"ready": True})

    def let_go(self) -> None:
        """Of the plugins, so that their files are written to the end. They know this object, which isn't collected."""
        self._dispatch = None

    def broke(self, error: BaseException) -> None:
        """A plugin has ended it all (ansible-core lets assertions through)."""
        _flush()
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        sys.stderr.write("".join(traceback.format_exception(error)))
        self._say({"broke": f"A callback plugin has ended the run: {text}"})

    def _say(self, answer: Mapping[str, Any]) -> None:
        self._control.sendall(json.dumps(answer).encode() + b"\n")


def _import() -> None:
    """What plugins stand on stays to the end: Python looks for no garbage in it, neither now nor when all ends.

    What plugins make is not of it: a file that one has left open is written to the end when it is collected.
    """
    gc.disable()
    import ansible.plugins.callback
    import ansible.plugins.loader  # noqa: F401

    import weft.content.callbacks.dispatch  # noqa: F401

    gc.freeze()
    gc.enable()


def _joined(messages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Neighbours that are text for one stream become one message."""
    for is_stderr, some in itertools.groupby(messages, _stream_of):
        if is_stderr is None:
            yield from some
        else:
            yield {"event": "text", "stderr": is_stderr, "text": "".join(message["text"] for message in some)}


def _stream_of(message: Mapping[str, Any]) -> bool | None:
    """Whether text is for stderr; None for what is no text."""
    return bool(message["stderr"]) if message["event"] == "text" else None


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def main() -> None:
    die_with(int(sys.argv[-1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's to answer
    control = socket.socket(fileno=os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    host = Host(control)
    try:
        host.serve()
    except Exception as error:
        host.broke(error)
        sys.exit(1)
    finally:
        host.let_go()


if __name__ == "__main__":
    main()
