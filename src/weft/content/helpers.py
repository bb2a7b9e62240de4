"""Starting processes of this program's own that have ansible-core in them: with the same code, wherever it lies."""

from __future__ import annotations

import os
import sys

_START = (
    "import runpy, sys; root, module = sys.argv[1:3]; root in sys.path or sys.path.insert(0, root); "
    "runpy.run_module(module, run_name='__main__', alter_sys=True)"
)


def helper_command(module: str) -> list[str]:
    """What runs a module of weft in another process, which ends with this one: its last argument is our process id."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    # -P: what lies in the current folder must not stand in for a library
    return [sys.executable, "-P", "-c", _START, root, module, str(os.getpid())]
