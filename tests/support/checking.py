"""`weft check` in a project's folder."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
from dataclasses import dataclass
from typing import Any

from tests.support.builder import Project
from weft.cli.main import main


@dataclass(frozen=True)
class Said:
    """What it printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The findings: lines that begin with a place, and those that name other places below them."""
        return [line for line in self.out.splitlines() if ": " in line]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def check(project: Project, text: str | None = None, arguments: str = "play.yml") -> Said:
    """``text`` becomes play.yml."""
    if text is not None:
        project.file("play.yml", text)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["check", "-i", "inventory", *shlex.split(arguments)])
    return Said(code, out.getvalue(), err.getvalue())
