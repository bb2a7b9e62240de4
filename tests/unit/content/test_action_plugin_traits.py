"""What is known of somebody's action plugin before it runs: read from its file, nothing of it is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.content.actionnames import PluginTraits, read_traits

PLUGIN = """
from ansible.plugins.action import ActionBase

raise SystemExit("nobody may run this")


class Other:
    BYPASS_HOST_LOOP = True


class ActionModule(ActionBase):
    {line}

    def run(self, tmp=None, task_vars=None):
        BYPASS_HOST_LOOP = True
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pass", {}),
        ("BYPASS_HOST_LOOP = True", {"once": True}),
        ("BYPASS_HOST_LOOP = False", {}),
        ("supports_raw_params: bool = True", {"free_form": True}),
        ("_requires_connection = False", {"connection": False}),
        ("_supports_async = True", {"jobs": True}),
    ],
)
def test_attributes_of_its_class_count(tmp_path: Path, line: str, said: dict[str, bool]) -> None:
    file = tmp_path / "plugin.py"
    file.write_text(PLUGIN.format(line=line))
    assert read_traits(str(file)) == PluginTraits(str(file), **said)


def test_one_that_is_not_python_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "plugin.py"
    file.write_text("class ActionModule(:\n")
    assert read_traits(str(file)) == PluginTraits(str(file))
    assert read_traits(str(tmp_path / "gone.py")) == PluginTraits(str(tmp_path / "gone.py"))
