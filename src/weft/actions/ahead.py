"""What a run will need that is slow to load, known before it starts: then it can be loaded meanwhile.

asyncssh takes longer to import than all of weft. While one thread imports it the others have to wait, so that this is
worth while only where a run has something else to wait for first: what is done on this machine. ansible-core, which the
compatibility lane has in a process of its own, takes longer still. A wrong guess costs that time and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence, Set

from weft.actions import THIRD_PARTY, Action, action_for
from weft.connection.names import NATIVE, SSH
from weft.inventory import Inventory
from weft.inventory.model import ALL, LOCALHOST
from weft.model.convert import is_true
from weft.model.nodes import Block, Node, Play, Task, TaskKind
from weft.model.settings import Settings
from weft.model.values import Value

_MODULE = "weft.connection.ssh.transport"
_VARIABLE = "ansible_connection"


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


def will_use_ssh_later(plays: Sequence[Play], inventory: Inventory, settings: Settings) -> bool:
    """Whether a play looks so, and the one that a run begins with doesn't."""
    return not will_use_ssh(plays[:1], inventory, settings) and will_use_ssh(plays[1:], inventory, settings)


def will_use_plugins(plays: Iterable[Play], find: Callable[[str], Action]) -> bool:
    """Whether a task of one of the plays is an action plugin of somebody's."""
    names = dict.fromkeys(task.fqcn for play in plays for task in _plain_tasks(play))
    return any(find(name).place == THIRD_PARTY for name in names)


def will_use_other_connections(plays: Iterable[Play], inventory: Inventory, settings: Settings) -> bool:
    """Whether one of the plays looks as if its tasks went to hosts in a way that only ansible-core has."""
    names = _reached_otherwise(inventory)
    for play in plays:
        if any(_goes_otherwise(task) for task in _plain_tasks(play)):
            return True
        if _is_reached_otherwise(play, names, settings) and _needs_hosts(play, settings):
            return True
    return False


def _is_reached_otherwise(play: Play, names: Set[str], settings: Settings) -> bool:
    way = play.common.connection
    if way is None and settings.transport not in NATIVE and play.hosts not in LOCALHOST:
        return True
    return _is_other(way) or _is_other(play.vars.get(_VARIABLE)) or not names.isdisjoint(_names_in(play.hosts))


def _goes_otherwise(task: Task) -> bool:
    """Whether a task says so itself."""
    named = _is_other(task.common.connection) or any(_is_other(layer.get(_VARIABLE)) for layer in task.common.vars)
    return named and action_for(task.fqcn).connection


def _reached_otherwise(inventory: Inventory) -> set[str]:
    """Names by which plays mean hosts that weft has no way to, as far as the inventory itself says so."""
    groups = {name for name, group in inventory.groups.items() if _is_other(group.vars.get(_VARIABLE))}
    found = set(groups)
    for name, host in inventory.hosts.items():
        if _is_other(host.vars.get(_VARIABLE)) or not groups.isdisjoint((ALL, *host.groups)):
            found.update((name, ALL, "*", *host.groups))
    return found


def _is_other(connection: Value) -> bool:
    return isinstance(connection, str) and connection not in NATIVE and "{{" not in connection


def _names_in(hosts: Value) -> Iterator[str]:
    for pattern in hosts if isinstance(hosts, list) else [hosts]:
        yield from re.split("[,:]", str(pattern))


def _plain_tasks(play: Play) -> Iterator[Task]:
    nodes: list[Node] = [*play.pre_tasks, *play.role_tasks, *play.tasks, *play.post_tasks]
    while nodes:
        node = nodes.pop()
        if isinstance(node, Block):
            nodes.extend((*node.body, *node.rescue, *node.always))
        elif node.kind is TaskKind.PLAIN:
            yield node


def _has_ssh_hosts(inventory: Inventory) -> bool:
    """As the first host is that isn't this machine: mostly all are alike."""
    host = next((host for name, host in inventory.hosts.items() if name not in LOCALHOST), None)
    if host is None:
        return False
    layers = [host.vars, *(inventory.groups[name].vars for name in (ALL, *host.groups) if name in inventory.groups)]
    named = next((layer[_VARIABLE] for layer in layers if _VARIABLE in layer), SSH)
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
