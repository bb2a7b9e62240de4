"""The tools that are compared, each as a command line over the same hosts and the same work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.workloads import Workload

#: The peers, pinned so that a run means the same tomorrow.
REQUIREMENTS = ("ansible-core==2.19.14", "mitogen==0.3.54", "pyinfra==3.10.0")

FORKS = 10
ROOT = Path(__file__).parent.parent
_NOT_INHERITED = ("ANSIBLE_", "WEFT_", "PYINFRA_", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")


@dataclass(frozen=True, slots=True)
class Case:
    """One workload with its files: what every tool is given."""

    work: Workload
    playbook: Path
    inventory: Path  # INI
    hosts: Path  # JSON, see ``write_inventories``
    pyinfra: Path  # pyinfra's inventory


@dataclass(frozen=True, slots=True)
class Tool:
    """One competitor: what it runs for a case, and the environment it runs in."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def argv(self, case: Case) -> list[str] | None:
        """None where the tool has no counterpart of the workload."""
        return [*self.command, "-i", str(case.inventory), str(case.playbook)]


class PyInfra(Tool):
    def argv(self, case: Case) -> list[str] | None:
        if case.work.deploy is None:
            return None
        hosts = "@local" if case.work.name == "local" else str(case.pyinfra)
        return [*self.command, "-y", "--data", f"count={case.work.commands}", hosts, str(case.work.deploy)]


class Floor(Tool):
    def argv(self, case: Case) -> list[str] | None:
        if case.work.floor is None:
            return None
        return [*self.command, case.work.floor, str(case.hosts), str(case.work.commands)]


class PeerEnvironment:
    """The virtual environment that holds the peers; built once, kept below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"

    def build(self) -> None:
        """Raises CalledProcessError if pip fails."""
        stamp = self.folder / "requirements.txt"
        wanted = "\n".join(REQUIREMENTS)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        print(f"making {self.folder}: {', '.join(REQUIREMENTS)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(self.folder)], check=True)
        pip = [str(self.bin / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *REQUIREMENTS], check=True)
        stamp.write_text(wanted)

    @property
    def strategy_folder(self) -> Path:
        code = "import ansible_mitogen, os; print(os.path.dirname(ansible_mitogen.__file__))"
        done = subprocess.run([str(self.bin / "python"), "-c", code], check=True, capture_output=True, text=True)
        return Path(done.stdout.strip()) / "plugins" / "strategy"


def competitors(peers: PeerEnvironment) -> list[Tool]:
    """weft first: every ratio is to it."""
    playbook = str(peers.bin / "ansible-playbook")
    plain = {"ANSIBLE_PIPELINING": "true", "ANSIBLE_DEPRECATION_WARNINGS": "false"}
    mitogen = {**plain, "ANSIBLE_STRATEGY_PLUGINS": str(peers.strategy_folder), "ANSIBLE_STRATEGY": "mitogen_linear"}
    return [
        Tool("weft", (str(Path(sys.executable).with_name("weft")), "play", "-f", str(FORKS))),
        Tool("ansible-core", (playbook, "-f", str(FORKS)), plain),
        Tool("mitogen", (playbook, "-f", str(FORKS)), mitogen),
        PyInfra("pyinfra", (str(peers.bin / "pyinfra"),)),
        Floor("floor", (sys.executable, "-m", "bench.floor"), {"PYTHONPATH": with_root()}),
    ]


def with_root() -> str:
    """PYTHONPATH for what is run with ``-m bench.…``."""
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))


def clean_environment() -> dict[str, str]:
    """The environment of somebody who has set nothing for any of the tools."""
    return {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}


@dataclass(frozen=True, slots=True)
class Done:
    """One run of a tool. ``cpu``: seconds of its processes on this side, those on the hosts aside."""

    seconds: float
    cpu: float
    status: int
    output: str


def run(argv: Sequence[str], environment: Mapping[str, str], cwd: Path) -> Done:
    """One tool, once. The caller looks at the status."""
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**clean_environment(), "ANSIBLE_NOCOLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return Done(seconds, usage.ru_utime + usage.ru_stime, process.returncode, text)


def write_pyinfra(path: Path, hosts: Sequence[Mapping[str, object]]) -> None:
    """pyinfra's inventory: a Python file."""
    rows = [
        (
            host["address"],
            {
                "ssh_port": host["port"],
                "ssh_user": host["user"],
                "ssh_key": host["key"],
                "ssh_known_hosts_file": host["known_hosts"],
            },
        )
        for host in hosts
    ]
    path.write_text(f"hosts = {json.dumps(rows)}\nhosts = [tuple(row) for row in hosts]\n")
