"""Keywords that the language has and this engine can't do yet: an error with its place, never silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from weft.model.errors import LoadError
from weft.model.nodes import Block, Node, Play, Task, TaskKind
from weft.model.values import Origin, Value, origin_of

_INCLUDES = (TaskKind.INCLUDE_TASKS, TaskKind.INCLUDE_ROLE)


def refuse_play(play: Play) -> None:
    """Raises LoadError for the first thing in the play that can't be done yet."""
    if play.parallel_with is not None:
        raise _refusal("plays that run side by side", play.origin)
    if play.lock is not None:
        raise _refusal("`lock` on a play", origin_of(play.lock) or play.origin)
    sections = (play.pre_tasks, play.role_tasks, play.tasks, play.post_tasks, play.handlers)
    refuse_nodes(node for section in sections for node in section)


def refuse_nodes(nodes: Iterable[Node]) -> None:
    """Raises LoadError for the first thing among nodes that can't be done yet."""
    for node in nodes:
        for what, value in _of_block(node) if isinstance(node, Block) else _of_task(node):
            raise _refusal(what, origin_of(value) or node.origin)
        if isinstance(node, Block):
            refuse_nodes((*node.body, *node.rescue, *node.always))


def _of_block(block: Block) -> Iterator[tuple[str, Value]]:
    yield from _set(
        ("`parallel`", block.parallel),
        ("`needs`", block.needs or None),
        ("`lock`", block.lock),
        ("`serial` on a block", block.serial),
        # what Ansible has too is inherited by the tasks, as there; the block's own limit only has weft's spelling
        ("`weft_throttle` on a block", block.throttle if block.throttle != block.common.throttle else None),
        ("`weft_timeout` on a block", block.timeout if block.timeout != block.common.timeout else None),
        ("`async` on a block", block.async_seconds),
        ("`register` on a block", block.register),
        ("`until` or `retries` on a block", block.retry.until or block.retry.retries),
    )


def _of_task(task: Task) -> Iterator[tuple[str, Value]]:
    yield from _set(
        ("`parallel`", task.parallel),
        ("`needs`", task.needs or None),
        ("`serial` on a task", task.serial),
        ("`lock` on a meta action", task.lock if task.kind is TaskKind.META else None),
    )
    if task.kind in _INCLUDES:
        yield from _set(
            ("`lock` on an include", task.lock),
            ("`parallel` in the loop_control of an include", task.loop_control.parallel),
            ("`async` on an include", task.async_seconds),
            ("`until` or `retries` on an include", task.retry.until or task.retry.retries),
        )


def _set(*rows: tuple[str, Value]) -> Sequence[tuple[str, Value]]:
    return [(what, value) for what, value in rows if value is not None and value != ()]


def _refusal(what: str, origin: Origin | None) -> LoadError:
    return LoadError(f"weft can't do {what} yet", origin, "It is part of weft's language, and not of this release.")
