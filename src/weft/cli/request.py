"""What was typed, as the ``Settings`` and ``RunOptions`` of a run. The command line is stronger than the settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.cli.passwords import DEFAULT_PROMPT, ask
from weft.events.types import Deprecated, Event, Warned
from weft.model.errors import OptionsError, WeftError
from weft.model.run_options import AdHoc, RunOptions
from weft.model.settings import Settings

Params = Mapping[str, Any]

#: Options that go into a setting as they are, if they were given.
_PLAIN = {
    "forks": "forks",
    "connection": "transport",
    "remote_user": "remote_user",
    "timeout": "timeout",
    "ssh_common_args": "ssh_common_args",
    "ssh_extra_args": "ssh_extra_args",
    "become_method": "become_method",
    "become_user": "become_user",
}
_FLAGS = {
    "become": "become",
    "check": "check",
    "ask_pass": "ask_pass",
    "become_ask_pass": "become_ask_pass",
    "ask_vault_pass": "ask_vault_pass",
    "force_handlers": "force_handlers",
}
_PATHS = {
    "private_key_file": "private_key_file",
    "connection_password_file": "connection_password_file",
    "become_password_file": "become_password_file",
}
_WITHOUT_EFFECT = {
    "sftp_extra_args": "--sftp-extra-args has no effect: files go over weft's own connection",
    "scp_extra_args": "--scp-extra-args has no effect: files go over weft's own connection",
}
_CALLBACK = "callback configuration to enable the {} callback"
_INSTEAD = {
    "--inventory-file": "-i or --inventory",
    **dict.fromkeys(("-o", "--one-line"), _CALLBACK.format("oneline")),
    **dict.fromkeys(("-t", "--tree"), _CALLBACK.format("tree")),
}
_EXCLUSIVE = (
    ("ask_pass", "connection_password_file", "-k/--ask-pass", "--connection-password-file"),
    ("become_ask_pass", "become_password_file", "-K/--ask-become-pass", "--become-password-file"),
    ("ask_vault_pass", "vault_password_files", "-J/--ask-vault-password", "--vault-password-file"),
)


class Request(Struct, frozen=True):
    """A command as the rest of weft sees it. ``warnings`` are to be shown before it runs."""

    settings: Settings
    options: RunOptions
    warnings: tuple[Event, ...] = ()


def read_settings(params: Params, environ: Mapping[str, str] | None = None) -> Settings:
    """ansible.cfg and the environment, with the options that are settings on top. Raises OptionsError."""
    from weft.config.settings import load

    _refuse_conflicts(params)
    settings = load(os.environ if environ is None else environ, os.getcwd())
    changes = _changes(params, settings)
    origin = {**settings.origin, **dict.fromkeys(changes, "command line")}
    return replace(settings, **changes, origin=origin)


def playbook_request(params: Params) -> Request:
    """`weft play` and `weft check`. Asks for passwords if they are needed."""
    settings = read_settings(params)
    playbooks = tuple(params["playbooks"])
    for playbook in playbooks:
        _check_playbook(playbook)
    options = RunOptions(
        playbooks=playbooks,
        syntax_check=bool(params.get("syntax_check")),
        list_tasks=bool(params.get("list_tasks")),
        list_tags=bool(params.get("list_tags")),
        start_at_task=params.get("start_at_task"),
        step=bool(params.get("step")),
        parallel=params.get("parallel"),
        strict_conflicts=bool(params.get("strict_conflicts")),
        **_shared(params, settings),
    )
    if options.list_tags and not params.get("tags") and not params.get("skip_tags"):
        settings = replace(settings, run_tags=("never", "all"))
    return _completed(params, settings, options)


def adhoc_request(params: Params) -> Request:
    """`weft run`. Asks for passwords if they are needed."""
    settings = read_settings(params)
    adhoc = AdHoc(
        pattern=params["pattern"],
        module=params.get("module") or settings.module_name,
        args=params["module_args"] if params.get("module_args") is not None else settings.module_args,
        background=params.get("background") or 0,
        poll=params.get("poll"),
        one_line=bool(params.get("one_line")),
        tree=params.get("tree"),
        task_timeout=params.get("task_timeout"),
        basedir=_path(params["basedir"]) if params.get("basedir") else settings.playbook_dir,
    )
    options = RunOptions(adhoc=adhoc, **_shared(params, settings))
    if not options.only_lists:
        _check_adhoc(adhoc)
    return _completed(params, settings, options)


def jobs_options(params: Params) -> Request:
    """What `weft jobs` needs to reach hosts."""
    settings = read_settings(params)
    return _completed(params, settings, RunOptions(**_shared(params, settings)))


def _shared(params: Params, settings: Settings) -> dict[str, Any]:
    return {
        "limit": params.get("limit"),
        "list_hosts": bool(params.get("list_hosts")),
        "flush_cache": bool(params.get("flush_cache")),
        "profile": bool(params.get("profile")),
        "json": bool(params.get("json")),
        "vault_ids": _vault_ids(params, settings),
    }


def _outdated(params: Params) -> Iterator[Event]:
    for option in dict.fromkeys(params.get("outdated") or ()):
        yield Deprecated(
            message=f"The {option!r} argument is deprecated.",
            version="2.23",
            collection="ansible.builtin",
            help=f"Use {_INSTEAD[option]} instead.",
        )


def _removals(settings: Settings) -> Iterator[Event]:
    if settings.deprecated:
        from weft.content.configuration import removals

        for removal in removals(settings.deprecated):
            yield Deprecated(message=removal.message, version=removal.version, collection="ansible.builtin")


def _completed(params: Params, settings: Settings, options: RunOptions) -> Request:
    """With passwords and extra variables, in this order: an encrypted `-e @FILE` needs the vault's."""
    from weft.cli.extra_vars import parse

    warnings: list[Event] = [*_outdated(params), *_removals(settings)]
    warnings += [Warned(message=text) for text in settings.warnings]
    warnings += [Warned(message=text) for name, text in _WITHOUT_EFFECT.items() if params.get(name)]
    if not options.only_lists:
        options = replace(options, passwords=ask(settings, options.vault_ids))
    elif settings.ask_vault_pass or any(entry.endswith("@prompt") for entry in options.vault_ids):
        from weft.cli.passwords import ask_vault

        options = replace(options, passwords=replace(options.passwords, vault=ask_vault(options.vault_ids)))
    extra = parse(
        params.get("extra_vars") or (),
        merge=settings.hash_behaviour == "merge",
        decrypt=_decrypter(settings, options),
        warn=warnings.append,
    )
    return Request(settings, replace(options, extra_vars=extra), tuple(warnings))


def _decrypter(settings: Settings, options: RunOptions) -> Any:
    def decrypt(data: bytes, origin: Any) -> bytes:
        # only now: most runs have no encrypted file here, and the vault is slow to import
        from weft.run import decrypter

        plain: bytes = decrypter(options, settings)(data, origin)
        return plain

    return decrypt


def _changes(params: Params, settings: Settings) -> dict[str, Any]:
    """Fields of the settings that the command line changes."""
    changes: dict[str, Any] = {}
    for name, setting in _PLAIN.items():
        if params.get(name) is not None:
            changes[setting] = params[name]
    for name, setting in _FLAGS.items():
        if params.get(name):
            changes[setting] = True
    for name, setting in _PATHS.items():
        if params.get(name):
            changes[setting] = params[name] if params[name] == "-" else _path(params[name])
    if params.get("verbosity"):
        changes["verbosity"] = settings.verbosity + params["verbosity"]
    if params.get("diff") or settings.diff_always:
        changes["diff"] = True
    if params.get("inventory"):
        changes["inventory"] = tuple(one if "," in one else _path(one) for one in params["inventory"])
    if params.get("module_path"):
        told = [path for paths in reversed(params["module_path"]) for path in paths.split(os.pathsep) if path]
        changes["library"] = (*(_path(path) for path in told), *settings.library)
    if params.get("tags"):
        configured = settings.run_tags if "run_tags" in settings.origin else ()
        changes["run_tags"] = _tags((*configured, *params["tags"]))
    if params.get("skip_tags"):
        changes["skip_tags"] = _tags((*settings.skip_tags, *params["skip_tags"]))
    return changes


def _tags(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag.strip() for text in texts for tag in text.split(",")))


def _vault_ids(params: Params, settings: Settings) -> tuple[str, ...]:
    """`label@source` for every vault secret, in the order in which they are tried."""
    files = [_path(path) for path in params.get("vault_password_files") or ()]
    if settings.vault_password_file:
        files.append(settings.vault_password_file)
    ids = [*settings.vault_identity_list, *(params.get("vault_ids") or ())]
    ids += [f"{settings.vault_identity}@{path}" for path in files]
    if settings.ask_vault_pass:
        ids.append(f"{settings.vault_identity}@{DEFAULT_PROMPT}")
    return tuple(ids)


def _refuse_conflicts(params: Params) -> None:
    for first, second, first_name, second_name in _EXCLUSIVE:
        if params.get(first) and params.get(second):
            raise OptionsError(f"argument {second_name}: not allowed with argument {first_name}")
    if params.get("resume"):
        raise OptionsError("--resume is not available yet: this version keeps no journal of runs")


def _check_playbook(playbook: str) -> None:
    if os.sep not in playbook and playbook.count(".") >= 2 and not os.path.exists(playbook):
        return  # namespace.collection.playbook: the loader knows
    if not os.path.exists(playbook):
        raise WeftError(f"the playbook: {playbook} could not be found")
    if os.path.isdir(playbook):
        raise WeftError(f"the playbook: {playbook} does not appear to be a file")


_NEED_ARGUMENTS = frozenset(("command", "win_command", "shell", "win_shell", "raw", "script"))


def _check_adhoc(adhoc: AdHoc) -> None:
    name = adhoc.module.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
    if name.removeprefix("ansible.windows.") in _NEED_ARGUMENTS and not adhoc.args:
        hint = " (did you mean to run weft play?)" if adhoc.pattern.endswith((".yml", ".yaml")) else ""
        raise OptionsError(f"No argument passed to {adhoc.module} module{hint}")
    if name == "import_playbook":
        raise OptionsError(f"'{adhoc.module}' is not a valid action for ad-hoc commands")


def _path(text: str) -> str:
    return os.path.abspath(os.path.expandvars(os.path.expanduser(text)))
