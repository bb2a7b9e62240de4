"""Dynamic includes, brought in without running them where their names are known."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from weft.check.findings import Finding, Rule, Severity, of_error
from weft.check.texts import Reader
from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Node, Play, Role, Task, TaskKind
from weft.playbook.loader import IncludedTasks
from weft.templating.blocking import WouldBlock

_DEEPEST = 20


class IncludeLoader(Protocol):
    """What this needs of the loader."""

    def find_include(self, name: str, include: Task, play: Play) -> str: ...

    def include_tasks(self, path: str, include: Task, play: Play) -> IncludedTasks: ...

    def include_role(self, include: Task, play: Play, args: Mapping[str, Any]) -> Role: ...


class Includes:
    """Loads what includes name. What goes wrong with it is told, and the include then means nothing that is known."""

    def __init__(self, loader: IncludeLoader, reader: Reader, tell: Callable[[Finding], None]) -> None:
        self._loader = loader
        self._reader = reader
        self._tell = tell
        self._open: list[str] = []  # what is being gone through, outermost first
        self.all_known = True

    def nodes(self, include: Task, play: Play) -> Sequence[Node] | None:
        """What it brings in; None where that isn't known. Call ``done`` behind it where it is."""
        found = self._found(include, play)
        if found is None:
            self.all_known = False
        return found

    def done(self) -> None:
        self._open.pop()

    def _found(self, include: Task, play: Play) -> Sequence[Node] | None:
        args = {key: self._reader.value(value, play, include) for key, value in include.args.items()}
        if not self._reader.known(args) or include.args_template is not None:
            return None
        try:
            if include.kind is TaskKind.INCLUDE_ROLE:
                role = self._loader.include_role(include, play, args)
                return role.tasks if self._enter(f"role {role.path} {sorted(map(str, args.items()))}") else None
            path = os.path.normpath(self._loader.find_include(str(args.get("_raw_params")), include, play))
            return self._loader.include_tasks(path, include, play).nodes if self._enter(path) else None
        except LoadError as error:
            self._tell(_finding(error, include))
        except (WeftError, WouldBlock):
            pass
        return None

    def _enter(self, name: str) -> bool:
        """False for what includes itself: once through it is enough."""
        if name in self._open or len(self._open) >= _DEEPEST:
            return False
        self._open.append(name)
        return True


def _finding(error: LoadError, include: Task) -> Finding:
    """A file that isn't there is no error where the include may never be come to."""
    found = of_error(error)
    missing = error.exit_code == 1
    if missing and include.common.when:
        return Finding(
            severity=Severity.HINT,
            rule=Rule.LOAD,
            message=f"{found.message} It matters only if `when` lets the include run.",
            origin=found.origin or include.origin,
        )
    return Finding(
        severity=found.severity,
        rule=found.rule,
        message=found.message,
        origin=found.origin or include.origin,
        hint=found.hint,
    )
