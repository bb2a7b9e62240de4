"""Controller-side actions by name. Each one's code is imported when it is first awaited."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from weft.actions.action import Action

_PREFIX = "ansible.builtin."
_OWN = "weft.builtin."  # what the language of weft adds
_STATS_ARGS = frozenset({"aggregate", "data", "per_host"})
_WAIT_ARGS = frozenset({"connect_timeout", "delay", "sleep", "timeout"})
_REBOOT_ARGS = frozenset(
    {
        "boot_time_command", "connect_timeout", "msg", "post_reboot_delay", "pre_reboot_delay", "reboot_command",
        "reboot_timeout", "search_paths", "test_command",
    }
)  # fmt: skip


def _action(name: str, place: str, prefix: str = _PREFIX, **more: Any) -> tuple[str, Action]:
    return prefix + name, Action(fqcn=prefix + name, place=place, **more)


#: Actions by FQCN. What is not here and is a module runs through ``NORMAL``.
REGISTRY: Mapping[str, Action] = MappingProxyType(
    dict(
        [
            _action("add_host", "groups:add_host", once=True, connection=False, free_form=True),
            _action("assemble", "assemble:assemble"),
            _action("assert", "debug:check", connection=False, raw_args=frozenset({"that"})),
            _action("async_status", "async_status:async_status"),
            _action("await", "await_jobs:await_", _OWN, waits=True),
            _action("cancel", "cancel_jobs:cancel", _OWN),
            _action("command", "command:command", jobs=True, free_form=True),
            _action("copy", "copy:copy"),
            _action("debug", "debug:debug", connection=False, raw_args=frozenset({"var"})),
            _action("dnf", "package:dnf", jobs=True),
            _action("fail", "debug:fail", connection=False, valid_args=frozenset({"msg"})),
            _action("fetch", "fetch:fetch"),
            _action("gather_facts", "facts:gather_facts", free_form=True),
            _action("group_by", "groups:group_by", connection=False, valid_args=frozenset({"key", "parents"})),
            _action("include_vars", "include_vars:include_vars", connection=False, free_form=True),
            _action("package", "package:package", jobs=True),
            _action("pause", "pause:pause", once=True, connection=False),
            _action("ping", "ping:ping", jobs=True),
            _action("raw", "raw:raw", free_form=True),
            _action("reboot", "reboot:reboot", valid_args=_REBOOT_ARGS),
            _action("script", "script:script", free_form=True),
            _action("service", "service:service", jobs=True),
            _action("set_fact", "facts:set_fact", connection=False, free_form=True, marked_args=True),
            _action("set_stats", "facts:set_stats", connection=False, valid_args=_STATS_ARGS),
            _action("setup", "facts:setup", jobs=True),
            _action("shell", "command:shell", jobs=True, free_form=True),
            _action("template", "template:template"),
            _action("unarchive", "unarchive:unarchive"),
            _action("uri", "uri:uri", jobs=True, check=False),
            _action("user", "user:user", jobs=True),
            _action("validate_argument_spec", "argspec:validate_argument_spec", connection=False),
            _action("wait_for_connection", "wait_for_connection:wait_for_connection", valid_args=_WAIT_ARGS),
        ]
    )
)

THIRD_PARTY = "lane:third_party"

#: Any module without an action of its own.
NORMAL = Action(fqcn="ansible.builtin.normal", place="normal:normal", jobs=True)


def third_party(fqcn: str, *, once: bool, free_form: bool, connection: bool, jobs: bool) -> Action:
    """Somebody's action plugin."""
    return Action(
        fqcn=fqcn,
        place=THIRD_PARTY,
        jobs=jobs,
        once=once,
        connection=connection,
        free_form=free_form,
        marked_args=True,
    )


def action_for(fqcn: str) -> Action:
    """The action of a resolved name; ``ansible.legacy.X`` counts as ``ansible.builtin.X``."""
    found = REGISTRY.get(fqcn)
    if found is None and fqcn.startswith("ansible.legacy."):
        found = REGISTRY.get(_PREFIX + fqcn.removeprefix("ansible.legacy."))
    return found or NORMAL


__all__ = ["NORMAL", "REGISTRY", "THIRD_PARTY", "Action", "action_for", "third_party"]
