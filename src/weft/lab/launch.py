"""How the lab's own programs are started: this Python, with this weft, and nothing else in the way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

import weft


def python_command(module: str) -> list[str]:
    """Arguments that run a module of weft that needs only the standard library and msgspec."""
    return [sys.executable, "-S", "-P", "-m", module]


def python_environment() -> dict[str, str]:
    """The environment for ``python_command``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # a package that is run from a read-only or shared tree should not be written to by root's helpers
    roots = dict.fromkeys(str(Path(str(package.__file__)).parents[1]) for package in (weft, msgspec))
    return {**kept, "PYTHONPATH": os.pathsep.join(roots), "PYTHONDONTWRITEBYTECODE": "1"}
