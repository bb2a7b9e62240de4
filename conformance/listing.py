"""targets.toml, read: which targets there are in which group, and what has to be known about some of them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("targets.toml")


class StaleCut(Exception):
    """A cut names text that the suite doesn't hold: it was written for another release."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Something that is left out of a file of a target, because it can't be had here; ``why`` says what.

    Either every line that holds ``lines``; or all from the line that holds ``start`` to the one, not included, that
    holds ``until`` (to the end of the file if there is none); or ``text``, in place of which stands ``by``.
    """

    target: str
    file: str
    why: str
    lines: str = ""
    start: str = ""
    until: str = ""
    text: str = ""
    by: str = ""

    def applied(self, content: str) -> str:
        """Raises StaleCut."""
        if self.text:
            result = content.replace(self.text, self.by)
        elif self.lines:
            result = "".join(line for line in content.splitlines(keepends=True) if self.lines not in line)
        else:
            result = self._without_stretch(content.splitlines(keepends=True))
        if result == content:
            raise StaleCut(f"{self.target}/{self.file} holds nothing of what is to be left out of it")
        return result

    def _without_stretch(self, lines: list[str]) -> str:
        first = next((number for number, line in enumerate(lines) if self.start in line), len(lines))
        behind = (number for number in range(first + 1, len(lines)) if self.until and self.until in lines[number])
        return "".join(lines[:first] + lines[next(behind, len(lines)) :])


@dataclass(frozen=True, slots=True)
class Listing:
    """``groups`` and ``about`` by group; ``gate``: what has to go on passing, quick and harmless; ``reasons``: why
    targets don't pass."""

    groups: Mapping[str, tuple[str, ...]]
    about: Mapping[str, str]
    gate: tuple[str, ...]
    cuts: tuple[Cut, ...]
    reasons: Mapping[str, str]

    def cuts_of(self, target: str) -> list[Cut]:
        return [cut for cut in self.cuts if cut.target == target]

    def group_of(self, target: str) -> str | None:
        return next((name for name, members in self.groups.items() if target in members), None)


def read(path: Path = FILE) -> Listing:
    data = tomllib.loads(path.read_text())
    return Listing(
        groups={name: tuple(group["targets"]) for name, group in data["groups"].items()},
        about={name: group["about"] for name, group in data["groups"].items()},
        gate=tuple(data["gate"]),
        cuts=tuple(Cut(**cut) for cut in data.get("cut", ())),
        reasons=data.get("why_not", {}),
    )
