"""Brings up throwaway hosts, plays ``quickstart.yml`` on them, and says how long it took and how long its tasks did.

    python examples/demo.py [HOSTS]

The hosts are real sshds where this machine allows it, local ones otherwise; none of them is left at the end.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from weft.config.settings import load
from weft.events.types import Event, RunFinished
from weft.lab import Lab
from weft.model.run_options import RunOptions
from weft.run import run_playbooks
from weft.sinks import Streams, build

PLAYBOOK = Path(__file__).parent / "quickstart.yml"


@dataclass
class Figures:
    """A sink that keeps the last event of the run."""

    finished: RunFinished | None = None

    def handle(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            self.finished = event

    async def close(self) -> None:
        """Nothing is open."""


def play(inventory: str) -> tuple[int, Figures]:
    """Play the example with the view of `weft play`; the exit code, and what the run took."""
    settings = load(os.environ, os.getcwd(), overrides={"inventory": (inventory,)})
    options = RunOptions(playbooks=(str(PLAYBOOK),))
    figures = Figures()
    views = build(options, settings, Streams.standard())
    try:
        return asyncio.run(run_playbooks(options, settings, (*views.sinks, figures))), figures
    finally:
        views.close()


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    best = Lab.best_available()
    print(f"{count} hosts: {best.message}")
    with Lab() as lab, tempfile.TemporaryDirectory(prefix="weft-demo-") as folder:
        lab.up(count)
        inventory = Path(folder) / "hosts.ini"
        inventory.write_text(lab.inventory_text())
        code, figures = play(str(inventory))
    if figures.finished is not None:
        wall, tasks = figures.finished.wall, figures.finished.task_seconds
        print(f"The run took {wall:.1f} s; its tasks, added up over all hosts, {tasks:.1f} s.")
    return code


if __name__ == "__main__":
    sys.exit(main())
