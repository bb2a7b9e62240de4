"""Finds filters, tests and lookups by name: a user's own, weft's, Jinja's, then ansible-core's and collections'.

Comes before ``templating``, which wraps what it finds for use in templates. Everyday plugins are weft's own, so that
usual playbooks never import ``ansible``; only a name that none of the others knows does.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from msgspec import Struct

from weft.content.filters_common import NOTICES, SETTINGS, Notices
from weft.content.programs import Programs
from weft.model.errors import TemplateFailed, WeftError
from weft.model.settings import Settings

if TYPE_CHECKING:
    from weft.content.lookups import Lookup

Kind = Literal["filter", "test"]
Slow = Callable[[], None]

_FILTER_MODULES: Final = ("filters_data", "filters_text", "filters_encode", "filters_paths", "filters_math")

#: Filters that are ansible-core's (encryption), and take long enough to matter to others.
_CORE_FILTERS: Final[Mapping[str, str]] = {"password_hash": "core", "vault": "encryption", "unvault": "encryption"}


class Plugin(Struct, frozen=True):
    """A filter or test. ``function`` is called with what the template has, after Jinja's context if it asks for it."""

    name: str  # as messages call it
    function: Callable[..., Any]
    custom: bool = False  # from a folder of the user's: it replaces a plugin of weft's that has its name
    takes_undefined: bool = False  # may be called with undefined values
    blocking: bool = False  # takes long
    foreign: bool = False  # not weft's or Jinja's own: it knows nothing of values that are evaluated when they are read
    reads_marks: bool = False  # its arguments' text is as it was written: trusted, or encrypted

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


class _Quiet:
    """Drops notices."""

    def warn(self, message: str) -> None:
        pass

    def deprecate(self, message: str, version: str | None, **details: str | None) -> None:
        pass

    def say(self, message: str, verbosity: int) -> None:
        pass


class PluginSource:
    """All plugins of a run. May be used from several threads.

    ``notices`` is told what the user should know; ``decrypt`` makes the contents of a vaulted file (with its path, for
    messages) plain and raises VaultFailed.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        notices: Notices | None = None,
        decrypt: Callable[[bytes, str], bytes] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.notices: Notices = notices or _Quiet()
        self.decrypt = decrypt
        self.programs = Programs()
        self._folders: dict[str, list[str]] = {"filter": [], "test": [], "lookup": []}
        self._custom: dict[str, dict[str, Plugin]] = {}
        self._collection_dirs: list[str] = []
        self._for_ansible: list[tuple[str, str]] = []
        self._listeners: list[Callable[[], None]] = []
        self._lookups: dict[str, Lookup] = {}
        self._lock = threading.RLock()
        for kind, paths in self.settings.plugin_paths.items():
            for path in paths:
                if kind in self._folders:
                    self.add_directory(kind, os.path.expanduser(path))

    # -- folders ---------------------------------------------------------------------------------------------------

    def add_directory(self, kind: str, path: str) -> None:
        """Plugins in ``path`` count from now on. ``kind``: filter, test or lookup. It need not be there."""
        path = os.path.abspath(path)
        with self._lock:
            if path in self._folders[kind] or not os.path.isdir(path):
                return
            self._folders[kind].append(path)
            self._custom.pop(kind, None)
            self._lookups.clear()
        for listener in self._listeners:
            listener()

    def add_content_root(self, path: str) -> None:
        """A playbook's or role's folder: what is in filter_plugins/, test_plugins/, lookup_plugins/, collections/."""
        for kind in self._folders:
            self.add_directory(kind, os.path.join(path, f"{kind}_plugins"))
        collections = os.path.join(path, "collections")
        if os.path.isdir(collections) and path not in self._collection_dirs:
            self._collection_dirs.append(path)
            for listener in self._listeners:
                listener()

    def add_for_ansible(self, kind: str, path: str) -> None:
        """A folder of what weft finds elsewhere (kind: action, module), for plugins that ask ansible-core's loaders."""
        if (kind, path) not in self._for_ansible:
            self._for_ansible.append((kind, path))
            self._tell_loaders()

    def _tell_loaders(self) -> None:
        """Set ansible-core's loaders up where a plugin has brought them in."""
        if "ansible.plugins.loader" in sys.modules:
            from weft.content.plugins_ansible import ready

            ready(self)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call back when there may be more plugins than before."""
        self._listeners.append(listener)

    def folders(self, kind: str) -> tuple[str, ...]:
        """Where the user's own plugins are."""
        return tuple(self._folders[kind])

    @property
    def for_ansible(self) -> tuple[tuple[str, str], ...]:
        """Kinds and folders that only ansible-core's loaders have to know."""
        return tuple(self._for_ansible)

    @property
    def playbook_dirs(self) -> tuple[str, ...]:
        """Folders with a ``collections`` folder in them."""
        return tuple(self._collection_dirs)

    # -- plugins ---------------------------------------------------------------------------------------------------

    def filter(self, name: str, slow: Slow = lambda: None) -> Plugin | None:
        """The filter of that name: short, or with its collection. ``slow`` is called before something that takes long.

        Raises TemplateFailed where there is one, but it can't be loaded.
        """
        return self._find("filter", name, slow)

    def test(self, name: str, slow: Slow = lambda: None) -> Plugin | None:
        """As ``filter``, for tests."""
        return self._find("test", name, slow)

    def lookup(self, name: str, slow: Slow = lambda: None) -> Lookup | None:
        """The lookup of that name. Raises TemplateFailed where there is one, but it can't be loaded."""
        from weft.content.lookups import NATIVE

        short = _short(name)
        custom = not name.startswith("ansible.builtin.") and self._has_file("lookup", short or name)
        if short is not None and short in NATIVE and not custom:
            return NATIVE[short]
        if name in self._lookups:
            return self._lookups[name]
        slow()
        from weft.content.lookups_ansible import find_lookup

        found = find_lookup(self, name)
        if found is not None:
            self._lookups[name] = found
        return found

    def _find(self, kind: Kind, name: str, slow: Slow) -> Plugin | None:
        short = _short(name)
        if short is None:
            return self._foreign(kind, name, slow)
        if not name.startswith("ansible.builtin.") and self._folders[kind]:
            plugin = self._custom_plugins(kind).get(short)
            if plugin is not None:
                return plugin
        native = self._native(kind, short)
        return native if native is not None else self._foreign(kind, name, slow)

    def _native(self, kind: Kind, short: str) -> Plugin | None:
        function = _native_functions(kind).get(short)
        if function is not None:
            return Plugin(f"ansible.builtin.{short}", self._bound(function))
        if kind == "filter" and short in _CORE_FILTERS:
            module = _CORE_FILTERS[short]

            def call(*args: Any, **kwargs: Any) -> Any:
                from weft.content.plugins_ansible import call_foreign, core_function

                return call_foreign(core_function("filter", module, short), args, kwargs, self.notices)

            return Plugin(f"ansible.builtin.{short}", call, blocking=True, foreign=True)
        return None

    def _bound(self, function: Callable[..., Any]) -> Callable[..., Any]:
        setting = getattr(function, SETTINGS, None)
        if setting is not None:
            return partial(function, **{setting[1]: getattr(self.settings, setting[0])})
        if not getattr(function, NOTICES, False):
            return function
        notices = self.notices
        passed = getattr(function, "jinja_pass_arg", None)

        if passed is None:
            return lambda *args, **kwargs: function(notices, *args, **kwargs)

        def call(context: Any, *args: Any, **kwargs: Any) -> Any:
            return function(context, notices, *args, **kwargs)

        call.jinja_pass_arg = passed  # type: ignore[attr-defined]
        return call

    def _foreign(self, kind: Kind, name: str, slow: Slow) -> Plugin | None:
        slow()
        from weft.content.plugins_ansible import find_plugin

        return find_plugin(self, kind, name)

    # -- the user's own --------------------------------------------------------------------------------------------

    def _custom_plugins(self, kind: Kind) -> Mapping[str, Plugin]:
        with self._lock:
            if kind not in self._custom:
                from weft.content.plugins_folders import load_folder

                found: dict[str, Plugin] = {}
                for folder in self._folders[kind]:
                    for name, plugin in load_folder(kind, folder, self.notices).items():
                        found.setdefault(name, plugin)
                self._custom[kind] = found
                self._tell_loaders()
            return self._custom[kind]

    def _has_file(self, kind: str, name: str) -> bool:
        return any(os.path.isfile(os.path.join(folder, f"{name}.py")) for folder in self._folders[kind])


def _short(name: str) -> str | None:
    """The name without ``ansible.builtin.`` or ``ansible.legacy.``; None for that of another collection."""
    for prefix in ("ansible.builtin.", "ansible.legacy."):
        name = name.removeprefix(prefix)
    return None if "." in name.strip(".") else name


_functions: dict[str, Mapping[str, Callable[..., Any]]] = {}


def _native_functions(kind: Kind) -> Mapping[str, Callable[..., Any]]:
    """weft's own plugins and, for names that it has none of, Jinja's."""
    if kind not in _functions:
        own: dict[str, Callable[..., Any]] = {}
        if kind == "filter":
            from jinja2.filters import FILTERS

            for module in _FILTER_MODULES:
                own.update(importlib.import_module(f"weft.content.{module}").FILTERS)
            _functions[kind] = {**cast("dict[str, Callable[..., Any]]", FILTERS), **own}
        else:
            from jinja2.tests import TESTS

            from weft.content.plugins_tests import TESTS as OWN

            _functions[kind] = {**cast("dict[str, Callable[..., Any]]", TESTS), **OWN}
    return _functions[kind]


def load_failure(kind: str, name: str, error: BaseException) -> TemplateFailed:
    """A plugin is there, but can't be used."""
    cause = error.message if isinstance(error, WeftError) else str(error)
    return TemplateFailed(f"The {kind} plugin {name!r} failed to load: {cause}")
