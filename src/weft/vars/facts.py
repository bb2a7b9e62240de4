"""Facts of hosts: as ``ansible_facts``, as variables of their own, and what of them may not become one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from weft.vars.layers import Layer, plain_layer

#: Variables that say how to reach a host, or that weft makes itself: a host's answers must not replace them.
PROTECTED = frozenset(
    {
        "add_group", "add_host", "ansible_become", "ansible_become_exe", "ansible_become_flags",
        "ansible_become_method", "ansible_become_pass", "ansible_become_password", "ansible_become_user",
        "ansible_connection", "ansible_connection_user", "ansible_docker_extra_args", "ansible_facts", "ansible_host",
        "ansible_module_compression", "ansible_network_os", "ansible_password", "ansible_pipelining",
        "ansible_playbook_python", "ansible_port", "ansible_private_key_file", "ansible_rsync_path",
        "ansible_scp_extra_args", "ansible_sftp_extra_args", "ansible_shell_executable", "ansible_shell_type",
        "ansible_ssh_common_args", "ansible_ssh_executable", "ansible_ssh_extra_args", "ansible_ssh_host",
        "ansible_ssh_pass", "ansible_ssh_pipelining", "ansible_ssh_port", "ansible_ssh_private_key_file",
        "ansible_ssh_timeout", "ansible_ssh_transfer_method", "ansible_ssh_user", "ansible_timeout", "ansible_user",
    }
)  # fmt: skip

CONNECTIONS = ("local", "paramiko_ssh", "psrp", "ssh", "winrm")

GATHERED = "_ansible_facts_gathered"  # the fact that says that facts were gathered

_INTERNAL = "_ansible_"


class FactCleaner:
    """Decides which facts become variables. ``connections`` are names of further connection plugins."""

    def __init__(self, warn: Callable[[str], None], connections: Iterable[str] = ()) -> None:
        self._warn = warn
        self._said: set[str] = set()
        names = "|".join(map(re.escape, (*CONNECTIONS, *connections)))
        # bridges of container engines are facts of that form, and harmless
        self._restricted = re.compile(
            rf"ansible_(?:(?:{names})_.*(?<!_bridge)(?<!_gwbridge)|become_.*|.*_interpreter)", re.DOTALL
        )

    def clean(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """What may be seen as variables."""
        result = {}
        for name, value in facts.items():
            if name.startswith(_INTERNAL):
                continue
            if (name in PROTECTED or self._restricted.fullmatch(name)) and not name.startswith("ansible_ssh_host_key_"):
                self._say(name)
                continue
            result[name] = _without_internal(value) if isinstance(value, dict | list) else value
        return result

    def _say(self, name: str) -> None:
        if name not in self._said:
            self._said.add(name)
            self._warn(f"Removed restricted key from module data: {name}")


def namespaced(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What ``ansible_facts`` holds: without the prefix, but for `ansible_local`."""
    return {
        name[8:] if name.startswith("ansible_") and name != "ansible_local" else name: value
        for name, value in facts.items()
    }


def facts_layer(facts: Mapping[str, Any], cleaner: FactCleaner, *, inject: bool) -> Layer:
    """The row of facts of one host."""
    data: dict[str, Any] = {"ansible_facts": namespaced(facts)}
    if inject:
        data.update(cleaner.clean(facts))
    else:
        data["ansible_local"] = facts.get("ansible_local", {})
    return plain_layer(data)


def _without_internal(value: Any) -> Any:
    """Copied only where there is something to take out."""
    if isinstance(value, dict):
        changed = {}
        clean = True
        for key, item in value.items():
            if isinstance(key, str) and key.startswith(_INTERNAL):
                clean = False
                continue
            kept = _without_internal(item) if isinstance(item, dict | list) else item
            clean = clean and kept is item
            changed[key] = kept
        return value if clean else changed
    if isinstance(value, list):
        items = [_without_internal(item) if isinstance(item, dict | list) else item for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value
