"""Mappings over scopes: ``hostvars``, one host's variables in it, and ``vars``. They read when they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from weft.model.errors import UndefinedName
from weft.model.values import Value

if TYPE_CHECKING:
    from weft.vars.scope import Scope


class _View(Mapping[str, Any]):
    """What reads others' variables when it is read. Plugins that copy their arguments get it again."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self


class HostVars(_View):
    """``hostvars``: every listed host, and the controller under its names.

    A host's variables are those it has outside of any play, evaluated as that host sees them: play variables, role
    variables and `hostvars` itself are not among them, as in Ansible.
    """

    __slots__ = ("_known", "_scope")
    shown_as = "HostVars"

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._known: dict[str, HostVarsVars] = {}

    def __getitem__(self, host: str) -> HostVarsVars:
        found = self._known.get(host)
        if found is None:
            entry = self._scope.variables.inventory.host(host) if isinstance(host, str) else None
            if entry is None:
                raise UndefinedName(f"hostvars[{host!r}]")
            found = self._known[host] = HostVarsVars(self._scope.of_host(entry.name), host)
        return found

    def raw_get(self, host: str) -> dict[str, Value]:
        """A host's variables as they were written, for lookup plugins that ask for them. Raises UndefinedName."""
        scope = self[host]._scope
        return {name: scope.raw(name) for name in scope.own_names() if name not in ("vars", "hostvars")}

    def __contains__(self, host: object) -> bool:
        return isinstance(host, str) and self._scope.variables.inventory.host(host) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope.variables.inventory.hosts)

    def __len__(self) -> int:
        return len(self._scope.variables.inventory.hosts)

    def __repr__(self) -> str:
        return f"<hostvars of {len(self)} hosts>"


class HostVarsVars(_View):
    """One host's variables."""

    __slots__ = ("_host", "_scope")
    shown_as = "HostVarsVars"

    def __init__(self, scope: Scope, host: str) -> None:
        self._scope = scope
        self._host = host

    def __getitem__(self, name: str) -> Any:
        return self._scope.own(name)

    def __contains__(self, name: object) -> bool:
        return self._scope.has_own(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope.own_names())

    def __len__(self) -> int:
        return len(self._scope.own_names())

    def __repr__(self) -> str:
        return f"<variables of {self._host}>"


class DelegateVars(HostVarsVars):
    """The variables of a task's delegate, with what the connection to it brings (``ansible_host`` and the like)."""

    __slots__ = ()
    shown_as = "dict"

    def __getitem__(self, name: str) -> Any:
        return self._scope[name]

    def __contains__(self, name: object) -> bool:
        return name in self._scope

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope.names())

    def __len__(self) -> int:
        return len(self._scope.names())


#: Made after ``vars`` in Ansible.
_NOT_IN_VARS = frozenset({"vars", "ansible_search_path", "ansible_current_hosts", "ansible_failed_hosts"})


class VarsView(_View):
    """``vars``: everything there is but itself."""

    __slots__ = ("_scope",)
    shown_as = "dict"

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        if name in _NOT_IN_VARS:
            raise KeyError(name)
        return self._scope.own(name)

    def __contains__(self, name: object) -> bool:
        return name not in _NOT_IN_VARS and self._scope.has_own(name)

    def _names(self) -> list[str]:
        return [name for name in self._scope.own_names() if name not in _NOT_IN_VARS]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __repr__(self) -> str:
        return f"<vars of {self._scope.host}>"
