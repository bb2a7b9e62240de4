"""What all parts of loading share: settings, files, actions, ids, where warnings go, and static rendering."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from weft.events.types import Message, Warned
from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Role
from weft.model.settings import Settings
from weft.model.values import MapNode, Origin, Value, origin_of
from weft.playbook.action import BUILTIN, ActionParser
from weft.playbook.api import ActionNames, Decrypt, PluginDirs, Publish, RenderStatic
from weft.playbook.checks import holds_template, is_template, type_name
from weft.playbook.collections import CollectionPaths
from weft.playbook.files import Files, absolute
from weft.playbook.place import Folder, Place, PlayState

#: Folders beside a playbook or in a role, and the kind of plugin in them.
PLUGIN_FOLDERS: Mapping[str, str] = {
    "library": "module",
    "module_utils": "module_utils",
    "doc_fragments": "doc_fragments",
} | {
    f"{kind}_plugins": kind
    for kind in (
        "action", "become", "cache", "callback", "cliconf", "connection", "filter", "httpapi", "inventory", "lookup",
        "netconf", "shell", "strategy", "terminal", "test", "vars",
    )
}  # fmt: skip


class Shop:
    """The tools and materials of loading. One for a run."""

    def __init__(
        self,
        settings: Settings,
        *,
        actions: ActionNames,
        decrypt: Decrypt | None,
        publish: Publish,
        render: RenderStatic,
        extra_vars: Mapping[str, Value],
        plugin_dirs: PluginDirs | None,
    ) -> None:
        self.settings = settings
        self.publish = publish
        self.extra_vars = extra_vars
        self.files = Files(
            decrypt=decrypt,
            duplicates=settings.duplicate_dict_key,
            warn=publish,
            merge=settings.hash_behaviour == "merge",
        )
        self.collections = CollectionPaths(settings.collections_path)
        self.module_dirs: list[str] = []
        self.actions = ActionParser(actions, publish, lambda: self.module_dirs)
        self.folder = Folder(self._module_defaults)
        self._render = render
        self._plugin_dirs = plugin_dirs
        self._seen_folders: set[str] = set()
        self.on_error: Callable[[LoadError], None] | None = None  # None: the first error ends the loading
        self.errors = 0  # that were told so
        self._ids = itertools.count(1)

    def new_id(self, kind: str) -> str:
        """An id that no other node of the run has."""
        return f"{kind}{next(self._ids)}"

    @contextmanager
    def one_of_many(self) -> Iterator[None]:
        """Round one item of a list: where errors are collected, one in it does not keep the others from being read."""
        try:
            yield
        except LoadError as error:
            if self.on_error is None:
                raise
            self.errors += 1
            self.on_error(error)

    def warn(self, message: str, origin: Origin | None = None, help_text: str | None = None) -> None:
        self.publish(Warned(message=message, origin=origin, help=help_text))

    def tell(self, text: str) -> None:
        """A line for those who asked for much (``-vv``)."""
        self.publish(Message(text=text, verbosity=2))

    def add_playbook_folder(self, folder: str) -> None:
        """Make known what lies beside a playbook: plugins, and collections in ``collections/``."""
        self.collections.add_playbook_folder(folder)
        beside = os.path.join(folder, "collections")
        if self._plugin_dirs is not None and folder not in self._seen_folders and os.path.isdir(beside):
            self._plugin_dirs("collections", beside)
        self.add_plugin_folders(folder)

    def add_plugin_folders(self, folder: str) -> None:
        """Make known what plugins lie in the folder of a playbook or a role."""
        if folder in self._seen_folders:
            return
        self._seen_folders.add(folder)
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.name in PLUGIN_FOLDERS)
        except OSError:
            return
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isdir(path):
                if name in ("library", "action_plugins"):
                    self._add_module_dir(os.path.join(folder, "library"))
                if self._plugin_dirs is not None:
                    self._plugin_dirs(PLUGIN_FOLDERS[name], path)

    def _add_module_dir(self, path: str) -> None:
        # a folder of action plugins is found by the library folder beside it, whether that exists or not
        if path not in self.module_dirs:
            self.module_dirs.append(path)

    def render(self, value: Value, place: Place, own: Mapping[str, Value] | None = None) -> Any:
        """The value of an import's keyword, with what is known without a host. Raises WeftError: that's not enough."""
        if not holds_template(value):
            return str(value) if isinstance(value, str) else value
        return self._render(value, self.static_vars(place, own))

    def render_with(self, value: Value, names: Mapping[str, Value]) -> Any:
        """The same with variables given by the caller; ``-e`` wins over them."""
        if not holds_template(value):
            return str(value) if isinstance(value, str) else value
        return self._render(value, {**names, **self.extra_vars})

    def static_vars(self, place: Place, own: Mapping[str, Value] | None = None) -> Mapping[str, Value]:
        """The variables that are known where a playbook is loaded, in their order of precedence."""
        combine = self.files.combine
        play, role = place.play, place.role
        layers: list[Mapping[str, Value]] = []
        public = [known for known in (*play.roles, *play.imported_roles) if known.public]
        layers += [layer for known in public for layer in _defaults(known)]
        if role is not None:
            layers += _defaults(role)
        layers.append(play.vars)
        layers += self._vars_files(play)
        layers += [layer for known in public for layer in _exported(known)]
        if role is not None:
            layers += _role_vars(role)
        layers += [*place.common.vars, own or {}]
        if role is not None:
            layers += [known.params for known in (*role.parents, role)]
        layers += [*place.common.params, self.extra_vars, _magic(place)]
        result: Mapping[str, Value] = {}
        for layer in layers:
            result = combine(result, layer)
        return result

    def _vars_files(self, play: PlayState) -> list[Mapping[str, Value]]:
        """The play's ``vars_files``, as far as their names are known and they exist: the run reads them again."""
        found = []
        for entry in play.vars_files:
            for name in entry if isinstance(entry, list) else [entry]:
                try:
                    text = self.render_with(name, {**play.vars, "playbook_dir": play.folder})
                    path = self.find_vars_file(str(text), play)
                    if path is not None:
                        found.append(self.files.variables(path))
                        break
                except WeftError:
                    continue
        return found

    @staticmethod
    def find_vars_file(name: str, play: PlayState) -> str | None:
        """The path of a vars file of a play: in ``vars/`` beside the playbook, or beside it."""
        for folder in (os.path.join(play.folder, "vars"), play.folder):
            path = absolute(name, folder)
            if os.path.exists(path):
                return path
        return None

    def _module_defaults(self, value: Value, origin: Origin | None) -> tuple[Value, ...]:
        """Checks ``module_defaults`` and gives actions their full names in it. Raises LoadError."""
        if value is None:
            return ()
        layers = []
        for layer in value if isinstance(value, list) else [value]:
            if not isinstance(layer, Mapping) or any(is_template(key) for key in layer):
                raise LoadError(
                    "The field 'module_defaults' is supposed to be a dictionary or list of dictionaries, "
                    "the keys of which must be static action, module, or group names. Only the values may contain "
                    "templates. For example: {'ping': \"{{ ping_defaults }}\"}",
                    origin_of(layer) or origin_of(value) or origin,
                )
            layers.append(self._named_defaults(layer))
        return tuple(layers)

    def _named_defaults(self, layer: Mapping[Any, Value]) -> Mapping[str, Value]:
        result = MapNode((), origin_of(layer))
        for name, defaults in layer.items():
            if name.startswith("group/"):
                group = name.removeprefix("group/")
                self.actions.check_group(group, origin_of(name))
                result[f"group/{group if group.count('.') >= 2 else BUILTIN + group}"] = defaults
                continue
            resolved = {self.actions.resolve(name)}
            if "." not in name:
                resolved.add(self.actions.resolve(BUILTIN + name))
            for fqcn in sorted(fqcn for fqcn in resolved if fqcn):
                result[fqcn] = defaults
            if resolved == {None}:
                raise LoadError(f"Could not resolve action {name} in module_defaults", origin_of(name))
        return result

    def collections_of(self, value: Value, origin: Origin | None) -> tuple[str, ...]:
        """The ``collections`` keyword. Raises LoadError."""
        items = value if isinstance(value, list) else [] if value is None else [value]
        for item in items:
            if not isinstance(item, str):
                message = f"Keyword 'collections' items must be of type 'str', not {type_name(item)!r}."
                raise LoadError(message, origin_of(item) or origin)
        return tuple(str(item) for item in items)


def _defaults(role: Role) -> list[Mapping[str, Value]]:
    """Defaults that a role's tasks see, weakest first: of its dependencies, of the roles above it, its own."""
    layers = [layer for dependency in role.dependencies for layer in _defaults(dependency)]
    return [*layers, *(parent.defaults for parent in role.parents), role.defaults]


def _exported(role: Role) -> list[Mapping[str, Value]]:
    return [*(layer for dependency in role.dependencies for layer in _exported(dependency)), role.vars]


def _role_vars(role: Role) -> list[Mapping[str, Value]]:
    above = [layer for parent in role.parents for layer in (parent.use_vars, parent.vars)]
    chain: Sequence[Role] = (*role.parents, role)
    return [*above, *_exported(role), *(known.params for known in chain), role.use_vars]


def _magic(place: Place) -> Mapping[str, Value]:
    names: dict[str, Value] = {"playbook_dir": place.play.folder}
    if place.role is not None:
        names["role_path"] = place.role.path
        names["role_name"] = place.role.name.removeprefix(f"{place.role.collection}.")
        names["ansible_role_name"] = place.role.name
    return names
