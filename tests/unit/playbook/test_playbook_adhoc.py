"""The one task of an ad hoc command."""

from __future__ import annotations

from typing import Any

import pytest

from weft.model.errors import LoadError, source_excerpt
from weft.model.nodes import Playbook
from weft.model.run_options import AdHoc
from weft.model.values import Trusted, Written, origin_of
from weft.playbook.adhoc import adhoc_playbook
from weft.playbook.splitter import parse_kv


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


@pytest.mark.parametrize(
    ("module", "args", "shown"),
    [
        ("debug", "msg=x", "{'msg': 'x'}"),
        ("debug", '{"msg": 1}', "{'msg': 1}"),
        ("shell", "echo a=b chdir=/", "{'chdir': '/', '_raw_params': 'echo a=b'}"),
        ("shell", "echo '", "{'_raw_params': \"echo '\"}"),
        ("nosuch", "{x", "{'_raw_params': '{x'}"),
    ],
)
def test_the_task_is_its_own_place(module: str, args: str, shown: str) -> None:
    data = Data()
    adhoc_playbook(AdHoc(pattern="all", module=module, args=args, background=5), data, 15)
    place = origin_of(data.task)
    assert place is not None
    text = f"{{'action': {module!r}, 'args': {shown}, 'timeout': 0, 'async_val': 5, 'poll': 15}}"
    assert (str(place), source_excerpt(place)) == (f"<adhoc {module!r} task>", text)


def test_an_argument_is_at_the_option_that_gives_it() -> None:
    text = next(iter(parse_kv(Trusted("msg={{ x }}", Written("<CLI option '-a'>", text="msg={{ x }}"))).values()))
    place = origin_of(text)
    assert place == Written("<CLI option '-a'>", text="{{ x }}")


def test_a_module_that_has_been_removed_ends_the_command() -> None:
    with pytest.raises(Removed):
        adhoc_playbook(AdHoc(pattern="all", module="removed", args=""), Data(), 15)
