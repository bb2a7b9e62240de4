"""The variables of one task on one host: layers that are walked when a name is read.

A scope is made for every task on every host, often for every item of a loop, so that making one must cost next to
nothing: it takes tuples of shared layers and merges nothing. What is read is evaluated once and kept. It is a snapshot:
what a host sets later is seen by the scopes made later. Reading from several threads is safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import get_ident
from typing import TYPE_CHECKING, Any

from weft.inventory.model import combine
from weft.model.errors import TemplateFailed, WeftError
from weft.model.values import OMIT, Trusted, Value, VaultText, origin_of
from weft.vars.layers import LIVE, OPTION_PREFIX, UNSEEN, Layer, Options, plain, without_places
from weft.vars.magic import CONNECTION_MAGIC, Magic

if TYPE_CHECKING:
    from weft.vars.branch import Branch
    from weft.vars.plans import Plan
    from weft.vars.variables import Variables

_NO_LOCALS: Mapping[str, Any] = {}
_LOOP_NAMES = frozenset({"ansible_loop_var", "ansible_index_var", "ansible_loop"})
_ATOMS = frozenset({str, int, float, bool, type(None), Trusted})
RECURSION = "Recursive loop detected in template: maximum recursion depth exceeded"


class Scope:
    """Evaluated values by name. Values are shared between readers where they are nested: never change one in place."""

    __slots__ = (
        "_active", "_branch", "_layers", "_locals", "_magic", "_memo", "delegate", "host", "plan", "variables",
    )  # fmt: skip

    def __init__(
        self,
        variables: Variables,
        host: str | None,
        plan: Plan,
        layers: tuple[Layer, ...],
        magic: Mapping[str, Magic],
        local: Mapping[str, Any] = _NO_LOCALS,
        branch: Branch | None = None,
        delegate: Scope | None = None,
    ) -> None:
        """Use ``Variables.scope``. ``local`` is plain data; ``delegate`` is the host that a task is delegated to."""
        self.variables = variables
        self.host = host
        self.plan = plan
        self.delegate = delegate
        self._layers = layers
        self._magic = magic
        self._locals = local
        self._branch = branch
        self._memo: dict[str, Any] = {}
        self._active: set[tuple[int, int]] | None = None

    def __repr__(self) -> str:
        return f"<Scope of {self.host}: {len(self._layers)} layers>"

    # -- reading ---------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        memo = self._memo
        if name in memo:
            return memo[name]
        if name in self._locals:
            return self._locals[name]
        if name not in self._magic:
            for layer in self._layers:
                if name in layer.data:
                    value = layer.ready.get(name, UNSEEN)
                    kind = type(value)
                    if kind not in _ATOMS:
                        value = self._settle(layer, name, value)
                    memo[name] = value
                    return value
        try:
            return self.own(name)
        except KeyError:
            return self._fallback(name)

    def own(self, name: str) -> Any:
        """As reading the name, without what the connection brings. Raises KeyError, UndefinedName, TemplateFailed."""
        memo = self._memo
        if name in memo:
            return memo[name]
        if name in self._locals:
            return self._locals[name]
        magic = self._magic.get(name)
        if magic is not None:
            value = magic(self)
        else:
            for layer in self._layers:
                if name in layer.data:
                    value = self._settle(layer, name, layer.ready.get(name, UNSEEN))
                    break
            else:
                raise KeyError(name)
        memo[name] = value
        return value

    def _settle(self, layer: Layer, name: str, value: Any) -> Any:
        """From what is known of a value to the value. Containers are copied at the top, so that it may be changed."""
        if value is UNSEEN:
            value = self._look_at(layer, name)
        if value is LIVE:
            raw = layer.data[name]
            value = self.live(raw)
            if type(raw) is VaultText:
                layer.ready[name] = value  # decrypting takes long, and gives the same each time
            return value
        if type(value) is dict:
            return value.copy()
        if type(value) is list:
            return value[:]
        return value

    def _look_at(self, layer: Layer, name: str) -> Any:
        raw = layer.data[name]
        value = LIVE if self.variables.templar.is_template(raw) else without_places(raw)
        layer.ready[name] = value
        return value

    def _fallback(self, name: str) -> Any:
        if self.plan.task is not None and name in CONNECTION_MAGIC:
            return CONNECTION_MAGIC[name](self)
        if name == "omit":
            return OMIT
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        if self.has_own(name) or name == "omit":
            return True
        if self.plan.task is None or name not in CONNECTION_MAGIC:
            return False
        try:
            self._fallback(str(name))
        except KeyError:
            return False
        except WeftError:
            pass  # it is there, and can't be evaluated
        return True

    def has_own(self, name: object) -> bool:
        """Whether there is such a variable, apart from what the connection brings."""
        return name in self._locals or name in self._magic or any(name in layer.data for layer in self._layers)

    def names(self) -> list[str]:
        """Every name there is, weakest first."""
        if self.plan.task is None:
            return self.own_names()
        brought = [name for name in CONNECTION_MAGIC if not self.has_own(name) and name in self]
        return [*brought, *self.own_names()]

    def own_names(self) -> list[str]:
        """Every variable there is, weakest first, without what the connection brings."""
        found: dict[str, None] = {}
        for layer in reversed(self._layers):
            found.update(dict.fromkeys(layer.data))
        found.update(dict.fromkeys(self._magic))
        found.update(dict.fromkeys(self._locals))
        return list(found)

    def raw(self, name: str) -> Value:
        """The value as it was written. Raises KeyError."""
        if name in self._locals:
            return self._locals[name]
        if name in self._magic:
            return self._magic[name](self)
        for layer in self._layers:
            if name in layer.data:
                return layer.data[name]
        raise KeyError(name)

    def plain(self, name: str) -> Any:
        """The value as plain data: nothing lazy, no marked text. For code that hands it on. Raises as reading does."""
        return self.variables.templar.render(self[name], self)

    def flatten(self, *, lenient: bool = True) -> dict[str, Any]:
        """Everything, evaluated, as plain data; without `vars` and `hostvars`, which hold all of it again.

        What can't be evaluated is there as text as it was written; without ``lenient`` it raises UndefinedName or
        TemplateFailed.
        """
        result: dict[str, Any] = {}
        for name in self.own_names():
            if name in ("vars", "hostvars"):
                continue
            try:
                result[name] = self.variables.templar.render(self.own(name), self)
            except WeftError:
                if not lenient:
                    raise
                result[name] = plain(self.raw(name))
        return result

    # -- evaluating ------------------------------------------------------------------------------------------------

    def live(self, raw: Value) -> Any:
        """What was written, evaluated: text at once, containers item by item when they are read."""
        if type(raw) is not Trusted:
            return self.variables.templar.evaluate(raw, self)
        active = self._active
        if active is None:
            active = self._active = set()
        key = (get_ident(), id(raw))
        if key in active:
            raise TemplateFailed(RECURSION, origin_of(raw))
        active.add(key)
        try:
            return self.variables.templar.evaluate(raw, self)
        finally:
            active.discard(key)

    # -- what the connection depends on ----------------------------------------------------------------------------

    def option_layers(self) -> tuple[Layer, ...] | None:
        """The layers that any `ansible_*` variable comes from: as long as they are the same, so are these variables.

        None where that can't be said: one of them is a template, or the task's own keywords or locals bring some.
        """
        task = self.plan.task
        if task is not None:
            common = task.common
            if common.connection is not None or common.remote_user is not None or common.port is not None:
                return None
        return self._fixed_layers()

    @property
    def options_fixed(self) -> bool:
        """Whether no `ansible_*` variable is a template: registered results and the like don't change them."""
        return self._fixed_layers() is not None

    def _fixed_layers(self) -> tuple[Layer, ...] | None:
        for name in self._locals:
            if name.startswith(OPTION_PREFIX) and name not in _LOOP_NAMES:
                return None
        found = []
        is_template = self.variables.templar.is_template
        for layer in self._layers:
            options = layer.options(is_template)
            if options is Options.LIVE:
                return None
            if options is Options.FIXED:
                found.append(layer)
        return tuple(found)

    # -- other scopes ----------------------------------------------------------------------------------------------

    def child(self, local: Mapping[str, Any]) -> Scope:
        """The same with ``local`` (plain data) on top of everything: loop variables and the like."""
        return self._with({**self._locals, **local}, self._layers, self.delegate)

    def within(self, params: Mapping[str, Value]) -> Scope:
        """The same inside an include that brings these variables: stronger than set_fact, weaker than -e."""
        if not params:
            return self
        above = len(self.plan.upper) - len(self.plan.params)
        inner = (*self._layers[:above], Layer(params), *self._layers[above:])
        return self._with(self._locals, inner, self.delegate)

    def delegated(self, name: str) -> Scope:
        """The same for a task that is delegated to another host: with ``ansible_delegated_vars``.

        What the connection brings is then that of the delegate.
        """
        from weft.vars.hostvars import DelegateVars

        other = self.variables.delegate_scope(self, name)
        local = {**self._locals, "ansible_delegated_vars": {name: DelegateVars(other, name)}}
        return self._with(local, self._layers, other)

    def _with(self, local: Mapping[str, Any], layers: tuple[Layer, ...], delegate: Scope | None) -> Scope:
        return type(self)(self.variables, self.host, self.plan, layers, self._magic, local, self._branch, delegate)

    def of_host(self, host: str) -> Scope:
        """Another host as ``hostvars`` shows it."""
        branch = self._branch if self._branch is not None and self._branch.host == host else None
        return self.variables.hostvars_scope(host, self.basedir, branch)

    # -- for lookups -----------------------------------------------------------------------------------------------

    @property
    def basedir(self) -> str:
        """The folder of the playbook; empty outside of one."""
        play = self.plan.play_vars
        return play.basedir if play is not None else next(iter(self.plan.basedirs), "")

    @property
    def task_action(self) -> str:
        """The task's action as it was written; empty where there is no task."""
        return self.plan.task.action if self.plan.task is not None else ""

    @property
    def search_paths(self) -> tuple[str, ...]:
        """Where lookups look for files: the folders of the task and of its roles, then the playbook's."""
        task = self.plan.task
        paths = task.path_parents if task is not None else ()
        return paths if not self.basedir or self.basedir in paths else (*paths, self.basedir)


class MergingScope(Scope):
    """With `hash_behaviour: merge`: mappings of all layers are merged. Slower."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        try:
            return self.own(name)
        except KeyError:
            return self._fallback(name)

    def own(self, name: str) -> Any:
        if name in self._memo or name in self._locals or name in self._magic:
            return super().own(name)
        rows = [layer for layer in self._layers if name in layer.data]
        if not rows or not isinstance(rows[0].data[name], Mapping):
            return super().own(name)
        raw = self.raw(name)
        value = self._memo[name] = self.live(raw) if self.variables.templar.is_template(raw) else without_places(raw)
        return value

    def raw(self, name: str) -> Value:
        if name in self._locals or name in self._magic:
            return super().raw(name)
        result: Value = UNSEEN
        for layer in reversed(self._layers):
            if name not in layer.data:
                continue
            value = layer.data[name]
            if isinstance(result, Mapping) and isinstance(value, Mapping):
                value = combine(result, value, merge=True)
            result = value
        if result is UNSEEN:
            raise KeyError(name)
        return result
