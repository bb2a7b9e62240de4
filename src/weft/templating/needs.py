"""What a template needs, read from the tree that Jinja makes of it."""

from __future__ import annotations

from typing import Final

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.meta import find_undeclared_variables

from weft.content.lookups import NATIVE
from weft.content.plugins import PluginSource
from weft.templating.environment import TemplateEnvironment
from weft.templating.inspection import Needs

_LOOKUPS: Final = frozenset(("lookup", "query", "q"))
_SLOW_FILTERS: Final = frozenset(("password_hash", "vault", "unvault"))
#: What a template may be made of that gives the same whenever it is evaluated, as long as its names' values are the
#: same. Neither calls nor loops; of the filters and tests only such as look at nothing but their arguments.
_STEADY: Final = frozenset((
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.CondExpr, nodes.If, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Filter, nodes.Test,
))  # fmt: skip
_STEADY_FILTERS: Final = frozenset((
    "basename", "bool", "capitalize", "count", "d", "default", "dirname", "first", "float", "int", "join", "last",
    "length", "list", "lower", "quote", "regex_replace", "replace", "string", "ternary", "title", "trim", "upper",
))  # fmt: skip
_STEADY_TESTS: Final = frozenset(("defined", "undefined", "none", "string", "number", "mapping", "true", "false"))
_READING: Final = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


def needs_of(environment: TemplateEnvironment, plugins: PluginSource, text: str) -> Needs:
    try:
        tree = environment.parse(text)
    except TemplateError:
        return Needs(False, frozenset())  # evaluating it fails at once
    slow = (
        next(tree.find_all(_READING), None) is not None
        or any(call.name.rpartition(".")[2] in _SLOW_FILTERS for call in tree.find_all(nodes.Filter))
        or any(_is_slow(call, plugins) for call in tree.find_all(nodes.Call))
    )
    mentioned = frozenset(name.name for name in tree.find_all(nodes.Name))
    steady = all(map(_is_steady, tree.find_all(nodes.Node)))
    return Needs(slow, frozenset(find_undeclared_variables(tree)), mentioned, steady)


def _is_slow(call: nodes.Call, plugins: PluginSource) -> bool:
    """Whether it is a call of a lookup, unless of one that is known to be quick."""
    if not isinstance(call.node, nodes.Name) or call.node.name not in _LOOKUPS:
        return False
    name = call.args[0] if call.args else None
    if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
        return True
    known = NATIVE.get(name.value.removeprefix("ansible.builtin."))
    return known is None or known.blocking or bool(plugins.folders("lookup"))


def _is_steady(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in _STEADY_FILTERS
    if isinstance(node, nodes.Test):
        return node.name in _STEADY_TESTS
    return type(node) in _STEADY
