"""Which views a run has: from the options (`--json`, `--profile`, `-o`, `-t`) and the settings (`stdout_callback`,
`callbacks_enabled`, `log_path`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.events.bus import Sink
from weft.model.run_options import RunOptions
from weft.model.settings import Settings
from weft.sinks.output import Output, Streams
from weft.sinks.remarks import Remarks
from weft.sinks.screen import Screen, open_log

if TYPE_CHECKING:
    from weft.sinks.foreign import CallbackProcess

_BUILT_IN = "ansible.builtin."
_POSIX = "ansible.posix."
_CLASSIC = ("default", "classic")
_OWN_MAIN = (*_CLASSIC, "minimal", "oneline")
_SCREEN_EXTRAS = ("profile_tasks", "profile_roles", "timer")
_FILES = ("junit", "tree")
_DEFAULT_TREE = "~/.ansible/tree"


class Views(Struct, frozen=True):
    """The sinks of a run, in the order in which they get events. ``close`` once the bus is closed."""

    sinks: tuple[Sink, ...]
    screen: Screen
    output: Output
    callbacks: CallbackProcess | None = None  # where plugins run that are not weft's own views

    def close(self) -> None:
        """The last text goes out and the writer ends. May be called twice."""
        self.output.close()
        if self.callbacks is not None:
            self.callbacks.close()
        self.screen.close()

    @property
    def broke(self) -> str | None:
        """Why a plugin wants the command to fail; known once this is closed."""
        return self.callbacks.broke if self.callbacks is not None else None


def flush(sinks: Iterable[Sink]) -> None:
    """Everything these sinks have shown so far is out when this returns. Call it before a prompt. It blocks."""
    for sink in sinks:
        out = getattr(sink, "flush", None)
        if out is not None:
            out()


def build(options: RunOptions, settings: Settings, streams: Streams, environ: Mapping[str, str] | None = None) -> Views:
    """The views that options and settings ask for.

    Callback plugins that are not built in run in a process of their own. Raises CallbackBroke where the one that is
    to have the screen can't be had.
    """
    return _Builder(options, settings, streams, os.environ if environ is None else environ).build()


class _Builder:
    def __init__(self, options: RunOptions, settings: Settings, streams: Streams, environ: Mapping[str, str]) -> None:
        self._options = options
        self._settings = settings
        self._streams = streams
        self._environ = environ
        self._output = Output()
        self._callbacks = None if options.only_lists else self._start_callbacks()
        if self._callbacks is not None:
            from weft.sinks.foreign import texts

            streams = self._streams = texts(self._callbacks, streams)
        on_screen = None if options.json and not options.only_lists else streams
        log = open_log(settings.log_path, self._output, streams)
        self._screen = Screen(self._output, on_screen, settings, log=log)
        self._sinks: list[Sink] = []

    def build(self) -> Views:
        if self._options.only_lists:
            return Views((Remarks(self._screen),), self._screen, self._output)
        self._add_main()
        for name in self._extra_names():
            self._add_extra(name)
        if self._callbacks is not None:
            from weft.sinks.foreign import Callbacks

            self._sinks.append(Callbacks(self._callbacks, self._output))
        return Views(tuple(self._sinks), self._screen, self._output, self._callbacks)

    # -- plugins of others -------------------------------------------------------------------------------------------

    def _start_callbacks(self) -> CallbackProcess | None:
        """Their process, where there are any to run."""
        main = self._main_name()
        foreign_main = None if self._options.json or main in _OWN_MAIN else main
        others = self._runs_others()
        folders = self._folders()
        places = [*map(os.path.expanduser, self._settings.plugin_paths.get("callback", ()))]
        places += [os.path.join(folder, "callback_plugins") for folder in folders]
        if foreign_main is None and not (others and (_plugins_in(places) or self._foreign_enabled())):
            return None
        from weft.sinks.foreign import CallbackProcess, greet

        settings = self._settings
        streams = Streams(self._streams.stderr, self._streams.stderr) if self._options.json else self._streams
        environment = {"ANSIBLE_CONFIG": settings.config_file} if settings.config_file else {}
        process = CallbackProcess(streams, environment)
        hello = {
            "main": foreign_main,
            "others": others,
            "enabled": list(settings.callbacks_enabled),
            "native": _native_names(),
            "folders": folders,
            "extra_vars": dict(self._options.extra_vars),
            "options": _plugin_options(self._options, settings),
        }
        greet(process, hello, wait=foreign_main is not None)
        return process

    def _runs_others(self) -> bool:
        return self._options.adhoc is None or self._settings.bin_ansible_callbacks

    def _foreign_enabled(self) -> bool:
        native = _native_names()
        return any(name not in native for name in self._settings.callbacks_enabled)

    def _folders(self) -> list[str]:
        """Those beside which callback_plugins/ and collections/ count."""
        adhoc = self._options.adhoc
        paths = [os.path.dirname(os.path.abspath(path)) for path in self._options.playbooks]
        told = (adhoc.basedir if adhoc is not None else None) or self._settings.playbook_dir
        return list(dict.fromkeys([*paths, *([os.path.abspath(told)] if told else [])]))

    def _add_main(self) -> None:
        if self._options.json:
            from weft.sinks.json_lines import JsonLines

            self._sinks.append(JsonLines(self._output, self._streams.stdout))
            if not self._settings.log_path:
                return
        name = self._main_name()
        if name in _OWN_MAIN or self._options.json:
            self._sinks.append(self._text_view(name))

    def _main_name(self) -> str:
        name = self._settings.stdout_callback.removeprefix(_BUILT_IN)
        adhoc = self._options.adhoc
        if adhoc is None:
            return name
        if adhoc.one_line:
            return "oneline"
        return name if self._settings.bin_ansible_callbacks and name not in _CLASSIC else "minimal"

    def _text_view(self, name: str) -> Sink:
        """One of weft's own."""
        if name == "minimal":
            from weft.sinks.adhoc import Minimal

            return Minimal(self._screen, self._settings)
        if name == "oneline":
            from weft.sinks.adhoc import OneLine

            return OneLine(self._screen, self._settings)
        from weft.sinks.classic import Classic

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
        self._sinks.append(Tree(folder, self._settings, self._screen))


def _plugins_in(folders: Iterable[str]) -> bool:
    """Whether there is any plugin in them."""
    for folder in folders:
        with contextlib.suppress(OSError):
            if any(entry.endswith(".py") and entry != "__init__.py" for entry in os.listdir(folder)):
                return True
    return False


def _native_names() -> list[str]:
    """What callbacks of weft's own may be called."""
    own = (*_CLASSIC, "minimal", "oneline", *_SCREEN_EXTRAS, *_FILES)
    return [
        *own,
        *(_BUILT_IN + name for name in own),
        *(_POSIX + name for name in _SCREEN_EXTRAS),
    ]


def _plugin_options(options: RunOptions, settings: Settings) -> dict[str, Any]:
    """The command line as plugins look at it."""
    return {
        "args": list(options.playbooks),
        "verbosity": settings.verbosity,
        "check": settings.check,
        "diff": settings.diff,
        "subset": options.limit,
        "tags": list(settings.run_tags),
        "skip_tags": list(settings.skip_tags),
        "inventory": list(settings.inventory),
        "forks": settings.forks,
        "extra_vars": (),
        "become": settings.become,
        "remote_user": settings.remote_user,
        "connection": settings.transport,
        "start_at_task": options.start_at_task,
        "module_name": options.adhoc.module if options.adhoc is not None else None,
        "module_args": options.adhoc.args if options.adhoc is not None else None,
        "one_line": options.adhoc is not None and options.adhoc.one_line,
        "tree": options.adhoc.tree if options.adhoc is not None else None,
    }
