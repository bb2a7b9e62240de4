"""Where a task runs and as whom, from a host's variables, the task's keywords and the settings.

A variable beats a keyword, a keyword beats the settings; of several names of one option the last in the plugin's
documentation wins, as in ansible-core's config manager. Source: the options of the ssh, local, sudo and su plugins.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from weft.connection.api import Become, Target
from weft.connection.become import is_native
from weft.connection.names import LOCAL, NATIVE, PODS, SSH
from weft.model.errors import WeftError
from weft.model.record import Discreet
from weft.model.settings import Settings
from weft.model.values import OMIT, origin_of


class Variables(Protocol):
    """A host's evaluated variables: a templating ``Names``, or any mapping."""

    def __getitem__(self, name: str, /) -> Any: ...

    def __contains__(self, name: object, /) -> bool: ...


class ConnectionKeywords(Struct, frozen=True, kw_only=True):
    """The keywords of a task that say how it connects, evaluated; None: not set."""

    connection: str | None = None
    remote_user: str | None = None
    port: int | str | None = None
    become: bool | str | None = None
    become_user: str | None = None
    become_method: str | None = None
    become_exe: str | None = None
    become_flags: str | None = None
    timeout: float | None = None  # of the connection (-T), in seconds


class Passwords(Discreet, frozen=True):
    """What the user was asked for at the start (-k, -K)."""

    unshown: ClassVar[frozenset[str]] = frozenset({"conn", "become"})

    conn: str | None = None
    become: str | None = None


_INTERPRETER = "ansible_python_interpreter"
_DISCOVERED = "auto"  # the default of Ansible's configuration
_NO_KEYWORDS = ConnectionKeywords()
_NO_PASSWORDS = Passwords()


def target_for(
    names: Variables,
    *,
    host: str,
    settings: Settings,
    keywords: ConnectionKeywords = _NO_KEYWORDS,
    passwords: Passwords = _NO_PASSWORDS,
    implicit: bool = False,
) -> Target:
    """The target; ``implicit``: the host is the localhost that nobody declared. Raises WeftError for bad values."""
    look = _Lookup(names)
    default = LOCAL if implicit else settings.transport
    connection = look.text("ansible_connection") or keywords.connection or default
    kind = NATIVE.get(connection, connection)
    user = look.text(*_aliases(kind, "user")) or keywords.remote_user or settings.remote_user
    if kind == LOCAL:
        user = _local_user()
    interpreter = look.text(_INTERPRETER) or (
        _DISCOVERED
        if look.omitted(_INTERPRETER)
        else sys.executable
        if implicit and kind == LOCAL
        else settings.interpreter_python
    )
    fallback = look.several("ansible_interpreter_python_fallback")
    password = look.text(*_aliases(kind, "password", "pass", "password")) or passwords.conn
    timeout = look.number(*_aliases(kind, "timeout")) or keywords.timeout or float(settings.timeout)
    return Target(
        host=host,
        connection=connection,
        address="" if kind == LOCAL else look.text(*_aliases(kind, "host")) or host,
        port=None if kind == LOCAL else _port(look, kind, keywords, settings),
        user=user,
        password=None if kind == LOCAL else password,
        private_key_file=look.text(*_aliases(kind, "private_key_file")) or settings.private_key_file,
        private_key=look.text("ansible_private_key", "ansible_ssh_private_key"),
        private_key_passphrase=look.text("ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase"),
        timeout=timeout,
        become_timeout=_become_timeout(look) if kind == LOCAL else timeout + 2,  # as ansible-core waits
        retries=int(look.number("ansible_ssh_retries") or settings.ssh_retries),
        host_key_checking=look.flag(settings.host_key_checking, *_aliases(kind, "host_key_checking")),
        ssh_executable=look.text("ansible_ssh_executable") or settings.ssh_executable,
        ssh_args=look.given(settings.ssh_args, "ansible_ssh_args"),
        ssh_common_args=look.given(settings.ssh_common_args, "ansible_ssh_common_args") or "",
        ssh_extra_args=look.given(settings.ssh_extra_args, "ansible_ssh_extra_args") or "",
        interpreter=interpreter,
        interpreter_fallback=fallback or settings.interpreter_python_fallback,
        shell_executable=look.text("ansible_shell_executable") or settings.executable,
        become=_become(look, user, settings, keywords, passwords),
        remote_tmp=look.text("ansible_remote_tmp") or settings.remote_tmp,
        async_dir=look.text("ansible_async_dir") or settings.async_dir,
        extra=_extra(look, kind),
    )


def _aliases(kind: str, option: str, *specific: str) -> tuple[str, ...]:
    """An option's variables, the weakest first: the general one, then those of the connection."""
    general = f"ansible_{option}"
    names = specific or (option,)
    if kind in PODS:
        return (general,)  # its own are of the cluster: ansible_kubectl_host and _user are who serves it, and for whom
    if kind == SSH:
        return (general, *(f"ansible_{plugin}_{name}" for name in names for plugin in ("ssh", "paramiko")))
    return (general, *(f"ansible_{kind.rpartition('.')[2]}_{name}" for name in names))


def _port(look: _Lookup, kind: str, keywords: ConnectionKeywords, settings: Settings) -> int | None:
    found = look.number(*_aliases(kind, "port"))
    if found is None and keywords.port is not None:
        found = _number(keywords.port, "port")
    return settings.remote_port if found is None else int(found)


def _local_user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None


# becoming another user


def _become_timeout(look: _Lookup) -> float:
    """Seconds, on this machine: there the connection has no time limit of its own."""
    asked = look.number("ansible_local_become_success_timeout")
    return asked if asked is not None and asked >= 1 else 10.0


def _become(
    look: _Lookup, user: str | None, settings: Settings, keywords: ConnectionKeywords, passwords: Passwords
) -> Become | None:
    wanted = settings.become if keywords.become is None else _flag(keywords.become, "become")
    if not look.flag(wanted, "ansible_become"):
        return None
    method = look.text("ansible_become_method") or keywords.become_method or settings.become_method
    short = method.rpartition(".")[2]

    def option(name: str) -> str | None:
        return look.given(None, f"ansible_become_{name}", f"ansible_{short}_{name}")

    become_user = option("user") or keywords.become_user or settings.become_user
    if become_user == user and user and not settings.become_allow_same_user and is_native(method):
        return None  # a method that nobody knows is an error even then
    password = look.text("ansible_become_password", "ansible_become_pass", f"ansible_{short}_pass")
    return Become(
        method=method,
        user=become_user,
        password=password if password is not None else passwords.become,
        exe=option("exe") or keywords.become_exe or settings.become_exe,
        flags=_first(option("flags"), keywords.become_flags, settings.become_flags),
        chdir=look.text("ansible_sudo_chdir") if short == "sudo" else None,
        prompts=look.several("ansible_su_prompt_l10n") if short == "su" else (),
    )


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value is not None), None)


# what other transports need

_DOCKER = {"extra_args": "extra_args", "working_dir": "working_dir", "privileged": "privileged"}
_PODMAN = {"extra_args": "extra_args", "executable": "executable"}


def _extra(look: _Lookup, kind: str) -> tuple[tuple[str, str], ...]:
    found: dict[str, str | None] = {"shell_type": look.text("ansible_shell_type")}
    if kind == SSH:
        found["pkcs11_provider"] = look.text("ansible_ssh_pkcs11_provider")
    elif kind in ("docker", "podman"):
        options = _DOCKER if kind == "docker" else _PODMAN
        found.update((name, look.text(f"ansible_{kind}_{end}")) for name, end in options.items())
    elif kind in PODS:
        from weft.connection.kubectl import read_options

        found.update(read_options(kind, look.value))
    if found["shell_type"] == "sh":
        found["shell_type"] = None
    return tuple((name, value) for name, value in found.items() if value)


# reading variables


class _Lookup:
    """Options by their variables' names, the strongest last."""

    def __init__(self, names: Variables) -> None:
        self._names = names

    def omitted(self, name: str) -> bool:
        """Whether it is set to `omit`: Ansible's own default counts then, whatever the settings say."""
        return name in self._names and self._names[name] is OMIT

    def value(self, *names: str) -> Any:
        for name in reversed(names):
            if name in self._names:
                value = self._names[name]
                if value is not None and value is not OMIT:
                    return value
        return None

    def text(self, *names: str) -> str | None:
        value = self.value(*names)
        return None if value is None or value == "" else str(value)

    def given(self, default: str | None, *names: str) -> str | None:
        """Text that may be empty on purpose."""
        value = self.value(*names)
        return default if value is None else str(value)

    def number(self, *names: str) -> float | None:
        value = self.value(*names)
        return None if value is None or value == "" else _number(value, names[0])

    def flag(self, default: bool, *names: str) -> bool:
        value = self.value(*names)
        return default if value is None else _flag(value, names[0])

    def several(self, *names: str) -> tuple[str, ...]:
        value = self.value(*names)
        if value is None or value == "":
            return ()
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, Sequence):
            return tuple(str(part) for part in value)
        raise WeftError(f"{names[-1]} is no list: {value!r}", origin_of(value))


def _number(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise WeftError(f"{name} is no number: {value!r}", origin_of(value)) from None


def _flag(value: Any, name: str) -> bool:
    """ansible's booleans."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("yes", "on", "1", "true", "t", "1.0", "y"):
        return True
    if text in ("no", "off", "0", "false", "f", "0.0", "n", ""):
        return False
    raise WeftError(f"{name} is not true or false: {value!r}", origin_of(value))
