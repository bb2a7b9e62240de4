"""What every text view draws on: lines in colour, banners, problems said once, and the log file beside them."""

from __future__ import annotations

import os
import time
from typing import TextIO

from weft.events.types import Deprecated, ErrorInfo, Warned
from weft.model.settings import Settings
from weft.sinks.output import Output, Streams
from weft.sinks.problems import deprecation_text, error_text, warning_text
from weft.sinks.style import Palette, columns, text_width, wants_color

_REPLACED = 'Non UTF-8 encoded data replaced with "?" while displaying text to stdout/stderr.'
_HOW_TO_SILENCE = "Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg."


class LogFile:
    """``log_path``: what the screen says, without colours, each entry with time, process, user and level."""

    def __init__(self, output: Output, stream: TextIO) -> None:
        self._output = output
        self._stream = stream
        self._process = f"p={os.getpid()} u={_user()} n=ansible"

    def write(self, text: str, level: str) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        millis = int(now * 1000) % 1000
        entry = text.lstrip("\n")
        self._output.write(self._stream, f"{stamp},{millis:03d} {self._process} {level}| {entry}\n")

    def close(self) -> None:
        self._stream.close()


class Screen:
    """The terminal of one run, shared by its text views. ``streams`` None: only the log is written."""

    def __init__(
        self,
        output: Output,
        streams: Streams | None,
        settings: Settings,
        *,
        palette: Palette | None = None,
        width: int | None = None,
        log: LogFile | None = None,
    ) -> None:
        self.verbosity = settings.verbosity
        self.palette = palette or _palette(streams, settings)
        self.columns = width or (columns(streams.stdout) if streams else 79)
        self._output = output
        self._streams = streams
        self._log = log
        self._log_verbosity = max(settings.verbosity, settings.log_verbosity or 0)
        self._verbose_to_stderr = settings.verbose_to_stderr
        self._deprecations = settings.deprecation_warnings
        self._tracebacks = frozenset(settings.display_traceback)
        self._said: set[str] = set()

    def show(
        self,
        text: str,
        kind: str | None = None,
        *,
        stderr: bool = False,
        screen: bool = True,
        log: bool = True,
        level: str = "INFO",
    ) -> None:
        """One entry, and the end of its last line if it has none. ``kind`` gives the colour (``ok``, ``error``...)."""
        text = text.replace("\r\n", "\n")
        if screen and self._streams is not None:
            stream = self._streams.stderr if stderr else self._streams.stdout
            if not text.isascii() and not _can_show(stream, text):
                self.warning(Warned(message=_REPLACED))
            painted = self.palette.paint(text.removesuffix("\n"), kind)
            self._output.write(stream, f"{painted}\n")
        if log and self._log is not None:
            self._log.write(text, level)

    def banner(self, text: str) -> None:
        """An empty line, the text, and stars to the edge of the screen (three at least)."""
        text = text.strip()
        stars = max(3, self.columns - text_width(text))
        self.show(f"\n{text} {'*' * stars}")

    def verbose(self, text: str, level: int, host: str | None = None) -> None:
        """Text for ``-v`` (1) to ``-vvvvvv`` (6)."""
        line = text if host is None else f"<{host}> {text}"
        if self.verbosity >= level:
            self.show(line, "verbose", stderr=self._verbose_to_stderr)
        elif self._log_verbosity >= level:
            self.show(line, "verbose", screen=False)

    def error(self, error: ErrorInfo, *, stderr: bool = True) -> None:
        text = error_text(error, traceback=self.shows_traceback("error"))
        if self._first_time(f"[ERROR]: {text}"):
            self.show(f"[ERROR]: {text}", "error", stderr=stderr, level="ERROR")

    def warning(self, warning: Warned) -> None:
        text = f"[WARNING]: {warning_text(warning)}"
        if self._first_time(text):
            self.show(text, "warn", stderr=True, level="WARNING")

    def deprecation(self, notice: Deprecated) -> None:
        if not self._deprecations and not notice.removed:
            return
        if notice.removed:
            text = f"[DEPRECATED]: {deprecation_text(notice)}"
        else:
            self.warning(Warned(message=_HOW_TO_SILENCE))
            text = f"[DEPRECATION WARNING]: {deprecation_text(notice)}"
        if self._first_time(text):
            self.show(text, "error" if notice.removed else "deprecate", stderr=True)

    def flush(self) -> None:
        """Everything shown so far is out when this returns."""
        self._output.flush()

    async def drained(self) -> None:
        """As ``flush``, without holding up the loop."""
        await self._output.drained()

    def close(self) -> None:
        """The log file is closed; the output has to be closed before."""
        if self._log is not None:
            self._log.close()

    def _first_time(self, text: str) -> bool:
        if text in self._said:
            return False
        self._said.add(text)
        return True

    def shows_traceback(self, kind: str) -> bool:
        return "always" in self._tracebacks or (kind in self._tracebacks and "never" not in self._tracebacks)


def _can_show(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def open_log(path: str | None, output: Output, streams: Streams | None) -> LogFile | None:
    """The log file, appended to; where it can't be, that is said and the run goes on without."""
    if not path:
        return None
    problem = ""
    if os.path.isdir(path):
        problem = f"DEFAULT_LOG_PATH can not be a directory '{path}', aborting"
    else:
        try:
            return LogFile(output, open(path, "a", encoding="utf-8", errors="surrogateescape"))
        except OSError:
            problem = f"log file at '{path}' is not writeable and we cannot create it, aborting\n"
    if streams is not None:
        output.write(streams.stderr, f"[WARNING]: {problem}\n")
    return None


def _palette(streams: Streams | None, settings: Settings) -> Palette:
    if streams is None:
        return Palette(False)
    enabled = wants_color(streams.stdout, forced=settings.force_color, refused=settings.nocolor)
    return Palette(enabled, settings.colors)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without an entry, as in containers
        return f"uid={os.getuid()}"
