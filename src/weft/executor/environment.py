"""What a play gives to each of its tasks, apart from the variables of the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from weft.model.values import Value
from weft.vars import Scope


class RunEnvironment(Struct, frozen=True, kw_only=True):
    """Made once for each play (and branch of a host's run)."""

    basedir: str  # folder of the playbook
    roots: tuple[str, ...]  # folders of the play's roles, whose library/ and module_utils/ count
    with_items: Callable[[str, Value, Scope], list[Any]]
    """`with_NAME`: the lookup's name, its terms and the task's variables -> items. May block."""
