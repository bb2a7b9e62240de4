"""``meta`` actions. Those that concern one host run on each; the others are decided once for all of a round."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weft.engine.lockstep import Position, Round
from weft.engine.signals import EndBatch, EndHost, EndPlay, EndRole
from weft.engine.state import Shared
from weft.events import Message, TaskFinished, TaskInfo, TaskStarted, Warned
from weft.executor.conditions import holds
from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Task
from weft.model.outcome import Status
from weft.playbook.parallel import check_meta_beside
from weft.templating.blocking import evaluate

if TYPE_CHECKING:
    from weft.engine.walk import Walk

#: Decided by the first host of a round, for all.
FOR_ALL = frozenset(("refresh_inventory", "clear_facts", "clear_host_errors", "end_batch", "end_play"))
_FOR_HOST = frozenset(("noop", "flush_handlers", "reset_connection", "end_host", "end_role"))
_WITHOUT_WHEN = frozenset(("noop", "refresh_inventory", "reset_connection"))

_SKIP_NOTE = {
    "flush_handlers": ", not running handlers for {host}",
    "clear_facts": ", not clearing facts and fact cache for {host}",
    "clear_host_errors": ", not clearing host error state for {host}",
    "end_batch": ", continuing current batch",
    "end_play": ", continuing play",
    "end_host": ", continuing execution for {host}",
    "end_role": "continuing role {role} for {host}",
}


async def run_meta(walk: Walk, task: Task, turn: Round, position: Position) -> None:
    """Raises the signals that it stands for, and LoadError for a meta action that there isn't."""
    action = str(task.args.get("_raw_params", "")).strip()
    if action not in FOR_ALL and action not in _FOR_HOST:
        raise LoadError(f"invalid meta action requested: {action}", task.origin)
    check_meta_beside(task, walk.host.runs_beside)  # an include may have brought it here
    together = walk.lane.together
    leader = turn.hosts[0] == walk.host.name
    if not leader and (action not in FOR_ALL):
        # one banner a host, as Ansible prints it
        _banner(walk, turn)
    if action in FOR_ALL and together and not leader:
        decided = _decision(turn)
        if await asyncio.shield(decided):
            _follow(walk, action)
        return
    wanted = await _condition(walk, task, action)
    if action in FOR_ALL:
        decided = _decision(turn)
        if not decided.done():
            decided.set_result(wanted)
    if not wanted:
        _skipped(walk, task, turn, action)
        return
    await _act(walk, task, action, position)


def _decision(turn: Round) -> asyncio.Future[bool]:
    future = turn.shared.get(Shared.META)
    if future is None:
        future = turn.shared[Shared.META] = asyncio.get_running_loop().create_future()
    return future  # type: ignore[return-value]


async def _condition(walk: Walk, task: Task, action: str) -> bool:
    if not task.common.when:
        return True
    if action in _WITHOUT_WHEN:
        walk.run.bus.publish(Warned(message=f"{action} task does not support when conditional", origin=task.origin))
        return True
    names = walk.names(task)
    return await evaluate(lambda: holds(task.common.when, names, walk.run.services.templar))


def _banner(walk: Walk, turn: Round) -> None:
    info: TaskInfo = turn.shared[Shared.INFO]  # type: ignore[assignment]
    walk.run.bus.publish(TaskStarted(task=info))


def _skipped(walk: Walk, task: Task, turn: Round, action: str) -> None:
    info: TaskInfo = turn.shared[Shared.INFO]  # type: ignore[assignment]
    role = task.role.name if task.role else ""
    note = _SKIP_NOTE.get(action, "").format(host=walk.host.name, role=role)
    reason = f"{action} conditional evaluated to False{note}"
    message = f"end_host conditional evaluated to false{note}" if action == "end_host" else action
    result = {"msg": message, "skipped": True, "skip_reason": reason}
    _say(walk, reason)
    walk.run.bus.publish(TaskFinished(task=info, host=walk.host.name, status=Status.SKIPPED, result=result))


def _say(walk: Walk, text: str) -> None:
    walk.run.bus.publish(Message(text=f"META: {text}", verbosity=2))


def _follow(walk: Walk, action: str) -> None:
    """What another host of the round decided holds for this one too."""
    if action == "end_play":
        raise EndPlay
    if action == "end_batch":
        raise EndBatch


async def _act(walk: Walk, task: Task, action: str, position: Position) -> None:
    run, batch, host = walk.run, walk.batch, walk.host
    if action == "noop":
        _say(walk, "noop")
    elif action == "flush_handlers":
        _say(walk, f"triggered running handlers for {host.name}")
        await _flush(walk, position)
    elif action == "refresh_inventory":
        fresh = await asyncio.to_thread(run.reload_inventory)
        run.variables.set_inventory(fresh.with_added_of(run.variables.inventory))
        _say(walk, "inventory successfully refreshed")
    elif action == "clear_facts":
        for name in batch.hosts:
            run.variables.clear_facts(name)
        _say(walk, "facts cleared")
    elif action == "clear_host_errors":
        run.failed.difference_update(batch.hosts)
        run.unreachable.difference_update(batch.hosts)
        batch.failed.clear()
        batch.ended_failed.difference_update(batch.hosts)
        batch.main.turns.rejoin()
        batch.cleared += 1
        _say(walk, "cleared host errors")
    elif action == "end_batch":
        _say(walk, "ending batch")
        batch.remove(batch.hosts)
        batch.lanes.end(EndBatch)
        raise EndBatch
    elif action == "end_play":
        _say(walk, "ending play")
        batch.remove(batch.hosts)
        batch.ended = True
        batch.lanes.end(EndPlay)
        raise EndPlay
    elif action == "end_host":
        _say(walk, f"ending play for {host.name}")
        batch.remove((host.name,))
        raise EndHost
    elif action == "end_role":
        if task.role is None:
            raise WeftError("Cannot execute 'end_role' from outside of a role", task.origin)
        _say(walk, f"ending role {task.role.name} for {host.name}")
        raise EndRole(task.role)
    elif action == "reset_connection":
        await _reset(walk, task)


async def _flush(walk: Walk, position: Position) -> None:
    """Handlers run behind the meta task: its round is over for this host first, so that theirs can begin."""
    walk.pending_flush = (*position, 0)


async def _reset(walk: Walk, task: Task) -> None:
    await walk.run.executor.reset_connection(task, walk.host.name, walk.names(task), walk.batch.environment)
    _say(walk, "reset connection")
