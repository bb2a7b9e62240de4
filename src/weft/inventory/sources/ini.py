"""INI inventories: sections are groups; ``:vars`` and ``:children`` say what else a section holds."""

from __future__ import annotations

import re

from msgspec import Struct, field

from weft.inventory.addresses import BadAddress, expand_pattern
from weft.inventory.builder import InventoryBuilder
from weft.inventory.model import UNGROUPED
from weft.inventory.sources.ini_values import parse_value, split_words
from weft.model.errors import LoadError
from weft.model.values import Origin

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")


class _Pending(Struct):
    """A group that was mentioned and not declared yet."""

    line: int
    kind: str  # vars | children
    parents: list[str] = field(default_factory=list)


def parse_ini(data: bytes, path: str, builder: InventoryBuilder) -> None:
    """Fill ``builder``. Raises LoadError with the line."""
    _Parser(path, builder).parse(_lines(data, path))


def _lines(data: bytes, path: str) -> list[str]:
    """Comments may be in any encoding, the rest is UTF-8."""
    try:
        return data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        pass
    lines = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            lines.append("" if line[:1] in (b";", b"#") else line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise LoadError(str(error), Origin(path, number)) from error
    return lines


class _Parser:
    def __init__(self, path: str, builder: InventoryBuilder) -> None:
        self._path = path
        self._builder = builder
        self._pending: dict[str, _Pending] = {}
        self._group = UNGROUPED
        self._kind = "hosts"
        self._line = 0

    def parse(self, lines: list[str]) -> None:
        handlers = {"hosts": self._host_line, "vars": self._variable_line, "children": self._child_line}
        handle = self._host_line
        for self._line, raw in enumerate(lines, 1):
            line = raw.strip()
            if not line or line[0] in ";#":
                continue
            try:
                if line[0] == "[" and self._section(line):
                    handle = handlers[self._kind]
                else:
                    handle(line)
            except LoadError as error:
                raise LoadError(error.message, error.origin or self._origin(), error.hint) from error
            except (ValueError, TypeError, RecursionError) as error:
                raise LoadError(str(error), self._origin()) from error
        self._check_pending()

    def _origin(self) -> Origin:
        return Origin(self._path, self._line)

    def _section(self, line: str) -> bool:
        match = _SECTION.fullmatch(line)
        if not match:
            if line.endswith("]"):
                raise LoadError(
                    f"Invalid section entry: '{line}'. Please make sure that there are no spaces in the section entry, "
                    "and that there are no other invalid characters"
                )
            return False
        kind = match[2] or "hosts"
        if kind not in ("hosts", "children", "vars"):
            raise LoadError(f"Section [{match[1]}:{kind}] has unknown type: {kind}")
        group = self._builder.safe_group_name(match[1])
        self._group, self._kind = group, kind
        if group not in self._builder.groups:
            # a section with variables alone does not declare a group: that may still come
            if kind == "vars" and group not in self._pending:
                self._pending[group] = _Pending(self._line, "vars")
            self._builder.add_group(group)
        if kind != "vars" and (pending := self._pending.get(group)):
            if pending.kind == "children":
                self._settle(group)
            else:
                del self._pending[group]
        return True

    def _settle(self, group: str) -> None:
        """Put a group that is declared now below the groups that named it before."""
        for parent in self._pending[group].parents:
            self._builder.add_child(parent, group)
            pending = self._pending.get(parent)
            if pending and pending.kind == "children":
                self._settle(parent)
        del self._pending[group]

    def _host_line(self, line: str) -> None:
        try:
            words = split_words(line)
        except ValueError as error:
            raise LoadError(f"Error parsing host definition '{line}': {error}") from error
        names, port = self._names(words[0])
        origin = self._origin() if len(words) > 1 else None
        variables = {}
        for word in words[1:]:
            key, equals, text = word.partition("=")
            if not equals:
                raise LoadError(f"Expected key=value host variable assignment, got: {word}")
            assert origin is not None
            variables[key] = parse_value(text, origin)
        self._builder.add_hosts(names, variables, self._group, port)

    def _names(self, pattern: str) -> tuple[list[str], int | None]:
        try:
            names, port = expand_pattern(pattern)
        except BadAddress as error:
            raise LoadError(str(error)) from error
        if pattern.endswith(":") and port is None:
            raise LoadError(
                f"Invalid host pattern '{pattern}' supplied, ending in ':' is not allowed, "
                "this character is reserved to provide a port."
            )
        if names[:1] == ["---"]:
            raise LoadError(f"Invalid host pattern '{pattern}' supplied, '---' is normally a sign this is a YAML file.")
        return names, port

    def _variable_line(self, line: str) -> None:
        key, equals, text = line.partition("=")
        if not equals:
            raise LoadError(f"Expected key=value, got: {line}")
        self._builder.set_variable(self._group, key.strip(), parse_value(text.strip(), self._origin()))

    def _child_line(self, line: str) -> None:
        match = _GROUP.fullmatch(line)
        if not match:
            raise LoadError(f"Expected group name, got: {line}")
        child = match[1]
        if child in self._builder.groups:
            self._builder.add_child(self._group, child)
        elif child in self._pending:
            self._pending[child].parents.append(self._group)
        else:
            self._pending[child] = _Pending(self._line, "children", [self._group])

    def _check_pending(self) -> None:
        for name, pending in self._pending.items():
            origin = Origin(self._path, pending.line)
            if pending.kind == "vars":
                raise LoadError(f"Section [{name}:vars] not valid for undefined group {name!r}.", origin)
            raise LoadError(f"Section [{pending.parents[-1]}:children] includes undefined group {name!r}.", origin)
