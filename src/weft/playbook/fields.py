"""The fields of tasks and blocks that are made of single keywords: loops, retries, limits, results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from weft.model.errors import LoadError
from weft.model.nodes import Block, Common, LoopControl, Node, Parallel
from weft.model.values import Origin, Value, origin_of
from weft.playbook.checks import conditions
from weft.playbook.keywords import SPELLED_LOOP, On
from weft.playbook.own import Own, read_node
from weft.playbook.parallel import check_lock, check_parallel_items, read_parallel

_DEFAULT_LOOP = LoopControl()
#: Keywords that most tasks don't have.
RARE = frozenset((
    "loop", "loop_with", "loop_control", "until", "retries", "delay", "backoff", "max_delay", "changed_when",
    "failed_when", "async", "poll", "parallel", "needs", "lock", "serial",
))  # fmt: skip

#: Keywords by which weft treats a group of tasks as a whole: what stands inside doesn't inherit them.
GROUP_ONLY = (
    "parallel", "needs", "lock", "serial", "until", "retries", "delay", "backoff", "max_delay", "async", "poll",
    "register",
)  # fmt: skip


def group_fields(own: Own, common: Common, nodes: Iterable[Node]) -> dict[str, Any]:
    """The fields of a Block by which weft limits, retries and detaches it as a whole. Raises LoadError.

    ``common`` is what ``nodes``, all that stands inside, inherit.
    """
    return {
        "needs": own.needs(),
        "lock": lock_of(own),
        "serial": own.get("serial"),
        "throttle": _hosts_inside(own, common, nodes),
        "timeout": own.whole.get("timeout", own.get("timeout")),
        "retry": own.retry(),
        "async_seconds": own.get("async"),
        "poll": own.get("poll"),
        "register": own.get("register"),
    }


def _hosts_inside(own: Own, common: Common, nodes: Iterable[Node]) -> Value:
    """How many hosts may be inside at once: None where each task goes by a `throttle` nearer to it, as in Ansible."""
    named = own.get("throttle")
    if "throttle" in own.whole:
        return own.whole["throttle"]
    return named if named is not None and any(_goes_by(common.throttle_origin, node) for node in nodes) else None


def _goes_by(origin: Origin | None, node: Node) -> bool:
    """Whether a task in ``node`` has the `throttle` that stands there."""
    if isinstance(node, Block):
        return any(_goes_by(origin, inner) for inner in (*node.body, *node.rescue, *node.always))
    return not node.implicit and node.common.throttle_origin == origin


def task_fields(own: Own) -> dict[str, Any]:
    """Fields that most tasks don't have: loops, results, retries, limits."""
    get = own.keywords.get
    changed, failed = get("changed_when"), get("failed_when")
    return {
        "loop": get("loop"),
        "loop_with": get("loop_with"),
        "loop_control": loop_control(own),
        "retry": own.retry(),
        "changed_when": conditions(changed) or None,
        "failed_when": conditions(failed) or None,
        "async_seconds": get("async"),
        "poll": get("poll"),
        "parallel": read_parallel_of(own),
        "needs": own.needs(),
        "lock": lock_of(own),
        "serial": get("serial"),
    }


def loop_control(own: Own) -> LoopControl:
    value = own.get("loop_control")
    parallel = own.loop_parallel
    if value is None and parallel is None:
        return _DEFAULT_LOOP
    if value is not None and not isinstance(value, Mapping):
        raise LoadError(
            "the `loop_control` value must be specified as a dictionary and cannot "
            "be a variable itself (though it can contain variables)",
            origin_of(value) or own.place_of("loop_control"),
        )
    control = read_node(value or {}, On.LOOP_CONTROL)
    get = control.keywords.get
    place = own.places.get(SPELLED_LOOP)
    if get("parallel") is not None:
        parallel, place = get("parallel"), control.place_of("parallel")
    return LoopControl(
        loop_var=get("loop_var") or "item",
        index_var=get("index_var"),
        label=get("label"),
        pause=get("pause"),
        extended=get("extended"),
        extended_allitems=get("extended_allitems") if get("extended_allitems") is not None else True,
        break_when=conditions(get("break_when")),
        parallel=check_parallel_items(parallel, place),
    )


def put_loop(own: Own, loops: Sequence[str]) -> None:
    """``with_NAME: VALUE`` as a loop. Raises LoadError."""
    if not loops:
        return
    key = loops[0]
    name = key.removeprefix("with_")
    if own.get("loop") is not None or len(loops) > 1:
        raise LoadError(
            f"duplicate loop in task: {loops[-1].removeprefix('with_')}", origin_of(loops[-1]) or own.origin
        )
    value = own.data[key]
    if value is None:
        raise LoadError(f"you must specify a value when using {key}", origin_of(key) or own.origin)
    own.keywords["loop"] = value
    own.keywords["loop_with"] = str(name)


def read_parallel_of(own: Own) -> Parallel | None:
    return read_parallel(own.get("parallel"), own.place_of("parallel")) if "parallel" in own.keywords else None


def lock_of(own: Own) -> Value:
    return check_lock(own.get("lock"), own.place_of("lock")) if "lock" in own.keywords else None


def node_name(own: Own) -> Value:
    name = own.keywords.get("name")
    return name if name is None or isinstance(name, str) else str(name)
