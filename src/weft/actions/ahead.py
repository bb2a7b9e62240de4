"""Whether a run will go over SSH, known before it starts: then the code for that can be imported meanwhile.

asyncssh takes longer to import than all of weft, and a part of that is waiting for programs that it asks for libraries.
A wrong guess costs that time and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterable, Sequence

from weft.actions import action_for
from weft.connection.names import NATIVE, SSH
from weft.inventory import Inventory
from weft.inventory.model import ALL, LOCALHOST
from weft.model.convert import is_true
from weft.model.nodes import Block, Node, Play, Task, TaskKind
from weft.model.settings import Settings

_MODULE = "weft.connection.ssh.transport"


def import_ssh() -> None:
    """Import it in a thread. Whoever needs it waits for that, as for any import that goes on."""

    def work() -> None:
        with contextlib.suppress(ImportError):  # said where it is needed
            importlib.import_module(_MODULE)

    threading.Thread(target=work, name="weft imports").start()


def will_use_ssh(plays: Iterable[Play], inventory: Inventory, settings: Settings) -> bool:
    """Whether one of the plays looks as if its tasks went to hosts over SSH."""
    if NATIVE.get(settings.transport) != SSH or not _has_ssh_hosts(inventory):
        return False
    return any(_leaves_here(play) and _needs_hosts(play, settings) for play in plays)


def _has_ssh_hosts(inventory: Inventory) -> bool:
    """As the first host is that isn't this machine: mostly all are alike."""
    host = next((host for name, host in inventory.hosts.items() if name not in LOCALHOST), None)
    if host is None:
        return False
    layers = [host.vars, *(inventory.groups[name].vars for name in (ALL, *host.groups) if name in inventory.groups)]
    named = next((layer["ansible_connection"] for layer in layers if "ansible_connection" in layer), SSH)
    return NATIVE.get(str(named)) == SSH


def _leaves_here(play: Play) -> bool:
    connection = play.common.connection
    return play.hosts not in LOCALHOST and (connection is None or NATIVE.get(str(connection)) == SSH)


def _needs_hosts(play: Play, settings: Settings) -> bool:
    gathers = settings.gathering != "explicit" if play.gather_facts is None else is_true(play.gather_facts)
    return gathers or _any_needs((*play.pre_tasks, *play.role_tasks, *play.tasks, *play.post_tasks))


def _any_needs(nodes: Sequence[Node]) -> bool:
    for node in nodes:
        if isinstance(node, Block):
            if _any_needs(node.body):
                return True
        elif _needs(node):
            return True
    return False


def _needs(task: Task) -> bool:
    if task.kind is TaskKind.PLAIN:
        return task.common.connection is None and action_for(task.fqcn).connection
    return task.kind in (TaskKind.INCLUDE_TASKS, TaskKind.INCLUDE_ROLE)
