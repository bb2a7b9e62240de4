"""Runs `weft` (or `ansible-playbook`) as a user would, and reads what it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from weft.lab import LabHost

SOURCE = Path(__file__).resolve().parents[2] / "src"


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def lines(self) -> list[str]:
        """Standard output, normalised: see ``normal``."""
        return normal(self.out)

    def __repr__(self) -> str:
        return f"exit {self.code} after {self.seconds:.1f} s\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The test's own environment: nothing of the user's ansible settings, a home that is nobody's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "WEFT_", "SSH_"))}
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPATH": str(SOURCE),
        "COLUMNS": "80",
        "ANSIBLE_NOCOLOR": "1",
        **(extra or {}),
    }


def weft(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = 120, stdin: str = ""
) -> Done:
    """Run `weft` to its end."""
    return run([sys.executable, "-m", "weft", *map(str, arguments)], cwd, env, timeout, stdin)


def ansible(*arguments: str | Path, cwd: Path, command: str = "playbook", timeout: float = 120) -> Done:
    """Run ansible-core's own command, installed beside weft."""
    argv = [sys.executable, "-m", "ansible", command, *map(str, arguments)]
    return run(argv, cwd, {"ANSIBLE_DEPRECATION_WARNINGS": "0", "ANSIBLE_SSH_ARGS": "-o ControlMaster=no"}, timeout)


def run(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None, timeout: float = 120, stdin: str = ""
) -> Done:
    start = time.monotonic()
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=environment(cwd, env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - start)


def inventory(path: Path, hosts: Mapping[str, LabHost]) -> Path:
    """An inventory file that calls lab hosts by other names."""
    lines = []
    for name, host in hosts.items():
        variables = " ".join(f"{key}='{value}'" for key, value in host.variables().items())
        lines.append(f"{name} {variables}")
    path.write_text("\n".join(lines) + "\n")
    return path


_NOISE = (
    (re.compile(r"\*{3,}$"), "***"),
    (re.compile(r"j\d+\.\d+"), "JID"),
    (re.compile(r"\(item=.*\)"), "(item=...)"),
    (re.compile(r" +:"), " :"),
    (re.compile(r" {2,}"), " "),
)


def normal(text: str) -> list[str]:
    """Lines without what differs from run to run: stars, job ids, items, column widths, empty lines."""
    lines = []
    for line in text.splitlines():
        for pattern, replacement in _NOISE:
            line = pattern.sub(replacement, line)
        if line.strip():
            lines.append(line.rstrip())
    return lines
