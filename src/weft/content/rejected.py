"""Modules that an administrator has switched off: the file of PLUGIN_FILTERS_CFG.

It is YAML with `filter_version: "1.0"` and `module_rejectlist`, the names that tasks may not call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from weft.config.yaml import load_file
from weft.model.errors import LoadError, WeftError

DEFAULT = "/etc/ansible/plugin_filters.yml"
_VERSION = "1.0"


def rejected_modules(path: str | None, warn: Callable[[str], None]) -> frozenset[str]:
    """Short names. ``path`` None: the default file, if it is there. What can't be used is a warning.

    Raises WeftError where `stat` is among them, as Ansible does.
    """
    file = path or DEFAULT
    if not os.path.exists(file):
        if path:
            warn(f"The plugin filter file, {file} does not exist. Skipping.")
        return frozenset()
    names = _read(file, warn)
    if "stat" in names:
        raise WeftError(
            f"The stat module was specified in the module reject list file, {file}, but Ansible will not function "
            "without the stat module.  Please remove stat from the reject list."
        )
    return names


def _read(file: str, warn: Callable[[str], None]) -> frozenset[str]:
    try:
        data = load_file(file, trusted=False)
    except LoadError as error:
        warn(f"The plugin filter file, {file} was not parsable. Skipping: {error.message}")
        return frozenset()
    if not isinstance(data, Mapping) or "filter_version" not in data:
        warn(f"The plugin filter file, {file} was invalid. Skipping.")
        return frozenset()
    if str(data["filter_version"]).strip() != _VERSION:
        warn(f"The plugin filter file, {file} was a version not recognized by this version of Ansible. Skipping.")
        return frozenset()
    names = data.get("module_rejectlist")
    if not isinstance(names, list):
        warn(f"Unable to parse the plugin filter file {file} as module_rejectlist is not a list. Skipping.")
        return frozenset()
    return frozenset(map(str, names))
