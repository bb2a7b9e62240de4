"""Loads roles: finds them, reads what they bring, and makes their nodes with those of the roles they depend on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import force_setattr, replace

from weft.model.convert import is_true
from weft.model.errors import LoadError, Malformed
from weft.model.nodes import Block, Common, Node, Role, Task, TaskKind
from weft.model.values import MapNode, Origin, SeqNode, Value, origin_of
from weft.playbook.api import RoleNotFound
from weft.playbook.builder import NodeBuilder
from weft.playbook.collections import search_list
from weft.playbook.parallel import check_children, check_needs
from weft.playbook.place import Place, PlayState, merged_tags, with_collections
from weft.playbook.rolefiles import RoleFiles, find_role_path
from weft.playbook.shop import Shop
from weft.playbook.uses import RoleUse

#: Reads the entries of a list of roles; what it needs to know of entries is not this module's.
ReadEntries = Callable[[Value, Place], Sequence["tuple[RoleUse, Common]"]]


class RoleBuilder:
    """Makes roles. ``read_entries`` must be set before it is used: entries and roles need each other."""

    read_entries: ReadEntries

    def __init__(self, shop: Shop, builder: NodeBuilder) -> None:
        self._shop = shop
        self._builder = builder

    def load(self, use: RoleUse, place: Place, *, above: tuple[Role, ...], search: Sequence[str] = ()) -> Role:
        """One use of a role at a place whose ``common`` its tasks inherit.

        ``above`` are the roles that bring it in, outermost first; ``search`` is one more folder list for dependencies.
        Raises LoadError, RoleNotFound.
        """
        name, path, collection = self._find(use, place, search)
        files = RoleFiles(self._shop.files, name, path, use.from_files, use.origin)
        metadata = files.metadata()
        role = Role(
            name=f"{collection}.{name}" if collection else name,
            path=path,
            origin=use.origin,
            collection=collection,
            collections=self._collections(metadata, collection, place.play),
            params=use.params,
            use_vars=use.use_vars,
            vars=files.variables("vars"),
            defaults=files.variables("defaults"),
            parents=above,
            metadata=metadata,
            argument_specs=files.argument_specs(metadata),
            allow_duplicates=_allow_duplicates(use, metadata),
            public=self._public(use),
            is_static=use.static,
            key=_key(use, name, path, collection),
        )
        if collection is None:
            self._shop.add_plugin_folders(path)
        self._fill(role, use, files, place)
        return role

    def _fill(self, role: Role, use: RoleUse, files: RoleFiles, place: Place) -> None:
        """Loads what stands in the role, which is made before: it and its tasks point at each other."""
        common = with_collections(place.common, role.collections)
        inside = replace(
            place,
            common=common,
            role=role,
            folder=os.path.join(role.path, "tasks"),
            include_dirs=(role.path, *place.include_dirs) if use.from_include else place.include_dirs,
            handlers=False,
            section="tasks",
            paths=(),
        )
        dependencies = self._dependencies(role, use, inside)
        force_setattr(role, "dependencies", dependencies)
        own = self._own_tasks(role, use, files, inside)
        nodes = [node for dependency in dependencies for node in dependency.tasks]
        force_setattr(role, "tasks", (*nodes, *own, self._end(role, common)))
        data, path = files.nodes("handlers")
        at = replace(inside, folder=os.path.dirname(path), handlers=True, section="handlers", paths=())
        handlers = [handler for dependency in dependencies for handler in dependency.handlers]
        handlers += self._builder.handlers(data, at, Origin(path))
        force_setattr(role, "handlers", tuple(handlers))

    def _own_tasks(self, role: Role, use: RoleUse, files: RoleFiles, place: Place) -> list[Node]:
        data, path = files.nodes("tasks")
        parallel = use.parallel
        within = replace(
            place,
            folder=os.path.dirname(path),
            beside=place.beside.within(parallel=parallel is not None),
            paths=(),
        )
        nodes = self._builder.nodes(data, within, Origin(path))
        own: list[Node] = []
        check = self._validation(role, use, place) if use.validate else None
        if check is not None:
            own.append(check)
        if parallel is None:
            check_needs(nodes)
            own.extend(nodes)
        else:
            check_children(nodes, self._shop.publish)
            own.append(
                Block(
                    id=self._shop.new_id("b"),
                    origin=use.origin,
                    common=place.common,
                    body=nodes,
                    role=role,
                    implicit=True,
                    parallel=parallel,
                )
            )
        return own

    # dependencies

    def _dependencies(self, role: Role, use: RoleUse, place: Place) -> tuple[Role, ...]:
        listed = role.metadata.get("dependencies")
        if not listed:
            return ()
        if not isinstance(listed, list):
            raise LoadError("Expected role dependencies to be a list.", origin_of(listed) or role.origin)
        chain = (*role.parents, role)
        entries = SeqNode((_dependency(entry) for entry in listed), origin_of(listed))
        collections = _dependency_collections(role)
        found = []
        for entry, common in self.read_entries(entries, replace(place, common=place.common)):
            self._check_circle(entry, chain)
            at = replace(place, common=with_collections(common, collections))
            entry = replace(entry, static=use.static, from_include=False)
            found.append(self.load(entry, at, above=chain, search=(os.path.dirname(role.path),)))
        return tuple(found)

    @staticmethod
    def _check_circle(entry: RoleUse, chain: Sequence[Role]) -> None:
        depth = sum(1 for role in chain if entry.name in (role.name, os.path.basename(role.path)))
        if depth > 20:
            raise Malformed(
                "A recursion loop was detected with the roles specified. "
                "Make sure child roles do not have dependencies on parent roles",
                entry.origin,
            )

    # finding

    def _find(self, use: RoleUse, place: Place, search: Sequence[str]) -> tuple[str, str, str | None]:
        """Name, path and collection of the role. Raises RoleNotFound."""
        name = use.name
        collections = [
            known for known in place.common.collections if known not in ("ansible.legacy", "ansible.builtin")
        ]
        found = self._shop.collections.role(name, collections)
        if found is not None:
            return found
        base = place.play.folder
        folders = [os.path.join(base, "roles"), *self._shop.settings.roles_path, *search, base]
        plain = find_role_path(name, folders)
        if plain is not None:
            return (*plain, None)
        looked = ":".join([*place.common.collections, *(os.path.expanduser(folder) for folder in folders)])
        raise RoleNotFound(f"the role '{name}' was not found in {looked}", origin_of(use.name) or use.origin)

    def _collections(self, metadata: Mapping[str, Value], collection: str | None, play: PlayState) -> tuple[str, ...]:
        """Where a role's tasks look for short names: nothing of what is round the role counts."""
        own = collection or play.collection
        named = self._shop.collections_of(metadata.get("collections"), origin_of(metadata))
        found = [own] if own else []
        found += [name for name in named if name not in found]
        if collection and found and not {"ansible.builtin", "ansible.legacy"} & set(found):
            found.append("ansible.builtin")
        return search_list(found, None)

    def _public(self, use: RoleUse) -> bool:
        if use.public is not None:
            return use.public
        settings = self._shop.settings
        return not settings.private_role_vars if "private_role_vars" in settings.origin else use.static

    # tasks made here

    def _validation(self, role: Role, use: RoleUse, place: Place) -> Task | None:
        """The task that checks the role's arguments, where its entry point has a spec."""
        entry_point = use.from_files.get("tasks", "main")
        spec = role.argument_specs.get(entry_point)
        if not isinstance(spec, Mapping) or not spec:
            return None
        name = f"Validating arguments against arg spec '{entry_point}'"
        if "short_description" in spec:
            name += f" - {spec['short_description']}"
        origin = origin_of(spec) or role.origin
        short = role.name.removeprefix(f"{role.collection}.")
        context = {"type": "role", "name": short, "argument_spec_name": entry_point, "path": role.path}
        args = {
            "argument_spec": spec.get("options") or MapNode((), origin),
            "provided_arguments": role.params,
            "validate_args_context": context,
        }
        return Task(
            id=self._shop.new_id("t"),
            origin=origin,
            name=name,
            action="ansible.builtin.validate_argument_spec",
            fqcn="ansible.builtin.validate_argument_spec",
            args=args,
            common=replace(place.common, tags=merged_tags(place.common.tags, ("always",))),
            role=role,
            path_parents=place.paths,
            include_dirs=place.include_dirs,
            beside=place.beside,
        )

    def _end(self, role: Role, common: Common) -> Task:
        return Task(
            id=self._shop.new_id("t"),
            origin=role.origin,
            action="meta",
            fqcn="ansible.builtin.meta",
            args={"_raw_params": "role_complete"},
            kind=TaskKind.ROLE_END,
            common=replace(common, tags=merged_tags(common.tags, ("always",)), run_once=False, when=()),
            role=role,
            implicit=True,
        )


def _dependency_collections(role: Role) -> tuple[str, ...]:
    own = [role.collection] if role.collection else []
    others = [name for name in role.collections if name not in own]
    return (*own, *others, *(() if "ansible.legacy" in others else ("ansible.legacy",)))


def _dependency(entry: Value) -> Value:
    """A dependency in the style of requirement files gets its role's name out of ``src``."""
    if not isinstance(entry, Mapping) or "role" in entry or "name" in entry or not isinstance(entry.get("src"), str):
        return entry
    source = entry["src"].split("+", 1)[-1]
    name = _repository_name(source)
    return MapNode({**entry, "name": type(entry["src"])(name)}, origin_of(entry))


def _repository_name(source: str) -> str:
    """``https://git.example.com/repos/nginx.git,v1`` -> ``nginx``; a name stays."""
    if "://" not in source and "@" not in source:
        return source
    last = source.rsplit("/", 1)[-1].split(",", 1)[0]
    return last.removesuffix(".git").removesuffix(".tar.gz")


def _allow_duplicates(use: RoleUse, metadata: Mapping[str, Value]) -> bool:
    return use.allow_duplicates if use.allow_duplicates is not None else is_true(metadata.get("allow_duplicates"))


def _key(use: RoleUse, name: str, path: str, collection: str | None) -> str:
    """Equal for uses that Ansible takes for the same: role, parameters, variables, conditions, tags, entry points."""
    parts: list[Any] = [
        collection, name, path, use.params, use.when, use.tags, dict(use.from_files), use.use_vars, use.from_include,
    ]  # fmt: skip
    return repr(_canonical(parts))


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted(((str(key), _canonical(item)) for key, item in value.items()), key=lambda pair: pair[0])
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return str(value) if isinstance(value, str) else value
