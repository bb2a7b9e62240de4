"""Names of variables: which are allowed, and which mean something else already."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from weft.events.types import Event, Warned
from weft.inventory.builder import NAME_HELP, is_variable_name
from weft.model.errors import WeftError
from weft.model.values import Origin, origin_of
from weft.templating.types import type_name

#: Keywords of plays, roles, blocks and tasks, and the functions of templates. A variable of that name is warned about.
RESERVED = frozenset(
    {
        "action", "always", "any_errors_fatal", "args", "async", "async_val", "become", "become_exe", "become_flags",
        "become_method", "become_user", "block", "changed_when", "check_mode", "collections", "connection", "cycler",
        "debugger", "delay", "delegate_facts", "delegate_to", "dict", "diff", "environment", "fact_path",
        "failed_when", "force_handlers", "gather_facts", "gather_timeout", "handlers", "hosts", "ignore_errors",
        "ignore_unreachable", "joiner", "lipsum", "local_action", "lookup", "loop", "loop_control", "loop_with",
        "max_fail_percentage", "module_defaults", "name", "namespace", "no_log", "notify", "now", "omit", "order",
        "poll", "port", "post_tasks", "pre_tasks", "q", "query", "range", "register", "remote_user", "rescue",
        "retries", "roles", "run_once", "serial", "strategy", "tags", "tasks", "throttle", "timeout", "undef",
        "until", "vars_files", "vars_prompt", "when", "with_",
    }
)  # fmt: skip


def check_name(name: object, origin: Origin | None = None) -> None:
    """Raises WeftError where templates could not say the name."""
    if is_variable_name(name):
        return
    said = "name"
    if name is None or isinstance(name, str | int | float | bool):
        said += f" {str(name)!r}"
    if not isinstance(name, str):
        said += f" of type {type_name(name)!r}"
    raise WeftError(f"Invalid variable {said}.", origin or origin_of(name), NAME_HELP)


class ReservedNames:
    """Warns about variables with reserved names, once for each place."""

    def __init__(self, warn: Callable[[Event], None]) -> None:
        self._warn = warn
        self._said: set[tuple[str, Origin | None]] = set()

    def look_at(self, names: Iterable[str]) -> None:
        """Cheap where there is nothing to say."""
        if RESERVED.isdisjoint(names):
            return
        for name in names:
            if name in RESERVED and (key := (str(name), origin_of(name))) not in self._said:
                self._said.add(key)
                self._warn(Warned(message=f"Found variable using reserved name {str(name)!r}.", origin=key[1]))
