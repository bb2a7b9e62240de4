"""Actions as data: arguments in, what the host is asked, and the result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from action_kit import contains, stage

from weft.actions import action_for
from weft.actions.base import JobRequest
from weft.connection.results import FAILURE
from weft.model.errors import WeftError

_CASES = Path(__file__).parent / "cases"
_CONTEXT = ("check", "diff", "no_log", "variables", "environment", "defaults", "delegate_to", "verbosity", "target",
            "discovered", "missing", "library")  # fmt: skip


def _all() -> Iterator[Any]:
    for path in sorted(_CASES.glob("*.yml")):
        for case in yaml.safe_load(path.read_text()):
            yield pytest.param(case, id=f"{path.stem}: {case['name']}")


@pytest.mark.parametrize("case", list(_all()))
async def test_case(case: dict[str, Any], tmp_path: Path) -> None:
    for name, text in case.get("files", {}).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.mkdir()
        else:
            path.write_text(text)
    case = _filled(case, str(tmp_path))
    action = action_for(f"ansible.builtin.{case['action'].rpartition('.')[2]}")
    options = {key: case[key] for key in _CONTEXT if key in case}
    job = JobRequest(limit=case["async"]) if "async" in case else None
    scene = stage(
        case["action"],
        case.get("args"),
        folder=tmp_path,
        replies=case.get("replies", ()),
        job=job,
        raw_args=action.raw_args,
        **options,
    )
    error = case.get("error")
    if error is not None:
        with pytest.raises(WeftError) as caught:
            await action(scene.context)
        assert str(caught.value) == error
        assert type(caught.value).__name__ == case.get("error_type", "TaskFailed")
        result = getattr(caught.value, "result", {})
    else:
        result = await action(scene.context)
    assert contains(result, case.get("result", {})), result
    assert not set(case.get("absent", ())) & set(result), result
    if "failure" in case:
        assert f"{result[FAILURE].source}: {result[FAILURE].message}" == case["failure"]
    if "requests" in case:
        asked = [request for request in scene.session.requests if not _selinux(request)]
        assert len(asked) == len(case["requests"]), asked
        for one, expected in zip(asked, case["requests"], strict=True):
            assert contains(one, expected), f"asked {one}, expected {expected}"
    assert not scene.session.replies, "replies that nothing asked for"


def _selinux(request: dict[str, Any]) -> bool:
    return bool(request["op"] == "stat" and request["path"].startswith("/sys/fs/selinux"))


def _filled(value: Any, folder: str) -> Any:
    """``HERE`` in a case is the playbook's folder."""
    if isinstance(value, str):
        return value.replace("HERE", folder)
    if isinstance(value, dict):
        return {_filled(key, folder): _filled(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, folder) for item in value]
    return value
