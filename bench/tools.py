"""The tools that are compared, each as a command line over the same inventory and playbook."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: The peers, pinned so that a run means the same tomorrow.
REQUIREMENTS = ("ansible-core==2.19.14", "mitogen==0.3.54", "asyncssh>=2.18")

FORKS = 10


@dataclass(frozen=True, slots=True)
class Tool:
    """One competitor: what is run for a playbook, and the environment it runs in."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def argv(self, inventory: Path, playbook: Path) -> list[str]:
        return [*self.command, "-i", str(inventory), str(playbook)]


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
    ]


def run(argv: Sequence[str], environment: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """One tool, once. The caller looks at the exit status."""
    base = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    return subprocess.run(
        argv,
        cwd=cwd,
        env={**base, "ANSIBLE_NOCOLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
