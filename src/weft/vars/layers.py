"""Layers of variables, and the order in which they are looked through.

A scope has one layer for each row of ``PRECEDENCE`` that holds anything, and walks them from the strongest to the
weakest. Nothing is merged for a task: what is the same for all hosts of a play, for all tasks of a host or for all
hosts of a group is one layer that they share.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, Final

from weft.inventory.model import combine
from weft.model.values import Trusted, Value

#: Strongest first, as Ansible has it: row, where it comes from.
PRECEDENCE: Final = (
    ("locals", "loop variables, registered results while a loop or `until` runs, delegated variables"),
    ("magic", "hostvars, groups, play hosts, role names, options; `environment` and `vars`"),
    ("extra vars", "-e"),
    ("params", "parameters of the role (its parents' first), `vars` of the includes round the task"),
    ("set_fact", "set_fact, registered results; of the strand first"),
    ("include_vars", "include_vars; of the strand first"),
    ("task vars", "`vars` of the blocks round the task and of the task"),
    ("role vars", "vars/ of the task's role, its parents and dependencies, `vars` of its `roles` entry"),
    ("exported role vars", "vars/ of every public role of the play"),
    ("vars_files", "later files win"),
    ("vars_prompt", "answers"),
    ("play vars", "`vars` of the play"),
    ("facts", "ansible_facts, and the facts themselves where `inject_facts_as_vars` is on"),
    ("host vars", "inventory, then host_vars/ beside the inventory, then beside the playbook"),
    ("group vars", "as the setting `precedence` says; deeper groups, then higher ansible_group_priority, win"),
    ("role defaults of the task", "defaults/ of the task's role, its parents and dependencies"),
    ("role defaults of the play", "defaults/ of every public role of the play"),
    ("connection", "ansible_host, ansible_user, ... as the task's keywords and the settings have them"),
)


OPTION_PREFIX: Final = "ansible_"


class _Sign:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


UNSEEN: Final = _Sign("UNSEEN")  # nobody has looked at this value yet
LIVE: Final = _Sign("LIVE")  # this value has to be evaluated for each scope


class Options(enum.Enum):
    """Whether a layer has variables that begin as the options of connections do, and whether they are plain data."""

    NONE = "none"
    FIXED = "fixed"
    LIVE = "live"  # some are templates: each scope has values of its own


class Layer:
    """Variables of one place. ``ready`` remembers, for each name that was read, its final value or that it is LIVE."""

    __slots__ = ("_options", "data", "ready")

    def __init__(self, data: Mapping[Any, Value], ready: Mapping[str, Any] | None = None) -> None:
        self.data = data
        self.ready: dict[str, Any] = {} if ready is None else ready  # type: ignore[assignment]
        self._options: Options | None = None

    def options(self, is_template: Callable[[Value], bool]) -> Options:
        """What is among these that may say how to reach a host. Found out once."""
        if self._options is None:
            names = [name for name in self.data if isinstance(name, str) and name.startswith(OPTION_PREFIX)]
            if not names:
                self._options = Options.NONE
            elif self.ready is not self.data and any(is_template(self.data[name]) for name in names):
                self._options = Options.LIVE
            else:
                self._options = Options.FIXED
        return self._options

    def __repr__(self) -> str:
        return f"<Layer {', '.join(map(str, self.data))}>"


def plain_layer(data: Mapping[str, Any]) -> Layer:
    """A layer of plain data: nothing in it is ever a template."""
    return Layer(data, data)


def layers(*mappings: Mapping[Any, Value]) -> tuple[Layer, ...]:
    """A layer for each mapping that holds anything."""
    return tuple(Layer(mapping) for mapping in mappings if mapping)


def merged(mappings: list[Mapping[str, Value]], *, merge: bool) -> Mapping[str, Value]:
    """Several mappings of one row in one, later ones win."""
    mappings = [mapping for mapping in mappings if mapping]
    if not mappings:
        return {}
    result = mappings[0]
    for mapping in mappings[1:]:
        result = combine(result, mapping, merge=merge)
    return result


def without_places(value: Value) -> Any:
    """The same with containers that don't know where they stand; text keeps its mark."""
    if isinstance(value, dict):
        return {str(key) if type(key) is Trusted else key: without_places(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_places(item) for item in value]
    return value


def plain(value: Value) -> Any:
    """The same data without marks and places."""
    if isinstance(value, str):
        return str(value) if type(value) is not str else value
    if isinstance(value, dict):
        return {str(key) if type(key) is Trusted else key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
