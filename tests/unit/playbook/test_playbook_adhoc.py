"""The one task of an ad hoc command."""

from __future__ import annotations

from typing import Any

import pytest

from weft.model.nodes import Playbook
from weft.model.run_options import AdHoc
from weft.playbook.adhoc import adhoc_playbook


class Data:
    """Notes what a loader would be given."""

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
    ],
)
def test_module_and_arguments(module: str, args: str, task: dict[str, Any]) -> None:
    data = Data()
    adhoc_playbook(AdHoc(pattern="all", module=module, args=args), data, 15)
    assert data.task == task
