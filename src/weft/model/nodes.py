"""The playbook as loaded: frozen nodes, each with its origin and with the keywords it inherits already folded in.

Inheritance (play -> role -> block -> static import -> task) is resolved once, at load. What a node holds in ``common``
is therefore effective; a value may still contain ``Trusted`` text that is evaluated for each host when the task runs.
A dynamic include does not hand on its own keywords (only ``vars`` and what it has under ``apply``), as in Ansible.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from weft.model.values import Origin, Value


class Common(Struct, frozen=True, kw_only=True):
    """Keywords that plays, roles, blocks and tasks share, after inheritance. ``None`` means: not set anywhere."""

    any_errors_fatal: Value = None
    become: Value = None
    become_exe: Value = None
    become_flags: Value = None
    become_method: Value = None
    become_user: Value = None
    check_mode: Value = None
    collections: tuple[str, ...] = ()
    connection: Value = None
    debugger: Value = None
    diff: Value = None
    environment: tuple[Value, ...] = ()  # outermost first; later ones win
    ignore_errors: Value = None
    ignore_unreachable: Value = None
    module_defaults: tuple[Value, ...] = ()  # outermost first; later ones win
    no_log: Value = None
    port: Value = None
    remote_user: Value = None
    run_once: Value = None
    tags: tuple[str, ...] = ()  # own and inherited, unrendered
    throttle: Value = None
    throttle_origin: Origin | None = None  # of the node that ``throttle`` stands on
    timeout: Value = None
    when: tuple[Value, ...] = ()  # outermost first; all must hold
    delegate_to: Value = None  # blocks and tasks
    delegate_facts: Value = None
    notify: tuple[Value, ...] = ()  # blocks and tasks
    vars: tuple[Mapping[str, Value], ...] = ()  # `vars:` of blocks, imports, the task; outermost first; not the play's
    params: tuple[Mapping[str, Value], ...] = ()  # `vars:` of the dynamic includes round it; beat set_fact
    hidden: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    """Keyword -> what holds where its value, a template, gives `omit`: that of the node round it, and so on."""


class LoopControl(Struct, frozen=True, kw_only=True):
    """How a task goes through its items."""

    loop_var: str = "item"
    index_var: str | None = None
    label: Value = None
    pause: Value = None  # seconds between items
    extended: Value = None
    extended_allitems: Value = True
    break_when: tuple[Value, ...] = ()
    parallel: Value = None  # at most so many items at once


class Parallel(Struct, frozen=True, kw_only=True):
    """``parallel:`` of a block, include, import or play list."""

    limit: Value = None  # None: no limit
    on_failure: str = "finish"  # finish | cancel


class Retry(Struct, frozen=True, kw_only=True):
    """``until``/``retries``/``delay`` and their limits, of a task or (weft) of a block or include."""

    until: tuple[Value, ...] = ()
    retries: Value = None  # None: not set (3 if there is an `until`)
    delay: Value = None  # seconds; None: 5
    backoff: Value = None
    max_delay: Value = None


class Role(Struct, frozen=True, kw_only=True, eq=False):
    """One use of a role: where it is, and what it brings. Loaded once for each distinct use."""

    name: str  # as resolved: `nginx`, or `ns.coll.nginx` in a collection
    path: str
    origin: Origin
    collection: str | None = None
    collections: tuple[str, ...] = ()  # where short names in it are looked up first
    params: Mapping[str, Value] = field(default_factory=dict)  # extra keys of a `roles:` entry; they beat set_fact
    use_vars: Mapping[str, Value] = field(default_factory=dict)  # `vars:` of the `roles:` entry
    defaults: Mapping[str, Value] = field(default_factory=dict)
    vars: Mapping[str, Value] = field(default_factory=dict)
    parents: tuple[Role, ...] = ()  # roles that brought this one in, outermost first
    dependencies: tuple[Role, ...] = ()  # roles that it brought in (meta/main.yml), direct
    tasks: tuple[Node, ...] = ()  # what running it means: its dependencies' tasks, its own, its end mark
    handlers: tuple[Node, ...] = ()  # its dependencies' first
    imports: tuple[Role, ...] = ()  # of an included role: those that it imports, in their order
    argument_specs: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    allow_duplicates: bool = False
    public: bool = True  # whether its defaults and vars are seen by the tasks after it
    key: str = ""  # equal for uses that count as the same for `allow_duplicates`
    is_static: bool = True


class Beside(enum.IntEnum):
    """Whether something goes on beside what is round it, and as what: the nearest counts."""

    NOTHING = 0
    CHILD = 1  # of a parallel block
    STRAND = 2  # something async

    def within(self, *, detached: bool = False, parallel: bool = False) -> Beside:
        """What holds inside a node here that is async or has children side by side."""
        if parallel:
            return Beside.CHILD
        return Beside.STRAND if detached else self


class TaskKind(enum.Enum):
    """What the engine does with a task."""

    PLAIN = "plain"  # an action or a module
    META = "meta"
    INCLUDE_TASKS = "include_tasks"
    INCLUDE_ROLE = "include_role"
    ROLE_END = "role_end"  # inserted after a role's tasks: the role has completed on this host


class Task(Struct, frozen=True, kw_only=True, eq=False):
    """One task. ``action`` is as written (`copy`, `ansible.builtin.copy`); ``fqcn`` is resolved, where it could be."""

    id: str
    origin: Origin
    name: Value = None  # None: shown by its action
    action: str
    fqcn: str
    action_origin: Origin | None = None  # where the action's name stands
    args: Mapping[str, Value] = field(default_factory=dict)  # free-form text under `_raw_params`
    args_template: Value = None  # `args: "{{ dict }}"`: evaluated to a mapping, under the keys of `args`
    kind: TaskKind = TaskKind.PLAIN
    common: Common
    role: Role | None = None
    loop: Value = None
    loop_with: str | None = None  # with_NAME: the lookup's name
    loop_control: LoopControl = LoopControl()
    register: str | None = None
    retry: Retry = Retry()
    changed_when: tuple[Value, ...] | None = None
    failed_when: tuple[Value, ...] | None = None
    async_seconds: Value = None  # `async`
    poll: Value = None
    parallel: Parallel | None = None  # of a dynamic include: the file's nodes are the children (a role's: in its tasks)
    needs: tuple[str, ...] = ()
    lock: Value = None
    serial: Value = None
    throttle: Value = None  # own `throttle:` of a dynamic include: so many hosts inside at once
    timeout: Value = None  # own `timeout:` of a dynamic include, seconds for all of it; a task's is in ``common``
    path_parents: tuple[str, ...] = ()  # folders where relative paths of this task are looked up, nearest first
    include_context: Common | None = None  # dynamic includes: what the included tasks inherit; `apply` is in it
    include_dirs: tuple[str, ...] = ()  # folders of the files that were included or imported round it, nearest first
    beside: Beside = Beside.NOTHING
    own_vars: Mapping[str, Value] = field(default_factory=dict)  # its own `vars:`, also the last of common.vars
    extra: Mapping[str, Value] = field(default_factory=dict)  # further weft keywords, by name
    implicit: bool = False  # made by weft (gathering facts, end of a role): no tags filter, no banner for META

    @property
    def is_handler(self) -> bool:
        return isinstance(self, Handler)


class Handler(Task, frozen=True, kw_only=True, eq=False):
    """A task that runs when it is notified, by its name or by one of the topics in ``listen``."""

    listen: tuple[Value, ...] = ()
    within: str = ""  # id of the list it is written in: of two with one name there the first counts


class Block(Struct, frozen=True, kw_only=True, eq=False):
    """Tasks that belong together; also a static import (``implicit``), whose keywords are already in its tasks."""

    id: str
    origin: Origin
    name: Value = None
    common: Common
    body: tuple[Node, ...]
    rescue: tuple[Node, ...] = ()
    always: tuple[Node, ...] = ()
    role: Role | None = None
    implicit: bool = False
    title: str | None = None  # what views call an import that has no name
    parallel: Parallel | None = None
    needs: tuple[str, ...] = ()
    lock: Value = None
    serial: Value = None
    throttle: Value = None  # own `throttle:` of the block: at most so many hosts inside at once
    timeout: Value = None  # own `timeout:` of the block, seconds
    retry: Retry = Retry()
    async_seconds: Value = None
    poll: Value = None
    register: str | None = None
    extra: Mapping[str, Value] = field(default_factory=dict)


Node = Task | Block


class VarsPrompt(Struct, frozen=True, kw_only=True):
    """One entry of ``vars_prompt``."""

    name: str
    prompt: Value = None
    default: Value = None
    private: bool = True
    confirm: bool = False
    encrypt: str | None = None
    salt: str | None = None
    salt_size: int | None = None
    unsafe: bool = False
    origin: Origin


class Play(Struct, frozen=True, kw_only=True, eq=False):
    """One play of a playbook."""

    id: str
    origin: Origin
    path: str  # of the playbook it stands in
    collection: str | None = None  # that the playbook belongs to
    name: Value = None  # None: shown by its hosts
    hosts: Value
    common: Common  # `when`: of the imports round it, for gathering facts; tasks have it already
    gather_facts: Value = None  # None: as the settings say
    gather_subset: Value = None
    gather_timeout: Value = None
    fact_path: Value = None
    force_handlers: Value = None
    max_fail_percentage: Value = None
    order: Value = None
    serial: Value = None
    strategy: Value = None
    vars: Mapping[str, Value] = field(default_factory=dict)
    vars_files: tuple[Value, ...] = ()  # each a path, or a list of which the first that exists counts
    vars_prompt: tuple[VarsPrompt, ...] = ()
    roles: tuple[Role, ...] = ()  # in the order they were written, then those of `import_role`
    validate_argspec: Value = None
    pre_tasks: tuple[Node, ...] = ()
    role_tasks: tuple[Node, ...] = ()  # every role's tasks, dependencies first
    tasks: tuple[Node, ...] = ()
    post_tasks: tuple[Node, ...] = ()
    handlers: tuple[Node, ...] = ()  # its roles', its own, those of imported roles: the last of a name counts
    lock: Value = None
    parallel_with: str | None = None  # plays with the same mark run side by side
    parallel_lane: str | None = None  # among these: plays of one lane (an imported playbook's) run one after the other
    parallel_name: str | None = None  # what the lane is called; None: as its first play
    extra: Mapping[str, Value] = field(default_factory=dict)


class Playbook(Struct, frozen=True, kw_only=True, eq=False):
    """A file's plays in order, those of imported playbooks among them."""

    path: str
    plays: tuple[Play, ...]
    given: str = ""  # the path as it was asked for
    collection: str | None = None  # the one it belongs to: its short names are looked up there first
