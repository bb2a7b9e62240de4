"""What ``--list-tasks``, ``--list-tags``, ``--list-hosts`` and ``--syntax-check`` print, as ansible-playbook does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from weft.model.nodes import Block, Node, Play, Playbook, Task, TaskKind
from weft.model.tags import selected
from weft.model.values import Value
from weft.playbook.settled import NOBODY, settled

#: Renders a value with the variables of a play that are known without a host.
RenderFor = Callable[[Play, Value], Any]
#: The inventory hosts that patterns select.
HostsOf = Callable[[Any], Sequence[str]]


class Wanted(Struct, frozen=True, kw_only=True):
    """Which lists to print, and which tasks ``--tags`` and ``--skip-tags`` choose."""

    tasks: bool = False
    tags: bool = False
    only_tags: Collection[str] = ("all",)
    skip_tags: Collection[str] = ()
    hosts: HostsOf | None = None  # --list-hosts


def syntax_checked(shown: str) -> str:
    """What a playbook without mistakes prints under ``--syntax-check``; ``shown`` is its path as it was given."""
    return f"\nplaybook: {shown}\n"


def listing(playbook: Playbook, shown: str, wanted: Wanted, render: RenderFor | None = None) -> str:
    """The lists of one playbook; ``shown`` is its path as it was given on the command line."""
    parts = [f"\nplaybook: {shown}\n"]
    for number, play in enumerate(playbook.plays, 1):
        parts.extend(_play(number, play, wanted, partial(render, play) if render is not None else _as_written))
    return "".join(parts)


def _as_written(value: Value) -> Any:
    return value


def _play(number: int, play: Play, wanted: Wanted, render: Callable[[Value], Any]) -> Iterator[str]:
    final = settled(play, render)
    hosts: Any = final.hosts
    play_tags = tuple(str(tag) for tag in play.common.tags)  # as they are written; those of tasks are evaluated
    nobody = hosts is NOBODY
    title = final.name or ("None" if nobody else "")
    head = f"\n  play #{number} ({'' if nobody else ','.join(hosts)}): {title}\tTAGS: [{','.join(play_tags)}]"
    if play.parallel_with is not None:
        head += f"\tPARALLEL: [{play.parallel_name or final.name}]"
    if wanted.hosts is not None:
        found = wanted.hosts(hosts)
        head += f"\n    pattern: {None if nobody else hosts}\n    hosts ({len(found)}):"
        head += "".join(f"\n      {host}" for host in found)
    yield head + "\n"
    if not (wanted.tasks or wanted.tags):
        return
    text, every = "", set(play_tags)
    for task, tags in _chosen(play, wanted, render):
        every.update(tags)
        text += f"      {_title(task)}\tTAGS: [{', '.join(sorted({*tags, *play_tags}))}]\n"
    if wanted.tasks:
        yield "    tasks:\n" + text
    if wanted.tags:
        yield f"      TASK TAGS: [{', '.join(sorted(every))}]\n"


def _chosen(play: Play, wanted: Wanted, render: Callable[[Value], Any]) -> Iterator[tuple[Task, tuple[str, ...]]]:
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    for task in _tasks((*play.pre_tasks, *play.role_tasks, *play.tasks, *play.post_tasks)):
        raw = task.common.tags
        if raw not in known:
            known[raw] = tuple(rendered_tags(raw, render))
        if selected(known[raw], wanted.only_tags, wanted.skip_tags):
            yield task, known[raw]


def _tasks(nodes: Sequence[Node]) -> Iterator[Task]:
    """Every task that is listed: not those of `rescue` and `always`, nor what weft adds itself."""
    for node in nodes:
        if isinstance(node, Block):
            yield from _tasks(node.body)
        elif not node.implicit and node.kind is not TaskKind.ROLE_END:
            yield node


def rendered_tags(tags: Collection[str], render: Callable[[Value], Any]) -> Iterator[str]:
    """Tags with their templates evaluated; one that makes a list stands for all of its items."""
    seen: set[str] = set()
    for tag in tags:
        value = render(tag)
        for item in value if isinstance(value, list) else [value]:
            if str(item) not in seen:
                seen.add(str(item))
                yield str(item)


def _title(task: Task) -> str:
    """The task's name behind its role's, as it is written; without a name its action."""
    if not task.name:
        return task.action
    if task.role is None or task.kind is TaskKind.INCLUDE_ROLE:
        return str(task.name)
    return f"{task.role.name} : {task.name}"
