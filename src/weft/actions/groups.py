"""``add_host`` and ``group_by``: what they find out goes into the result; the run changes its inventory by it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from weft.actions.base import ActionContext, Result
from weft.model.errors import TaskFailed
from weft.model.values import origin_of

_NAME_KEYS = ("name", "hostname", "host")
_GROUP_KEYS = ("groupname", "groups", "group")
_NOT_VARIABLES = frozenset({"name", "hostname", "groupname", "groups"})
_HOST_PORT = re.compile(r"^(?P<host>[^\s:\[\]]+):(?P<port>\d+)$")
_BRACKETED = re.compile(r"^\[(?P<host>[^\]]+)\](?::(?P<port>\d+))?$")


async def add_host(context: ActionContext) -> Result:
    """Name, groups and variables of a host that the inventory gets for the rest of the run."""
    raw = context.args.get("_raw_params", {})
    if not isinstance(raw, Mapping):
        raise TaskFailed(f"Invalid raw parameters passed, requires a dictionary/mapping got a  {type(raw)}")
    args = {**raw, **{key: value for key, value in context.args.items() if key != "_raw_params"}}
    told = next((args[key] for key in _NAME_KEYS if args.get(key) is not None), None)
    if told is None:
        raise TaskFailed("name, host or hostname needs to be provided")
    context.say(f"creating host via 'add_host': hostname={told}", verbosity=2)
    name, port = split_address(str(told))
    if port is not None:
        args["ansible_ssh_port"] = port
    return {
        "changed": False,
        "add_host": {
            "host_name": name,
            "groups": _groups(next((args[key] for key in _GROUP_KEYS if key in args), "")),
            "host_vars": {key: value for key, value in args.items() if key not in _NOT_VARIABLES},
        },
    }


def _groups(value: Any) -> list[str]:
    if not value:
        return []
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        raise TaskFailed("Groups must be specified as a list.", origin_of(value))
    return list(dict.fromkeys(str(name).strip() for name in value))


def split_address(text: str) -> tuple[str, int | None]:
    """``host``, ``host:22`` or ``[2001:db8::1]:22`` -> name and port; what is none of these is a name as it stands."""
    found = _BRACKETED.match(text) or _HOST_PORT.match(text)
    if found is None:
        return text, None
    return found["host"], int(found["port"]) if found["port"] else None


async def group_by(context: ActionContext) -> Result:
    """The group that this host joins, and that group's parents."""
    if "key" not in context.args:
        return {"failed": True, "msg": "the 'key' param is required when using group_by"}
    parents = context.args.get("parents", ["all"])
    if isinstance(parents, str):
        parents = [parents]
    return {
        "changed": False,
        "add_group": _group_name(context.args["key"]),
        "parent_groups": [_group_name(name) for name in parents],
    }


def _group_name(name: Any) -> str:
    return str(name).replace(" ", "-")
