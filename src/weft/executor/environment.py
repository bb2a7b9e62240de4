"""What a play gives to each of its tasks, apart from the variables of the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from weft.actions.base import TaskNames
from weft.model.nodes import Task
from weft.model.values import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnvironment:
    """Made once for each play (and branch of a host's run)."""

    basedir: str  # folder of the playbook
    roots: tuple[str, ...]  # folders of the play's roles, whose library/ and module_utils/ count
    delegate_names: Callable[[str, Task], TaskNames]
    """A host a task is delegated to -> the variables that say how to connect to it."""
    with_items: Callable[[str, Value, TaskNames], list[Any]]
    """`with_NAME`: the lookup's name, its terms and the task's variables -> items. May block."""
