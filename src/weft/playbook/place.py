"""Where a node stands: what it inherits, in which role and file, and what is known of the play while it is loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from weft.model.errors import LoadError, Malformed
from weft.model.nodes import Beside, Common, Handler, Role, Task
from weft.model.values import Origin, Trusted, Value, origin_of
from weft.playbook.checks import conditions, is_template, type_name

_REPLACED = frozenset((
    "any_errors_fatal", "become", "become_exe", "become_flags", "become_method", "become_user", "check_mode",
    "connection", "debugger", "delegate_to", "delegate_facts", "diff", "ignore_errors", "ignore_unreachable",
    "no_log", "port", "remote_user", "run_once", "throttle", "timeout",
))  # fmt: skip


class PlayState(Struct):
    """What loading knows of a play. ``roles`` and ``handlers`` grow while its sections are read."""

    id: str
    path: str  # of the playbook file
    vars: Mapping[str, Value]
    vars_files: tuple[Value, ...] = ()
    collection: str | None = None  # that the playbook belongs to
    roles: list[Role] = field(default_factory=list)
    imported_roles: list[Role] = field(default_factory=list)
    imported_handlers: list[Handler] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """The folder of the playbook, where relative paths start."""
        return os.path.dirname(self.path)


class Place(Struct, frozen=True, kw_only=True):
    """What a list of tasks takes from what is round it."""

    play: PlayState
    common: Common
    folder: str  # of the file the tasks stand in
    role: Role | None = None
    include_dirs: tuple[str, ...] = ()  # folders of the files that include this one, nearest first
    handlers: bool = False
    beside: Beside = Beside.NOTHING
    section: str = "tasks"  # for messages
    paths: tuple[str, ...] = ()  # folders where relative paths of the tasks here are looked up, nearest first

    def __post_init__(self) -> None:
        if not self.paths:
            force_setattr(self, "paths", self._paths())

    def within(self, common: Common, *, beside: Beside | None = None) -> Place:
        """The place of what stands inside a block here."""
        if common is self.common and beside in (None, self.beside):
            return self
        return replace(self, common=common, beside=self.beside if beside is None else beside)

    def _paths(self) -> tuple[str, ...]:
        chain = (*self.role.parents, self.role) if self.role is not None else ()
        folders = [role.path for role in reversed(chain)]
        for folder in (self.folder, self.play.folder):
            if folder not in folders:
                folders.append(folder)
        return tuple(folders)


def place_of_include(include: Task, play: PlayState, folder: str) -> Place:
    """Where the tasks stand that a dynamic include brings in from a file in ``folder``."""
    common = include.include_context
    assert common is not None, "only includes have included tasks"
    return Place(
        play=play,
        common=common,
        folder=folder,
        role=include.role,
        include_dirs=(folder, *include.include_dirs),
        handlers=isinstance(include, Handler),
        beside=include.beside.within(detached=include.async_seconds is not None, parallel=include.parallel is not None),
        section="handlers" if isinstance(include, Handler) else "tasks",
    )


class Folder:
    """Folds the keywords of a node into what it inherits."""

    def __init__(self, module_defaults: Callable[[Value, Origin | None], tuple[Value, ...]]) -> None:
        """``module_defaults`` checks that keyword and resolves the names in it."""
        self._module_defaults = module_defaults

    def fold(self, outer: Common, own: Mapping[str, Value], origin: Origin | None) -> Common:
        """``outer`` with the inheritable keywords among ``own`` (but for ``vars`` and ``collections``).

        Rules as Ansible's: conditions, tags, environment and module_defaults add up, the outermost first; of the others
        the innermost counts. Raises LoadError.
        """
        changes: dict[str, Any] = {}
        for name, value in own.items():
            if name in _REPLACED:
                changes[str(name)] = value
                if name == "throttle":
                    changes["throttle_origin"] = origin
                if is_template(value) or name in outer.hidden:
                    changes["hidden"] = _hidden(outer, str(name), value, changes.get("hidden", outer.hidden))
            elif name == "when":
                changes["when"] = outer.when + conditions(value)
            elif name == "tags":
                changes["tags"] = merged_tags(outer.tags, tags(value, origin))
            elif name == "notify":
                changes["notify"] = _listed(value)
            elif name == "environment":
                changes["environment"] = outer.environment + _listed(value)
            elif name == "module_defaults":
                changes["module_defaults"] = outer.module_defaults + self._module_defaults(value, origin)
        return replace(outer, **changes) if changes else outer


def _hidden(
    outer: Common, name: str, value: Value, known: Mapping[str, tuple[Value, ...]]
) -> Mapping[str, tuple[Value, ...]]:
    """``known`` with what a value hides, if that may turn out to be omitted."""
    hidden = {keyword: values for keyword, values in known.items() if keyword != name}
    inherited = getattr(outer, name)
    if is_template(value) and inherited is not None:
        hidden[name] = (inherited, *known.get(name, ()))
    return hidden


def with_vars(common: Common, own: Mapping[str, Value], *, params: bool = False) -> Common:
    """``common`` with one more layer of variables; ``params``: of a dynamic include, so that they beat set_fact too."""
    if not own:
        return common
    if params:
        return replace(common, vars=(*common.vars, own), params=(*common.params, own))
    return replace(common, vars=(*common.vars, own))


def with_collections(common: Common, collections: tuple[str, ...]) -> Common:
    """``common`` with other collections to search for short names."""
    return common if common.collections == collections else replace(common, collections=collections)


def tags(value: Value, origin: Origin | None) -> tuple[str, ...]:
    """The tags of a node: a list, or text with commas. Raises LoadError."""
    if isinstance(value, str):
        place = origin_of(value)
        return tuple(Trusted(part.strip(), place) for part in value.split(","))
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Malformed("tags must be specified as a list", origin_of(value) or origin)
    for item in value:
        if isinstance(item, bool) or not isinstance(item, str | int):
            message = f"Keyword 'tags' items must be of type 'str' or 'int', not {type_name(item)!r}."
            raise LoadError(message, origin_of(item) or origin)
    return tuple(item if isinstance(item, str) else str(item) for item in value)


def merged_tags(outer: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    """Both, each tag once."""
    return tuple(dict.fromkeys(outer + own)) if outer else own


def _listed(value: Value) -> tuple[Value, ...]:
    if isinstance(value, list):
        return tuple(item for item in value if item is not None)
    return () if value is None else (value,)
