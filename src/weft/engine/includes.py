"""Dynamic includes: which files and roles a round's hosts ask for, each loaded once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from weft.engine.handlers import flatten
from weft.engine.lanes import Lane
from weft.engine.lockstep import Round
from weft.engine.signals import HostFailed
from weft.engine.state import BatchState, Expansion, Shared
from weft.events import Cause, ErrorInfo, Failed, Included, TaskFinished, TaskInfo
from weft.executor.report import Include
from weft.model.errors import WeftError
from weft.model.nodes import Role, Task, TaskKind
from weft.model.outcome import Status
from weft.model.values import origin_of
from weft.playbook.api import IncludeNotFound, RoleNotFound


async def expand(batch: BatchState, lane: Lane, task: Task, turn: Round) -> list[Expansion]:
    """The round's expansions, in the order of hosts and items. Raises LoadError."""
    job: asyncio.Task[list[Expansion]] | None = turn.shared.get(Shared.EXPANSIONS)  # type: ignore[assignment]
    if job is None:
        job = asyncio.ensure_future(_expand(batch, lane, task, turn))
        turn.shared[Shared.EXPANSIONS] = job
    return await asyncio.shield(job)


async def _expand(batch: BatchState, lane: Lane, task: Task, turn: Round) -> list[Expansion]:
    wanted: dict[str, tuple[Include, ...]] = turn.shared[Shared.INCLUDES]  # type: ignore[assignment]
    expansions = group(wanted, turn.hosts)
    for expansion in expansions:
        try:
            path = await asyncio.to_thread(_load, batch, task, expansion)
        except (IncludeNotFound, RoleNotFound) as error:
            # what isn't there is the hosts' failure; what is there and broken ends the run
            _fail(batch, task, turn, expansion, error)
            if turn.shared.get(Shared.FATAL):
                lane.turns.call_away(HostFailed)
            continue
        for host in expansion.hosts:
            batch.run.stats.of(host).ok += 1
        info: TaskInfo = turn.shared[Shared.INFO]  # type: ignore[assignment]
        batch.run.bus.publish(Included(path=path, hosts=tuple(expansion.hosts), label=expansion.label, task=info))
        for role in expansion.imports:
            _add_role(batch, role)
        if expansion.role is not None:
            _add_role(batch, expansion.role)
    return expansions


def group(wanted: dict[str, tuple[Include, ...]], hosts: tuple[str, ...]) -> list[Expansion]:
    """Equal includes of several hosts are one expansion; a host that asks for the same again gets another one."""
    expansions: list[Expansion] = []
    alike: dict[Hashable, list[_Alike]] = {}
    for host in hosts:
        for include in wanted.get(host, ()):
            key = (_hashable(include.args), _hashable(include.variables), _hashable(include.label))
            kind = _kind(alike.setdefault(key, []), include)
            turn = kind.asked[host] = kind.asked.get(host, -1) + 1
            if turn == len(kind.expansions):
                new = Expansion(variables=include.variables, args=include.args, label=include.label, hosts={})
                kind.expansions.append(new)
                expansions.append(new)
            kind.expansions[turn].hosts[host] = None
    return expansions


class _Alike(Struct):
    """Includes that are equal to this one."""

    include: Include
    expansions: list[Expansion] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)  # host -> the last of the expansions that is its


def _kind(among: list[_Alike], include: Include) -> _Alike:
    for known in among:
        if known.include == include:
            return known
    among.append(_Alike(include))
    return among[-1]


def _hashable(value: Any) -> Hashable:
    """Equal for equal values, and seldom for others: so a loop of many items need not compare each with all."""
    if isinstance(value, Mapping):
        return frozenset((key, _hashable(one)) for key, one in value.items())
    if isinstance(value, list | tuple):
        return tuple(_hashable(one) for one in value)
    try:
        hash(value)
    except TypeError:
        return None
    return value  # type: ignore[no-any-return]


def _load(batch: BatchState, task: Task, expansion: Expansion) -> str:
    """Read the file or role. Returns what `included:` shows. Blocks. Raises LoadError."""
    loader, play = batch.run.loader, batch.play
    if task.kind is TaskKind.INCLUDE_ROLE:
        role = loader.include_role(task, play, expansion.args)
        expansion.role = role
        expansion.item = repr(sorted((name, repr(value)) for name, value in expansion.variables.items()))
        expansion.nodes = role.tasks
        expansion.imports = role.imports
        return role.name
    name = expansion.args.get("_raw_params") or expansion.args.get("file")
    if not name:
        raise IncludeNotFound("No include file was specified to the include", task.origin)
    path = loader.find_include(str(name), task, play)
    expansion.nodes, expansion.imports = loader.include_tasks(path, task, play)
    return path


def _add_role(batch: BatchState, role: Role) -> None:
    """From now on the role's handlers can be notified, and what it exports is seen by the whole play."""
    known = {handler.id for handler in batch.handlers}
    batch.handlers.extend(handler for handler in flatten(role.handlers) if handler.id not in known)
    batch.play_vars.add_role(role)


def _fail(batch: BatchState, task: Task, turn: Round, expansion: Expansion, error: WeftError) -> None:
    info: TaskInfo = turn.shared[Shared.INFO]  # type: ignore[assignment]
    expansion.error = error.message
    result: dict[str, Any] = {"changed": False, "reason": error.message}
    if task.kind is TaskKind.INCLUDE_TASKS:
        result["include"] = expansion.args.get("_raw_params")
    place = origin_of(task.args.get("name")) if task.kind is TaskKind.INCLUDE_ROLE else None
    shown = ErrorInfo(message=error.message, origin=place or error.origin or task.origin, help=error.hint)
    if error.origin is not None and error.origin.path != task.origin.path:
        # the place is in what was included: say too where that is
        cause = Cause(message=error.message, origin=error.origin, help=error.hint)
        shown = replace(shown, chain=(Cause(message="Task failed.", origin=task.origin), cause))
    batch.run.bus.publish(Failed(error=shown))
    for host in expansion.hosts:
        batch.run.stats.of(host).failed += 1
        batch.failed.add(host)
        batch.remove((host,))
        batch.run.bus.publish(TaskFinished(task=info, host=host, status=Status.FAILED, result=result))
