"""Reads inventory sources: finds out what each one is, in the order of the enabled plugins, and has it parsed.

INI, YAML, TOML, host lists and executables are read here; every other plugin through ``PluginInventory``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from weft.config.yaml import VAULT_HEADER, Decrypt, decoded, load_file, read_bytes
from weft.events.types import Event, Message, Warned
from weft.inventory.builder import InventoryBuilder
from weft.inventory.inventory import Inventory
from weft.inventory.sources.host_list import parse_host_list
from weft.model.errors import LoadError, WeftError
from weft.model.settings import Settings
from weft.model.values import Origin

DEFAULT_SOURCE = "/etc/ansible/hosts"

_NEVER_SOURCES = (r"^\.", "^host_vars$", "^group_vars$", "^vars_plugins$")


class PluginInventory(Protocol):
    """Inventory plugins of ansible-core and of collections."""

    def exists(self, name: str) -> bool:
        """Whether there is such a plugin."""

    def verify(self, name: str, source: str) -> bool:
        """Whether the plugin wants the source."""

    def parse(self, name: str, source: str, builder: InventoryBuilder) -> None:
        """Let the plugin add to what there is. Raises LoadError."""


def load(
    sources: Sequence[str],
    settings: Settings,
    *,
    plugins: PluginInventory | None = None,
    warn: Callable[[Event], None],
    decrypt: Decrypt | None = None,
    cwd: str | None = None,
) -> Inventory:
    """The inventory of these sources, later ones on top. What can't be parsed is a warning, or an error if set so.

    ``warn`` takes ``Warned``, ``Deprecated`` and ``Message`` events. Raises LoadError.
    """
    return _Loader(settings, plugins, warn, decrypt, cwd or os.getcwd()).load(sources)


class _Loader:
    def __init__(
        self,
        settings: Settings,
        plugins: PluginInventory | None,
        warn: Callable[[Event], None],
        decrypt: Decrypt | None,
        cwd: str,
    ) -> None:
        self._settings = settings
        self._plugins = plugins
        self._warn = warn
        self._decrypt = decrypt
        self._cwd = cwd
        self._builder = InventoryBuilder(
            warn=warn,
            transform_group_names=settings.transform_invalid_group_chars,
            merge_hashes=settings.hash_behaviour == "merge",
        )
        self._ignored = _ignored_names(settings)

    def load(self, sources: Sequence[str]) -> Inventory:
        paths = [self._absolute(source) for source in sources if source]
        parsed = False
        for source in paths:
            parsed = self._source(source) or parsed
        if parsed:
            self._builder.reconcile()
        elif self._settings.inventory_unparsed_is_failed:
            raise LoadError("No inventory was parsed, please check your configuration and options.")
        elif self._settings.inventory_unparsed_warning:
            self._warn(Warned(message="No inventory was parsed, only implicit localhost is available"))
        hosts, groups = self._builder.freeze()
        return Inventory(
            hosts,
            groups,
            paths,
            localhost=self._builder.localhost,
            warn=self._warn,
            mismatch=self._settings.host_pattern_mismatch,
            localhost_warning=self._settings.localhost_warning,
            transform=self._settings.transform_invalid_group_chars,
            merge_hashes=self._settings.hash_behaviour == "merge",
        )

    def _absolute(self, source: str) -> str:
        if "," in source:
            return source
        path = os.path.expanduser(os.path.expandvars(source))
        return os.path.normpath(os.path.join(self._cwd, path))

    def _source(self, source: str) -> bool:
        """Whether anything could be made of it."""
        if not os.path.isdir(source):
            return self._file(source)
        parsed = False
        for name in sorted(os.listdir(source)):
            if not self._ignored.search(name):
                parsed = self._source(os.path.join(source, name)) or parsed
        return self._done_with(source, parsed, [])

    def _file(self, source: str) -> bool:
        # the folder of a list of hosts is text too, as in Ansible
        folder = os.path.dirname(os.path.abspath(source)) if os.path.isfile(source) else "None"
        self._builder.source = (source, folder)
        failures: list[tuple[str, WeftError]] = []
        parsed = False
        for name in self._settings.inventory_enabled:
            try:
                if self._try(name, source):
                    self._warn(Message(text=f"Parsed {source} inventory source with {name} plugin", verbosity=3))
                    parsed = True
                    break
            except WeftError as error:
                failures.append((name, error))
        self._builder.source = (None, None)
        return self._done_with(source, parsed, failures)

    def _done_with(self, source: str, parsed: bool, failures: list[tuple[str, WeftError]]) -> bool:
        if parsed:
            self._builder.processed.append(source)
        elif source != DEFAULT_SOURCE or os.path.exists(source):
            self._complain(source, failures)
        return parsed

    def _complain(self, source: str, failures: list[tuple[str, WeftError]]) -> None:
        for name, error in failures:
            self._warn(
                Warned(
                    message=f"Failed to parse inventory with {name!r} plugin: {error.message}",
                    origin=error.origin,
                    help=error.hint,
                )
            )
        if self._settings.inventory_any_unparsed_is_failed:
            raise LoadError(f"Completely failed to parse inventory source {source}")
        self._warn(Warned(message=f"Unable to parse {source} as an inventory source"))

    # -- plugins ---------------------------------------------------------------------------------------------------

    def _try(self, name: str, source: str) -> bool:
        """False where the plugin does not want the source; raises WeftError where it fails on it."""
        short = name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
        parse = getattr(self, f"_try_{short}", None) if short in _NATIVE else None
        if parse is not None:
            return bool(parse(source))
        if self._plugins is None or not self._plugins.exists(name):
            self._warn(Warned(message=f"Failed to load inventory plugin, skipping {name}"))
            return False
        if not self._plugins.verify(name, source):
            self._warn(
                Message(
                    text=f"{name} declined parsing {source} as it did not pass its verify_file() method", verbosity=3
                )
            )
            return False
        self._plugins.parse(name, source, self._builder)
        return True

    def _try_host_list(self, source: str) -> bool:
        return self._host_list(source, ranges=False)

    def _try_advanced_host_list(self, source: str) -> bool:
        return self._host_list(source, ranges=True)

    def _host_list(self, source: str, *, ranges: bool) -> bool:
        if "," not in source or os.path.exists(source):
            return False
        parse_host_list(source, self._builder, self._warn, ranges=ranges)
        return True

    def _try_script(self, source: str) -> bool:
        if not os.access(source, os.R_OK | os.X_OK):
            return False
        from weft.inventory.sources.script import parse_script

        parse_script(source, self._builder, self._warn, show_stderr=self._settings.script_inventory_stderr)
        return True

    def _try_auto(self, source: str) -> bool:
        if not source.endswith((".yml", ".yaml")) or not os.access(source, os.R_OK):
            return False
        data = self._yaml(source)
        plugin = data.get("plugin") if isinstance(data, dict) else None
        if not plugin:
            raise LoadError(
                f"no root 'plugin' key found, '{source}' is not a valid YAML inventory plugin config file",
                Origin(source),
            )
        if self._plugins is None or not self._plugins.exists(plugin):
            raise LoadError(f"inventory config '{source}' specifies unknown plugin '{plugin}'", Origin(source))
        if not self._plugins.verify(plugin, source):
            raise LoadError(
                f"inventory source '{source}' could not be verified by inventory plugin '{plugin}'", Origin(source)
            )
        self._plugins.parse(str(plugin), source, self._builder)
        return True

    def _try_yaml(self, source: str) -> bool:
        extension = os.path.splitext(source)[1]
        if not os.access(source, os.R_OK) or (extension and extension not in self._settings.yaml_inventory_extensions):
            return False
        from weft.inventory.sources.mapping import parse_yaml

        parse_yaml(self._yaml(source), source, self._builder, self._warn)
        return True

    def _try_ini(self, source: str) -> bool:
        if not os.access(source, os.R_OK) or os.path.splitext(source)[1] == ".toml":
            return False
        from weft.inventory.sources.ini import parse_ini

        try:
            parse_ini(self._read(source), source, self._builder)
        except LoadError as error:
            raise LoadError(f"Failed to parse inventory: {error.message}", error.origin, error.hint) from error
        return True

    def _try_toml(self, source: str) -> bool:
        if not os.access(source, os.R_OK) or os.path.splitext(source)[1] != ".toml":
            return False
        from weft.inventory.sources.mapping import parse_toml

        parse_toml(decoded(self._read(source), source), source, self._builder, self._warn)
        return True

    # -- files -----------------------------------------------------------------------------------------------------

    def _read(self, path: str) -> bytes:
        """A file's contents, decrypted where it is a vault."""
        data = read_bytes(path)
        if not data.startswith(VAULT_HEADER):
            return data
        if self._decrypt is None:
            raise LoadError(f"A vault password or secret must be specified to decrypt {path}", Origin(path))
        return self._decrypt(data, Origin(path))

    def _yaml(self, path: str) -> Any:
        return load_file(path, decrypt=self._decrypt, duplicates=self._settings.duplicate_dict_key, warn=self._warn)


_NATIVE = frozenset({"host_list", "advanced_host_list", "script", "auto", "yaml", "ini", "toml"})


def _ignored_names(settings: Settings) -> re.Pattern[str]:
    """Entries of a folder of sources that are none."""
    extensions = [f"{re.escape(extension)}$" for extension in settings.inventory_ignore_extensions]
    try:
        return re.compile("|".join([*_NEVER_SOURCES, *settings.inventory_ignore_patterns, *extensions]))
    except re.error as error:
        raise LoadError(f"inventory_ignore_patterns has no regular expression: {error}") from error
