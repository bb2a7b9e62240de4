"""Callback plugins that are not weft's own views: they run in a process of their own, and get every event.

All text of weft's views goes through that process too, so that it and what plugins write come out in order. Everything
is queued in the run's ``Output``: a slow plugin holds up its own process, not the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Mapping
from typing import Any, TextIO, cast

from weft.content.helpers import helper_command
from weft.sinks.errors import CallbackBroke
from weft.sinks.json_lines import JsonLines
from weft.sinks.output import Output, Streams

_MODULE = "weft.content.callbacks"


class CallbackProcess:
    """The process. ``write`` is called by the output's thread alone."""

    def __init__(self, streams: Streams, environment: Mapping[str, str]) -> None:
        """Raises OSError where it can't be started. ``environment`` is added to this process's."""
        self._pumps: list[threading.Thread] = []
        self._socket, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                helper_command(_MODULE),
                stdin=theirs.fileno(),
                stdout=_descriptor(streams.stdout),
                stderr=_descriptor(streams.stderr),
                env={**os.environ, **environment},
            )
        except BaseException:
            self._socket.close()
            raise
        finally:
            theirs.close()
        self._lines = self._socket.makefile("rb")
        self._number = 0
        self.alive = True
        self.broke: str | None = None
        for source, stream in ((self._process.stdout, streams.stdout), (self._process.stderr, streams.stderr)):
            if source is not None:
                pump = threading.Thread(target=_copy, args=(source, stream), name="weft-callbacks", daemon=True)
                pump.start()
                self._pumps.append(pump)

    def send(self, message: Mapping[str, Any]) -> None:
        self.write(json.dumps(message, default=str) + "\n")

    def write(self, text: str) -> None:
        """A whole line. Where the process is gone, nothing happens."""
        if self.alive:
            try:
                self._socket.sendall(text.encode("utf-8", "backslashreplace"))
            except OSError:
                self.alive = False

    def flush(self) -> None:
        """Part of a stream's shape."""

    def answer(self) -> Mapping[str, Any] | None:
        """The next answer; None: there won't be one. It blocks."""
        line = b""
        with contextlib.suppress(OSError):
            line = self._lines.readline()
        if not line:
            self.alive = False
            return None
        answer: Mapping[str, Any] = json.loads(line)
        self.broke = answer.get("broke") or answer.get("failed") or self.broke
        return answer

    def sync(self) -> None:
        """All that has been written so far is done when this returns."""
        self._number += 1
        self.send({"event": "sync", "number": self._number})
        while self.alive:
            answer = self.answer()
            if answer is not None and answer.get("sync") == self._number:
                return

    def close(self) -> None:
        """The last events are handled, the process ends. May be called twice."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        while self.alive and self.answer() is not None:
            pass
        try:
            self._process.wait()
        except BaseException:  # Ctrl-C: a plugin that doesn't come to an end
            self._process.kill()
            self._process.wait()
            raise
        finally:
            for pump in self._pumps:
                pump.join()
            self._lines.close()
            self._socket.close()
        if self._process.returncode and self.broke is None:
            self.broke = f"The process for callback plugins ended before its time ({self._process.returncode})."


class Text:
    """A stream of weft's views that goes out through the process; where that is gone, directly."""

    def __init__(self, process: CallbackProcess, real: TextIO, *, stderr: bool) -> None:
        self._process = process
        self._real = real
        self._stderr = stderr

    def write(self, text: str) -> int:
        if self._process.alive:
            self._process.send({"event": "text", "stderr": self._stderr, "text": text})
        if not self._process.alive:
            self._real.write(text)
        return len(text)

    def flush(self) -> None:
        if not self._process.alive:
            self._real.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Callbacks:
    """The sink."""

    def __init__(self, process: CallbackProcess, output: Output) -> None:
        self._process = process
        self._output = output
        self._events = JsonLines(output, cast(TextIO, process))
        self.handle = self._events.handle

    def flush(self) -> None:
        self._output.flush()
        self._process.sync()

    async def close(self) -> None:
        await self._events.close()


def texts(process: CallbackProcess, streams: Streams) -> Streams:
    """Streams for weft's own views that keep the order with what plugins write."""
    out, err = (Text(process, stream, stderr=bool(n)) for n, stream in enumerate((streams.stdout, streams.stderr)))
    return Streams(cast(TextIO, out), cast(TextIO, err))


def greet(process: CallbackProcess, hello: Mapping[str, Any], *, wait: bool) -> None:
    """Say what to load. With ``wait`` raises CallbackBroke where the plugin for the screen can't be had."""
    process.send({"event": "hello", **hello})
    if not wait:
        return
    answer = process.answer()
    if answer is None or "failed" in answer:
        process.close()
        raise CallbackBroke(str(answer["failed"]) if answer else "The process for callback plugins could not start.")


def _descriptor(stream: TextIO) -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return subprocess.PIPE


def _copy(source: Any, stream: TextIO) -> None:
    with source:
        for line in source:
            stream.write(line.decode("utf-8", "replace"))
