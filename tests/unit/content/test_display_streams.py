"""What ansible-core's display says of a program's streams when it is first needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import contextlib, io, sys
out, err = io.StringIO(), io.StringIO()
with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    from weft.content.display import load_display
    load_display()
    import ansible.utils.display
    ansible.utils.display.Display().warning("of something else")
sys.stdout.write(out.getvalue() + err.getvalue())
"""


def test_streams_that_are_no_files_are_not_warned_of(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "[WARNING]: of something else\n"


def test_streams_that_are_files_are_left_to_it(tmp_path: Path) -> None:
    program = "import sys; from weft.content.display import load_display; load_display(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "ansible.utils.display" not in done.stdout.split()
