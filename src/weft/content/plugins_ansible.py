"""The bridge to ansible-core's plugins: its loader, set up once, and calls whose results come back as plain data.

Nothing here imports ``ansible`` before it is called.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from weft.content.ansible_values import tagged
from weft.content.collections import BUILTIN, is_fqcn, split_fqcn
from weft.content.display import load_display
from weft.content.filters_common import Notices
from weft.content.plugins import Kind, Plugin, load_failure
from weft.content.plugins_state import kept_for_the_task

if TYPE_CHECKING:
    from weft.content.plugins import PluginSource

#: ansible-core's loaders are not made for several threads.
LOCK = threading.RLock()
_BESIDE_PLAYBOOKS = ("cache", "vars")  # kinds of which the settings have the folders beside playbooks too
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})


def ready(source: PluginSource) -> Any:
    """ansible-core's loader module, set up for this run's collections. Safe to call again, and from any thread."""
    with LOCK:
        load_display()
        loader = importlib.import_module("ansible.plugins.loader")
        config = importlib.import_module("ansible.utils.collection_loader").AnsibleCollectionConfig
        if config.collection_finder is None:
            paths = [os.path.expanduser(path) for path in source.settings.collections_path]
            loader.init_plugin_loader(paths)
        for kind in _BESIDE_PLAYBOOKS:
            for path in source.settings.plugin_paths.get(kind, ()):
                if os.path.isdir(os.path.expanduser(path)):
                    getattr(loader, f"{kind}_loader").add_directory(os.path.expanduser(path))
        for kind, path in source.for_ansible:
            getattr(loader, f"{kind}_loader").add_directory(path)
        if source.playbook_dirs:
            known = list(config.playbook_paths)
            added = [path for path in source.playbook_dirs if path not in known]
            if added:
                config.playbook_paths = [*known, *added]
        return loader


def find_plugin(source: PluginSource, kind: Kind, name: str) -> Plugin | None:
    """A filter or test of ansible-core or a collection. Raises TemplateFailed where it can't be loaded."""
    with LOCK, told(source.notices):
        loader = getattr(ready(source), f"{kind}_loader")
        try:
            found = loader.get(name)
        except KeyError:
            return None
        except Exception as error:
            raise load_failure(kind, name, error) from None
    if found is None:
        return None
    tell_of_redirects(source, kind, name)
    return Plugin(
        found.ansible_name or name,
        foreign_function(found.j2_function, source.notices, tags=True),
        takes_undefined=bool(found.accept_args_markers),
        foreign=True,
        reads_marks=True,
    )


def tell_of_redirects(source: PluginSource, kind: str, name: str) -> None:
    """Say by which entries of collections' metadata a plugin that has been found was found."""
    metadata = importlib.import_module("ansible.utils.collection_loader._collection_finder")._get_collection_metadata
    verbosity = 3 if kind in ("filter", "test") else 2  # as ansible-core has it
    while True:
        name = name if is_fqcn(name) else f"{BUILTIN}.{name}"
        collection, resource = split_fqcn(name)
        try:
            routing = metadata(collection).get("plugin_routing") or {}
        except ValueError:  # it is not in a collection
            return
        redirect = ((routing.get(kind) or {}).get(resource) or {}).get("redirect")
        if not redirect:
            return
        source.notices.say(f"redirecting (type: {kind}) {name} to {redirect}", verbosity)
        name = redirect


@cache
def core_function(kind: Kind, module: str, name: str) -> Callable[..., Any]:
    """One of ansible-core's own filters or tests, by the file it is in."""
    with LOCK:
        load_display()
        holder = importlib.import_module(f"ansible.plugins.{kind}.{module}")
        functions = getattr(holder, "FilterModule" if kind == "filter" else "TestModule")()
        function: Callable[..., Any] = getattr(functions, f"{kind}s")()[name]
        return function


def foreign_function(
    function: Callable[..., Any], notices: Notices | None = None, *, tags: bool = False
) -> Callable[..., Any]:
    """A plugin's function as it is called by templates: its results are plain data, its warnings ours.

    ``tags``: what is marked among the arguments gets ansible-core's tags, which plugins made for its loader can tell.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        if tags:
            args = tuple(map(tagged, args))
            kwargs = {key: tagged(value) for key, value in kwargs.items()}
        with kept_for_the_task(function):
            return call_foreign(function, args, kwargs, notices)

    passed = getattr(function, "jinja_pass_arg", None)
    if passed is not None:
        call.jinja_pass_arg = passed  # type: ignore[attr-defined]
    return call


def call_foreign(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], notices: Notices | None
) -> Any:
    """Call a plugin's function. Raises what it raises."""
    with told(notices):
        return plain(function(*args, **kwargs))


@contextmanager
def told(notices: Notices | None) -> Iterator[None]:
    """Warnings that ansible-core's code gives inside go to ``notices``. Costs nothing while ansible isn't imported."""
    if notices is None or "ansible.utils.display" not in sys.modules:
        yield
        return
    context_type = importlib.import_module("ansible._internal._display_utils").DeferredWarningContext
    brief = importlib.import_module("ansible.module_utils._internal._event_utils").format_event_brief_message
    with context_type(variables={}) as context:
        try:
            yield
        finally:
            for warning in context.get_warnings():
                notices.warn(brief(warning.event))
            for deprecation in context.get_deprecation_warnings():
                _tell(notices, brief(deprecation.event), deprecation)


def _tell(notices: Notices, message: str, deprecation: Any) -> None:
    by = deprecation.deprecator
    name = by.resolved_name if by is not None else None  # a plugin's, or only its collection's
    notices.deprecate(
        message,
        deprecation.version,
        date=deprecation.date,
        collection=".".join(name.split(".")[:2]) if name else None,
        advice=deprecation.event.help_text,
    )


def plain(value: Any) -> Any:
    """ansible-core's tagged values as the types they stand for; lists and mappings anew, all else as it is."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, Iterator):
        return [plain(item) for item in value]
    if _is_tagged(value):
        value = _untagged(value)
        kind = type(value)
        if kind in _PLAIN:
            return value
    if kind is dict:
        return {plain(key): plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return kind(plain(item) for item in value)
    if isinstance(value, Set) and not isinstance(value, Mapping):
        return {plain(item) for item in value}
    return value


def _is_tagged(value: Any) -> bool:
    tagged = sys.modules.get("ansible.module_utils._internal._datatag")
    return tagged is not None and isinstance(value, tagged.AnsibleTaggedObject)


def _untagged(value: Any) -> Any:
    """The native value below the tags; encrypted text is decrypted."""
    helper = importlib.import_module("ansible.module_utils._internal._datatag").AnsibleTagHelper
    return helper.as_native_type(value)


def is_trusted(value: Any) -> bool:
    """Whether ansible-core's code has marked text as a template."""
    template = sys.modules.get("ansible.template")
    return template is not None and bool(template.is_trusted_as_template(value))
