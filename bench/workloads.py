"""What is measured: a playbook each, with the work that no tool can avoid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PLAYBOOKS = Path(__file__).parent / "playbooks"


@dataclass(frozen=True, slots=True)
class Workload:
    """``least``: seconds that the playbook's own sleeps take at best; ``floor``: what floor to run beside it."""

    name: str
    playbook: Path
    hosts: int
    what: str
    least: float = 0.0
    floor: str | None = None


WORKLOADS = (
    Workload("commands", PLAYBOOKS / "commands.yml", 10, "10 hosts x 20 `command: /bin/true`", floor="commands"),
    Workload("jobs", PLAYBOOKS / "jobs.yml", 10, "10 hosts, 4 one-second jobs in a loop, awaited", least=1.0),
    Workload("batches", PLAYBOOKS / "batches.yml", 1, "1 host, batches of 3 by include, sleeps 1..7", least=16.0),
    Workload("flock", PLAYBOOKS / "flock.yml", 10, "10 hosts, flock on a delegate, 0.1 s each", least=1.0),
    Workload("modules", PLAYBOOKS / "modules.yml", 10, "facts, file, copy, template, lineinfile, stat, replace, slurp"),
    Workload("local", PLAYBOOKS / "local.yml", 1, "one debug on localhost"),
)
