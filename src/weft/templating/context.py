"""What a running template knows: the names it reads, its own variables, the globals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from jinja2.environment import Template, TemplateModule
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.utils import missing

from weft.model.errors import WeftError
from weft.templating.api import Names
from weft.templating.markers import marker_for

if TYPE_CHECKING:
    from weft.templating.environment import TemplateEnvironment


class NoNames:
    """Names without any."""

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return False

    def names(self) -> tuple[str, ...]:
        return ()


NO_NAMES = NoNames()


def read_name(names: Names, name: str) -> Any:
    """A name's value, or a marker where it can't be evaluated. Raises KeyError where there is none."""
    try:
        return names[name]
    except WeftError as error:
        return marker_for(error)


class TemplateContext(Context):
    """Jinja's context over ``Names``: nothing is copied, and a name is read when a template loads it.

    ``names`` are the variables the template sees, ``caller_names`` those that its lookups see: they differ only in a
    template imported without context, which sees none itself.
    """

    environment: TemplateEnvironment

    def __init__(
        self,
        environment: TemplateEnvironment,
        names: Names,
        name: str | None = None,
        blocks: Mapping[str, Any] | None = None,
        local: Mapping[str, Any] | None = None,
        caller_names: Names | None = None,
    ) -> None:
        self.environment = environment
        self.names = names
        self.caller_names = names if caller_names is None else caller_names
        self.local = local
        self.vars = {}
        self.exported_vars = set()
        self.name = name
        self.blocks = {key: [block] for key, block in blocks.items()} if blocks else {}
        self._eval_ctx: EvalContext | None = None

    @property
    def eval_ctx(self) -> EvalContext:
        if self._eval_ctx is None:
            self._eval_ctx = EvalContext(self.environment, self.name)
        return self._eval_ctx

    @eval_ctx.setter
    def eval_ctx(self, value: EvalContext) -> None:
        self._eval_ctx = value

    @property
    def parent(self) -> Mapping[str, Any]:  # type: ignore[override]
        return AllNames(self)

    def resolve_or_missing(self, key: str) -> Any:
        if key in self.vars:
            return self.vars[key]
        if self.local is not None and key in self.local:
            return self.local[key]
        try:
            return self.names[key]
        except KeyError:
            return self.environment.globals.get(key, missing)
        except WeftError as error:
            return marker_for(error)

    def __contains__(self, name: str) -> bool:
        return self.resolve_or_missing(name) is not missing

    def get_all(self) -> Mapping[str, Any]:  # type: ignore[override]
        return AllNames(self)

    def keys(self) -> Any:
        return AllNames(self).keys()

    def values(self) -> Any:
        return AllNames(self).values()

    def items(self) -> Any:
        return AllNames(self).items()

    def derived(self, locals: dict[str, Any] | None = None) -> TemplateContext:
        context = self.below(self.name, None, locals)
        context._eval_ctx = self._eval_ctx
        context.blocks.update((key, list(blocks)) for key, blocks in self.blocks.items())
        return context

    def below(
        self, name: str | None, blocks: Mapping[str, Any] | None, local: Mapping[str, Any] | None
    ) -> TemplateContext:
        """A context for a template or block inside this one, which sees this one's variables."""
        merged = {**(self.local or {}), **self.vars}
        if local:
            merged.update((key, value) for key, value in local.items() if value is not missing)
        return TemplateContext(self.environment, self.names, name, blocks, merged, self.caller_names)

    __repr__ = object.__repr__


class AllNames(Mapping[str, Any]):
    """Everything a context can read, as a mapping."""

    __slots__ = ("context",)

    def __init__(self, context: TemplateContext) -> None:
        self.context = context

    def __getitem__(self, key: str) -> Any:
        value = self.context.resolve_or_missing(key)
        if value is missing:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        context = self.context
        return iter(dict.fromkeys([*context.vars, *(context.local or ()), *context.names.names()]))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class WeftTemplate(Template):
    """A compiled template whose contexts read ``Names``."""

    environment: TemplateEnvironment

    def context(self, names: Names) -> TemplateContext:
        return TemplateContext(self.environment, names, self.name, self.blocks)

    def new_context(
        self,
        vars: Any = None,
        shared: bool = False,
        locals: Mapping[str, Any] | None = None,
    ) -> TemplateContext:
        """Called by Jinja's generated code for included and imported templates."""
        if isinstance(vars, AllNames):
            return vars.context.below(self.name, self.blocks, locals)
        local = {**(vars or {}), **{key: value for key, value in (locals or {}).items() if value is not missing}}
        return TemplateContext(self.environment, NO_NAMES, self.name, self.blocks, local)

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        """An import without context: the template sees no variables, its lookups see those of the importing one.

        Made anew each time, where Jinja keeps one: what its lookups give depends on who imports it.
        """
        context = self.new_context()
        if isinstance(ctx, TemplateContext):
            context.caller_names = ctx.caller_names
        return TemplateModule(self, context)

    def render(self, *args: Any, **kwargs: Any) -> Any:
        """Called by plugins, for templates that they have compiled with the environment they were given."""
        return self.environment.concat(self.root_render_func(self.new_context(dict(*args, **kwargs))))

    @classmethod
    def _from_namespace(
        cls, environment: Any, namespace: MutableMapping[str, Any], globals: MutableMapping[str, Any]
    ) -> WeftTemplate:
        return super()._from_namespace(environment, namespace, globals)  # type: ignore[return-value]
