"""Entries of ``roles:`` and of a role's dependencies: which role, with which parameters and keywords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.model.errors import LoadError, Malformed, WeftError
from weft.model.nodes import Block, Common, Node, Role
from weft.model.values import MapNode, Origin, Value, origin_of
from weft.playbook.amounts import check_amounts
from weft.playbook.checks import check_value, conditions, type_name, variables
from weft.playbook.fields import group_fields, read_parallel_of
from weft.playbook.keywords import On, allowed
from weft.playbook.own import Own, spelled
from weft.playbook.place import Place, tags
from weft.playbook.shop import Shop
from weft.playbook.uses import RoleUse

#: weft's own keywords of a role entry. For Ansible they are parameters, so a role that knows such a variable gets it.
_ADDED = frozenset(("lock", "until", "retries", "delay", "backoff", "max_delay"))
_GROUPING = (*sorted(_ADDED), "serial", "async", "poll", "register", "throttle", "timeout")


class Entry(Struct, frozen=True):
    """An entry as read."""

    use: RoleUse
    common: Common  # what the role's tasks inherit
    own: Own


class EntryReader:
    """Reads lists of roles."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def read(self, data: Value, place: Place) -> list[Entry]:
        """The entries of a list. Raises LoadError."""
        if data is None:
            return []
        if not isinstance(data, list):
            message = "A malformed role declaration was encountered"
            raise LoadError(f"{message}: {data} should be a list but was a {type_name(data)}", origin_of(data))
        return [self._entry(entry, place, origin_of(data)) for entry in data]

    def uses(self, data: Value, place: Place) -> Sequence[tuple[RoleUse, Common]]:
        """The same for dependencies."""
        return [(entry.use, entry.common) for entry in self.read(data, place)]

    def _entry(self, entry: Value, place: Place, around: Origin | None) -> Entry:
        origin = origin_of(entry) or around or Origin(place.play.path)
        if isinstance(entry, int) and not isinstance(entry, bool):
            entry = str(entry)
        if isinstance(entry, str):
            if "," in entry:
                raise LoadError(f"Invalid old style role requirement: {entry}", origin)
            name = self._name(entry, place, {}, origin)
            return Entry(RoleUse(name=name, origin=origin), place.common, Own({}, origin))
        if not isinstance(entry, Mapping):
            raise LoadError(f"Invalid role definition: it is a {type_name(entry)}.", origin)
        return self._mapping(entry, place, origin)

    def _mapping(self, entry: Mapping[Any, Value], place: Place, origin: Origin) -> Entry:
        own = Own(entry, origin)
        params = MapNode((), origin)
        table = allowed(On.ROLE)
        for key, value in entry.items():
            row = table.get(key)
            if row is not None and On.ROLE in row.on:
                check_value(row, value, origin_of(key))
                own.keywords[row.name] = value
            else:
                params[key] = value
                if row is not None:
                    own.keywords[row.name] = value
        named = entry.get("role", entry.get("name"))
        if not named or isinstance(named, bool) or not isinstance(named, str | int):
            raise Malformed("role definitions must contain a role name", origin)
        own.vars = variables(own.keywords.pop("vars", None), "RoleInclude", origin)
        name = self._name(named if isinstance(named, str) else str(named), place, own.vars, origin_of(named) or origin)
        spelled(own, On.ROLE, "RoleInclude", self._shop.publish)
        use = RoleUse(
            name=name,
            origin=origin,
            params=params,
            use_vars=own.vars,
            when=conditions(own.get("when")),
            tags=tags(own.get("tags"), origin),
            parallel=read_parallel_of(own),
        )
        return Entry(use, self._shop.folder.fold(place.common, own.keywords, origin), own)

    def _name(self, value: str, place: Place, own: Mapping[str, Value], origin: Origin) -> str:
        try:
            return str(self._shop.render(value, place, own))
        except WeftError as error:
            message = f"Error when evaluating variable in role name {str(value)!r}: {error.message}"
            raise LoadError(message, origin) from error

    def nodes(self, entry: Entry, role: Role) -> Sequence[Node]:
        """The role's nodes, as one block where the entry says something of them as a whole. Raises LoadError."""
        own = entry.own
        known = {*role.defaults, *role.vars, *_spec_options(role)}
        for name in _ADDED & known & own.keywords.keys():
            if name in entry.use.params:
                del own.keywords[name]  # a parameter of that name is the role's own
        if not any(own.get(name) is not None for name in _GROUPING) and not own.whole:
            return role.tasks
        for name, value in own.keywords.items():
            check_value(allowed(On.BLOCK).get(name) or allowed(On.ROLE)[name], value, own.place_of(name))
        check_amounts(own, On.ROLE, self._shop.publish)
        return (
            Block(
                id=self._shop.new_id("b"),
                origin=entry.use.origin,
                common=entry.common,
                body=role.tasks,
                role=role,
                implicit=True,
                **group_fields(own, entry.common, role.tasks),
            ),
        )


def _spec_options(role: Role) -> Sequence[str]:
    spec = role.argument_specs.get("main")
    options = spec.get("options") if isinstance(spec, Mapping) else None
    return list(options) if isinstance(options, Mapping) else []
