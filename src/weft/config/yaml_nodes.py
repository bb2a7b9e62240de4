"""Makes values of YAML nodes: ``Trusted`` text, ``MapNode``, ``SeqNode``, numbers, dates, vaults.

PyYAML's own constructor is a table of generators with several calls for a scalar. A playbook is nearly all plain text
in mappings and lists, so those have a short way here, and everything rare goes to PyYAML's code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

from weft.events.types import Deprecated, Warned
from weft.model.values import MapNode, Origin, SeqNode, Trusted, VaultText

_TAG = "tag:yaml.org,2002:"
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    spelling: word in ("yes", "true", "on")
    for word in ("yes", "no", "true", "false", "on", "off")
    for spelling in (word, word.capitalize(), word.upper())
}
_NUMERIC_START = frozenset("0123456789+-.")
_RESOLVERS = Resolver.yaml_implicit_resolvers
_QUOTED = "str"  # what `resolve` below answers for text that is text, whatever it looks like
_PLAIN = ""


class PlaceError(ConstructorError):
    """Something that only Ansible's rules forbid: its message is already the one to show."""


@cache
def _composer() -> Callable[[str], Any]:
    """A composer that leaves the question what a scalar means to ``Builder``: it is asked once there, not twice."""

    def resolve(self: Any, kind: type[Node], value: str | None, implicit: Any) -> str:
        if kind is not ScalarNode:
            return _PLAIN
        return _PLAIN if implicit[0] else _QUOTED

    def ignore(self: Any, *position: object) -> None:
        """Paths in a document have no meaning here."""

    members = {"resolve": resolve, "descend_resolver": ignore, "ascend_resolver": ignore}
    if yaml.__with_libyaml__:
        from yaml import cyaml

        return type("FastComposer", (cyaml.CParser,), members)  # type: ignore[attr-defined]
    from yaml.composer import Composer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    def start(self: Any, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)

    return type("PlainComposer", (Reader, Scanner, Parser, Composer), members | {"__init__": start})


def compose(text: str) -> Node | None:
    """The root node of the only document in ``text``. Raises yaml.YAMLError."""
    parser = _composer()(text)
    try:
        node: Node | None = parser.get_single_node()
        return node
    finally:
        dispose = getattr(parser, "dispose", None)
        if dispose is not None:
            dispose()


class Builder:
    """Makes the value of a composed document. Used once."""

    def __init__(
        self,
        path: str,
        *,
        duplicates: str = "warn",
        warn: Callable[[Any], None] | None = None,
        trusted: bool = True,
    ) -> None:
        self._path = path
        self._duplicates = duplicates
        self._warn = warn if duplicates != "ignore" else None
        self._deprecate = warn
        self._trusted = trusted
        self._made: dict[int, Any] = {}  # containers by node: an alias is the same container again
        self._kept: list[Node] = []  # nodes made here: their ids must not be used again while the document is built

    def build(self, node: Any) -> Any:
        """The value of ``node``. Raises yaml's ConstructorError."""
        if type(node) is ScalarNode:
            value = node.value
            tag = node.tag
            if tag == _PLAIN:
                if value in _CONSTANTS:
                    return _CONSTANTS[value]
                first = value[0]
                if first in _NUMERIC_START or first == "=" or first == "<":
                    return self._number(node, value, first)
            elif tag != _QUOTED:
                return self._tagged(node)
            if not self._trusted:
                return value
            mark = node.start_mark
            return Trusted(value, Origin(self._path, mark.line + 1, mark.column + 1))
        if node.tag != _PLAIN:
            return self._tagged(node)
        made = self._made.get(id(node))
        if made is not None:
            return made
        mark = node.start_mark
        origin = Origin(self._path, mark.line + 1, mark.column + 1)
        if type(node) is MappingNode:
            return self._mapping(node, origin)
        items = self._made[id(node)] = SeqNode((), origin)
        build = self.build
        for child in node.value:
            items.append(build(child))
        return items

    def _mapping(self, node: MappingNode, origin: Origin) -> MapNode:
        result = self._made[id(node)] = MapNode((), origin)
        build = self.build
        pairs = node.value
        for key_node, _ in pairs:
            if key_node.value == "<<" and key_node.tag in (_PLAIN, _TAG + "merge"):
                pairs = self._merged(node, ())
                break
        for key_node, value_node in pairs:
            key = build(key_node)
            try:
                if key in result:
                    self._duplicate(key, key_node)
            except TypeError as error:
                raise ConstructorError(
                    "while constructing a mapping", node.start_mark, "found unhashable key", key_node.start_mark
                ) from error
            result[key] = build(value_node)
        return result

    def _merged(self, node: MappingNode, within: tuple[int, ...]) -> list[tuple[Node, Node]]:
        """The mapping's pairs after those of the mappings it merges in; the first of several merged ones wins."""
        if id(node) in within:
            raise ConstructorError("while constructing a mapping", node.start_mark, "found a merge of itself")
        within = (*within, id(node))
        merged: list[tuple[Node, Node]] = []
        own: list[tuple[Node, Node]] = []
        for key, value in node.value:
            if key.value != "<<" or key.tag not in (_PLAIN, _TAG + "merge"):
                own.append((key, value))
            elif isinstance(value, MappingNode):
                merged.extend(self._merged(value, within))
            elif isinstance(value, SequenceNode) and all(isinstance(item, MappingNode) for item in value.value):
                for item in reversed(value.value):
                    merged.extend(self._merged(item, within))
            else:
                raise PlaceError(
                    "while constructing a mapping",
                    node.start_mark,
                    "expected a mapping or list of mappings for merging",
                    value.start_mark,
                )
        return merged + own

    def _duplicate(self, key: Any, node: Node) -> None:
        message = f"Found duplicate mapping key {key!r}."
        if self._duplicates == "error":
            raise PlaceError(problem=message, problem_mark=node.start_mark)
        if self._warn is not None:
            self._warn(Warned(message=message, origin=self._origin(node), help="Using last defined value only."))

    def _number(self, node: ScalarNode, value: str, first: str) -> Any:
        """A plain scalar that may be a number or a date; text where it is none."""
        if first != "0" and value.isdecimal() and value.isascii():
            return int(value)
        tag = self._implicit(value)
        if tag is None:
            return Trusted(value, self._origin(node)) if self._trusted else value
        return self._standard(node, tag)

    @staticmethod
    def _implicit(value: str) -> str | None:
        """What YAML 1.1 takes a plain scalar for; None where it is text."""
        for tag, pattern in _RESOLVERS.get(value[:1], ()):
            if pattern.match(value):
                return str(tag)
        return None

    def _standard(self, node: Node, tag: str) -> Any:
        """A value of one of YAML's own types, by PyYAML's rules."""
        standard = SafeConstructor()
        name = tag.removeprefix(_TAG)
        if name in ("bool", "null", "int", "float", "timestamp", "binary") and tag.startswith(_TAG):
            try:
                return getattr(standard, f"construct_yaml_{name}")(node)
            except (ValueError, LookupError) as error:
                raise ConstructorError(None, None, str(error), node.start_mark) from error
        return self._unknown(node, tag)

    @staticmethod
    def _unknown(node: Node, tag: str) -> Any:
        raise ConstructorError(None, None, f"could not determine a constructor for the tag {tag!r}", node.start_mark)

    def _tagged(self, node: Node) -> Any:
        tag = node.tag
        if tag == "!unsafe":
            return self._unsafe(node)
        if tag in ("!vault", "!vault-encrypted"):
            return self._vault(node)
        name = tag.removeprefix(_TAG) if tag.startswith(_TAG) else ""
        if name in ("str", "python/unicode") and isinstance(node, ScalarNode):
            return Trusted(node.value, self._origin(node)) if self._trusted else node.value
        if (name in ("map", "python/dict") and isinstance(node, MappingNode)) or (
            name == "seq" and isinstance(node, SequenceNode)
        ):
            return self._again(node, _PLAIN)
        if name == "set" and isinstance(node, MappingNode):
            return set(self._again(node, _PLAIN))
        if name in ("omap", "pairs") and isinstance(node, SequenceNode):
            return self._pairs(node, name)
        return self._standard(node, tag)

    def _again(self, node: Node, tag: str) -> Any:
        """The same node read with another tag."""
        copy = type(node)(tag, node.value, node.start_mark, node.end_mark)
        self._kept.append(copy)
        return self.build(copy)

    def _pairs(self, node: SequenceNode, name: str) -> SeqNode:
        self._old_tag(node, f"!!{name}", "Use a standard mapping instead.")
        pairs = SeqNode((), self._origin(node))
        for item in node.value:
            if not isinstance(item, MappingNode) or len(item.value) != 1:
                raise ConstructorError(
                    f"while constructing {name}", node.start_mark, "expected a mapping of length 1", item.start_mark
                )
            key, value = item.value[0]
            pairs.append((self.build(key), self.build(value)))
        return pairs

    def _unsafe(self, node: Node) -> Any:
        """Text inside is never a template. What it looks like decides its type, quoted or not, as in Ansible."""
        inner = Builder(self._path, duplicates=self._duplicates, warn=self._deprecate, trusted=False)
        return inner.build(type(node)(_PLAIN, node.value, node.start_mark, node.end_mark))

    def _vault(self, node: Node) -> VaultText:
        text = None
        if isinstance(node, ScalarNode) and self._implicit(node.value) is None:
            text = node.value
        if text is None:
            raise PlaceError(problem=f"the {node.tag!r} tag requires a string value", problem_mark=node.start_mark)
        if node.tag == "!vault-encrypted":
            self._old_tag(node, node.tag, "Use the `!vault` tag instead.")
        return VaultText(text, self._origin(node))

    def _old_tag(self, node: Node, tag: str, help_text: str) -> None:
        if self._deprecate is not None:
            message = f"Use of the YAML `{tag}` tag is deprecated."
            self._deprecate(
                Deprecated(
                    message=message,
                    version="2.23",
                    collection="ansible.builtin",
                    origin=self._origin(node),
                    help=help_text,
                )
            )

    def _origin(self, node: Node) -> Origin:
        mark = node.start_mark
        return Origin(self._path, mark.line + 1, mark.column + 1)
