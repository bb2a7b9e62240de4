"""Variables that weft makes itself: where a task stands, who is in the play, what the options say."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from weft.model.nodes import Play
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


def play_name(play: Play) -> str:
    """A play's name as written; its hosts where it has none."""
    if play.name is not None:
        return str(play.name)
    return ",".join(map(str, play.hosts)) if isinstance(play.hosts, list) else str(play.hosts or "")


def option_magic(settings: Settings, sources: tuple[str, ...], limit: str | None) -> dict[str, Magic]:
    """What there is everywhere."""
    values: dict[str, Any] = {
        "ansible_playbook_python": sys.executable,
        "ansible_config_file": settings.config_file,
        "ansible_check_mode": settings.check,
        "ansible_diff_mode": settings.diff or settings.diff_always,
        "ansible_forks": settings.forks,
        "ansible_verbosity": settings.verbosity,
    }
    magic: dict[str, Magic] = {name: _constant(value) for name, value in values.items()}
    # lists are made anew for each reader
    magic["ansible_inventory_sources"] = lambda _: list(sources)
    magic["ansible_run_tags"] = lambda _: list(settings.run_tags)
    magic["ansible_skip_tags"] = lambda _: list(settings.skip_tags)
    magic["ansible_version"] = lambda _: dict(ansible_version())
    if limit is not None:
        magic["ansible_limit"] = _constant(limit)
    magic["groups"] = lambda scope: scope.variables.inventory.groups_dict()
    magic["playbook_dir"] = lambda scope: scope.basedir or os.getcwd()
    return magic


def _constant(value: Any) -> Magic:
    return lambda _: value


def _play(scope: Scope) -> Any:
    play = scope.plan.play_vars
    assert play is not None
    return play


def _role_names(which: int) -> Magic:
    return lambda scope: play_role_names(_play(scope).roles)[which]


def _name(scope: Scope) -> Any:
    play = _play(scope)
    return play.name if play.name is not None else play_name(play.play)


def _old_play_hosts(scope: Scope) -> list[str]:
    from weft.events.types import Deprecated

    scope.variables.say_once(
        Deprecated(
            message="The `play_hosts` magic variable is deprecated.",
            version="2.23",
            help="Use `ansible_play_batch` instead.",
        )
    )
    hosts: list[str] = _play(scope).play_batch()
    return hosts


#: In a play.
PLAY_MAGIC: dict[str, Magic] = {
    "hostvars": HostVars,
    "vars": VarsView,
    "ansible_play_name": _name,
    "ansible_play_hosts_all": lambda scope: list(_play(scope).all_hosts),
    "ansible_play_hosts": lambda scope: _play(scope).play_hosts(),
    "ansible_play_batch": lambda scope: _play(scope).play_batch(),
    "play_hosts": _old_play_hosts,
    "ansible_current_hosts": lambda scope: _play(scope).play_hosts(),
    "ansible_failed_hosts": lambda scope: _play(scope).failed_hosts(),
    "ansible_play_role_names": _role_names(0),
    "role_names": _role_names(0),
    "ansible_dependent_role_names": _role_names(1),
    "ansible_role_names": _role_names(2),
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


def _keyword(name: str, default: Callable[[Scope], Any]) -> Magic:
    """A keyword of the task, or what the settings say."""

    def read(scope: Scope) -> Any:
        raw = getattr(_task(scope).common, name)
        if raw is not None:
            return scope.live(raw)
        value = default(scope)
        if value is None:
            raise KeyError(name)
        return value

    return read


def _same_as(names: tuple[str, ...], otherwise: Magic) -> Magic:
    """Whichever of several names for the same thing is set, else ``otherwise``."""

    def read(scope: Scope) -> Any:
        where = scope.delegate or scope
        for name in names:
            if where.has_own(name):
                return where.own(name)
        return otherwise(where)

    return read


def _settings(scope: Scope) -> Settings:
    return scope.variables.settings


def _pairs() -> dict[str, Magic]:
    host = _same_as(("ansible_ssh_host", "ansible_host"), lambda scope: scope.host or _missing("ansible_host"))
    user = _same_as(
        ("ansible_ssh_user", "ansible_user"), _keyword("remote_user", lambda scope: _settings(scope).remote_user)
    )
    port = _same_as(("ansible_ssh_port", "ansible_port"), _keyword("port", lambda scope: _settings(scope).remote_port))
    timeout = _same_as(("ansible_ssh_timeout", "ansible_timeout"), lambda scope: _settings(scope).timeout)
    pipelining = _same_as(("ansible_ssh_pipelining", "ansible_pipelining"), lambda _: False)
    password = _same_as(("ansible_ssh_pass", "ansible_password"), lambda _: _missing("ansible_password"))
    key = _same_as(
        ("ansible_ssh_private_key_file", "ansible_private_key_file"),
        lambda scope: _settings(scope).private_key_file or _missing("ansible_private_key_file"),
    )
    connection = _keyword("connection", lambda scope: _settings(scope).transport)
    return {
        "ansible_connection": _same_as(("ansible_connection",), connection),
        "ansible_host": host,
        "ansible_ssh_host": host,
        "ansible_user": user,
        "ansible_ssh_user": user,
        "ansible_port": port,
        "ansible_ssh_port": port,
        "ansible_timeout": timeout,
        "ansible_ssh_timeout": timeout,
        "ansible_pipelining": pipelining,
        "ansible_ssh_pipelining": pipelining,
        "ansible_password": password,
        "ansible_ssh_pass": password,
        "ansible_private_key_file": key,
        "ansible_ssh_private_key_file": key,
        "ansible_shell_executable": lambda scope: _settings(scope).executable,
        "ansible_module_compression": lambda _: "ZIP_DEFLATED",
    }


def _missing(name: str) -> Any:
    raise KeyError(name)


#: What a task's host can be reached by, where no variable says so. The weakest of all rows; raises KeyError.
CONNECTION_MAGIC: dict[str, Magic] = _pairs()
