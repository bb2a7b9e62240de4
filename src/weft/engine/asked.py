"""What callback plugins may ask of a run: the variables of a play, a task and a host, and what is in a play.

Plays and tasks are told of when they are announced. Questions come from another thread, and later than the events that
they are about: the answers are those of the moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.model.nodes import Block, Node, Play, Task
from weft.vars import PlayVars, Variables


class Asked:
    """Knows what has been announced."""

    def __init__(self) -> None:
        self._plays: dict[str, tuple[Play, PlayVars, Variables]] = {}
        self._tasks: dict[str, Task] = {}

    def play_started(self, play: Play, play_vars: PlayVars, variables: Variables) -> None:
        self._plays[play.id] = (play, play_vars, variables)

    def task_started(self, id: str, task: Task) -> None:
        """``id`` is that of its ``TaskInfo``."""
        self._tasks[id] = task

    def answer(self, question: Mapping[str, Any]) -> Any:
        """``ask``: "vars" (of ``play``, ``task``, ``host``, all but the first may be None), or "tasks" (of ``play``).

        Variables are as they were written; the tasks of roles are not among the play's, as in Ansible. May block.
        Of what has not been announced nothing is known: None.
        """
        known = self._plays.get(question["play"])
        if known is None:
            return None
        play, play_vars, variables = known
        if question["ask"] == "tasks":
            return _titles((*play.pre_tasks, *play.tasks, *play.post_tasks))
        from weft.actions.lane import variables_of  # most runs have no such plugins

        task = self._tasks.get(question.get("task") or "")
        return variables_of(variables.scope(question.get("host"), play=play_vars, task=task))


def _titles(nodes: Sequence[Node]) -> list[list[str]]:
    """The names of tasks by the block that they are in; those that follow each other outside of one count as one."""
    found: list[list[str]] = []
    inside = True
    for node in nodes:
        if isinstance(node, Block):
            found.append([_title(inner) for inner in (*node.body, *node.rescue, *node.always)])
        elif inside:
            found.append([_title(node)])
        else:
            found[-1].append(_title(node))
        inside = isinstance(node, Block)
    return found


def _title(node: Node) -> str:
    return str(node.name or (node.action if isinstance(node, Task) else ""))
