"""What may stand in ``parallel``, ``lock`` and ``needs``, and the rules that children of a parallel block keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from weft.events.types import Warned
from weft.model.convert import to_number
from weft.model.errors import LoadError
from weft.model.nodes import Beside, Block, Node, Parallel, Task, TaskKind
from weft.model.values import Origin, Value, origin_of
from weft.playbook.api import Publish
from weft.playbook.checks import check_number, is_template, type_name
from weft.playbook.hints import did_you_mean
from weft.playbook.keywords import Kind

_ON_FAILURE: Final = ("finish", "cancel")
_MODES: Final = ("exclusive", "shared")
_PATH_LOCK: Final = ("path", "mode", "timeout")
_NAME_LOCK: Final = ("name", "slots", "by", "timeout")
#: Meta actions that don't reach beyond the child they stand in.
HARMLESS_META: Final = frozenset(("noop", "clear_facts"))


def read_parallel(value: Value, origin: Origin | None) -> Parallel | None:
    """``true``, a number of children at once, or ``{limit, on_failure}``. Raises LoadError."""
    place = origin_of(value) or origin
    if value is None or value is False:
        return None
    if value is True:
        return Parallel()
    if not isinstance(value, Mapping):
        if isinstance(value, list):
            raise LoadError("'parallel' must be true, a number or a mapping, not a list.", place)
        _check_count("parallel", value, place)
        return Parallel(limit=value)
    _check_keys("parallel", value, ("limit", "on_failure"))
    limit, on_failure = value.get("limit"), value.get("on_failure", "finish")
    _check_count("limit", limit, origin_of(limit) or _key_place(value, "limit") or place)
    if on_failure not in _ON_FAILURE:
        message = f"'on_failure' of 'parallel' must be one of {', '.join(_ON_FAILURE)}, not {str(on_failure)!r}."
        raise LoadError(message, origin_of(on_failure) or place)
    return Parallel(limit=limit, on_failure=str(on_failure))


def check_parallel_items(value: Value, origin: Origin | None) -> Value:
    """``loop_control.parallel``: how many items at once. Raises LoadError."""
    if isinstance(value, Mapping | list):
        message = f"'parallel' of 'loop_control' must be a number, not a {type_name(value)}."
        raise LoadError(message, origin_of(value) or origin)
    _check_count("parallel", value, origin_of(value) or origin)
    return value


def check_lock(value: Value, origin: Origin | None) -> Value:
    """A path, ``{path, mode, timeout}``, ``{name, slots, by, timeout}``, or a list of these. Raises LoadError."""
    place = origin_of(value) or origin
    if isinstance(value, list):
        for item in value:
            if isinstance(item, list):
                raise LoadError("A lock in a list of locks can't be a list.", origin_of(item) or place)
            check_lock(item, place)
    elif isinstance(value, Mapping):
        _check_lock_mapping(value, place)
    elif value is not None and (not isinstance(value, str) or not value.strip()):
        raise LoadError(f"'lock' must be a path, a mapping or a list of these, not {type_name(value)}.", place)
    return value


def _check_lock_mapping(value: Mapping[str, Value], place: Origin | None) -> None:
    kinds = [kind for kind in ("path", "name") if kind in value]
    if len(kinds) != 1:
        raise LoadError("A lock needs either a 'path' (a lock file) or a 'name' (within this run).", place)
    _check_keys("lock", value, _PATH_LOCK if kinds[0] == "path" else _NAME_LOCK)
    own = value[kinds[0]]
    if not isinstance(own, str) or not own:
        raise LoadError(f"'{kinds[0]}' of a lock must be text, not {type_name(own)}.", origin_of(own) or place)
    mode = value.get("mode", "exclusive")
    if mode not in _MODES and not is_template(mode):
        message = f"'mode' of a lock must be one of {', '.join(_MODES)}, not {str(mode)!r}."
        raise LoadError(message, origin_of(mode) or place)
    _check_lock_timeout(value.get("timeout"), _key_place(value, "timeout") or place)
    _check_count("slots", value.get("slots"), _key_place(value, "slots") or place)


def _check_lock_timeout(value: Value, place: Origin | None) -> None:
    check_number(value, Kind.FLOAT, place)
    if isinstance(value, str | int | float) and not is_template(value) and to_number(value) < 0:
        raise LoadError(f"'timeout' of a lock can't be negative: {value}.", origin_of(value) or place)


def _key_place(value: Mapping[str, Value], name: str) -> Origin | None:
    return next((origin_of(key) for key in value if key == name), None)


def _check_keys(what: str, value: Mapping[str, Value], known: Sequence[str]) -> None:
    for key in value:
        if key not in known:
            hint = did_you_mean(str(key), known) or f"There are: {', '.join(known)}."
            raise LoadError(f"'{key}' is not a valid key for '{what}'", origin_of(key) or origin_of(value), hint)


def _check_count(name: str, value: Value, origin: Origin | None) -> None:
    if value is None or is_template(value):
        return
    check_number(value, Kind.INT, origin)
    if float(value) < 1:
        raise LoadError(f"'{name}' must be at least 1, not {value}.", origin)


def check_needs(nodes: Sequence[Node]) -> None:
    """``needs`` may only stand on children of a parallel block; these are children of something else."""
    for node in nodes:
        if node.needs:
            raise LoadError(
                "'needs' has no meaning here: it names siblings inside a parallel block.",
                origin_of(node.needs[0]) or node.origin,
            )


def check_children(children: Sequence[Node], publish: Publish) -> None:
    """The rules of a parallel block. Raises LoadError; publishes a warning where two children register one name."""
    _warn_registers(children, order_of_children(children), publish)


def order_of_children(children: Sequence[Node]) -> Mapping[int, frozenset[int]]:
    """For each child of a parallel block, by number, all that end before it starts. Raises LoadError for a cycle."""
    named: dict[str, list[int]] = defaultdict(list)
    for index, child in enumerate(children):
        if child.name is not None:
            named[str(child.name)].append(index)
    return _order(children, {index: _needed(child, named) for index, child in enumerate(children)})


def _needed(child: Node, named: Mapping[str, list[int]]) -> list[int]:
    needed: list[int] = []
    for name in child.needs:
        if str(name) not in named:
            hint = did_you_mean(str(name), named) or "'needs' takes the names of siblings in the same parallel block."
            raise LoadError(f"'needs' names '{name}', but no sibling has that name", origin_of(name), hint)
        needed.extend(named[str(name)])
    return needed


def _order(children: Sequence[Node], edges: Mapping[int, list[int]]) -> dict[int, frozenset[int]]:
    """For each child, all that end before it starts. Raises LoadError for a cycle."""
    before: dict[int, frozenset[int]] = {}

    def visit(index: int, path: tuple[int, ...]) -> frozenset[int]:
        if index in path:
            cycle = [*path[path.index(index) :], index]
            names = " -> ".join(str(children[step].name) for step in cycle)
            start = children[cycle[0]]
            raise LoadError(f"'needs' goes in a circle: {names}", origin_of(start.needs[0]) or start.origin)
        if index not in before:
            reached = [frozenset({needed}) | visit(needed, (*path, index)) for needed in edges[index]]
            before[index] = frozenset().union(*reached)
        return before[index]

    for index in edges:
        visit(index, ())
    return before


def check_meta_beside(task: Task, beside: Beside) -> None:
    """Raises LoadError for a meta action that acts on more than what it stands in.

    What is async has notifications of its own, and may flush handlers; children of a parallel block share theirs.
    """
    if beside and task.kind is TaskKind.META and not task.implicit:
        action = task.args.get("_raw_params")
        if action not in HARMLESS_META and not (action == "flush_handlers" and beside is Beside.STRAND):
            raise LoadError(
                f"'meta: {action}' can't stand inside a parallel block or something async:"
                " it would act on what runs beside it.",
                origin_of(action) or task.origin,
            )


def _warn_registers(children: Sequence[Node], before: Mapping[int, frozenset[int]], publish: Publish) -> None:
    seen: dict[str, int] = {}
    for index, child in enumerate(children):
        for name, origin in dict(_registers(child)).items():
            first = seen.setdefault(name, index)
            if first != index and first not in before[index] and index not in before[first]:
                message = f"Two children of a parallel block register '{name}': which result stays is a matter of luck."
                publish(Warned(message=message, origin=origin, help="Give each of them a name of its own."))


def _registers(node: Node) -> Iterator[tuple[str, Origin | None]]:
    if node.register:
        yield str(node.register), origin_of(node.register) or node.origin
    if isinstance(node, Block):
        for inner in (*node.body, *node.rescue, *node.always):
            yield from _registers(inner)
