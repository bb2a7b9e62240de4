"""What one worker after the other would do for itself, done once in the process that forks them, while nobody asks it.

ansible-core reads a plugin's options from its documentation, which takes longer than many a task. Workers tell which of
these they have read (``known``); ``read`` does so for those that are forked later.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

_KINDS = ("become", "connection", "shell")


def known() -> frozenset[str]:
    """The plugins whose documentation has been read: `KIND NAME`."""
    from ansible import constants

    plugins = constants.config._plugins
    return frozenset(f"{kind} {name}" for kind in _KINDS for name in plugins.get(kind, ()))


def read(plugin: str) -> None:
    """Only ansible-core's own: of others there may be several of one name, each with its own tasks."""
    import ansible
    from ansible.plugins import loader

    kind, _, name = plugin.partition(" ")
    plugins = getattr(loader, f"{kind}_loader")
    path = plugins.find_plugin(name)
    if path is not None and path.startswith(os.path.dirname(ansible.__file__) + os.sep):
        plugins.get(name, class_only=True)


def forget(folders: Iterable[str]) -> None:
    """Where folders of a playbook or role may have plugins of the same names, the documentation of these counts."""
    from ansible import constants

    for folder in folders:
        for kind in _KINDS:
            if os.path.isdir(os.path.join(folder, f"{kind}_plugins")):
                constants.config._plugins.get(kind, {}).clear()
