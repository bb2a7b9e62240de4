"""Operations on files."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from agent_client import Client, Failed, run_module, send_module


def test_stat_says_what_the_module_says(agent: Client, home: Path) -> None:
    send_module(agent, "stat")
    (home / "file").write_text("text")
    (home / "link").symlink_to("file")
    for name in ("file", "link", ".", "nowhere"):
        for follow in (False, True):
            path = str(home / name)
            args = {"path": path, "follow": follow, "get_mime": False, "get_attributes": False}
            expected = json.loads(run_module(agent, "stat", args)[1])["stat"]
            found = agent.call("stat", path=path, follow=follow, checksum="sha1")
            for result in (expected, found):
                result.pop("atime", None)  # looking changes it
            assert found == expected


def test_stat_on_every_python(any_agent: Client, tmp_path: Path) -> None:
    path = tmp_path / "é"
    path.write_bytes(b"x" * 100)
    path.chmod(0o640)
    result = any_agent.call("stat", path=str(path), checksum="sha256")
    assert result["mode"] == "0640" and result["size"] == 100 and result["isreg"] and not result["isdir"]
    assert result["checksum"] == hashlib.sha256(b"x" * 100).hexdigest()
    assert any_agent.call("stat", path=str(tmp_path / "nowhere")) == {"exists": False}


def test_the_checksum_of_a_big_file(agent: Client, home: Path) -> None:
    path = home / "big"
    path.write_bytes(b"0123456789abcdef" * 200_000)
    assert agent.call("stat", path="~/big", checksum="md5")["checksum"] == hashlib.md5(path.read_bytes()).hexdigest()


def test_a_checksum_that_does_not_exist(agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        agent.call("stat", path="/etc/passwd", checksum="crc7")
    assert caught.value.kind == "bad-request"


def test_a_file_that_cannot_be_looked_at(agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        agent.call("stat", path="/etc/passwd/below")
    assert caught.value.error["kind"] == "os" and caught.value.error["strerror"] == "Not a directory"


def test_put_and_get(any_agent: Client, tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert any_agent.call("put", b"hello \xff", path=str(path), mode="0644") == {"size": 7}
    assert path.read_bytes() == b"hello \xff" and path.stat().st_mode & 0o777 == 0o644
    result, data = any_agent.call_payload("get", path=str(path))
    assert data == b"hello \xff" and result == {"size": 7, "eof": True, "mode": "0644"}
    result, data = any_agent.call_payload("get", path=str(path), offset=2, length=3)
    assert data == b"llo" and not result["eof"]


def test_a_new_file_is_private(agent: Client, home: Path) -> None:
    agent.call("put", b"x", path="~/new")
    assert (home / "new").stat().st_mode & 0o777 == 0o600


def test_a_replaced_file_keeps_its_mode(agent: Client, home: Path) -> None:
    (home / "old").write_text("old")
    (home / "old").chmod(0o755)
    agent.call("put", b"new", path="~/old")
    assert (home / "old").read_text() == "new" and (home / "old").stat().st_mode & 0o777 == 0o755


def test_a_link_is_written_through(agent: Client, home: Path) -> None:
    (home / "target").write_text("old")
    (home / "alias").symlink_to("target")
    agent.call("put", b"new", path="~/alias")
    assert (home / "alias").is_symlink() and (home / "target").read_text() == "new"


def test_chunks_appear_only_when_all_are_there(agent: Client, home: Path) -> None:
    path = home / "chunks"
    agent.call("put", b"one", path=str(path), more=True)
    assert not path.exists()
    (draft,) = home.glob(".weft-*-chunks")
    assert draft.stat().st_mode & 0o777 == 0o600
    assert agent.call("put", b"two", path=str(path), offset=3) == {"size": 6}
    assert path.read_bytes() == b"onetwo" and not draft.exists()


def test_chunks_that_do_not_follow_each_other(agent: Client, home: Path) -> None:
    agent.call("put", b"one", path="~/gap", more=True)
    with pytest.raises(Failed) as caught:
        agent.call("put", b"two", path="~/gap", offset=7)
    assert caught.value.kind == "bad-request"


def test_an_unfinished_file_goes_with_the_agent(own_agent: Client, tmp_path: Path) -> None:
    own_agent.call("put", b"one", path=str(tmp_path / "never"), more=True)
    own_agent.close()
    assert [item.name for item in tmp_path.iterdir()] == ["home"]


def test_where_nothing_can_be_written(agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        agent.call("put", b"x", path="/proc/nothing")
    assert caught.value.kind == "os" and caught.value.error["errno"]


def test_a_full_disk_is_said_and_leaves_nothing(agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        agent.call("put", b"x", path="/nowhere/at/all")
    assert caught.value.error["errno"] == 2


def test_a_file_without_a_size(agent: Client) -> None:
    result, data = agent.call_payload("get", path="/proc/self/status")
    assert data.startswith(b"Name:") and result["eof"]


def test_a_directory_is_not_a_file(agent: Client) -> None:
    for op in ("get", "put"):
        with pytest.raises(Failed) as caught:
            agent.call(op, path="/etc")
        assert caught.value.error["strerror"] == "Is a directory"


def test_temporary_directories(any_agent: Client) -> None:
    path = Path(any_agent.call("tempdir", prefix="mine-")["path"])
    assert path.name.startswith("mine-") and path.stat().st_mode & 0o777 == 0o700
    assert path.parent == Path(any_agent.hello["home"], "tmp") and path.parent.stat().st_mode & 0o777 == 0o700
    (path / "sub").mkdir()
    (path / "sub" / "file").write_text("x")
    assert any_agent.call("remove", paths=[str(path), str(path / "never")], recursive=True) == {}
    assert not path.exists()


def test_a_directory_that_is_not_empty_stays_unless_told(agent: Client, home: Path) -> None:
    (home / "full").mkdir()
    (home / "full/file").write_text("")
    with pytest.raises(Failed) as caught:
        agent.call("remove", paths=["~/full"])
    assert caught.value.error["strerror"] == "Directory not empty"


def test_a_link_to_a_directory_is_removed_alone(agent: Client, home: Path) -> None:
    (home / "kept").mkdir()
    (home / "kept/file").write_text("")
    (home / "pointer").symlink_to("kept")
    agent.call("remove", paths=["~/pointer"], recursive=True)
    assert (home / "kept/file").exists() and not (home / "pointer").is_symlink()


def test_what_is_temporary_goes_with_the_agent(own_agent: Client) -> None:
    folder = Path(own_agent.call("tempdir", temporary=True)["path"])
    own_agent.call("put", b"x", path=str(folder / "file"))
    own_agent.close()
    assert not folder.exists()


def test_environment_and_expansion(any_agent: Client) -> None:
    home = any_agent.hello["home"]
    assert any_agent.call("environment", names=["HOME", "NOPE"])["values"] == {"HOME": home, "NOPE": None}
    assert "PATH" in any_agent.call("environment")["values"]
    root = os.path.expanduser("~root")
    paths = ["~/x", "~root/y", "$HOME/z", "~nobody-at-all", "/plain"]
    assert any_agent.call("expand", paths=paths)["paths"] == [
        f"{home}/x",
        f"{root}/y",
        f"{home}/z",
        "~nobody-at-all",
        "/plain",
    ]
