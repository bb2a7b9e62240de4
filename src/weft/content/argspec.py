"""ansible-core's argument specs, for what can't be checked by a list of names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def validate(spec: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Every error of ``values`` against a role's argument spec, as ansible-core words them.

    The first call imports ansible, which takes a while.
    """
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    validator = ArgumentSpecValidator(_plain(spec))
    result = validator.validate(_plain(values), validate_role_argument_spec=True)
    return [str(message) for message in result.error_messages]


def _plain(value: Any) -> Any:
    """Exact dicts, lists and strings: its checks go by type."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
