"""Did-you-mean hints for misspelled names."""

from __future__ import annotations

from collections.abc import Iterable

#: What ansible.builtin offers as modules and actions, for hints only: what exists is for ActionNames to say.
_BUILTIN_ACTIONS = (
    "add_host", "apt", "apt_key", "apt_repository", "assemble", "assert", "async_status", "blockinfile", "command",
    "copy", "cron", "deb822_repository", "debconf", "debug", "dnf", "dnf5", "dpkg_selections", "expect", "fail",
    "fetch", "file", "find", "gather_facts", "get_url", "getent", "git", "group", "group_by", "hostname",
    "import_playbook", "import_role", "import_tasks", "include_role", "include_tasks", "include_vars", "iptables",
    "known_hosts", "lineinfile", "meta", "mount_facts", "package", "package_facts", "pause", "ping", "pip", "raw",
    "reboot", "replace", "rpm_key", "script", "service", "service_facts", "set_fact", "set_stats", "setup", "shell",
    "slurp", "stat", "subversion", "systemd", "systemd_service", "sysvinit", "tempfile", "template", "unarchive",
    "uri", "user", "validate_argument_spec", "wait_for", "wait_for_connection", "yum_repository", "await", "cancel",
)  # fmt: skip


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint that names the closest of the known names; None where none is close."""
    import difflib

    close = difflib.get_close_matches(name, sorted(known), 1, 0.7)
    return f"Did you mean '{close[0]}'?" if close else None


def action_hint(name: str) -> str | None:
    """A hint for an action that isn't there."""
    prefix, _, short = name.rpartition(".")
    found = did_you_mean(short, _BUILTIN_ACTIONS)
    if found is None or prefix not in ("", "ansible.builtin", "ansible.legacy"):
        return None
    return found


def misplaced(name: str, known: Iterable[str], others: Iterable[str]) -> str | None:
    """A hint for a key that isn't allowed: a close spelling, or that it belongs elsewhere."""
    if name in others:
        return f"'{name}' is a keyword of the language, but it has no place here."
    return did_you_mean(name, known)
