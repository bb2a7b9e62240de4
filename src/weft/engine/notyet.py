"""Keywords that the language has and this engine can't do yet: an error with its place, never silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from weft.model.errors import LoadError
from weft.model.nodes import Block, Node, Play, Task, TaskKind
from weft.model.values import Origin, Value, origin_of


def refuse_play(play: Play) -> None:
    """Raises LoadError for the first thing in the play that can't be done yet."""
    sections = (play.pre_tasks, play.role_tasks, play.tasks, play.post_tasks, play.handlers)
    refuse_nodes(node for section in sections for node in section)


def refuse_nodes(nodes: Iterable[Node]) -> None:
    """Raises LoadError for the first thing among nodes that can't be done yet."""
    for node in nodes:
        if isinstance(node, Block):
            refuse_nodes((*node.body, *node.rescue, *node.always))
            continue
        for what, value in _of_task(node):
            raise _refusal(what, origin_of(value) or node.origin)


def _of_task(task: Task) -> Iterator[tuple[str, Value]]:
    if task.kind is TaskKind.META:
        yield from _set(
            ("`lock` on a meta action", task.lock), ("`async` on a meta action", task.async_seconds or None)
        )


def _set(*rows: tuple[str, Value]) -> Sequence[tuple[str, Value]]:
    return [(what, value) for what, value in rows if value is not None and value != ()]


def _refusal(what: str, origin: Origin | None) -> LoadError:
    return LoadError(f"weft can't do {what} yet", origin, "It is part of weft's language, and not of this release.")
