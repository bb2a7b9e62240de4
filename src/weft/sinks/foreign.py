"""Callback plugins that are not weft's own views: they run in a process of their own, and get every event.

All text of weft's views goes through that process too, so that it and what plugins write come out in order. Everything
is queued in the run's ``Output``: a slow plugin holds up its own process, not the run. What a plugin asks of the run
(variables, mostly) is answered in a thread of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, TextIO, cast

from weft.content.helpers import helper_command
from weft.model.errors import WeftError
from weft.sinks.errors import CallbackBroke
from weft.sinks.json_lines import JsonLines
from weft.sinks.output import Output, Streams

_MODULE = "weft.content.callbacks"


class CallbackProcess:
    """The process. ``write`` is called by the output's thread, and by the one that answers plugins' questions."""

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
        self._writing = threading.Lock()
        self._said: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self.answers: Callable[[Mapping[str, Any]], Any] | None = None
        self._number = 0
        self.alive = True
        self.broke: str | None = None
        for source, stream in ((self._process.stdout, streams.stdout), (self._process.stderr, streams.stderr)):
            if source is not None:
                self._start_thread(_copy, source, stream)
        self._start_thread(self._listen)

    def _start_thread(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, name="weft-callbacks", daemon=True)
        thread.start()
        self._pumps.append(thread)

    def _listen(self) -> None:
        """Take what the process says: questions are answered here, all else is for ``answer``."""
        with contextlib.suppress(OSError, ValueError):
            for line in self._lines:
                said = json.loads(line)
                if "ask" in said:
                    self._answer_question(said)
                else:
                    self._said.put(said)
        self._said.put(None)

    def _answer_question(self, question: Mapping[str, Any]) -> None:
        from weft.content.lane.channel import pickled

        found = None
        if self.answers is not None:
            with contextlib.suppress(WeftError):  # a broken vars file: the run itself says so
                found = self.answers(question)
        self.send({"event": "answer", "pickle": b64encode(pickled(found)).decode()})

    def send(self, message: Mapping[str, Any]) -> None:
        self.write(json.dumps(message, default=str) + "\n")

    def write(self, text: str) -> None:
        """A whole line. Where the process is gone, nothing happens."""
        if self.alive:
            try:
                with self._writing:
                    self._socket.sendall(text.encode("utf-8", "backslashreplace"))
            except OSError:
                self.alive = False

    def flush(self) -> None:
        """Part of a stream's shape."""

    def answer(self) -> Mapping[str, Any] | None:
        """The next answer; None: there won't be one. It blocks."""
        answer = self._said.get()
        if answer is None:
            self.alive = False
            return None
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
        self.send({"event": "end"})  # the line stays open: the last events may bring up questions
        while self.alive and self.answer() is not None:
            pass
        self.answers = None
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

    @property
    def answers(self) -> Callable[[Mapping[str, Any]], Any] | None:
        return self._process.answers

    @answers.setter
    def answers(self, answers: Callable[[Mapping[str, Any]], Any] | None) -> None:
        self._process.answers = answers

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
