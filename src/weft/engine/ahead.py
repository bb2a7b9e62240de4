"""What follows a task if it ends well, for hosts that need not wait for others between two tasks.

``executor.sentahead`` sends it; here is only what the engine knows: where the host is, and who may call it away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from weft.executor.foresight import Foreseen
from weft.executor.sentahead import SentAhead
from weft.model.nodes import Node, Task

if TYPE_CHECKING:
    from weft.engine.walk import Walk


def ahead_of(walk: Walk, task: Task, siblings: Sequence[Node], index: int) -> SentAhead | None:
    """What sends the tasks behind a plain one, whose turn it is; None where one thing has to follow the other.

    ``siblings`` and ``index``: where the host is; a task that stands elsewhere (a handler) has nothing behind it.
    """
    sent = walk.host.sent
    if sent is None or not sent.has(task):
        if index >= len(siblings) or siblings[index] is not task or not _is_alone_with_its_tasks(walk):
            return None
        if not walk.run.executor.foresight.is_plain(task):
            return None
    if sent is None:
        sent = walk.host.sent = SentAhead(partial(_foresee, walk), walk.run.bus.publish, walk.run.window)
    sent.turn(partial(_following, walk, siblings, index))
    return sent


def _is_alone_with_its_tasks(walk: Walk) -> bool:
    """Whether nothing round the host's tasks, or beside them, could come between two of them."""
    run, host = walk.run, walk.host
    return (
        walk.lane is walk.batch.main
        and not (walk.batch.step or run.stopping or run.strands.begun)
        and not host.held
        and host.deadline is None
    )


def _following(walk: Walk, siblings: Sequence[Node], index: int) -> Iterator[Task]:
    """As far as it is only tasks, one after the other."""
    for node in siblings[index + 1 :]:
        if not isinstance(node, Task) or not walk.run.executor.foresight.is_plain(node):
            return
        if walk.wants(node):
            yield node


def _foresee(walk: Walk, task: Task, registers: Collection[str | None]) -> Foreseen | None:
    batch = walk.batch
    return walk.run.executor.foresight.foresee(
        task,
        walk.host.name,
        walk.names(task),
        batch.environment,
        registers=registers,
        alone=len(batch.hosts) == 1,
    )
