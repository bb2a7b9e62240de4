"""`user`: who is to be removed has no processes of weft's any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from action_kit import stage

from weft.actions.user import user

ABSENT = {"name": "app", "state": "absent"}


@pytest.mark.parametrize(
    ("args", "check", "left"),
    [
        (ABSENT, False, ["app"]),
        ({"user": "app", "state": "absent"}, False, ["app"]),
        (ABSENT, True, []),
        ({"name": "app"}, False, []),
    ],
)
async def test_agents_of_a_user_end_before_the_user_goes(
    tmp_path: Path, args: dict[str, Any], check: bool, left: list[str]
) -> None:
    scene = stage("user", args, folder=tmp_path, check=check, replies=[{"op": "module", "result": {"changed": True}}])
    assert (await user(scene.context))["changed"] is True
    assert scene.sessions.left == left
