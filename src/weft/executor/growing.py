"""``add_host`` and ``group_by``: the inventory grows, and the task has changed something if it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.vars import Variables


def grow(variables: Variables, host: str, result: Mapping[str, Any]) -> bool | None:
    """Do to the inventory what a result on a host says. Returns whether that changed it; None: it says nothing of it.

    Only the host that ran the task joins a group, with `run_once` too. Raises WeftError.
    """
    before = variables.inventory
    wish = result.get("add_host")
    if isinstance(wish, Mapping) and wish.get("host_name"):
        groups = tuple(wish.get("groups") or ())
        after = before.add_host(str(wish["host_name"]), groups, wish.get("host_vars") or {})
    elif result.get("add_group"):
        after = before.add_group(str(result["add_group"]), host, tuple(result.get("parent_groups") or ()))
    else:
        return None
    variables.set_inventory(after)
    return after is not before
