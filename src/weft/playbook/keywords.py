"""The table of the language: every keyword, where it may stand, what it holds and how it is inherited.

Sources: Ansible's documentation ("Playbook Keywords") for its own; weft's language page for those marked as added.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from functools import cache

from msgspec import Struct


class On(enum.Flag):
    """Kinds of nodes that a keyword may stand on."""

    PLAY = enum.auto()
    ROLE = enum.auto()  # an entry of `roles:` or of a role's dependencies
    BLOCK = enum.auto()
    TASK = enum.auto()
    HANDLER = enum.auto()
    INCLUDE = enum.auto()  # include_tasks, include_role
    HANDLER_INCLUDE = enum.auto()  # include_tasks as a handler
    IMPORT = enum.auto()  # import_tasks, import_role
    HANDLER_IMPORT = enum.auto()
    LOOP_CONTROL = enum.auto()
    IMPORT_PLAYBOOK = enum.auto()
    ROLE_META = enum.auto()  # meta/main.yml


_NOWHERE = On(0)


class Kind(enum.Enum):
    """What a keyword holds. Numbers are checked when they are loaded, if they are literal; truth when a task runs."""

    ANY = "any"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    TEXT = "string"
    VARIABLE = "variable name"
    LIST = "list"
    DICT = "dict"
    CONDITION = "condition"
    NODES = "list of tasks"


class Inherit(enum.Enum):
    """What a node inside another one gets of its keyword."""

    NO = "no"
    REPLACE = "replace"  # the innermost one counts
    EXTEND = "extend"  # all of them count, the outermost first


class Keyword(Struct, frozen=True):
    """One row of the table."""

    name: str
    kind: Kind
    on: On
    inherit: Inherit = Inherit.NO
    added: On = _NOWHERE  # where weft allows it and Ansible doesn't
    static: bool = False  # never a template

    @property
    def everywhere(self) -> On:
        return self.on | self.added


_TASKS = On.TASK | On.HANDLER | On.IMPORT | On.HANDLER_IMPORT
_INCLUDES = On.INCLUDE | On.HANDLER_INCLUDE
_IMPORTS = On.IMPORT | On.HANDLER_IMPORT
_NODES = On.ROLE | On.BLOCK | _TASKS
_BASE = On.PLAY | _NODES | On.IMPORT_PLAYBOOK | On.ROLE_META
_GROUPS = On.BLOCK | _INCLUDES | _IMPORTS  # what weft can retry, limit and run beside others as a whole
_HANDLERS = On.HANDLER | On.HANDLER_INCLUDE | On.HANDLER_IMPORT

_ROWS: tuple[Keyword, ...] = (
    # everywhere
    Keyword("name", Kind.TEXT, _BASE | _INCLUDES),
    Keyword("vars", Kind.DICT, _BASE | _INCLUDES, Inherit.EXTEND, static=True),
    Keyword("any_errors_fatal", Kind.BOOL, _BASE, Inherit.REPLACE),
    Keyword("become", Kind.BOOL, _BASE, Inherit.REPLACE),
    Keyword("become_exe", Kind.TEXT, _BASE, Inherit.REPLACE),
    Keyword("become_flags", Kind.TEXT, _BASE, Inherit.REPLACE),
    Keyword("become_method", Kind.TEXT, _BASE, Inherit.REPLACE),
    Keyword("become_user", Kind.TEXT, _BASE, Inherit.REPLACE),
    Keyword("check_mode", Kind.BOOL, _BASE, Inherit.REPLACE),
    Keyword("connection", Kind.TEXT, _BASE, Inherit.REPLACE),
    Keyword("debugger", Kind.TEXT, _BASE | _INCLUDES, Inherit.REPLACE),
    Keyword("diff", Kind.BOOL, _BASE, Inherit.REPLACE),
    Keyword("environment", Kind.LIST, _BASE, Inherit.EXTEND),
    Keyword("ignore_errors", Kind.BOOL, _BASE | _INCLUDES, Inherit.REPLACE),
    Keyword("ignore_unreachable", Kind.BOOL, _BASE, Inherit.REPLACE),
    Keyword("module_defaults", Kind.LIST, _BASE, Inherit.EXTEND),
    Keyword("no_log", Kind.BOOL, _BASE | _INCLUDES, Inherit.REPLACE),
    Keyword("port", Kind.INT, _BASE, Inherit.REPLACE),
    Keyword("remote_user", Kind.TEXT, _BASE, Inherit.REPLACE),
    Keyword("run_once", Kind.BOOL, _BASE | _INCLUDES, Inherit.REPLACE),
    Keyword("throttle", Kind.INT, _BASE, Inherit.REPLACE, added=_INCLUDES),
    Keyword("timeout", Kind.FLOAT, _BASE | _INCLUDES, Inherit.REPLACE),
    Keyword("tags", Kind.LIST, (_BASE | _INCLUDES) & ~On.ROLE_META, Inherit.EXTEND),
    Keyword("collections", Kind.LIST, (_BASE | _INCLUDES) & ~On.IMPORT_PLAYBOOK, Inherit.REPLACE, static=True),
    Keyword("when", Kind.CONDITION, _NODES | _INCLUDES | On.IMPORT_PLAYBOOK, Inherit.EXTEND),
    Keyword("delegate_to", Kind.TEXT, _NODES, Inherit.REPLACE),
    Keyword("delegate_facts", Kind.BOOL, _NODES, Inherit.REPLACE),
    Keyword("notify", Kind.LIST, On.BLOCK | _TASKS, Inherit.REPLACE),
    # plays
    Keyword("hosts", Kind.LIST, On.PLAY),
    Keyword("gather_facts", Kind.BOOL, On.PLAY),
    Keyword("gather_subset", Kind.LIST, On.PLAY),
    Keyword("gather_timeout", Kind.INT, On.PLAY),
    Keyword("fact_path", Kind.TEXT, On.PLAY),
    Keyword("vars_files", Kind.LIST, On.PLAY),
    Keyword("vars_prompt", Kind.LIST, On.PLAY),
    Keyword("roles", Kind.LIST, On.PLAY),
    Keyword("handlers", Kind.NODES, On.PLAY),
    Keyword("pre_tasks", Kind.NODES, On.PLAY),
    Keyword("tasks", Kind.NODES, On.PLAY),
    Keyword("post_tasks", Kind.NODES, On.PLAY),
    Keyword("force_handlers", Kind.BOOL, On.PLAY),
    Keyword("max_fail_percentage", Kind.ANY, On.PLAY),
    Keyword("order", Kind.TEXT, On.PLAY),
    Keyword("strategy", Kind.TEXT, On.PLAY),
    Keyword("user", Kind.TEXT, On.PLAY),
    Keyword("serial", Kind.ANY, On.PLAY, added=_NODES & ~On.ROLE | _INCLUDES),
    # blocks
    Keyword("block", Kind.NODES, On.BLOCK),
    Keyword("rescue", Kind.NODES, On.BLOCK),
    Keyword("always", Kind.NODES, On.BLOCK),
    # tasks
    Keyword("action", Kind.ANY, _TASKS | _INCLUDES),
    Keyword("local_action", Kind.ANY, _TASKS | _INCLUDES),
    Keyword("args", Kind.ANY, _TASKS | _INCLUDES),
    Keyword("async", Kind.INT, _TASKS, added=On.BLOCK | _INCLUDES),
    Keyword("poll", Kind.INT, _TASKS, added=On.BLOCK | _INCLUDES),
    Keyword("register", Kind.VARIABLE, _TASKS | _INCLUDES, added=On.BLOCK, static=True),
    Keyword("changed_when", Kind.CONDITION, _TASKS),
    Keyword("failed_when", Kind.CONDITION, _TASKS),
    Keyword("until", Kind.CONDITION, _TASKS, added=On.BLOCK | On.ROLE | _INCLUDES),
    Keyword("retries", Kind.INT, _TASKS, added=On.BLOCK | On.ROLE | _INCLUDES),
    Keyword("delay", Kind.FLOAT, _TASKS, added=On.BLOCK | On.ROLE | _INCLUDES),
    Keyword("loop", Kind.ANY, _TASKS | _INCLUDES),
    Keyword("loop_control", Kind.DICT, _TASKS | _INCLUDES),
    Keyword("listen", Kind.LIST, _HANDLERS, static=True),
    # loop_control
    Keyword("loop_var", Kind.TEXT, On.LOOP_CONTROL),
    Keyword("index_var", Kind.TEXT, On.LOOP_CONTROL),
    Keyword("label", Kind.ANY, On.LOOP_CONTROL),
    Keyword("pause", Kind.FLOAT, On.LOOP_CONTROL),
    Keyword("extended", Kind.BOOL, On.LOOP_CONTROL),
    Keyword("extended_allitems", Kind.BOOL, On.LOOP_CONTROL),
    Keyword("break_when", Kind.CONDITION, On.LOOP_CONTROL),
    # roles
    Keyword("role", Kind.TEXT, On.ROLE),
    Keyword("allow_duplicates", Kind.BOOL, On.ROLE_META),
    Keyword("dependencies", Kind.LIST, On.ROLE_META),
    Keyword("galaxy_info", Kind.DICT, On.ROLE_META),
    Keyword("argument_specs", Kind.DICT, On.ROLE_META),
    Keyword("import_playbook", Kind.TEXT, On.IMPORT_PLAYBOOK),
    # weft's own
    Keyword("backoff", Kind.FLOAT, _NOWHERE, added=_NODES | _INCLUDES),
    Keyword("max_delay", Kind.FLOAT, _NOWHERE, added=_NODES | _INCLUDES),
    Keyword("parallel", Kind.ANY, _NOWHERE, added=_GROUPS | On.LOOP_CONTROL),
    Keyword("needs", Kind.LIST, _NOWHERE, added=_NODES & ~On.ROLE | _INCLUDES, static=True),
    Keyword("lock", Kind.ANY, _NOWHERE, added=On.PLAY | _NODES | _INCLUDES),
)

#: What the messages call a node.
NODE_NAMES: Mapping[On, str] = {
    On.PLAY: "Play",
    On.ROLE: "RoleInclude",
    On.BLOCK: "Block",
    On.TASK: "Task",
    On.HANDLER: "Handler",
    On.INCLUDE: "TaskInclude",
    On.HANDLER_INCLUDE: "HandlerTaskInclude",
    On.IMPORT: "TaskInclude",
    On.HANDLER_IMPORT: "HandlerTaskInclude",
    On.LOOP_CONTROL: "LoopControl",
    On.IMPORT_PLAYBOOK: "PlaybookInclude",
    On.ROLE_META: "RoleMetadata",
}

#: `vars: {weft_K: ...}`: K -> the keyword of a task, block, include, import, role entry or play.
SPELLED = "weft_"
SPELLED_LOOP = "loop_parallel"


@cache
def allowed(on: On) -> Mapping[str, Keyword]:
    """The keywords that may stand on a kind of node, by name."""
    return {row.name: row for row in _ROWS if on in row.everywhere}


@cache
def allowed_names(on: On) -> tuple[str, ...]:
    """Their names, for hints."""
    return tuple(sorted(allowed(on)))


@cache
def added(on: On) -> frozenset[str]:
    """Those of them that weft adds: each may be spelled ``weft_K`` in the node's ``vars``.

    ``throttle`` and ``timeout`` of a block are Ansible's too, but there for each of its tasks: spelled this way they
    are the whole block's only.
    """
    names = {row.name for row in _ROWS if on in row.added}
    if on in _GROUPS | On.ROLE:
        names |= {"throttle", "timeout"}
    if on in _IMPORTS:  # Ansible allows these there, but they do nothing
        names |= {"until", "retries", "delay", "async", "poll", "register"}
    if on is On.ROLE:
        names |= {"parallel", "serial", "async", "poll", "register"}
    if on not in On.PLAY | On.BLOCK | On.ROLE:
        names.add(SPELLED_LOOP)
    return frozenset(names)


@cache
def names() -> frozenset[str]:
    """Every keyword there is, on whatever node."""
    return frozenset(row.name for row in _ROWS)


def rows() -> tuple[Keyword, ...]:
    """The whole table, for documentation and ``weft check``."""
    return _ROWS
