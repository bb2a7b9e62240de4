"""Fact caches of ansible-core and of collections: redis, memcached, yaml files ... Imported when one is configured."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from weft.model.errors import OptionsError, WeftError
from weft.model.settings import Settings


class PluginCache:
    """A cache plugin. It has read its options from ansible.cfg and the environment itself; its calls may block."""

    def __init__(self, name: str, settings: Settings, playbook_dirs: Sequence[str] = ()) -> None:
        """``playbook_dirs`` may have cache_plugins/ and collections/ in them.

        Raises OptionsError where there is no such plugin, or it can't work.
        """
        from weft.content.plugins import PluginSource
        from weft.content.plugins_ansible import ready

        self._name = name
        source = PluginSource(settings)
        for path in playbook_dirs:
            source.add_content_root(path)
        try:
            loader = ready(source).cache_loader
            for path in playbook_dirs:
                loader.add_directory(os.path.join(path, "cache_plugins"))
            plugin = loader.get(name)
        except Exception as error:
            raise OptionsError(f"The fact cache {name!r} can't be used: {error}") from error
        if plugin is None:
            raise OptionsError(f"There is no cache plugin {name!r}")
        self._plugin = plugin

    def load(self, host: str) -> dict[str, Any] | None:
        """None where there are no facts, or they have expired. Raises WeftError."""
        from weft.content.plugins_ansible import plain

        try:
            facts = self._plugin.get(host) if self._plugin.contains(host) else None
        except KeyError:
            return None
        except Exception as error:
            raise WeftError(f"The fact cache {self._name!r} failed: {error}") from error
        return plain(facts) if facts is not None else None

    def store(self, host: str, facts: Mapping[str, Any]) -> None:
        """Raises WeftError."""
        try:
            self._plugin.set(host, dict(facts))
        except Exception as error:
            raise WeftError(f"The fact cache {self._name!r} failed: {error}") from error

    def delete(self, host: str) -> None:
        """What is not there needs no deleting."""
        try:
            self._plugin.delete(host)
        except KeyError:
            pass

    def close(self) -> None:
        """Plugins write at once."""
