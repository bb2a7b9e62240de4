"""``--step``: before each task somebody is asked whether it is to run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weft.engine.lockstep import Round
from weft.engine.state import Shared
from weft.events import StepAnswered, TaskStarted
from weft.model.nodes import Task

if TYPE_CHECKING:
    from weft.engine.walk import Walk


async def agreed(walk: Walk, task: Task, turn: Round) -> bool:
    """The first host of the round asks, and the answer is for all. The task's banner comes with a yes."""
    if not walk.batch.step:  # no longer: somebody has said `continue` meanwhile
        _say_started(walk, turn)
        return True
    answer: asyncio.Future[bool] | None = turn.shared.get(Shared.STEP)  # type: ignore[assignment]
    if answer is None:
        answer = asyncio.get_running_loop().create_future()
        turn.shared[Shared.STEP] = answer
        answer.set_result(await _ask(walk, task))
    if not await asyncio.shield(answer):
        return False
    _say_started(walk, turn)
    return True


def _say_started(walk: Walk, turn: Round) -> None:
    """The banner that was held back for the question, once."""
    if turn.shared.pop(Shared.UNSAID, None):
        walk.run.bus.publish(TaskStarted(task=turn.shared[Shared.INFO]))  # type: ignore[arg-type]


async def _ask(walk: Walk, task: Task) -> bool:
    question = f"Perform task: TASK: {walk.batch.title(task, walk.host)} (N)o/(y)es/(c)ontinue: "
    reply = (await walk.run.services.prompter.ask(question)).strip().lower()
    walk.run.bus.publish(StepAnswered(question=question))
    if reply in ("c", "continue"):
        walk.batch.step = False  # for the rest of the play's batch, as in Ansible
        return True
    return reply in ("y", "yes")
