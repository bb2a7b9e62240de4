"""The one task of an ad hoc command."""

from __future__ import annotations

from typing import Any

import pytest

from weft.model.errors import LoadError
from weft.model.nodes import Playbook
from weft.model.run_options import AdHoc
from weft.playbook.adhoc import adhoc_playbook


class Removed(LoadError):
    exit_code = 1


class Data:
    """Notes what a loader would be given. Knows two modules, and one that has been removed."""

    def resolve_action(self, name: str) -> str | None:
        if name == "removed":
            raise Removed("it has been removed")
        return name if name in ("ping", "debug") else None

    def load_data(self, data: Any, path: str, *, beside: bool = False) -> Playbook:
        self.task = data[0]["tasks"][0]
        return Playbook(path=path, plays=())


@pytest.mark.parametrize(
    ("module", "args", "task"),
    [
        ("ping", "", {"ping": None}),
        ("debug", "msg=x", {"debug": "msg=x"}),
        ("debug", '{"msg": 1}', {"debug": {"msg": 1}}),
        ("{{ m }}", "msg=x", {"action": "{{ m }} msg=x"}),
        ("{{ m }}", '{"msg": 1}', {"action": "{{ m }}", "args": {"msg": 1}}),
        ("{{ m }}", "", {"action": "{{ m }}"}),
        ("nosuch", "", {"name": "nosuch", "action": '{{ "nosuch" }}'}),
        ("nosuch", "x=1", {"name": "nosuch", "action": '{{ "nosuch" }} x=1'}),
    ],
)
def test_module_and_arguments(module: str, args: str, task: dict[str, Any]) -> None:
    data = Data()
    adhoc_playbook(AdHoc(pattern="all", module=module, args=args), data, 15)
    assert data.task == task


def test_a_module_that_has_been_removed_ends_the_command() -> None:
    with pytest.raises(Removed):
        adhoc_playbook(AdHoc(pattern="all", module="removed", args=""), Data(), 15)
