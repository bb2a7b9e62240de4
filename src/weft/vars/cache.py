"""Where facts live beyond the run: nowhere (memory), in JSON files, or in a cache plugin."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from weft.events.types import Event, Warned
from weft.model.errors import OptionsError, WeftError
from weft.model.settings import Settings

Warn = Callable[[Event], None]


class FactCache(Protocol):
    """Facts of hosts, by name."""

    def load(self, host: str) -> dict[str, Any] | None:
        """None where there are none, or they have expired. May block."""

    def store(self, host: str, facts: Mapping[str, Any]) -> None:
        """Returns at once; ``close`` waits until all is written. ``facts`` must not change any more."""

    def delete(self, host: str) -> None: ...

    def close(self) -> None: ...


class MemoryCache:
    """Nothing outlives the run: the facts are where the variables are."""

    def load(self, host: str) -> dict[str, Any] | None:
        return None

    def store(self, host: str, facts: Mapping[str, Any]) -> None:
        """Nothing to do."""

    def delete(self, host: str) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


def open_cache(settings: Settings, warn: Warn, playbook_dirs: Sequence[str] = ()) -> FactCache:
    """The cache that the settings name. One that can't be used is a warning, and facts live in memory.

    ``playbook_dirs`` may have cache_plugins/ and collections/ in them.
    """
    name = settings.fact_caching
    short = name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
    if short == "memory":
        return MemoryCache()
    try:
        if short == "jsonfile":
            return _json_cache(settings, warn)
        from weft.content.cache import PluginCache

        return PluginCache(name, settings, playbook_dirs)
    except WeftError as error:
        warn(Warned(message=error.message, origin=error.origin, help=error.hint))
        return MemoryCache()


def _json_cache(settings: Settings, warn: Warn) -> FactCache:
    if not settings.fact_caching_connection:
        raise OptionsError(
            "error, 'ansible.builtin.jsonfile' cache plugin requires the 'fact_caching_connection' config option to be "
            "set (to a writeable directory path)"
        )
    from weft.vars.jsoncache import JsonFileCache

    return JsonFileCache(
        os.path.expanduser(os.path.expandvars(settings.fact_caching_connection)),
        prefix=settings.fact_caching_prefix,
        timeout=settings.fact_caching_timeout,
        warn=warn,
    )
