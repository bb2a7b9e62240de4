"""Filters and tests in a user's own folders (filter_plugins/ and the like): plain Python files with a FilterModule."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from weft.content.filters_common import Notices
from weft.content.plugins import Kind, Plugin, load_failure


def load_folder(kind: Kind, folder: str, notices: Notices) -> Mapping[str, Plugin]:
    """Every plugin of a folder's files by name. A file that can't be loaded is left out, with a warning."""
    found: dict[str, Plugin] = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not name.endswith(".py") or name == "__init__.py" or not os.path.isfile(path):
            continue
        try:
            functions = _functions(kind, path)
        except Exception as error:
            notices.warn(f"Skipping plugin ({path}), cannot load: {error}")
            continue
        for plugin_name, function in functions.items():
            if "." not in plugin_name:
                found.setdefault(plugin_name, _plugin(kind, plugin_name, function, notices))
    return found


def _functions(kind: Kind, path: str) -> Mapping[str, Callable[..., Any]]:
    module = load_file(kind, path)
    holder = getattr(module, "FilterModule" if kind == "filter" else "TestModule")()
    functions: Mapping[str, Callable[..., Any]] = getattr(holder, f"{kind}s")()
    return functions


def load_file(kind: str, path: str) -> ModuleType:
    """Import a plugin's file under a name of its own, once. Raises what the file raises."""
    digest = hashlib.sha256(path.encode()).hexdigest()[:12]
    name = f"weft_plugins_{kind}_{digest}_{os.path.splitext(os.path.basename(path))[0]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"not a Python file: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _plugin(kind: Kind, name: str, function: Callable[..., Any], notices: Notices) -> Plugin:
    try:
        takes_undefined = bool(getattr(function, "accept_args_markers", False))
    except Exception as error:
        return Plugin(name, partial(_refuse, kind, name, str(error)), custom=True)
    from weft.content.plugins_ansible import foreign_function

    return Plugin(name, foreign_function(function, notices), custom=True, takes_undefined=takes_undefined, foreign=True)


def _refuse(kind: Kind, name: str, error: str, *_args: Any, **_kwargs: Any) -> Any:
    raise load_failure(kind, name, Exception(error))
