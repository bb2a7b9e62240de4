"""An inventory as ``ansible-inventory`` prints it: ``--list``, ``--host``, ``--graph``, and ``--list --yaml``.

What variables a host has is not known here: callers pass functions that say (``vars`` has them).
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from weft.inventory.inventory import Inventory
from weft.inventory.model import ALL, Group
from weft.model.errors import OptionsError
from weft.model.values import Trusted, VaultText

#: Variables that weft makes itself: they are no part of an inventory.
INTERNAL = frozenset(
    {
        "ansible_async_path", "ansible_check_mode", "ansible_collection_name", "ansible_config_file",
        "ansible_dependent_role_names", "ansible_diff_mode", "ansible_facts", "ansible_forks",
        "ansible_inventory_sources", "ansible_limit", "ansible_play_batch", "ansible_play_hosts",
        "ansible_play_hosts_all", "ansible_play_role_names", "ansible_playbook_python", "ansible_role_name",
        "ansible_role_names", "ansible_run_tags", "ansible_skip_tags", "ansible_verbosity", "ansible_version",
        "group_names", "groups", "hostvars", "inventory_dir", "inventory_file", "inventory_hostname",
        "inventory_hostname_short", "play_hosts", "playbook_dir", "role_name", "role_names", "role_path",
        "role_uuid",
    }
)  # fmt: skip

VarsOf = Callable[[str], Mapping[str, Any]]


def list_hosts(
    inventory: Inventory,
    host_vars: VarsOf,
    *,
    group_vars: VarsOf | None = None,
    limit: str | None = None,
) -> dict[str, Any]:
    """``--list``: groups with their hosts and children, and each host's variables under ``_meta``.

    ``group_vars`` is given for ``--export``; ``host_vars`` then are those of the host alone.
    """
    hosts = inventory.select(ALL, limit=limit)
    result: dict[str, Any] = {}
    _add_group(inventory, ALL, frozenset(hosts), group_vars, result, set())
    variables = {name: shown for name in hosts if (shown := _jsonable(_public(host_vars(name)), mark=True))}
    result["_meta"] = {"hostvars": variables, "profile": "inventory_legacy"}
    return result


def _add_group(
    inventory: Inventory,
    name: str,
    hosts: Collection[str],
    group_vars: VarsOf | None,
    result: dict[str, Any],
    seen: set[str],
) -> None:
    group = inventory.groups[name]
    entry: dict[str, Any] = {}
    if name != ALL and (own := [host for host in group.hosts if host in hosts]):
        entry["hosts"] = own
    if group.children:
        entry["children"] = list(group.children)
    if group_vars is not None and (variables := _group_variables(group, group_vars)):
        entry["vars"] = _jsonable(variables, mark=True)
    if entry:
        result[name] = entry
    for child in group.children:
        if child not in seen:
            _add_group(inventory, child, hosts, group_vars, result, seen)
            seen.add(child)


def yaml_tree(
    inventory: Inventory,
    host_vars: VarsOf,
    *,
    group_vars: VarsOf | None = None,
    limit: str | None = None,
) -> dict[str, Any]:
    """``--list --yaml``: the same as a tree that is itself a YAML inventory. Values are plain data."""
    hosts = frozenset(inventory.select(ALL, limit=limit))
    seen_groups: set[str] = set()
    seen_hosts: set[str] = set()

    def tree(name: str) -> dict[str, Any]:
        group = inventory.groups[name]
        entry: dict[str, Any] = {}
        children: dict[str, Any] = {}
        for child in group.children:
            children.update({child: {}} if child in seen_groups else tree(child))
            seen_groups.add(child)
        if children:
            entry["children"] = children
        own: dict[str, Any] = {}
        for host in group.hosts if name != ALL else ():
            if host in hosts:
                own[host] = {} if host in seen_hosts else _jsonable(_public(host_vars(host)), mark=False)
                seen_hosts.add(host)
        if own:
            entry["hosts"] = own
        if group_vars is not None and (variables := _group_variables(group, group_vars)):
            entry["vars"] = _jsonable(variables, mark=False)
        return {name: entry} if entry else {}

    return tree(ALL)


def show_host(inventory: Inventory, pattern: str, host_vars: VarsOf) -> dict[str, Any]:
    """``--host``: one host's variables. Raises OptionsError where the pattern isn't exactly one host."""
    hosts = inventory.select(pattern)
    if len(hosts) != 1:
        raise OptionsError("You must pass a single valid host to --host parameter")
    shown: dict[str, Any] = _jsonable(_public(host_vars(hosts[0])), mark=False)
    return shown


def graph(
    inventory: Inventory, start: str = ALL, *, host_vars: VarsOf | None = None, group_vars: VarsOf | None = None
) -> str:
    """``--graph``: groups and hosts as a tree of text; with variables (``--vars``) where the functions are given."""
    if start not in inventory.groups:
        raise OptionsError("Pattern must be valid group name when using --graph")
    return "\n".join(_graph_lines(inventory, start, 0, host_vars, group_vars))


def _graph_lines(
    inventory: Inventory, name: str, depth: int, host_vars: VarsOf | None, group_vars: VarsOf | None
) -> list[str]:
    group = inventory.groups[name]
    lines = [_branch(f"@{name}:", depth)]
    for child in group.children:
        lines += _graph_lines(inventory, child, depth + 1, host_vars, group_vars)
    for host in group.hosts if name != ALL else ():
        lines.append(_branch(host, depth + 1))
        if host_vars is not None:
            lines += _variable_lines(_public(host_vars(host)), depth + 2)
    if group_vars is not None:
        lines += _variable_lines(_group_variables(group, group_vars), depth + 1)
    return lines


def _variable_lines(variables: Mapping[str, Any], depth: int) -> list[str]:
    pairs = sorted((str(key), value) for key, value in _jsonable(variables, mark=False).items())
    return [_branch(f"{{{key} = {value}}}", depth) for key, value in pairs]


def _branch(text: str, depth: int) -> str:
    return f"{'  |' * depth}--{text}" if depth else text


def to_json(data: Any) -> str:
    """As ``ansible-inventory`` writes it."""
    return json.dumps(data, sort_keys=True, indent=4)


def _public(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in variables.items() if key not in INTERNAL}


def _group_variables(group: Group, group_vars: VarsOf) -> dict[str, Any]:
    variables = _public(group_vars(group.name))
    if group.priority != 1:
        variables["ansible_group_priority"] = group.priority
    return variables


def _jsonable(value: Any, *, mark: bool) -> Any:
    """Plain data. With ``mark``, text that is never a template says so, as Ansible's JSON spells it."""
    if isinstance(value, Trusted):
        return str(value)
    if isinstance(value, str):
        return {"__ansible_unsafe": value} if mark else value
    if isinstance(value, VaultText):
        return {"__ansible_vault": value.ciphertext}
    if isinstance(value, Mapping):
        return {_key(key): _jsonable(item, mark=mark) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_jsonable(item, mark=mark) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value


def _key(key: Any) -> Any:
    return str(key) if isinstance(key, str) else json.dumps(key) if isinstance(key, bool | int | float) else str(key)
