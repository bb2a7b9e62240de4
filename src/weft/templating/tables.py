"""The filters and tests of an environment: found by name when a template needs them, wrapped for use in templates."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from functools import update_wrapper
from typing import Any

from weft.content.plugins import Kind, Plugin, PluginSource
from weft.model.errors import WeftError
from weft.templating.blocking import must_not_block
from weft.templating.failures import MARKERS, Tripped, plugin_failed
from weft.templating.finalize import plain
from weft.templating.lazy import identity, keep_markers
from weft.templating.markers import ErrorMarker, first_marker, marker_for
from weft.templating.special import SPECIAL_FILTERS, SPECIAL_TESTS

_SIMPLE = frozenset({str, int, float, bool, list, dict, type(None)})
_ITERATORS = (Iterator, ItemsView, KeysView, ValuesView, range)


class Table(dict[str, Callable[..., Any]]):
    """Name -> callable, filled at need: `environment.filters` or `environment.tests`."""

    def __init__(self, source: PluginSource, kind: Kind) -> None:
        super().__init__()
        self._source = source
        self._kind = kind
        source.on_change(self.clear)

    def __missing__(self, name: str) -> Callable[..., Any]:
        function = self._load(name)
        if function is None:
            raise KeyError(name)
        self[name] = function
        return function

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def _load(self, name: str) -> Callable[..., Any] | None:
        find = self._source.filter if self._kind == "filter" else self._source.test
        plugin = find(name, must_not_block)
        special = SPECIAL_FILTERS if self._kind == "filter" else SPECIAL_TESTS
        short = name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
        if short in special and (plugin is None or not plugin.custom):
            plugin = special[short]
        if plugin is None:
            return None
        return _filter(plugin) if self._kind == "filter" else _test(plugin, self._source)


def _invoke(kind: Kind, plugin: Plugin) -> Callable[..., Any]:
    """A call of the plugin that gives a marker where it fails, and for a marker among its arguments."""
    function, takes_undefined, blocking = plugin.function, plugin.takes_undefined, plugin.blocking
    foreign, marks = plugin.foreign, plugin.reads_marks

    def call(*args: Any, **kwargs: Any) -> Any:
        if not takes_undefined:
            for value in args:
                if type(value) in MARKERS:
                    return value
            if kwargs and (marker := first_marker((), kwargs)) is not None:
                return marker
        if blocking:
            must_not_block()
        try:
            if foreign:
                args = tuple(plain(value, marks) for value in args)
                kwargs = {key: plain(value, marks) for key, value in kwargs.items()}
            result = function(*args, **kwargs)
            # iterators are gone through here, so that what they raise is the plugin's failure
            if type(result) not in _SIMPLE and isinstance(result, _ITERATORS):
                return keep_markers(list(result), identity)
            return result
        except (Tripped, WeftError) as error:
            return marker_for(error)
        except Exception as error:
            return ErrorMarker(plugin_failed(kind, plugin.name, error, foreign=foreign))

    update_wrapper(call, function, assigned=("__name__", "__doc__"), updated=())
    passed = getattr(function, "jinja_pass_arg", None)
    if passed is not None:
        call.jinja_pass_arg = passed  # type: ignore[attr-defined]
    return call


def _filter(plugin: Plugin) -> Callable[..., Any]:
    return _invoke("filter", plugin)


def _test(plugin: Plugin, source: PluginSource) -> Callable[..., Any]:
    invoke = _invoke("test", plugin)

    def call(*args: Any, **kwargs: Any) -> Any:
        result = invoke(*args, **kwargs)
        if result is True or result is False or type(result) in MARKERS:
            return result
        source.notices.deprecate(
            f"The test plugin {plugin.name!r} returned a non-boolean result of type {type(result)!r}. "
            "Test plugins must have a boolean result.",
            "2.23",
        )
        return bool(result)

    passed = getattr(invoke, "jinja_pass_arg", None)
    if passed is not None:
        call.jinja_pass_arg = passed  # type: ignore[attr-defined]
    return call
