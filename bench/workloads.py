"""What is measured: a playbook each, with the work that no tool can avoid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PLAYBOOKS = HERE / "playbooks"
DEPLOYS = HERE / "deploys"
COMMANDS = DEPLOYS / "commands.py"

ROUND_TRIP = 0.1  # seconds, of the slow line
FAR_TASKS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One row of the table.

    ``least``: seconds that the work's own sleeps take at best. ``floor``: the mode of ``bench.floor`` to run beside it.
    ``commands``: the playbook is made: so many tasks that run /bin/true; ``chained``: each needs what the one before it
    has found. ``deploy``: the same for pyinfra, where it has
    a counterpart. ``round_trip``: seconds of delay between here and the hosts.
    """

    name: str
    hosts: int
    what: str
    playbook: Path | None = None
    commands: int = 0
    chained: bool = False
    deploy: Path | None = None
    floor: str | None = None
    least: float = 0.0
    round_trip: float = 0.0

    def playbook_in(self, folder: Path) -> Path:
        """The playbook's path; one that is made is written into ``folder``."""
        if self.playbook is not None:
            return self.playbook
        path = folder / f"{self.name}.yml"
        tasks = map(self._task, range(self.commands))
        path.write_text("\n".join(["- hosts: all", "  gather_facts: false", "  tasks:", *tasks, ""]))
        return path

    def _task(self, number: int) -> str:
        before = f" {{{{ found{number - 1}.rc }}}}" if self.chained and number else ""
        register = f"\n      register: found{number}" if self.chained else ""
        return f"    - name: command {number}\n      ansible.builtin.command: /bin/true{before}{register}"


WORKLOADS = (
    Workload(
        name="commands", commands=20, hosts=10, floor="commands", deploy=COMMANDS,
        what="20 x `command: /bin/true`",
    ),
    Workload(
        name="jobs", playbook=PLAYBOOKS / "jobs.yml", hosts=10, floor="jobs", least=1.0,
        what="4 one-second jobs in a loop, awaited",
    ),
    Workload(
        name="batches", playbook=PLAYBOOKS / "batches.yml", hosts=1, floor="batches", least=16.0,
        what="1 host: batches of 3 by include, sleeps 1..7",
    ),
    Workload(
        name="flock", playbook=PLAYBOOKS / "flock.yml", hosts=10, floor="flock", least=1.0,
        what="`flock` on a delegate, 10 x 0.1 s",
    ),
    Workload(
        name="modules", playbook=PLAYBOOKS / "modules.yml", hosts=10,
        what="facts, file, copy, template, lineinfile, stat, replace, slurp",
    ),
    Workload(
        name="local", playbook=PLAYBOOKS / "local.yml", hosts=1, deploy=DEPLOYS / "local.py",
        what="one debug on localhost",
    ),
    Workload(
        name="far", commands=FAR_TASKS, hosts=1, floor="commands", deploy=COMMANDS,
        round_trip=ROUND_TRIP, what=f"1 host, {ROUND_TRIP * 1000:.0f} ms away: {FAR_TASKS} x `command: /bin/true`",
    ),
    Workload(
        name="far-chained", commands=FAR_TASKS, chained=True, hosts=1, round_trip=ROUND_TRIP,
        what="the same, each with what the one before it has found",
    ),
    Workload(
        name="far-first", commands=1, hosts=1, floor="commands", deploy=COMMANDS,
        round_trip=ROUND_TRIP, what=f"1 host, {ROUND_TRIP * 1000:.0f} ms away: 1 x `command: /bin/true`",
    ),
)  # fmt: skip
