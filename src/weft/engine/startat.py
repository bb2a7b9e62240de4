"""``--start-at-task``: where a run begins."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

from msgspec import Struct

from weft.engine.state import RunState
from weft.events import ErrorInfo, Failed
from weft.model.nodes import Block, Node, Play, Task, TaskKind


class Start(Struct, frozen=True):
    """Where in a play to start: its tasks ``before`` (their ids) are left out."""

    before: frozenset[str] = frozenset()
    elsewhere: bool = False  # in a play after this one: nothing of this one is to run


def find_start(run: RunState, play: Play) -> Start:
    """Look for the task in a play; once it is found, every play starts from its first task."""
    if run.start_at is None:
        return Start()
    before: set[str] = set()
    for task in _flat((*play.pre_tasks, *play.role_tasks, *play.tasks, *play.post_tasks)):
        if task.kind is not TaskKind.ROLE_END and _called(task, run.start_at):
            run.start_at = None
            return Start(frozenset(before))
        before.add(task.id)
    return Start(frozenset(before), elsewhere=True)


def complain_about_start(run: RunState) -> None:
    """`--start-at-task` named a task that no play has."""
    if run.start_at is not None:
        message = f'No matching task "{run.start_at}" found. Note: --start-at-task can only follow static includes.'
        run.bus.publish(Failed(error=ErrorInfo(message=message)))


def _called(task: Task, wanted: str) -> bool:
    own = str(task.name) if task.name is not None else task.action
    full = f"{task.role.name} : {own}" if task.role is not None else own
    return any(name == wanted or fnmatch.fnmatch(name, wanted) for name in (own, full))


def _flat(nodes: Sequence[Node]) -> Iterator[Task]:
    """Every task among nodes, in the order in which they run if nothing fails."""
    for node in nodes:
        if isinstance(node, Block):
            yield from _flat(node.body)
            yield from _flat(node.always)
        else:
            yield node
