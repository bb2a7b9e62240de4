"""Static imports and dynamic includes: what `import_tasks`, `import_role`, `include_tasks`, `include_role` say."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Block, Common, Node, TaskKind
from weft.model.values import Origin, Value, origin_of
from weft.playbook.action import KINDS
from weft.playbook.api import IncludeNotFound
from weft.playbook.builder import NodeBuilder, Statement
from weft.playbook.checks import type_name
from weft.playbook.fields import GROUP_ONLY, group_fields, node_name, read_parallel_of
from weft.playbook.files import first_file, include_candidates
from weft.playbook.keywords import On
from weft.playbook.own import read_node, settle
from weft.playbook.parallel import check_children, check_needs
from weft.playbook.place import Place, with_collections, with_vars
from weft.playbook.shop import Shop
from weft.playbook.uses import RoleUse

_TASKS_ARGS = frozenset(("file", "_raw_params", "apply"))
_ROLE_FROM = ("tasks_from", "vars_from", "defaults_from", "handlers_from")
_ROLE_ARGS = frozenset(("name", "role", "apply", "public", "allow_duplicates", "rolespec_validate", *_ROLE_FROM))
#: Keywords of tasks that do nothing on a static import, as in Ansible, where they are accepted.
_IDLE = ("changed_when", "failed_when", "loop_control")
_STATIC_HELP = (
    "When using static imports, ensure that any variables used in their names are defined in vars/vars_files\n"
    "or extra-vars passed in from the command line. Static imports cannot use variables from facts or inventory\n"
    "sources like group or host vars."
)

#: Loads a role for a static import: its nodes, and its handlers if that is what they are for.
LoadRole = Callable[[RoleUse, Place], Sequence[Node]]


class ImportBuilder:
    """Makes the nodes of imports, and reads what includes say at load."""

    def __init__(self, shop: Shop, builder: NodeBuilder, load_role: LoadRole) -> None:
        self._shop = shop
        self._builder = builder
        self._load_role = load_role

    # import_tasks

    def import_tasks(self, statement: Statement, place: Place) -> Sequence[Node]:
        """The block of the imported file's tasks; nothing for an empty file. Raises LoadError."""
        own = statement.own
        args = self._tasks_args(statement)
        self._no_loop(statement, "import_tasks", "include_tasks")
        self._warn_idle(statement)
        name = self._file_name(args["_raw_params"], place, own.vars)
        path = self._find(name, place, statement.origin)
        data = self._shop.files.load(path)
        if not data:
            self._shop.warn(f"file {path} is empty and had no tasks to include")
            return ()
        if not isinstance(data, list):
            raise LoadError("included task files must contain a list of tasks", origin_of(data) or Origin(path))
        self._shop.tell(f"statically imported: {path}")
        folder = os.path.dirname(path)
        inside = replace(
            place,
            common=self._builder.fold(own, place),
            folder=folder,
            include_dirs=(folder, *place.include_dirs),
            paths=(),
        )
        if place.handlers:
            for keyword in GROUP_ONLY:
                if own.get(keyword) and keyword != "register":  # warned about already
                    self._shop.warn(f"'{keyword}' has no effect on an import of handlers.", own.place_of(keyword))
            return self._builder.handlers(data, inside, Origin(path))
        return (self._group(statement, place, data, inside, path),)

    def _group(self, statement: Statement, place: Place, data: Value, inside: Place, path: str) -> Block:
        """An import as a block: its keywords are in its tasks already, but those for the whole of it."""
        own = statement.own
        parallel = read_parallel_of(own)
        within = replace(inside, beside=inside.beside.within(detached=own.detached, parallel=parallel is not None))
        body = self._builder.nodes(data, within, Origin(path))
        if parallel is None:
            check_needs(body)
        else:
            check_children(body, self._shop.publish)
        return Block(
            id=self._shop.new_id("b"),
            origin=statement.origin,
            name=node_name(own),
            common=inside.common,
            body=body,
            role=place.role,
            implicit=True,
            title=f"{statement.called.action} : {os.path.basename(path)}",
            parallel=parallel,
            **group_fields(own, inside.common, body),
        )

    def _find(self, name: str, place: Place, origin: Origin) -> str:
        candidates = list(
            include_candidates(
                name,
                role_path=place.role.path if place.role is not None else None,
                include_dirs=place.include_dirs,
                base=place.play.folder,
                handlers=place.handlers,
                static=True,
            )
        )
        return os.path.normpath(first_file(candidates) or not_found(candidates, origin))

    def _file_name(self, value: Value, place: Place, own: Mapping[str, Value]) -> str:
        try:
            return str(self._shop.render(value, place, own))
        except WeftError as error:
            message = f"Error when evaluating variable in import path {str(value)!r}: {error.message}"
            raise LoadError(message, origin_of(value), _STATIC_HELP) from error

    def _tasks_args(self, statement: Statement) -> dict[str, Value]:
        """The arguments of an include or import of tasks, the file under ``_raw_params``. Raises LoadError."""
        called, origin = statement.called, statement.origin
        self._known_args(statement, _TASKS_ARGS)
        args = dict(called.args)
        name = args.pop("file", None)
        args["_raw_params"] = args.get("_raw_params") or name
        if not args["_raw_params"]:
            raise LoadError(f"No file specified for {called.action}", origin)
        return args

    def _known_args(self, statement: Statement, known: frozenset[str]) -> None:
        called = statement.called
        strange = [key for key in called.args if key not in known]
        if strange:
            message = f"Invalid options for {called.action}: {','.join(str(key) for key in strange)}"
            raise LoadError(message, origin_of(strange[0]) or statement.origin)
        apply = called.args.get("apply") or {}
        if not isinstance(apply, Mapping):
            message = f"Expected a dict for apply but got {type_name(apply)} instead"
            raise LoadError(message, origin_of(apply) or statement.origin)
        if apply and called.fqcn not in KINDS:
            raise LoadError(f"Invalid options for {called.action}: apply", origin_of(apply) or statement.origin)

    def _no_loop(self, statement: Statement, name: str, instead: str) -> None:
        if statement.own.get("loop") is not None:
            message = f"You cannot use loops on '{name}' statements. You should use '{instead}' instead."
            raise LoadError(message, statement.origin)

    def _warn_idle(self, statement: Statement) -> None:
        own = statement.own
        idle = [name for name in _IDLE if own.get(name) is not None]
        if own.get("register") is not None and own.get("async") is None:
            idle.append("register")
        for name in idle:
            self._shop.warn(f"'{name}' has no effect on '{statement.called.action}'.", own.place_of(name))

    # import_role

    def import_role(self, statement: Statement, place: Place) -> Sequence[Node]:
        """The block of a role's tasks. Raises LoadError."""
        own = statement.own
        self._no_loop(statement, "import_role", "include_role")
        self._warn_idle(statement)
        args = self._role_args(statement)
        rendered = {key: self._shop.render(value, place, own.vars) for key, value in args.items()}
        parallel = read_parallel_of(own)
        use = RoleUse.of_arguments(
            rendered, origin=statement.origin, use_vars=own.vars, from_include=True, static=True, parallel=parallel
        )
        beside = place.beside.within(detached=own.detached)
        inside = replace(place, common=self._builder.fold(own, place), beside=beside)
        body = self._load_role(use, inside)
        return (
            Block(
                id=self._shop.new_id("b"),
                origin=statement.origin,
                name=node_name(own),
                common=inside.common,
                body=tuple(body),
                role=place.role,
                implicit=True,
                title=f"{statement.called.action} : {rendered.get('name', rendered.get('role'))}",
                **group_fields(own, inside.common, body),
            ),
        )

    def _role_args(self, statement: Statement) -> dict[str, Value]:
        """The arguments of an include or import of a role. Raises LoadError."""
        called, origin = statement.called, statement.origin
        args = dict(called.args)
        if args.get("name", args.get("role")) is None:
            raise LoadError(f"'name' is a required field for {called.action}.", origin)
        self._known_args(statement, _ROLE_ARGS)
        for key in _ROLE_FROM:
            if key in args and not isinstance(args[key], str):
                message = f"Expected a string for {key} but got {type_name(args[key])} instead"
                raise LoadError(message, origin_of(args[key]) or origin)
        return args

    # includes

    def prepare_include(self, statement: Statement, place: Place) -> tuple[Mapping[str, Value], Common]:
        """The arguments of a dynamic include without ``apply``, and what the included tasks inherit. Raises LoadError.

        That is what is round the include, not the include's own keywords; of those only the variables, and ``apply``.
        """
        is_role = KINDS[statement.called.fqcn] is TaskKind.INCLUDE_ROLE
        args = self._role_args(statement) if is_role else self._tasks_args(statement)
        apply = args.pop("apply", None)
        common = with_vars(place.common, statement.own.vars, params=True)
        common = with_collections(common, statement.collections)
        if apply:
            own = read_node(apply, On.BLOCK)
            for name in ("block", "rescue", "always", *GROUP_ONLY):
                if name in own.keywords:
                    raise LoadError(f"'{name}' can't be applied to included tasks", own.place_of(name))
            settle(own, On.BLOCK, "Block", self._shop.settings, self._shop.publish)
            common = self._builder.fold(own, replace(place, common=common))
        return args, common


def not_found(candidates: Sequence[str], origin: Origin | None) -> str:
    """Raises the error for a file that is nowhere: it names the last place, and the hint all of them."""
    looked = "\n".join(f"  {path}" for path in dict.fromkeys(candidates))
    raise IncludeNotFound(
        f"Could not find or access '{candidates[-1]}' on the Ansible Controller.",
        origin,
        f"Looked for it here:\n{looked}",
    )
