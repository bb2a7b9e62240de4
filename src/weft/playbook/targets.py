"""Which hosts a play is for: its `hosts`, evaluated and checked, and the name that a play without one gets from it."""

from __future__ import annotations

from typing import Any

from weft.model.errors import LoadError
from weft.model.nodes import Play
from weft.model.values import OMIT, Value, VaultText, origin_of
from weft.playbook.checks import type_name

_FAILURE = "Error processing keyword 'hosts': "


def host_patterns(play: Play, value: Any) -> list[str]:
    """The patterns in the evaluated ``value`` of a play's `hosts`. Nothing at all is the pattern `None`, as in Ansible.

    Raises LoadError for what is no text, or empty: that must never be taken for all hosts.
    """
    if value is None or value is OMIT:
        return ["None"]
    patterns = value if isinstance(value, list | tuple) else [value]
    place = origin_of(play.hosts) or play.origin
    for pattern in patterns:
        if not isinstance(pattern, str):
            kind = type_name(pattern)
            raise LoadError(f"{_FAILURE}Keyword 'hosts' items must be of type 'str', not {kind!r}.", place)
        if not pattern.strip():
            raise LoadError(f"{_FAILURE}Keyword 'hosts' is required, and cannot have empty values.", place)
    return [str(pattern) for pattern in patterns]


def unnamed(hosts: Value, value: Any) -> str:
    """What a play without a name is called: its `hosts` as they are written, or evaluated where they are one text."""
    if isinstance(hosts, list | tuple):
        return ",".join(str(host) for host in hosts)
    return "" if value is None or value is OMIT or isinstance(value, VaultText) else str(value)
