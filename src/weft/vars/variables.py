"""The run-wide owner of variables: what hosts have set, their facts, and the layers that scopes are made of.

Comes after ``inventory`` and ``templating``; the engine writes what tasks bring, and asks for a scope for each task.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from weft.config.yaml import Decrypt
from weft.events.types import Deprecated, Event, Warned
from weft.inventory.inventory import Inventory
from weft.inventory.model import LOCALHOST
from weft.inventory.vars_dirs import Plugins, VarsDirs
from weft.model.errors import LoadError, UndefinedName
from weft.model.nodes import Task
from weft.model.settings import Settings
from weft.model.values import Value
from weft.templating.api import Names
from weft.vars.branch import Branch
from weft.vars.cache import FactCache, open_cache
from weft.vars.facts import GATHERED, FactCleaner, facts_layer
from weft.vars.hostlayers import HostLayers
from weft.vars.hoststate import HostState
from weft.vars.layers import Layer, plain_layer
from weft.vars.magic import PLAY_MAGIC, ROLE_MAGIC, TASK_MAGIC, option_magic
from weft.vars.names import ReservedNames
from weft.vars.plans import Plan, Planner, VarsFileLoader
from weft.vars.play import PlayVars
from weft.vars.scope import MergingScope, Scope


class Templating(Protocol):
    """What variables use of the templar."""

    def render(self, value: Value, names: Names) -> Any: ...
    def evaluate(self, value: Value, names: Names) -> Any: ...
    def is_template(self, value: Value) -> bool: ...


class Variables:
    """Makes scopes, and takes in what tasks set. All values it is given belong to it: nobody may change them later.

    The engine calls it in the loop's thread; scopes may be read anywhere.
    """

    def __init__(
        self,
        inventory: Inventory,
        templar: Templating,
        *,
        extra_vars: Mapping[str, Value],
        settings: Settings,
        loader: VarsFileLoader,
        warn: Callable[[Event], None],
        decrypt: Decrypt | None = None,
        limit: str | None = None,
        cache: FactCache | None = None,
        dirs: VarsDirs | None = None,
        password: str | None = None,
        playbook_dirs: Sequence[str] = (),
    ) -> None:
        """``loader`` reads vars files, ``decrypt`` whole encrypted ones. ``cache`` replaces that of the settings.
        ``password`` is what was typed for the connection: tasks read it as `ansible_password`. ``playbook_dirs`` may
        have collections in them.

        Raises OptionsError for an entry of the setting `precedence` that there is not.
        """
        self.inventory = inventory
        self.templar = templar
        self.settings = settings
        self.extra_vars = extra_vars
        self.password = password
        self._warn = warn
        self._said: set[str] = set()
        self._reserved = ReservedNames(warn)
        self._reserved.look_at(extra_vars)
        self._cache = open_cache(settings, warn) if cache is None else cache
        connections = _plugin_names(settings.plugin_paths.get("connection", ()))
        self._cleaner = FactCleaner(self._warn_text, connections)
        self._no_facts = facts_layer({}, self._cleaner, inject=settings.inject_facts_as_vars)
        if dirs is None:
            plugins = _other_plugins(settings, playbook_dirs, warn, decrypt)
            dirs = VarsDirs(settings, warn=warn, decrypt=decrypt, plugins=plugins)
        self._dirs = dirs
        self._host_layers = HostLayers(inventory, settings, self._dirs, self._reserved)
        self._planner = Planner(settings, Layer(extra_vars), loader, templar.is_template, self._reserved)
        self._states: dict[str, HostState] = {}
        self._hostvars_plans: dict[str, Plan] = {}
        self._scope_type = MergingScope if settings.hash_behaviour == "merge" else Scope
        options = option_magic(settings, inventory.sources, limit)
        self._host_magic = options
        self._play_magic = {**options, **PLAY_MAGIC}
        self._task_magic = {**self._play_magic, **TASK_MAGIC}
        self._role_magic = {**self._task_magic, **ROLE_MAGIC}
        self._together = [self]  # with those of its lanes: the inventory is common to all
        self._beside: Variables | None = None  # in a lane: whose lane it is

    # -- scopes ----------------------------------------------------------------------------------------------------

    def scope(
        self,
        host: str | None,
        *,
        play: PlayVars,
        task: Task | None = None,
        local: Mapping[str, Any] | None = None,
        branch: Branch | None = None,
    ) -> Scope:
        """The variables of a task of a play on a host; without a host, those that the play has everywhere.

        ``local`` is plain data above everything. Raises LoadError where a vars file is broken.
        """
        plan = self._planner.plan(play, task)
        middle = plan.middle
        if play.cache is not None and play.cache.late_files:
            middle = (*middle, self._late_files(play, plan, host))
        if task is None:
            magic = self._play_magic
        else:
            magic = self._task_magic if task.role is None else self._role_magic
        return self._scope_type(
            self, host, plan, self._assemble(host, plan, middle, branch), magic, local or {}, branch
        )

    def hostvars_scope(self, host: str, basedir: str, branch: Branch | None = None) -> Scope:
        """A host's variables outside of any play."""
        plan = self._hostvars_plans.get(basedir)
        if plan is None:
            plan = self._hostvars_plans[basedir] = self._planner.hostvars_plan(basedir)
        return self._scope_type(self, host, plan, self._assemble(host, plan, (), branch), self._host_magic, {}, branch)

    def delegate_scope(self, scope: Scope, name: str) -> Scope:
        """The variables of the host that a task is delegated to, for the same task.

        As in Ansible they say ``inventory_hostname`` of the host that delegates.
        """
        play = scope.plan.play_vars
        if play is None:
            raise LoadError("a task outside of a play can't be delegated")
        local = {"inventory_hostname": scope["inventory_hostname"]} if "inventory_hostname" in scope else {}
        return self.scope(name, play=play, task=scope.plan.task, local=local)

    def _assemble(
        self, host: str | None, plan: Plan, middle: tuple[Layer, ...], branch: Branch | None
    ) -> tuple[Layer, ...]:
        if host is None:
            return (*plan.upper, *middle, *plan.play, *plan.lower)
        state = self._state(host)
        static = state.static.get(plan.basedirs)
        if static is None or state.entry is not self.inventory.hosts.get(host, state.entry):
            static = self._static(host, state, plan.basedirs)
        return (
            *plan.upper,
            *self._set_layers(host, state, branch),
            *middle,
            *plan.play,
            state.facts_layer,
            *static,
            *plan.lower,
        )

    def _set_layers(self, host: str, state: HostState, branch: Branch | None) -> tuple[Layer, ...]:
        facts = (state.set_facts,) if state.set_facts is not None else ()
        included = (state.included,) if state.included is not None else ()
        if branch is not None and branch.host == host:
            return (*branch.fact_layers(), *facts, *branch.included_layers(), *included)
        return facts + included

    def _static(self, host: str, state: HostState, basedirs: tuple[str, ...]) -> tuple[Layer, ...]:
        entry = self.inventory.host_or_new(host)
        if entry is not state.entry:
            state.static = {}
            state.entry = entry
        static = state.static[basedirs] = self._host_layers.layers(entry, basedirs)
        return static

    def _state(self, host: str) -> HostState:
        state = self._states.get(host)
        if state is None:
            if host in LOCALHOST and (entry := self.inventory.host(host)) is not None and entry.name != host:
                state = self._states[host] = self._state(entry.name)  # another name of the same host
                return state
            if self._beside is not None:
                state = self._states[host] = self._beside._state(host).lane()
                return state
            facts = self._cache.load(host)
            state = self._states[host] = HostState(facts or {}, self._facts_layer(facts) if facts else self._no_facts)
        return state

    def _facts_layer(self, facts: Mapping[str, Any]) -> Layer:
        return facts_layer(facts, self._cleaner, inject=self.settings.inject_facts_as_vars)

    def prepare(self, play: PlayVars, hosts: Iterable[str]) -> None:
        """Read what scopes of these hosts will need from files: vars files, group_vars, host_vars, cached facts.

        May block for long: call it in a thread before the play. Raises LoadError, VaultFailed.
        """
        for host in hosts:
            self.scope(host, play=play)

    # -- vars_files ------------------------------------------------------------------------------------------------

    def _late_files(self, play: PlayVars, plan: Plan, host: str | None) -> Layer:
        """The play's vars_files whose names depend on variables, as this host sees them; read at first need."""
        assert play.cache is not None
        state = self._state(host) if host is not None else None
        stamp = (state.facts_layer if state else None, len(play.prompted), plan.task is None)
        known = play.cache.host_files.get(host)
        if known is not None and known[0] == stamp:
            late: Layer = known[1]
            return late
        late = LateLayer(lambda: self._read_late(play, plan, host, state))
        play.cache.host_files[host] = (stamp, late)
        return late

    def _read_late(self, play: PlayVars, plan: Plan, host: str | None, state: HostState | None) -> Layer:
        assert play.cache is not None
        found: list[Mapping[str, Value]] = []
        for entry in play.cache.late_files:
            below = (*plan.play, *((state.facts_layer, *state.static[plan.basedirs]) if state else ()), *plan.lower)
            own = (self._planner.merged_files(found),) if found else ()
            extra = plan.upper[: len(plan.upper) - len(plan.params)]
            scope = self._scope_type(self, host, plan, (*extra, *own, *below), self._play_magic)
            try:
                names = self.templar.render(entry, scope)
            except UndefinedName as error:
                if state is not None and state.facts.get("module_setup") and plan.task is not None:
                    raise UndefinedName(
                        "an undefined variable was found when attempting to template the vars_files item "
                        f"'{entry}': {error.message}",
                        error.origin,
                    ) from error
                event = Warned(message="skipping vars_files item due to an undefined variable", origin=error.origin)
                self.say_once(event)
                continue
            found += self._planner.read_files(play, names, entry)
        return self._planner.merged_files(found)

    # -- what tasks set --------------------------------------------------------------------------------------------

    def set_fact(
        self, host: str, values: Mapping[str, Any], *, cacheable: bool = False, branch: Branch | None = None
    ) -> None:
        """What the action set_fact sets (plain data); with ``cacheable`` it becomes a fact too."""
        if cacheable:
            self.set_facts(host, values)
        self._reserved.look_at(values)
        if branch is not None and branch.host == host:
            branch.set_fact(values)
            return
        state = self._state(host)
        known = state.set_facts.data if state.set_facts is not None else {}
        state.set_facts = plain_layer({**known, **values})

    def register(self, host: str, name: str, value: Any, *, branch: Branch | None = None) -> None:
        """A registered result (plain data)."""
        self.set_fact(host, {name: value}, branch=branch)

    def include_vars(self, host: str, values: Mapping[str, Value], *, branch: Branch | None = None) -> None:
        """What the action include_vars read; may hold templates."""
        self._reserved.look_at(values)
        if branch is not None and branch.host == host:
            branch.include_vars(values)
            return
        state = self._state(host)
        known = state.included.data if state.included is not None else {}
        state.included = Layer(self._planner.combined(known, values))

    def set_facts(self, host: str, facts: Mapping[str, Any]) -> None:
        """``ansible_facts`` that a module returned (plain data): they add to what is known, and go to the cache."""
        self._reserved.look_at(facts)
        state = self._state(host)
        state.facts = {**state.facts, **facts}
        state.facts_layer = self._facts_layer(state.facts)
        self._cache.store(host, state.facts)

    def facts(self, host: str) -> Mapping[str, Any]:
        """A host's facts as modules returned them."""
        return self._state(host).facts

    def has_facts(self, host: str) -> bool:
        """Whether they have been gathered, in this run or in one whose cache is used (`gathering: smart`)."""
        return bool(self._state(host).facts.get(GATHERED))

    def clear_facts(self, host: str) -> None:
        """Forget the facts; what set_fact has set stays a variable."""
        self._cache.delete(host)
        state = self._states.get(host)
        if state is not None:
            state.facts = {}
            state.facts_layer = self._no_facts

    def branch(self, host: str, *, parent: Branch | None = None, after: Iterable[Branch] = ()) -> Branch:
        """An overlay for a strand of the host's run; ``after`` are strands whose settings it sees."""

        def apply(facts: Mapping[str, Any], included: Mapping[str, Any]) -> None:
            if facts:
                self.set_fact(host, facts)
            if included:
                self.include_vars(host, included)

        return Branch(host, parent=parent, after=tuple(after), apply=apply)

    # -- plays side by side ----------------------------------------------------------------------------------------

    def lane(self) -> Variables:
        """The same, for plays that run beside others: what hosts set there is seen by these plays alone.

        It begins with what is known now. The inventory is common to all. ``join`` ends it.
        """
        lane = copy.copy(self)
        lane._beside = self
        lane._states = {}
        self._together.append(lane)
        return lane

    def join(self, lane: Variables) -> None:
        """Take over what hosts have set in a lane. Of several lanes the last that is joined wins."""
        self._together.remove(lane)
        for name, lane_state in lane._states.items():
            news = lane_state.news()
            if news.forgotten:
                state = self._state(name)
                state.facts = {key: value for key, value in state.facts.items() if key not in news.forgotten}
                state.facts_layer = self._facts_layer(state.facts)
            if news.facts:
                self.set_facts(name, news.facts)
            if news.set_facts:
                self.set_fact(name, news.set_facts)
            if news.included:
                self.include_vars(name, news.included)

    # -- the inventory ---------------------------------------------------------------------------------------------

    def set_inventory(self, inventory: Inventory) -> None:
        """Another snapshot: after add_host, group_by, or when the sources were read again."""
        if inventory is self.inventory:
            return
        stale_all = self._host_layers.set_inventory(inventory)
        for variables in self._together:
            variables._take_inventory(inventory, variables._states if stale_all else LOCALHOST)

    def _take_inventory(self, inventory: Inventory, stale: Iterable[str]) -> None:
        for name in stale:
            if (state := self._states.get(name)) is not None:
                state.entry = None
                state.static = {}
        self.inventory = inventory

    def inventory_vars(self, host: str, basedir: str = "", *, own: bool = False) -> dict[str, Value]:
        """A host's variables as written, for the inventory's dump; with ``own`` without its groups', facts and -e."""
        if own:
            return self._host_layers.own_vars(self.inventory.host_or_new(host), (basedir,) if basedir else ())
        scope = self.hostvars_scope(host, basedir)
        return {name: scope.raw(name) for name in scope.own_names()}

    def group_vars(self, group: str, basedir: str = "") -> dict[str, Value]:
        """A group's variables as written, for the inventory's dump. Raises KeyError."""
        return self._host_layers.group_vars(group, (basedir,) if basedir else ())

    # -- the rest --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Wait until facts are in their cache. May block."""
        self._cache.close()

    def say_once(self, event: Warned | Deprecated) -> None:
        """A warning that is the same for many hosts and tasks."""
        if event.message not in self._said:
            self._said.add(event.message)
            self._warn(event)

    def _warn_text(self, message: str) -> None:
        self._warn(Warned(message=message))


class LateLayer(Layer):
    """A layer that is made when something looks into it."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], Layer]) -> None:
        self._make = make
        self._made: Layer | None = None
        self._options = None

    @property
    def data(self) -> Mapping[Any, Value]:  # type: ignore[override]
        return self._get().data

    @property
    def ready(self) -> dict[str, Any]:  # type: ignore[override]
        return self._get().ready

    def _get(self) -> Layer:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __repr__(self) -> str:
        return f"<LateLayer {self._made}>"


def _other_plugins(
    settings: Settings, playbook_dirs: Sequence[str], warn: Callable[[Event], None], decrypt: Decrypt | None
) -> Plugins | None:
    """Vars plugins that weft does not have itself; None where there are none."""
    natively = all(name.rpartition(".")[2] in ("", "host_group_vars") for name in settings.vars_plugins_enabled)
    if natively and not _plugin_names(settings.plugin_paths.get("vars", ())):
        return None
    from weft.content.inventory import vars_plugins

    return vars_plugins(settings, warn=warn, decrypt=decrypt, playbook_dirs=playbook_dirs)


def _plugin_names(folders: Iterable[str]) -> list[str]:
    """Names of the plugins in these folders."""
    found = []
    for folder in folders:
        if os.path.isdir(folder):
            found += [os.path.splitext(name)[0] for name in os.listdir(folder) if name.endswith(".py")]
    return found
