"""The end of a run: PLAY RECAP, custom stats, and the jobs that still run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from weft.events.types import HostRecap, JobsLeft, PlaybookFinished, RunFinished
from weft.model.settings import Settings
from weft.sinks.dump import ResultDumper
from weft.sinks.screen import Screen
from weft.sinks.style import Palette

_FIGURES = (
    ("ok", "ok"),
    ("changed", "changed"),
    ("unreachable", "unreachable"),
    ("failed", "error"),
    ("skipped", "skip"),
    ("rescued", "ok"),
    ("ignored", "warn"),
)
_RUN = "_run"  # custom stats of no host


class Recap:
    """Draws the figures of a run, once for each playbook."""

    def __init__(self, screen: Screen, dumper: ResultDumper, settings: Settings) -> None:
        self._screen = screen
        self._dumper = dumper
        self._settings = settings

    def playbook_finished(self, event: PlaybookFinished) -> None:
        self._figures(event.recap, event.custom_stats)

    def run_finished(self, event: RunFinished) -> None:
        self._figures(event.recap, event.custom_stats)
        if event.jobs_left:
            self._screen.show(jobs_left_line(event.jobs_left, self._settings), "changed")
            self._screen.show("", log=False)

    def _figures(self, recap: Mapping[str, HostRecap], custom: Mapping[str, Any]) -> None:
        self._screen.banner("PLAY RECAP")
        plain = Palette(False)
        for host in sorted(recap):
            self._screen.show(host_line(host, recap[host], self._screen.palette), log=False)
            self._screen.show(host_line(host, recap[host], plain), screen=False)
        self._screen.show("", log=False)
        if custom and self._settings.show_custom_stats:
            self._custom_stats(custom)
        if self._settings.check and self._settings.check_mode_markers:
            self._screen.banner("DRY RUN")

    def _custom_stats(self, custom: Mapping[str, Any]) -> None:
        self._screen.banner("CUSTOM STATS: ")
        for host in sorted(name for name in custom if name != _RUN):
            self._screen.show(f"\t{host}: {self._one_line(custom[host])}")
        if _RUN in custom:
            self._screen.show("", log=False)
            self._screen.show(f"\tRUN: {self._one_line(custom[_RUN])}")
        self._screen.show("", log=False)

    def _one_line(self, stats: Mapping[str, Any]) -> str:
        return self._dumper.dump(stats, indent=1).replace("\n", "")


def host_line(host: str, figures: HostRecap, palette: Palette) -> str:
    """One host's figures; figures that are not 0 in colour, the host in that of its worst."""
    cells = []
    for name, kind in _FIGURES:
        number = getattr(figures, name)
        cell = f"{name}={number!s:<4}"
        cells.append(palette.paint(cell, kind) if number else cell)
    return f"{_host_cell(host, figures, palette)} : {' '.join(cells)}"


def _host_cell(host: str, figures: HostRecap, palette: Palette) -> str:
    if not palette.enabled:
        return f"{host:<26}"
    worst = "error" if figures.failed or figures.unreachable else "changed" if figures.changed else "ok"
    return f"{palette.paint(host, worst):<37}"


def config_line(settings: Settings) -> str:
    """Where the settings come from, for -v."""
    config = settings.config_file
    return f"Using {config} as config file" if config else "No config file found; using defaults"


def jobs_left_line(left: tuple[JobsLeft, ...], settings: Settings) -> str:
    """How many jobs still run, where, and what waits for them."""
    count = sum(len(entry.jids) for entry in left)
    where = ", ".join(f"{entry.host} ({', '.join(entry.jids)})" for entry in left)
    verb, them = ("job still runs", "it") if count == 1 else ("jobs still run", "them")
    users = dict.fromkeys(entry.become_user for entry in left)
    commands = "; ".join(_wait_command(user, left, settings) for user in users)
    return f"{count} {verb}: {where}. Wait for {them}: {commands}"


def _wait_command(user: str | None, left: tuple[JobsLeft, ...], settings: Settings) -> str:
    """The command that waits for the jobs of one user; with the inventory, if it came from the command line."""
    words = ["weft jobs wait"]
    if settings.origin.get("inventory") == "command line":
        words += [f"-i {shlex.quote(source)}" for source in settings.inventory]
    if user is not None:
        words.append("-b" if user == settings.become_user else f"-b --become-user {shlex.quote(user)}")
    hosts = ",".join(dict.fromkeys(entry.host for entry in left if entry.become_user == user))
    return " ".join([*words, f"'{hosts}'"])
