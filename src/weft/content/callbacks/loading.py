"""Which callback plugins run, by ansible-core's rules: the one for the screen, and others that are to run."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any


def load(hello: Mapping[str, Any]) -> list[Any]:
    """The plugins in the order in which they are called. Raises AnsibleError where the screen's can't be had."""
    from ansible import context
    from ansible.plugins.loader import add_all_plugin_dirs, callback_loader, init_plugin_loader
    from ansible.utils.collection_loader import AnsibleCollectionConfig
    from ansible.utils.display import Display

    context._init_global_context(Namespace(**hello["options"]))
    display = Display()
    display.verbosity = hello["options"]["verbosity"]
    init_plugin_loader()
    AnsibleCollectionConfig.playbook_paths = list(hello["folders"])
    for folder in hello["folders"]:
        add_all_plugin_dirs(folder)
    plugins = [_main(callback_loader, hello["main"])] if hello["main"] else []
    if hello["others"]:
        known = {plugin.ansible_name for plugin in plugins} | set(hello["native"])
        plugins += _others(callback_loader, display, hello, known)
    return plugins


def _main(loader: Any, name: str) -> Any:
    from ansible.errors import AnsibleError

    plugin = loader.get(name)
    if not plugin:
        raise AnsibleError(f"Could not load {name!r} callback plugin.")
    plugin._init_callback_methods()
    plugin.set_options()
    return plugin


def _others(loader: Any, display: Any, hello: Mapping[str, Any], known: set[str]) -> Iterator[Any]:
    types = {kind.ansible_name: kind for kind in loader.all(class_only=True)}
    for name in hello["enabled"]:
        kind = loader.get(name, class_only=True) if name not in known else None
        if kind:
            types.setdefault(kind.ansible_name, kind)
        elif name not in known:
            display.warning(f"Skipping callback plugin '{name}', unable to load")
    for name, kind in types.items():
        if name in known or name.startswith("ansible.builtin."):
            continue
        plugin = _other(kind, display, hello["enabled"])
        if plugin is not None:
            yield plugin


def _other(kind: Any, display: Any, enabled: list[str]) -> Any:
    """One that is not the screen's; None where it is not to run."""
    redirected = getattr(kind, "_redirected_names", None)
    name = redirected[0] if redirected else os.path.splitext(os.path.basename(kind._original_path))[0]
    needs = getattr(kind, "CALLBACK_NEEDS_ENABLED", getattr(kind, "CALLBACK_NEEDS_WHITELIST", False))
    if getattr(kind, "CALLBACK_TYPE", "") == "stdout":
        display.vv(f"Skipping callback '{name}', as we already have a stdout callback.")
        return None
    if needs and name not in enabled:
        return None
    try:
        plugin = kind()
        if not plugin:
            display.warning(f"Skipping callback '{name}', as it does not create a valid plugin instance.")
            return None
        plugin._init_callback_methods()
        plugin.set_options()
    except Exception as error:
        display.error_as_warning(f"Failed to load callback plugin {name!r}.", exception=error)
        return None
    return plugin
