"""Roles played twice on fresh lab hosts, with either command: every task's result and the recap are compared."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tools.realcontent.listing import Answer, Command
from weft.lab import Lab
from weft.lab.hosts import inventory_text

ROUNDS = 2  # the second one shows what is idempotent


@dataclass(frozen=True, slots=True)
class Case:
    """A role, and the variables it is played with. What can't work beside others on one machine is switched off."""

    role: str
    variables: Mapping[str, Any] = field(default_factory=dict)


#: Roles that a host without systemd, a kernel and a network of its own can carry out.
CASES = (
    Case("geerlingguy.nginx", {"nginx_vhosts": [{"listen": "8081", "server_name": "lab.test"}]}),
    Case("geerlingguy.redis"),
    Case("geerlingguy.apache", {"apache_listen_port": 8082, "apache_listen_port_ssl": 8443}),
    Case("geerlingguy.git"),
    Case("geerlingguy.haproxy", {"haproxy_frontend_port": 8083}),
    Case("geerlingguy.java"),
    Case("geerlingguy.memcached"),
    Case(
        "geerlingguy.mysql", {"mysql_databases": [{"name": "lab"}], "mysql_users": [{"name": "lab", "password": "lab"}]}
    ),
    Case("geerlingguy.php"),
    Case("geerlingguy.pip"),
    Case("geerlingguy.postfix"),
    Case("geerlingguy.postgresql", {"postgresql_databases": [{"name": "lab"}], "postgresql_users": [{"name": "lab"}]}),
    Case("geerlingguy.ruby"),
    Case("geerlingguy.samba"),
    Case("geerlingguy.security", {"security_fail2ban_enabled": False}),
    Case("geerlingguy.varnish"),
    Case("jnv.unattended-upgrades"),
    Case("robertdebock.bootstrap"),
    Case("robertdebock.cron"),
    Case("willshersystems.sshd", {"sshd_skip_defaults": True, "sshd_manage_service": False}),
)

_STATUS = re.compile(
    r"(PLAY|TASK|RUNNING HANDLER|NO MORE HOSTS|ok:|changed:|skipping:|fatal:|failed:|\.\.\.ignoring|included:|rescued)"
)
_FIGURES = re.compile(r"^(\S+)\s+: (ok=.*)")
_RESULT = re.compile(r" => \{.*| \*+$")
_VOLATILE = re.compile(r"'(inode|dev|atime|mtime|ctime)': [\d.]+")


@dataclass(frozen=True, slots=True)
class Played:
    """One case with one command: what each round printed."""

    command: str
    answers: Sequence[Answer]

    def outcomes(self) -> list[str]:
        """The banners and the status of each task and item, round by round, and the recaps."""
        lines = []
        for number, answer in enumerate(self.answers, 1):
            lines += [f"round {number}: exit {answer.status}", *outcomes(answer.stdout)]
        return lines


def outcomes(text: str) -> list[str]:
    lines = []
    for line in text.splitlines():
        figures = _FIGURES.match(line)
        if figures:
            lines.append(f"{figures[1]}: {' '.join(figures[2].split())}")
        elif _STATUS.match(line):
            lines.append(_VOLATILE.sub("", _RESULT.sub("", line)).rstrip())
    return lines


def play(case: Case, command: Command, scratch: Path, environment: Mapping[str, str]) -> Played:
    """Both rounds on a host that nothing was done to before."""
    playbook = scratch / f"run-{case.role}.yml"
    refresh = {"name": "Refresh the package lists", "apt": {"update_cache": True}}
    tasks = {"pre_tasks": [refresh], "roles": [{"role": case.role}]}
    playbook.write_text(yaml.safe_dump([{"hosts": "all", "become": True, "vars": dict(case.variables), **tasks}]))
    with Lab() as lab:
        hosts = lab.up(1)
        inventory = scratch / "run-hosts.ini"
        inventory.write_text(inventory_text(hosts))
        told = command.told(environment)
        return Played(command.name, [told.ask(["-i", str(inventory), str(playbook)], scratch) for _ in range(ROUNDS)])


def difference(case: Case, expected: Played, given: Played) -> str:
    """Empty where both did the same."""
    lines = difflib.unified_diff(
        expected.outcomes(), given.outcomes(), f"{case.role} with ansible", f"{case.role} with weft", lineterm="", n=2
    )
    return "\n".join(lines)
