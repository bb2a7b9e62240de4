"""For tests of what goes wrong: short plays, inventories made of variables, and what no run may ever print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.command import Done
from tests.support.job_runs import Events

Ways = Mapping[str, Mapping[str, object]]


def tasks(*lines: str, hosts: str = "all") -> str:
    """A play of one-line tasks."""
    head = [f"- hosts: {hosts}", "  gather_facts: false", "  tasks:"]
    return "\n".join([*head, *(f"    - {line}" for line in lines)]) + "\n"


def write_inventory(path: Path, ways: Ways) -> None:
    """One line a host, with its variables."""
    lines = []
    for name, variables in ways.items():
        words = " ".join(f"{key}='{value}'" for key, value in variables.items())
        lines.append(f"{name} {words}\n")
    path.write_text("".join(lines))


def unreachable(run: Events) -> dict[str, str]:
    """Why each host could not be reached."""
    return {e["host"]: str(e["result"]["msg"]) for e in run.named("task_finished") if e["status"] == "unreachable"}


def assert_no_traceback(done: Done) -> None:
    for text in (done.out, done.err):
        for unwanted in ("Traceback", "never retrieved", "never awaited", "Exception ignored", "was destroyed but"):
            assert unwanted not in text, done
