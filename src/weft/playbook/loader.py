"""The way in: loads playbooks, and at run time what includes bring in.

One Loader serves a run. It is not thread-safe by itself; calls from threads must come one after the other.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import force_setattr, replace

from weft.config.yaml import pause_gc
from weft.model.errors import LoadError, Malformed
from weft.model.nodes import Handler, Node, Play, Playbook, Role, Task
from weft.model.settings import Settings
from weft.model.values import Origin, Value, origin_of
from weft.playbook.api import ActionNames, Decrypt, IncludeNotFound, PluginDirs, Publish, RenderStatic, RoleNotFound
from weft.playbook.builder import NodeBuilder
from weft.playbook.entries import EntryReader
from weft.playbook.files import first_file, include_candidates
from weft.playbook.imports import ImportBuilder, not_found
from weft.playbook.parallel import check_children
from weft.playbook.place import Place, PlayState, place_of_include
from weft.playbook.plays import Around, PlayLoader
from weft.playbook.roles import RoleBuilder
from weft.playbook.shop import Shop
from weft.playbook.uses import RoleUse

__all__ = ["IncludedTasks", "Loader", "RoleNotFound"]


class IncludedTasks(NamedTuple):
    """What a file brings in for a dynamic include."""

    nodes: tuple[Node, ...]
    imports: tuple[Role, ...] = ()  # roles that it imports, in their order


class Loader:
    """Loads playbooks, included files of tasks, roles and vars files."""

    def __init__(
        self,
        settings: Settings,
        *,
        actions: ActionNames,
        decrypt: Decrypt | None = None,
        warn: Publish,
        render_static: RenderStatic,
        extra_vars: Mapping[str, Value] | None = None,
        on_plugin_dirs: PluginDirs | None = None,
        lookup_exists: Callable[[str], bool] | None = None,
    ) -> None:
        """``warn`` gets events (Warned, Deprecated, Message). ``lookup_exists`` answers for ``with_NAME``."""
        self._shop = Shop(
            settings,
            actions=actions,
            decrypt=decrypt,
            publish=warn,
            render=render_static,
            extra_vars=extra_vars or {},
            plugin_dirs=on_plugin_dirs,
        )
        self._builder = NodeBuilder(self._shop, lookup_exists)
        self._roles = RoleBuilder(self._shop, self._builder)
        self._builder.imports = ImportBuilder(self._shop, self._builder, self._import_role)
        entries = EntryReader(self._shop)
        self._roles.read_entries = entries.uses
        self._plays = PlayLoader(self._shop, self._builder, self._roles, entries)
        self._included: dict[tuple[Any, ...], Any] = {}
        self._lock = threading.RLock()

    @property
    def module_dirs(self) -> Sequence[str]:
        """The library folders beside playbooks and in roles that were loaded so far."""
        return tuple(self._shop.module_dirs)

    def collect_errors(self, tell: Callable[[LoadError], None]) -> None:
        """From now on a mistake in a task, block or play is told, and loading goes on without it."""
        self._shop.on_error = tell

    def resolve_action(self, name: str, collections: Sequence[str] = ()) -> str | None:
        """The FQCN of an action whose name is only known when its task runs. Raises WeftError where it was removed."""
        return self._shop.actions.resolve(name, collections)

    def load(self, path: str) -> Playbook:
        """A playbook by path, or by name from a collection (``ns.coll.name``). Raises LoadError."""
        with self._lock, pause_gc():
            found = self._shop.collections.playbook(path)
            target, collection = found or self._playbook_file(path)
            try:
                plays = tuple(self._plays.load_file(target, collection))
                given = target if found else path
                return Playbook(path=target, plays=plays, given=given, collection=collection)
            except RecursionError as error:
                raise _too_deep(Origin(target)) from error

    def load_data(self, data: Value, path: str, *, beside: bool = False) -> Playbook:
        """A playbook that is no file but a list of plays. Relative paths start in the folder of ``path``.

        ``beside``: plugins, roles and collections in that folder count as they do beside a playbook. Raises LoadError.
        """
        with self._lock, pause_gc():
            collection = self._shop.collections.of_path(path) if beside else None
            if collection is not None:
                self._shop.warn(f"running with default collection {collection}")
            elif beside:
                self._shop.add_playbook_folder(os.path.dirname(path))
            plays = [self._plays.play(entry, path, collection, Around({})) for entry in data]
            return Playbook(path=path, plays=tuple(plays))

    def _playbook_file(self, path: str) -> tuple[str, str | None]:
        target = os.path.abspath(os.path.expanduser(path))
        if not os.path.exists(target):
            raise LoadError(f"the playbook: {path} could not be found")
        if os.path.isdir(target):
            raise LoadError(f"the playbook: {path} does not appear to be a file")
        return target, self._shop.collections.of_path(target)

    # at run time

    def find_include(self, name: str, include: Task, play: Play) -> str:
        """The path of the file that an ``include_tasks`` with the evaluated ``name`` means. Raises IncludeNotFound."""
        candidates = list(
            include_candidates(
                name,
                role_path=include.role.path if include.role is not None else None,
                include_dirs=include.include_dirs,
                base=os.path.dirname(play.path),
                handlers=isinstance(include, Handler),
                static=False,
            )
        )
        return first_file(candidates) or not_found(candidates, include.origin)

    def include_tasks(self, path: str, include: Task, play: Play) -> IncludedTasks:
        """A file for a dynamic include; the same nodes each time as long as the file stays as it is.

        Handlers if the include is one. Raises LoadError.
        """
        with self._lock:
            path = os.path.normpath(path)
            data = self._shop.files.load(path)
            key = (play.id, include.id, path)
            known = self._included.get(key)
            if known is not None and known[0] is data:
                included: IncludedTasks = known[1]
                return included
            state = _state(play)
            nodes = self._included_nodes(data, path, include, state)
            included = IncludedTasks(nodes, tuple(state.imported_roles))
            self._included[key] = (data, included)
            return included

    def _included_nodes(self, data: Value, path: str, include: Task, play: PlayState) -> tuple[Node, ...]:
        if data is None:
            return ()
        if not isinstance(data, list):
            message = "included task files must contain a list of tasks"
            raise IncludeNotFound(message, origin_of(data) or Origin(path))
        place = place_of_include(include, play, os.path.dirname(path))
        try:
            if place.handlers:
                return self._builder.handlers(data, place, Origin(path))
            if include.parallel is None:
                return self._builder.section(data, place, Origin(path))
            nodes = self._builder.nodes(data, place, Origin(path))
        except RecursionError as error:
            raise _too_deep(include.origin) from error
        check_children(nodes, self._shop.publish)
        return nodes

    def include_role(self, include: Task, play: Play, args: Mapping[str, Any]) -> Role:
        """The role that an ``include_role`` means by its evaluated ``args``. Raises LoadError, RoleNotFound.

        To run it is to run its ``tasks`` in order: those of its dependencies and the end marks of the roles are among
        them, and with ``parallel`` its own top-level tasks stand in a parallel block there. ``handlers`` has those of
        the roles it imports too, which are its ``imports``.
        """
        use = RoleUse.of_arguments(
            args,
            origin=include.origin,
            use_vars=include.own_vars,
            from_include=True,
            static=False,
            parallel=include.parallel,
        )
        with self._lock:
            key = (play.id, include.id, repr(sorted((str(k), repr(v)) for k, v in args.items())))
            if key not in self._included:
                self._included[key] = self._included_role(use, include, play)
            role: Role = self._included[key]
            return role

    def _included_role(self, use: RoleUse, include: Task, play: Play) -> Role:
        state = _state(play)
        place = place_of_include(include, state, os.path.dirname(include.origin.path))
        # the children of a parallel role are marked where its own tasks are read; the rest of it is not among them
        beside = include.beside.within(detached=include.async_seconds is not None)
        place = replace(place, include_dirs=include.include_dirs, beside=beside, handlers=False)
        try:
            role = self._roles.load(use, place, above=_chain(place))
        except RecursionError as error:
            raise _too_deep(include.origin) from error
        force_setattr(role, "handlers", (*role.handlers, *state.imported_handlers))
        force_setattr(role, "imports", tuple(state.imported_roles))
        return role

    def vars_file(self, path: str) -> Mapping[str, Value]:
        """The variables in a file. Raises LoadError, VaultFailed."""
        with self._lock:
            return self._shop.files.variables(path)

    def _import_role(self, use: RoleUse, place: Place) -> Sequence[Node]:
        role = self._roles.load(use, place, above=_chain(place))
        place.play.imported_roles.append(role)
        place.play.imported_handlers.extend(node for node in role.handlers if isinstance(node, Handler))
        return role.tasks


def _chain(place: Place) -> tuple[Role, ...]:
    return (*place.role.parents, place.role) if place.role is not None else ()


def _state(play: Play) -> PlayState:
    """A finished play as the builder sees it."""
    return PlayState(
        id=play.id,
        path=play.path,
        vars=play.vars,
        vars_files=play.vars_files,
        collection=play.collection,
        roles=list(play.roles),
    )


def _too_deep(origin: Origin) -> Malformed:
    return Malformed(
        "A recursion loop was detected with the roles specified. "
        "Make sure child roles do not have dependencies on parent roles",
        origin,
        "Roles or task files import each other in a circle.",
    )
