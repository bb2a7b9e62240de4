"""What a run, a batch and a host carry through a play. Each has one owner; the walk only reads most of it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from weft.actions.action import Action
from weft.actions.base import Services
from weft.connection.target import Passwords
from weft.engine.asked import Asked
from weft.engine.stats import Stats
from weft.events import Bus, Warned
from weft.executor.arguments import NoNames
from weft.executor.environment import RunEnvironment
from weft.executor.holds import Limits
from weft.executor.keywords import KeywordReader
from weft.executor.sentahead import WINDOW, SentAhead
from weft.executor.task import Deadline, Executor
from weft.executor.terms import TermsReader
from weft.inventory import Inventory
from weft.jobs.registry import JobRegistry
from weft.jobs.strands import Strands
from weft.locks.keeper import Key
from weft.model.nodes import Beside, Block, Handler, Node, Play, Role, Task, TaskKind
from weft.model.run_options import RunOptions
from weft.model.settings import Settings
from weft.model.tags import selected
from weft.model.values import origin_of
from weft.playbook.loader import Loader
from weft.templating.api import Names
from weft.templating.blocking import WouldBlock
from weft.vars import Branch, PlayVars, Variables

if TYPE_CHECKING:
    from weft.engine.lanes import Lane, Lanes
    from weft.engine.limits import SerialGate


class RunState(Struct, kw_only=True):
    """Run-wide, but for what each lane of plays has for itself. Owned by ``engine.playlane``."""

    services: Services
    settings: Settings
    options: RunOptions
    passwords: Passwords
    bus: Bus
    variables: Variables
    loader: Loader
    executor: Executor
    keywords: KeywordReader
    terms: TermsReader
    limits: Limits
    find_action: Callable[[str], Action]
    with_items: Callable[[str, Any, Any], list[Any]]
    jobs: JobRegistry
    strands: Strands
    reload_inventory: Callable[[], Inventory]
    find_filter: Callable[[str], Callable[..., Any] | None]
    asked: Asked
    interrupt_programs: Callable[[], None]  # those that templates run; a task that was waiting for one does not start
    stats: Stats = field(default_factory=Stats)
    failed: set[str] = field(default_factory=set)  # out of the plays that follow
    unreachable: set[str] = field(default_factory=set)
    stopping: bool = False  # Ctrl-C: no new task starts
    step: bool = False
    start_at: str | None = None  # --start-at-task, until the task is found
    debugging: asyncio.Lock = field(default_factory=asyncio.Lock)  # one task at a time
    lane: str | None = None  # what the views call it, among plays that run side by side
    window: int = WINDOW  # how many tasks of a host are on their way to it at most, beside the one whose turn it is

    def for_lane(self, label: str) -> RunState:
        """For plays that run beside others: who fails there, and what is set, is these plays' own until they end."""
        return replace(
            self,
            lane=f"{self.lane} / {label}" if self.lane is not None else label,
            failed=set(self.failed),
            unreachable=set(self.unreachable),
            variables=self.variables.lane(),
        )


def render_tags(tags: tuple[str, ...], run: RunState, play_vars: PlayVars) -> frozenset[str]:
    """Tags with templates evaluated, lists taken apart. They can't depend on a host."""
    templar = run.services.templar
    found: set[str] = set()
    for tag in tags:
        value: Any = tag
        if templar.is_template(tag):
            value = templar.render(tag, run.variables.scope(None, play=play_vars))
        for part in value if isinstance(value, list) else str(value).split(","):
            found.add(str(part).strip())
    return frozenset(found)


@dataclasses.dataclass(slots=True, kw_only=True)
class BatchState:
    """One batch of a play. Owned by ``engine.batch``."""

    run: RunState
    play: Play
    hosts: tuple[str, ...]
    play_vars: PlayVars
    environment: RunEnvironment
    handlers: list[Handler]
    strategy: str
    selected: dict[str, bool] = dataclasses.field(default_factory=dict)  # task id -> whether its tags are chosen
    notified: dict[str, set[str]] = dataclasses.field(default_factory=dict)  # handler id -> hosts
    debugs: bool = False  # tasks that fail are debugged, unless they say otherwise
    skip_before: frozenset[str] = frozenset()  # ids of tasks that --start-at-task leaves out
    # count for max_fail_percentage; out of the plays that follow
    failed: set[str] = dataclasses.field(default_factory=set)
    ended_failed: set[str] = dataclasses.field(default_factory=set)  # their way through the play ended with a failure
    # task id -> whether evaluating its name blocks
    blocking_names: dict[str, bool] = dataclasses.field(default_factory=dict)
    handler_names: dict[str, tuple[str, tuple[str, ...]]] = dataclasses.field(default_factory=dict)  # by their ids
    warned: set[str] = dataclasses.field(default_factory=set)  # said once a batch
    ended: bool = False  # meta: end_play
    broken: bool = False  # too many failures: the rest of the run is off
    cleared: int = 0  # how often meta: clear_host_errors has been run
    step: bool = False  # somebody is asked before each task, until the answer is to continue
    lanes: Lanes = dataclasses.field(init=False)
    main: Lane = dataclasses.field(init=False)  # the play's own
    # node id -> `serial` where hosts go their own pace
    gates: dict[str, SerialGate] = dataclasses.field(default_factory=dict)
    # each host goes from task to task without a thought of others, not even of a place among the forks
    own_ways: bool = False

    def remove(self, hosts: Iterable[str]) -> None:
        """Take hosts out of `ansible_play_hosts`."""
        self.play_vars.removed.update(hosts)

    def short_title(self, task: Task, host: HostState | None, *, warn: bool = False) -> str:
        """The task's name as this host sees it, without its role; with notes where it can't be evaluated."""
        shown, problems = self.shown_name(task, host)
        if problems and warn:
            self.run.bus.publish(Warned(message=_told(problems), origin=origin_of(task.name)))
        return shown

    def shown_name(self, task: Task, host: HostState | None) -> tuple[str, tuple[str, ...]]:
        """The task's name, and why parts of it can't be had."""
        if not task.name:
            if task.kind is TaskKind.INCLUDE_ROLE and "name" in task.args:
                return f"{task.action} : {task.args['name']}", ()
            return task.action, ()
        templar = self.run.services.templar
        if not templar.is_template(task.name):
            return str(task.name).strip(), ()
        known = host.prepared.get(task.id) if host is not None else None
        shown, problems = known or self._rendered_name(task, host)
        return shown or task.action, problems

    def handler_name(self, handler: Handler) -> tuple[str, tuple[str, ...]]:
        """The name by which a handler is notified, and why it can't be had: no host's variables count."""
        if not self.run.services.templar.is_template(handler.name):
            return str(handler.name).strip(), ()
        known = self.handler_names.get(handler.id)
        if known is None:
            scope = self.run.variables.scope(None, play=self.play_vars, task=handler)
            known = self.handler_names[handler.id] = self._rendered(handler, scope)
        return known

    def _rendered_name(self, task: Task, host: HostState | None) -> tuple[str, tuple[str, ...]]:
        names: Names = NoNames()
        if host is not None:
            scope = self.run.variables.scope(host.name, play=self.play_vars, task=task, branch=host.branch)
            names = scope.within(host.local)
        return self._rendered(task, names)

    def _rendered(self, task: Task, names: Names) -> tuple[str, tuple[str, ...]]:
        try:
            shown, problems = self.run.services.templar.render_for_people(task.name, names)
        except WouldBlock:
            return str(task.name).strip(), ()
        return shown.strip(), problems

    async def prepare_title(self, task: Task, host: HostState) -> None:
        """Evaluate a name that takes long (it calls a lookup) before it is needed."""
        blocks = self.blocking_names.get(task.id)
        if blocks is None:
            templar = self.run.services.templar
            blocks = templar.is_template(task.name) and templar.may_block(task.name)
            self.blocking_names[task.id] = blocks
        if blocks:
            host.prepared[task.id] = await asyncio.to_thread(self._rendered_name, task, host)

    def title(self, task: Task, host: HostState | None, *, warn: bool = False) -> str:
        """The task's name as banners show it: `role : name`, but an `include_role` stands alone, as with Ansible.

        ``warn``: say what of it could not be evaluated.
        """
        name = self.short_title(task, host, warn=warn)
        if task.role is None or task.kind is TaskKind.INCLUDE_ROLE:
            return name
        return f"{task.role.name} : {name}"

    def selected_by_tags(self, task: Task) -> bool:
        """Whether `--tags` and `--skip-tags` choose the task. Found out once for each."""
        known = self.selected.get(task.id)
        if known is None:
            tags = render_tags(task.common.tags, self.run, self.play_vars)
            known = selected(tags, self.run.settings.run_tags, self.run.settings.skip_tags)
            self.selected[task.id] = known
        return known

    def any_selected(self, nodes: Sequence[Node]) -> bool:
        """Whether `--tags` and `--skip-tags` leave anything of these: in Ansible there is no rescue, say, if not."""
        return any(
            any(map(self.any_selected, (node.body, node.rescue, node.always)))
            if isinstance(node, Block)
            else node.implicit or node.kind is TaskKind.ROLE_END or self.selected_by_tags(node)
            for node in nodes
        )


def _told(problems: tuple[str, ...]) -> str:
    lines = [f"Encountered {len(problems)} template error{'s' if len(problems) > 1 else ''}."]
    return "\n".join([*lines, *(f"error {number} - {text}" for number, text in enumerate(problems, 1))])


class Watch(Struct, eq=False):
    """What has happened within a group of tasks on a host, for its result."""

    outer: Watch | None = None
    changed: bool = False

    def note(self, *, changed: bool) -> None:
        if changed and not self.changed:
            self.changed = True
            if self.outer is not None:
                self.outer.note(changed=True)


class HostState(Struct):
    """One host's way through a batch, or one of the strands of it. Owned by its coroutine."""

    name: str
    last: tuple[int, ...] | None = None  # position of the last task that it came to
    rescue_depth: int = 0  # blocks with a rescue whose body the host is in
    always_depth: int = 0  # blocks with an always whose body or rescue the host is in
    forced: bool = False  # its handlers run even if it fails now: what is notified is its section's `always`
    flushing: bool = False
    notifications: list[str] = field(default_factory=list)  # names, kept until handlers are flushed
    roles_run: set[str] = field(default_factory=set)  # uses of roles of which a task ran
    roles_done: set[str] = field(default_factory=set)
    items: Mapping[Role, str] = field(default_factory=dict)  # of included roles that the host is in: ``Expansion.item``
    local: Mapping[str, Any] = field(default_factory=dict)  # variables of the includes that the host is in
    prepared: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)  # task id -> name, its problems
    branch: Branch | None = None  # what the strand has set for itself
    held: frozenset[Key] = frozenset()  # locks of the blocks and includes that the host is in
    deadline: Deadline | None = None  # the nearest of those round it
    watch: Watch | None = None
    deferred: bool = False  # in a strand: its failure counts when it is joined
    runs_beside: Beside = Beside.NOTHING  # what the nearest branch is of
    flush_key: str = ""  # who has been notified; empty: the host
    above: HostState | None = None  # round a strand that nobody waits for
    over: bool = False  # joined: what else is notified goes to the state above
    sent: SentAhead | None = None  # tasks that are on their way to the host already

    def use_of(self, role: Role) -> str:
        """Equal for uses that count as the same for `allow_duplicates`: a role included for another item is another."""
        return f"{role.key}{self.items.get(role, '')}"

    @property
    def notified_as(self) -> str:
        return self.flush_key or self.name

    def beside(self, branch: Branch) -> HostState:
        """The state of a strand that starts here. What is notified, and which roles have run, they share."""
        return replace(
            self,
            branch=branch,
            prepared=dict(self.prepared),
            last=None,
            runs_beside=Beside.CHILD,
            flushing=False,
            sent=None,
        )

    def detached(self, branch: Branch, *, followed: bool) -> HostState:
        """The state of a strand that runs on its own: nothing round it catches its failures.

        ``followed``: what is round it waits for its end, and has its locks until then.
        """
        return replace(
            self,
            branch=branch,
            prepared=dict(self.prepared),
            rescue_depth=0,
            always_depth=0,
            forced=False,
            held=self.held if followed else frozenset(),
            deadline=None,
            watch=Watch(),
            deferred=True,
            last=None,
            runs_beside=Beside.STRAND,
            flushing=False,
            notifications=[],
            flush_key=f"{self.name} {id(branch)}",
            above=self,
            over=False,
            sent=None,
        )

    def hand_on_notifications(self) -> None:
        """A strand is joined: what it notified and has not flushed is the host's from now on."""
        self.over = True
        above = self.above
        while above is not None and above.over:
            above = above.above
        if above is not None:
            above.notifications.extend(name for name in self.notifications if name not in above.notifications)


class Expansion(Struct, kw_only=True):
    """A dynamic include, expanded: what its hosts run."""

    variables: Mapping[str, Any]
    args: Mapping[str, Any]
    label: Any
    hosts: dict[str, None]  # in the batch's order
    nodes: tuple[Any, ...] = ()
    imports: tuple[Role, ...] = ()  # roles that it imports
    role: Role | None = None
    item: str = ""  # of a role: equal for equal variables, those of a loop's item
    error: str | None = None  # why it can't be had


class Shared:
    """Keys of what the hosts of a round decide together."""

    ONCE = "once"  # Future[bool]: the first host does it for all
    REPORT = "report"  # Future[Report | None]: what came of it
    INCLUDES = "includes"  # host -> tuple[Include, ...]
    EXPANSIONS = "expansions"  # Task[list[Expansion]]
    FATAL = "fatal"  # a failure of one is everybody's
    STEP = "step"  # Future[bool]: the user wants the task
    UNSAID = "unsaid"  # the task's banner waits for what the user says of it
    META = "meta"  # Future[bool]: the condition of a meta action that counts for all
    INFO = "info"  # TaskInfo
    GATE = "gate"  # SerialGate of a task
    OUT = "out"  # set[str]: hosts that meet with the others, and don't go with them into what comes then
    EVERYWHERE = "everywhere"  # it is `run_once` that asks for that: what comes of it is every host's
    LEADER = "leader"  # the host that does a `run_once` task where hosts go their own pace
