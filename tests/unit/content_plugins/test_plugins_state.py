"""What plugins change in their modules is put back for the next task."""

from __future__ import annotations

from typing import Any

from weft.content.plugins_state import ModuleState
from weft.events.deferred import collecting


def call(state: ModuleState) -> None:
    state.enter()
    state.leave()


def test_plain_containers_are_as_they_were_for_another_task() -> None:
    names: dict[str, Any] = {"table": {"a": [1]}, "seen": [1], "kinds": {1}, "object": [object()], "number": 1}
    state = ModuleState(names)
    objects = names["object"]
    with collecting():
        call(state)
        names["table"]["a"].append(2)
        names["seen"].append(2)
        names["kinds"].add(2)
        objects.append(object())
        call(state)
        assert names["seen"] == [1, 2]
    with collecting():
        call(state)
    assert (names["table"], names["seen"], names["kinds"]) == ({"a": [1]}, [1], {1})
    assert len(objects) == 2


def test_nothing_is_put_back_while_another_task_is_in_the_middle_of_a_call() -> None:
    seen: list[int] = []
    state = ModuleState({"seen": seen})
    with collecting():
        state.enter()
        seen.append(1)
        with collecting():
            call(state)
            assert seen == [1]
        state.leave()
    with collecting():
        call(state)
    assert seen == []


def test_big_tables_are_not_looked_after() -> None:
    table = dict.fromkeys(range(5000), "x")
    state = ModuleState({"table": table})
    with collecting():
        call(state)
        table[-1] = "y"
    with collecting():
        call(state)
    assert table[-1] == "y"
