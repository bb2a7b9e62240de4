"""What roles bring: defaults, vars, parameters; their own, their dependencies' and their parents'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from weft.model.nodes import Role
from weft.model.values import Value
from weft.vars.layers import merged

Variables = Mapping[str, Value]


class RoleVars:
    """Works each role's mappings out once. ``merge`` is `hash_behaviour: merge`."""

    def __init__(self, *, merge: bool) -> None:
        self._merge = merge
        self._defaults: dict[Role, Variables] = {}
        self._own_defaults: dict[Role, Variables] = {}
        self._exports: dict[Role, Variables] = {}
        self._all: dict[Role, Variables] = {}
        self._params: dict[Role, Variables] = {}

    def defaults(self, role: Role) -> Variables:
        """As the role's own tasks see them: dependencies, then parents, then the role."""
        found = self._defaults.get(role)
        if found is None:
            parts = [self.own_defaults(dependency) for dependency in dependencies(role)]
            parts += [parent.defaults for parent in role.parents]
            found = self._defaults[role] = self._merged([*parts, role.defaults])
        return found

    def own_defaults(self, role: Role) -> Variables:
        """As the rest of the play sees them: without the parents'."""
        found = self._own_defaults.get(role)
        if found is None:
            parts = [self.own_defaults(dependency) for dependency in dependencies(role)]
            found = self._own_defaults[role] = self._merged([*parts, role.defaults])
        return found

    def exports(self, role: Role) -> Variables:
        """What the rest of the play sees: vars/ of the role and of what it depends on."""
        found = self._exports.get(role)
        if found is None:
            parts = [self.exports(dependency) for dependency in _distinct(role)]
            found = self._exports[role] = self._merged([*parts, role.vars])
        return found

    def all(self, role: Role) -> Variables:
        """What the role's own tasks see beyond its parameters."""
        found = self._all.get(role)
        if found is None:
            parts = [part for parent in role.parents for part in (parent.use_vars, parent.vars)]
            parts += [self.exports(dependency) for dependency in _distinct(role)]
            found = self._all[role] = self._merged([*parts, role.vars, role.use_vars])
        return found

    def params(self, role: Role) -> Variables:
        """Further keys of the `roles` entries that brought it in, outermost first."""
        found = self._params.get(role)
        if found is None:
            found = self._params[role] = self._merged([*(parent.params for parent in role.parents), role.params])
        return found

    def _merged(self, parts: list[Variables]) -> Variables:
        return merged(parts, merge=self._merge)


def dependencies(role: Role) -> Iterator[Role]:
    """All of them, each after those that it depends on itself."""
    for dependency in role.dependencies:
        yield from dependencies(dependency)
        yield dependency


def _distinct(role: Role) -> list[Role]:
    return list(dict.fromkeys(dependencies(role)))


def play_role_names(roles: Sequence[Role]) -> tuple[list[str], list[str], list[str]]:
    """Names of the roles that the play names, of those they depend on, and of both."""
    named = [role.name for role in roles]
    depended = list(dict.fromkeys(dependency.name for role in roles for dependency in dependencies(role)))
    return named, depended, list(dict.fromkeys([*depended, *named]))


def parent_roles(role: Role) -> Iterator[Role]:
    """The roles whose tasks included or imported this one, nearest first; not those that only depend on it."""
    while role.parents:
        parent = role.parents[-1]
        if not any(dependency is role for dependency in parent.dependencies):
            yield parent
        role = parent
