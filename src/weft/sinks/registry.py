"""Which views a run has: from the options (`--json`, `--profile`, `-o`, `-t`) and the settings (`stdout_callback`,
`callbacks_enabled`, `log_path`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from weft.events.bus import Sink
from weft.events.types import Warned
from weft.model.run_options import RunOptions
from weft.model.settings import Settings
from weft.sinks.output import Output, Streams
from weft.sinks.remarks import Remarks
from weft.sinks.screen import Screen, open_log

_BUILT_IN = "ansible.builtin."
_POSIX = "ansible.posix."
_CLASSIC = ("default", "classic")
_SCREEN_EXTRAS = ("profile_tasks", "profile_roles", "timer")
_FILES = ("junit", "tree")
_DEFAULT_TREE = "~/.ansible/tree"


@dataclass(frozen=True, slots=True)
class Views:
    """The sinks of a run, in the order in which they get events. ``close`` once the bus is closed."""

    sinks: tuple[Sink, ...]
    screen: Screen
    output: Output
    unsupported: tuple[str, ...] = ()  # callbacks of that name are somebody else's: they need an adapter

    def close(self) -> None:
        """The last text goes out and the writer ends. May be called twice."""
        self.output.close()
        self.screen.close()


def flush(sinks: Iterable[Sink]) -> None:
    """Everything these sinks have shown so far is out when this returns. Call it before a prompt. It blocks."""
    for sink in sinks:
        out = getattr(sink, "flush", None)
        if out is not None:
            out()


def build(options: RunOptions, settings: Settings, streams: Streams, environ: Mapping[str, str] | None = None) -> Views:
    """The views that options and settings ask for.

    Callbacks that are not built in are named in ``Views.unsupported`` and warned of; the classic view stands in for
    one of them that was to have the screen.
    """
    return _Builder(options, settings, streams, os.environ if environ is None else environ).build()


class _Builder:
    def __init__(self, options: RunOptions, settings: Settings, streams: Streams, environ: Mapping[str, str]) -> None:
        self._options = options
        self._settings = settings
        self._streams = streams
        self._environ = environ
        self._output = Output()
        on_screen = None if options.json and not options.only_lists else streams
        log = open_log(settings.log_path, self._output, streams)
        self._screen = Screen(self._output, on_screen, settings, log=log)
        self._sinks: list[Sink] = []
        self._unsupported: list[str] = []

    def build(self) -> Views:
        if self._options.only_lists:
            return Views((Remarks(self._screen),), self._screen, self._output)
        self._add_main()
        for name in self._extra_names():
            self._add_extra(name)
        for name in self._unsupported:
            self._warn(name)
        return Views(tuple(self._sinks), self._screen, self._output, tuple(self._unsupported))

    def _add_main(self) -> None:
        if self._options.json:
            from weft.sinks.json_lines import JsonLines

            self._sinks.append(JsonLines(self._output, self._streams.stdout))
            if not self._settings.log_path:
                return
        self._sinks.append(self._text_view(self._main_name()))

    def _main_name(self) -> str:
        name = self._settings.stdout_callback.removeprefix(_BUILT_IN)
        adhoc = self._options.adhoc
        if adhoc is None:
            return name
        if adhoc.one_line:
            return "oneline"
        return name if self._settings.bin_ansible_callbacks and name not in _CLASSIC else "minimal"

    def _text_view(self, name: str) -> Sink:
        if name == "minimal":
            from weft.sinks.adhoc import Minimal

            return Minimal(self._screen, self._settings)
        if name == "oneline":
            from weft.sinks.adhoc import OneLine

            return OneLine(self._screen, self._settings)
        from weft.sinks.classic import Classic

        if name not in _CLASSIC:
            self._unsupported.append(name)
        return Classic(self._screen, self._settings, self._options)

    def _extra_names(self) -> list[str]:
        """The other callbacks, each once."""
        names = [name.removeprefix(_BUILT_IN).removeprefix(_POSIX) for name in self._settings.callbacks_enabled]
        adhoc = self._options.adhoc
        if adhoc is not None and not self._settings.bin_ansible_callbacks:
            names = []
        if adhoc is not None and adhoc.tree:
            names.append("tree")
        if self._options.profile:
            names += ["profile_tasks", "timer"]
        main = self._main_name()
        return [name for name in dict.fromkeys(names) if name != main and name not in _CLASSIC]

    def _add_extra(self, name: str) -> None:
        if name in _SCREEN_EXTRAS:
            self._add_profile(name)
        elif name in _FILES:
            self._add_file(name)
        else:
            self._unsupported.append(name)

    def _add_profile(self, name: str) -> None:
        if self._options.json and not self._settings.log_path:
            return  # programs time events by their ``at``
        from weft.sinks.profile import RoleTimes, RunTime, TaskTimes

        if name == "profile_tasks":
            self._sinks.append(TaskTimes.from_environment(self._screen, self._environ))
        else:
            self._sinks.append(RoleTimes(self._screen) if name == "profile_roles" else RunTime(self._screen))

    def _add_file(self, name: str) -> None:
        if name == "junit":
            from weft.sinks.junit import JUnit, JUnitOptions

            self._sinks.append(
                JUnit(JUnitOptions.from_environment(self._environ), self._settings, self._screen.warning)
            )
            return
        from weft.sinks.adhoc import Tree

        adhoc = self._options.adhoc
        folder = adhoc.tree if adhoc is not None and adhoc.tree else None
        folder = folder or self._environ.get("ANSIBLE_CALLBACK_TREE_DIR", _DEFAULT_TREE)
        self._sinks.append(Tree(folder, self._settings, self._screen.warning))

    def _warn(self, name: str) -> None:
        warning = Warned(message=f"The callback plugin '{name}' is not one of weft's own views and is left out.")
        self._sinks[0].handle(warning)
