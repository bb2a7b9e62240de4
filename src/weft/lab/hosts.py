"""What a lab host is to those who use it: its options, how to reach it, its line in an inventory."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from weft.lab.errors import LabError

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?", re.IGNORECASE)


class Kind(enum.Enum):
    """How much of a machine each host is."""

    NAMESPACES = "namespaces"  # a root, processes, users and boots of its own
    PLAIN = "plain"  # an sshd of its own; files, users and boot id are this machine's
    LOCAL = "local"  # a name with `ansible_connection=local`


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """What is special about a host. All but ``boot_delay`` need Kind.NAMESPACES."""

    boot_delay: float = 1.0  # seconds between going down and starting to boot
    home_size: int | None = None  # bytes: /root and /home share a file system of that size
    readonly_home: bool = False  # /root and /home can't be written to
    banner: bool = False  # sshd's banner, and shell start-up files that print junk
    no_python: bool = False  # no interpreter anywhere in PATH
    password_login: bool = False  # alice gets in with `wonderland`: so does everybody on this machine, and to root

    def __post_init__(self) -> None:
        if self.boot_delay < 0:
            raise LabError(f"boot_delay is {self.boot_delay}: it must be 0 or more seconds")
        if self.home_size is not None and self.home_size < 4096:
            raise LabError(f"home_size is {self.home_size}: it must be at least 4096 bytes")

    def special(self) -> tuple[str, ...]:
        """The options in use that need a host with namespaces."""
        names = ("home_size", "readonly_home", "banner", "no_python", "password_login")
        return tuple(name for name in names if getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabHost:
    """One host: what a client needs to reach it. It stays the same when the host reboots."""

    name: str
    group: str
    kind: Kind
    address: str = "127.0.0.1"
    port: int = 22
    user: str = "root"
    private_key_file: str = ""
    known_hosts_file: str = ""
    options: HostOptions = field(default_factory=HostOptions)

    @property
    def ssh_options(self) -> tuple[str, ...]:
        """Values for OpenSSH's ``-o`` that every client of this host should use."""
        return (f"UserKnownHostsFile={self.known_hosts_file}", "IdentitiesOnly=yes")

    def variables(self) -> dict[str, str | int]:
        """The host's variables in an inventory."""
        if self.kind is Kind.LOCAL:
            return {
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            }
        return {
            "ansible_host": self.address,
            "ansible_port": self.port,
            "ansible_user": self.user,
            "ansible_ssh_private_key_file": self.private_key_file,
            "ansible_ssh_common_args": " ".join(f"-o {option}" for option in self.ssh_options),
        }

    def ssh_argv(self, *command: str, user: str | None = None) -> list[str]:
        """Arguments that run a command on the host with OpenSSH's client, without any configuration of the user's."""
        if self.kind is Kind.LOCAL:
            raise LabError(f"{self.name} is a local host: there is no sshd to connect to")
        options = [part for option in (*self.ssh_options, "BatchMode=yes") for part in ("-o", option)]
        where = ["-i", self.private_key_file, "-p", str(self.port), "-l", user or self.user, self.address]
        return ["ssh", "-F", "none", *options, *where, *command]

    def through(self, address: tuple[str, int]) -> LabHost:
        """The same host, reached by way of a proxy that listens there."""
        return replace(self, address=address[0], port=address[1])

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "kind": self.kind.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabHost:
        return cls(**{**data, "kind": Kind(data["kind"]), "options": HostOptions(**data["options"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """How a host is at this moment."""

    host: LabHost
    state: str  # booting | up | frozen | rebooting | off | failed
    pid: int | None = None  # of its init, as this machine counts
    boot_id: str | None = None  # None where it is the machine's
    boots: int = 0  # since the lab made it
    message: str = ""  # why it failed

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "host": self.host.as_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HostStatus:
        return cls(**{**data, "host": LabHost.from_json(data["host"])})


def check_name(name: str) -> str:
    """The name, if it can be a host name; raises LabError."""
    if not _NAME.fullmatch(name):
        raise LabError(f"'{name}' can't be a host name: letters, digits and - only, at most 62")
    return name


def inventory_text(hosts: Iterable[LabHost]) -> str:
    """An INI inventory: one group for each name prefix, one line for each host."""
    groups: dict[str, list[str]] = {}
    for host in hosts:
        variables = (f"{name}={_quoted(str(value))}" for name, value in host.variables().items())
        groups.setdefault(host.group, []).append(" ".join([host.name, *variables]))
    return "\n".join("\n".join([f"[{group}]", *lines, ""]) for group, lines in groups.items())


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w./:@%+,-]+", value) else "'" + value.replace("'", "\\'") + "'"
