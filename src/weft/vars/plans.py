"""What one task brings to every host's scope: its layers, worked out once and kept with the play."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Task
from weft.model.settings import Settings
from weft.model.values import Value, origin_of
from weft.templating.types import type_name
from weft.vars.layers import Layer, layers, merged
from weft.vars.names import ReservedNames
from weft.vars.play import PlayVars
from weft.vars.roles import RoleVars, parent_roles

#: Reads a vars file: its path -> a mapping, a list of mappings, or None. Raises LoadError. May block.
VarsFileLoader = Callable[[str], Any]
IsTemplate = Callable[[Value], bool]

#: Keywords that old playbooks put among `vars`; they are no variables.
_NOT_VARIABLES = ("tags", "when")


class Plan:
    """The layers round those of a host, strongest first.

    ``upper`` are above what the host has set (the last of them may be ``params``), ``middle`` below it, ``play`` below
    the host's vars_files, ``lower`` below everything of the host.
    """

    __slots__ = ("basedirs", "lower", "middle", "params", "play", "play_vars", "task", "upper")

    def __init__(
        self,
        play_vars: PlayVars | None,
        task: Task | None,
        *,
        extra: tuple[Layer, ...] = (),
        params: tuple[Layer, ...] = (),
        middle: tuple[Layer, ...] = (),
        play: tuple[Layer, ...] = (),
        lower: tuple[Layer, ...] = (),
        basedirs: tuple[str, ...] = (),
    ) -> None:
        self.play_vars = play_vars
        self.task = task
        self.upper = (*extra, *params)
        self.params = params
        self.middle = middle
        self.play = play
        self.lower = lower
        self.basedirs = basedirs


class PlayCache:
    """What is the same for all tasks of a play. Thrown away when the play gets another role."""

    __slots__ = ("exports", "files", "host_files", "late_files", "lower", "plans", "play", "role_vars")

    def __init__(self) -> None:
        self.role_vars: RoleVars
        self.exports: tuple[Layer, ...] = ()
        self.files: tuple[Layer, ...] = ()
        self.late_files: tuple[Value, ...] = ()  # from the first that has to be evaluated on
        self.play: tuple[Layer, ...] = ()
        self.lower: tuple[Layer, ...] = ()
        self.plans: dict[Task | None, Plan] = {}
        self.host_files: dict[str | None, tuple[Any, Any]] = {}


class Planner:
    """Makes plans. One for a run."""

    def __init__(
        self,
        settings: Settings,
        extra: Layer,
        load: VarsFileLoader,
        is_template: IsTemplate,
        reserved: ReservedNames,
    ) -> None:
        self._root = settings.playbook_vars_root
        self._merge = settings.hash_behaviour == "merge"
        self._extra = (extra,) if extra.data else ()
        self._load = load
        self._is_template = is_template
        self._reserved = reserved

    def plan(self, play: PlayVars, task: Task | None) -> Plan:
        """The plan of a task of the play, or of the play itself. Raises LoadError for a broken vars file."""
        cache = play.cache or self._open(play)
        found = cache.plans.get(task)
        if found is None:
            found = cache.plans[task] = self._make(play, cache, task)
        return found

    def hostvars_plan(self, basedir: str) -> Plan:
        """What ``hostvars`` shows: nothing of the play but the variables beside its playbook."""
        return Plan(None, None, extra=self._extra, basedirs=(basedir,) if basedir else ())

    def _open(self, play: PlayVars) -> PlayCache:
        cache = PlayCache()
        cache.role_vars = RoleVars(merge=self._merge)
        public = [role for role in play.roles if role.public]
        defaults = merged([cache.role_vars.own_defaults(role) for role in public], merge=self._merge)
        exports = merged([cache.role_vars.exports(role) for role in public], merge=self._merge)
        own = play.play.vars
        self._look_at(defaults, exports, own)
        cache.lower = layers(defaults)
        cache.exports = layers(exports)
        prompted = (Layer(play.prompted),) if play.play.vars_prompt else ()
        cache.play = (*prompted, *layers(own))
        self._open_files(play, cache)
        play.cache = cache
        return cache

    def _make(self, play: PlayVars, cache: PlayCache, task: Task | None) -> Plan:
        basedirs = (play.basedir,) if play.basedir else ()
        if task is None:
            return Plan(
                play,
                None,
                extra=self._extra,
                middle=cache.exports,
                play=(*cache.files, *cache.play),
                lower=cache.lower,
                basedirs=basedirs,
            )
        roles, role = cache.role_vars, task.role
        variables = self._task_vars(task)
        params = self._params(task, roles)
        defaults = roles.defaults(role) if role is not None else {}
        role_vars = roles.all(role) if role is not None else {}
        self._look_at(variables, params, role_vars, defaults)
        return Plan(
            play,
            task,
            extra=self._extra,
            params=layers(params),
            middle=(*layers(variables, role_vars), *cache.exports),
            play=(*cache.files, *cache.play),
            lower=(*layers(defaults), *cache.lower),
            basedirs=self._basedirs(task, basedirs),
        )

    def _task_vars(self, task: Task) -> Mapping[str, Value]:
        mappings = [mapping for mapping in task.common.vars if mapping]
        if not mappings:
            return {}
        result = mappings[0] if len(mappings) == 1 else merged(mappings, merge=False)
        if any(name in result for name in _NOT_VARIABLES):
            result = {name: value for name, value in result.items() if name not in _NOT_VARIABLES}
        return result

    def _params(self, task: Task, roles: RoleVars) -> Mapping[str, Value]:
        role = task.role
        parts: list[Mapping[str, Value]] = [roles.params(role)] if role is not None else []
        parts += task.common.params
        if role is not None and (parents := list(parent_roles(role))):
            parts.append(
                {
                    "ansible_parent_role_names": [parent.name for parent in parents],
                    "ansible_parent_role_paths": [parent.path for parent in parents],
                }
            )
        return merged(parts, merge=self._merge)

    def _basedirs(self, task: Task, top: tuple[str, ...]) -> tuple[str, ...]:
        """Where group_vars and host_vars are looked for beside playbooks: `playbook_vars_root`."""
        if self._root == "all":
            return task.path_parents
        return task.path_parents[:1] if self._root == "bottom" else top

    def _look_at(self, *mappings: Mapping[str, Value]) -> None:
        for mapping in mappings:
            self._reserved.look_at(mapping)

    # -- vars_files ------------------------------------------------------------------------------------------------

    def _open_files(self, play: PlayVars, cache: PlayCache) -> None:
        """Read those that are the same for all hosts: all before the first whose name has to be evaluated."""
        found: list[Mapping[str, Value]] = []
        entries = play.play.vars_files
        for number, entry in enumerate(entries):
            if self._is_template(entry):
                cache.late_files = entries[number:]
                break
            found += self.read_files(play, entry, entry)
        cache.files = layers(merged(found, merge=self._merge))

    def read_files(self, play: PlayVars, names: Any, entry: Value) -> list[Mapping[str, Value]]:
        """One entry of `vars_files` with its names evaluated: the first file that exists. Raises LoadError."""
        for name in names if isinstance(names, list) else [names]:
            if not isinstance(name, str):
                raise LoadError(
                    f"Invalid `vars_files` value of type {type_name(name)!r}.",
                    origin_of(name) or origin_of(entry),
                    "A `vars_files` value should either be a string or list of strings.",
                )
            path = find_vars_file(play.basedir, str(name))
            if path is not None:
                return self._read(path)
        return []

    def _read(self, path: str) -> list[Mapping[str, Value]]:
        try:
            data = self._load(path)
        except LoadError:
            raise
        except WeftError as error:
            raise WeftError(f"Invalid vars_files file {path!r}: {error.message}", error.origin, error.hint) from error
        if data is None:
            return []
        mappings = data if isinstance(data, list) else [data]
        for mapping in mappings:
            if not isinstance(mapping, Mapping):
                raise LoadError(
                    "Invalid variable file contents.",
                    origin_of(mapping) or origin_of(data),
                    "Variable files must contain either a dictionary of variables, or a list of dictionaries.",
                )
            self._look_at(mapping)
        return mappings

    def combined(self, low: Mapping[str, Value], high: Mapping[str, Value]) -> Mapping[str, Value]:
        """Two mappings in one, ``high`` wins."""
        return merged([low, high], merge=self._merge)

    def merged_files(self, mappings: list[Mapping[str, Value]]) -> Layer:
        """Several files in one layer."""
        return Layer(merged(mappings, merge=self._merge))


def find_vars_file(basedir: str, name: str) -> str | None:
    """Where a vars file is: in vars/ beside the playbook, or beside it."""
    if name.startswith(("~", "/")):
        path = os.path.normpath(os.path.expanduser(os.path.expandvars(name)))
        return path if os.path.exists(path) else None
    folders = [basedir] if name.split("/")[0] == "vars" else [os.path.join(basedir, "vars"), basedir]
    candidates = (os.path.normpath(os.path.join(folder, name)) for folder in folders)
    return next((path for path in candidates if os.path.exists(path)), None)
