"""How contents come to a host."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from action_kit import INFO, stage
from msgspec.structs import replace

from weft.actions import NORMAL, REGISTRY, action_for, sources
from weft.actions.base import ActionContext
from weft.actions.host import with_upload
from weft.actions.sources import from_bytes, from_file
from weft.model.errors import TaskFailed, TaskSkipped


async def use(path: str) -> dict[str, Any]:
    return {"path": path}


async def test_big_contents_go_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CHUNK", 4)
    (tmp_path / "big").write_bytes(b"0123456789")
    scene = stage("copy", folder=tmp_path)
    await with_upload(scene.context, from_file(str(tmp_path / "big"), None), "-x", use)
    puts = [(r["offset"], r["more"], r["payload"]) for r in scene.session.requests if r["op"] == "put"]
    assert puts == [(0, True, b"0123"), (4, True, b"4567"), (8, False, b"89")]


async def test_empty_contents_are_put_too(tmp_path: Path) -> None:
    scene = stage("copy", folder=tmp_path)
    await with_upload(scene.context, from_bytes(b"", "x"), "-x", use)
    assert [r["more"] for r in scene.session.requests if r["op"] == "put"] == [False]


async def test_the_folder_for_transfers_is_made_once(tmp_path: Path) -> None:
    scene = stage("copy", folder=tmp_path)
    first = await with_upload(scene.context, from_bytes(b"a", "x"), ".a", use)
    second = await with_upload(scene.context, from_bytes(b"b", "x"), ".b", use)
    assert (first["path"], second["path"]) == ("/tmp/ansible-tmp-1/.a", "/tmp/ansible-tmp-1/.b")
    assert [r["op"] for r in scene.session.requests].count("tempdir") == 1


async def test_uploads_side_by_side_do_not_share_a_file(tmp_path: Path) -> None:
    scene = stage("copy", folder=tmp_path)
    source = from_bytes(b"a", "x")
    await with_upload(scene.context, source, ".a", use)  # the folder is there
    results = await asyncio.gather(*(with_upload(scene.context, source, ".a", use) for _ in range(3)))
    paths = [result["path"] for result in results]
    assert paths == ["/tmp/ansible-tmp-1/.a", "/tmp/ansible-tmp-1/1.a", "/tmp/ansible-tmp-1/2.a"]


async def test_a_folder_that_went_with_its_agent_is_made_anew(tmp_path: Path) -> None:
    gone = {"op": "put", "error": {"kind": "os", "errno": 2}}
    scene = stage("copy", folder=tmp_path, replies=[gone])
    result = await with_upload(scene.context, from_bytes(b"a", "x"), ".a", use)
    assert result["path"] == "/tmp/ansible-tmp-1/.a"
    assert [r["op"] for r in scene.session.requests] == ["tempdir", "put", "tempdir", "put", "remove"]


async def test_what_uses_an_upload_asks_after_its_last_piece(tmp_path: Path) -> None:
    scene = stage("copy", folder=tmp_path, replies=[{"op": "raw"}])

    async def run(path: str) -> dict[str, Any]:
        await scene.session.request("raw", {"text": path})
        return {}

    await with_upload(scene.context, from_bytes(b"a", "x"), ".a", run)
    assert [r["op"] for r in scene.session.requests] == ["tempdir", "put", "raw", "remove"]


async def test_warnings_come_before_the_results_own(tmp_path: Path) -> None:
    reply = {"op": "module", "result": {"warnings": ["from the module"]}}
    scene = stage("ping", folder=tmp_path, replies=[reply])
    scene.context.warn("from the action")
    scene.context.warn("from the action")
    assert (await NORMAL(scene.context))["warnings"] == ["from the action", "from the module"]


async def test_an_action_without_check_mode_is_skipped(tmp_path: Path) -> None:
    scene = stage("ping", folder=tmp_path, check=True)
    with pytest.raises(TaskSkipped, match="does not support check mode"):
        await replace(NORMAL, check=False)(scene.context)


async def test_a_python_that_no_release_serves_is_told_as_such(tmp_path: Path) -> None:
    scene = stage("ping", folder=tmp_path)
    scene.session.info = replace(INFO, version=(2, 7, 18), python="/usr/bin/python2")
    with pytest.raises(TaskFailed, match=r"need Python 3\.8 or later, h1 has 2\.7\.18") as caught:
        await NORMAL(scene.context)
    assert "weft content add 'ansible-core==2.16.*'" in caught.value.message


def test_every_action_can_be_loaded() -> None:
    for action in (*REGISTRY.values(), NORMAL):
        assert callable(action.load())


def test_legacy_names_are_the_builtin_actions() -> None:
    assert action_for("ansible.legacy.copy") is REGISTRY["ansible.builtin.copy"]
    assert action_for("ns.coll.copy") is NORMAL


def test_roles_and_playbook_bring_modules(tmp_path: Path) -> None:
    scene = stage("ping", folder=tmp_path)
    context: ActionContext = scene.context
    assert context.library_dirs() == (f"{tmp_path}/library",)
    assert context.utils_dirs() == (f"{tmp_path}/module_utils",)
