"""What loading needs from the rest of weft, as interfaces: which actions exist, how a static template is rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from weft.config.yaml import Decrypt
from weft.events.types import Event
from weft.model.errors import LoadError
from weft.model.values import Value

__all__ = ["ActionNames", "Decrypt", "IncludeNotFound", "PluginDirs", "Publish", "RenderStatic", "RoleNotFound"]

#: Renders a value of an import (a file or role name) with the variables that are known without a host.
RenderStatic = Callable[[Value, Mapping[str, Value]], Any]
#: Where warnings and messages of loading go.
Publish = Callable[[Event], None]
#: Called once for each plugin folder found beside a playbook or in a role: kind ("filter", "module", ...; "collections"
#: for the folder of collections beside a playbook) and path.
PluginDirs = Callable[[str, str], None]


class ActionNames(Protocol):
    """Which actions and modules there are."""

    def resolve(self, name: str, collections: Sequence[str], module_dirs: Sequence[str]) -> str | None:
        """The FQCN of an action or module; None where there is none. Raises WeftError for one that was removed."""

    def check_group(self, name: str) -> None:
        """Raises LoadError where no collection has that group of actions."""


class IncludeNotFound(LoadError):
    """A file of tasks isn't in any of the places where an include looks, or holds no tasks."""

    exit_code = 1


class RoleNotFound(LoadError):
    """A role isn't in any of the places where roles are looked for."""

    exit_code = 1
