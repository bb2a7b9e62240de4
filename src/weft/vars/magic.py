"""Variables that weft makes itself: where a task stands, who is in the play, what the options say."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from weft.vars.hostvars import HostVars, VarsView
from weft.vars.roles import play_role_names

if TYPE_CHECKING:
    from weft.model.settings import Settings
    from weft.vars.scope import Scope

Magic = Callable[["Scope"], Any]


@functools.cache
def ansible_version() -> Mapping[str, Any]:
    """``ansible_version``: of the ansible-core whose modules are used."""
    from weft.content.core import installed_core

    text = installed_core().version
    numbers = [int(part) if part.isdigit() else 0 for part in (*text.split("."), "0", "0")[:3]]
    return {"string": text, "full": text, "major": numbers[0], "minor": numbers[1], "revision": numbers[2]}


def option_magic(settings: Settings, sources: tuple[str, ...], limit: str | None) -> dict[str, Magic]:
    """What there is everywhere."""
    magic: dict[str, Magic] = {
        "playbook_dir": lambda scope: scope.basedir or os.getcwd(),
        "ansible_playbook_python": _constant(sys.executable),
        "ansible_config_file": _constant(settings.config_file),
        "groups": lambda scope: scope.variables.inventory.groups_dict(),
        "ansible_version": lambda _: dict(ansible_version()),
        "ansible_check_mode": _constant(settings.check),
        "ansible_diff_mode": _constant(settings.diff or settings.diff_always),
        "ansible_forks": _constant(settings.forks),
        # lists are made anew for each reader
        "ansible_inventory_sources": lambda _: list(sources),
        "ansible_skip_tags": lambda _: list(settings.skip_tags),
        "ansible_run_tags": lambda _: list(settings.run_tags),
        "ansible_verbosity": _constant(settings.verbosity),
    }
    if limit is not None:
        magic["ansible_limit"] = _constant(limit)
    return magic


def _constant(value: Any) -> Magic:
    return lambda _: value


def _play(scope: Scope) -> Any:
    play = scope.plan.play_vars
    assert play is not None
    return play


def _play_now(scope: Scope) -> Any:
    """The play, with the hosts that the inventory has for it by now."""
    return _play(scope).in_inventory(scope.variables.inventory)


def _role_names(which: int) -> Magic:
    return lambda scope: play_role_names(_play(scope).roles)[which]


def _name(scope: Scope) -> Any:
    """The play's name, or its hosts where it has none."""
    play = _play(scope)
    if play.name is not None:
        return play.name
    value = scope.live(play.play.name if play.play.name is not None else play.play.hosts)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _old_play_hosts(scope: Scope) -> list[str]:
    from weft.events.types import Deprecated

    scope.variables.say_once(
        Deprecated(
            message="The `play_hosts` magic variable is deprecated.",
            version="2.23",
            collection="ansible.builtin",
            help="Use `ansible_play_batch` instead.",
        )
    )
    hosts: list[str] = _play(scope).play_batch()
    return hosts


#: In a play.
PLAY_MAGIC: dict[str, Magic] = {
    "ansible_role_names": _role_names(2),
    "ansible_play_role_names": _role_names(0),
    "ansible_dependent_role_names": _role_names(1),
    "role_names": _role_names(0),
    "ansible_play_name": _name,
    "ansible_play_hosts_all": lambda scope: list(_play_now(scope).all_hosts),
    "ansible_play_hosts": lambda scope: _play_now(scope).play_hosts(),
    "ansible_play_batch": lambda scope: _play(scope).play_batch(),
    "play_hosts": _old_play_hosts,
    "hostvars": HostVars,
    "vars": VarsView,
    "ansible_current_hosts": lambda scope: _play(scope).play_hosts(),
    "ansible_failed_hosts": lambda scope: _play(scope).failed_hosts(),
}


def _task(scope: Scope) -> Any:
    task = scope.plan.task
    assert task is not None
    return task


def _environment(scope: Scope) -> Any:
    return scope.live(list(_task(scope).common.environment))


#: For a task.
TASK_MAGIC: dict[str, Magic] = {
    "environment": _environment,
    "ansible_search_path": lambda scope: list(scope.search_paths),
}

#: For a task of a role.
ROLE_MAGIC: dict[str, Magic] = {
    "role_name": lambda scope: _short(_task(scope).role.name, _task(scope).role.collection),
    "ansible_role_name": lambda scope: _task(scope).role.name,
    "role_path": lambda scope: _task(scope).role.path,
    "role_uuid": lambda scope: _task(scope).role.key or str(id(_task(scope).role)),
    "ansible_collection_name": lambda scope: _task(scope).role.collection,
}


def _short(name: str, collection: str | None) -> str:
    return name.removeprefix(f"{collection}.") if collection else name


# -- connection ----------------------------------------------------------------------------------------------------


def _same_as(names: tuple[str, ...], otherwise: Magic) -> Magic:
    """Whichever of several names for the same thing is set, else ``otherwise``.

    For a task that is delegated the delegate's variables count, and its own keywords don't: they speak of the host.
    """

    def read(scope: Scope) -> Any:
        where = scope.delegate or scope
        for name in names:
            if where.has_own(name):
                return where.own(name)
        return otherwise(scope)

    return read


def _keyword(name: str, setting: str) -> Magic:
    """A keyword of the task, or what the settings say."""

    def read(scope: Scope) -> Any:
        raw = getattr(_task(scope).common, name) if scope.delegate is None else None
        return scope.live(raw) if raw is not None else _setting(setting)(scope)

    return read


def _setting(name: str) -> Magic:
    """Raises KeyError where it is not set."""

    def read(scope: Scope) -> Any:
        value = getattr(scope.variables.settings, name)
        if value is None:
            raise KeyError(name)
        return value

    return read


def _host(scope: Scope) -> str:
    where = scope.delegate or scope
    if where.host is None:
        raise KeyError("ansible_host")
    return where.host


def _password(scope: Scope) -> Any:
    """What was typed, or read from a file, for the connection. Raises KeyError where nothing was."""
    value = scope.variables.password
    if value is None:
        raise KeyError("ansible_password")
    return value


def _connection_magic() -> dict[str, Magic]:
    pairs: dict[tuple[str, ...], Magic] = {
        ("ansible_connection",): _keyword("connection", "transport"),
        ("ansible_ssh_host", "ansible_host"): _host,
        ("ansible_ssh_user", "ansible_user"): _keyword("remote_user", "remote_user"),
        ("ansible_ssh_port", "ansible_port"): _keyword("port", "remote_port"),
        ("ansible_ssh_timeout", "ansible_timeout"): _setting("timeout"),
        ("ansible_ssh_pipelining", "ansible_pipelining"): _constant(False),
        ("ansible_ssh_pass", "ansible_password"): _password,
        ("ansible_ssh_private_key_file", "ansible_private_key_file"): _setting("private_key_file"),
        ("ansible_shell_executable",): _setting("executable"),
        ("ansible_module_compression",): _constant("ZIP_DEFLATED"),
    }
    return {name: _same_as(names, otherwise) for names, otherwise in pairs.items() for name in names}


#: What a task's host can be reached by, where no variable says so. The weakest of all rows; raises KeyError.
CONNECTION_MAGIC: dict[str, Magic] = _connection_magic()
