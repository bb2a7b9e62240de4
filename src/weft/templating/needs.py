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
    return Needs(slow, frozenset(find_undeclared_variables(tree)), mentioned)


def _is_slow(call: nodes.Call, plugins: PluginSource) -> bool:
    """Whether it is a call of a lookup, unless of one that is known to be quick."""
    if not isinstance(call.node, nodes.Name) or call.node.name not in _LOOKUPS:
        return False
    name = call.args[0] if call.args else None
    if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
        return True
    known = NATIVE.get(name.value.removeprefix("ansible.builtin."))
    return known is None or known.blocking or bool(plugins.folders("lookup"))
