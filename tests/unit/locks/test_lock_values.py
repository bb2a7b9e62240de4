"""What `lock:` may be once its templates are evaluated."""

from __future__ import annotations

from typing import Any

import pytest

from weft.locks.spec import NameLock, PathLock, read_wishes
from weft.model.errors import WeftError


@pytest.mark.parametrize(
    ("value", "wishes"),
    [
        ("/etc/lock", [PathLock(path="/etc/lock")]),
        ("/etc/../etc//lock", [PathLock(path="/etc/lock")]),
        ({"path": "/x", "mode": "shared", "timeout": "5"}, [PathLock(path="/x", shared=True, timeout=5)]),
        ({"path": "/x", "mode": None, "timeout": None}, [PathLock(path="/x")]),
        ({"name": "db"}, [NameLock(name="db")]),
        ({"name": "db", "slots": "2", "by": 7}, [NameLock(name="db", slots=2, by="7")]),
        (["/x", {"name": "db"}], [PathLock(path="/x"), NameLock(name="db")]),
        (["/x", {"path": "/x", "mode": "shared", "timeout": 3}], [PathLock(path="/x", timeout=3)]),
        ([{"name": "a", "slots": 3}, {"name": "a", "slots": 2}], [NameLock(name="a", slots=2)]),
        ([], []),
        (None, []),
    ],
)
def test_values(value: Any, wishes: list[Any]) -> None:
    assert list(read_wishes(value)) == wishes


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "'path' of a lock must be text that isn't empty, not ''."),
        (7, "'lock' must be a path, a mapping or a list of these, not 7."),
        ({}, "A lock needs either a 'path' (a lock file) or a 'name' (within this run)."),
        ({"path": "/x", "name": "y"}, "A lock needs either a 'path' (a lock file) or a 'name' (within this run)."),
        ({"path": "/x", "slots": 2}, "'slots' is not a valid key for 'lock'."),
        ({"path": "/x", "mode": "both"}, "'mode' of a lock must be one of exclusive, shared, not 'both'."),
        ({"name": "x", "slots": 0}, "'slots' of a lock must be at least 1, not 0."),
        ({"name": "x", "slots": "many"}, "'slots' of a lock must be a number, not 'many'."),
        ({"name": "x", "timeout": -1}, "'timeout' of a lock can't be negative: -1."),
    ],
)
def test_what_is_wrong_is_told(value: Any, message: str) -> None:
    with pytest.raises(WeftError) as caught:
        read_wishes(value)
    assert caught.value.message == message
