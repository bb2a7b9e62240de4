"""Where relative names of copy, template and the like lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.actions.files import FileMissing, find_file


def put(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return str(path)


def test_the_subfolder_comes_before_the_folder(tmp_path: Path) -> None:
    put(tmp_path / "a.txt")
    expected = put(tmp_path / "files" / "a.txt")
    assert find_file([str(tmp_path)], str(tmp_path), "files", "a.txt") == expected


def test_a_role_comes_before_the_playbook(tmp_path: Path) -> None:
    role = tmp_path / "roles" / "r"
    put(tmp_path / "files" / "a.txt")
    expected = put(role / "a.txt")
    assert find_file([str(role), str(role / "tasks")], str(tmp_path), "files", "a.txt") == expected


def test_the_playbook_is_the_last_resort(tmp_path: Path) -> None:
    expected = put(tmp_path / "templates" / "a.j2")
    assert find_file([str(tmp_path / "roles" / "r")], str(tmp_path), "templates", "a.j2") == expected


def test_a_name_that_says_the_subfolder(tmp_path: Path) -> None:
    expected = put(tmp_path / "files" / "a.txt")
    put(tmp_path / "files" / "files" / "a.txt")
    assert find_file([str(tmp_path)], str(tmp_path), "files", "files/a.txt") == expected


def test_an_absolute_name(tmp_path: Path) -> None:
    expected = put(tmp_path / "a.txt")
    assert find_file([], "/nowhere", "files", f"{tmp_path}/x/../a.txt") == expected


def test_folders_are_found_too(tmp_path: Path) -> None:
    (tmp_path / "files" / "d").mkdir(parents=True)
    assert find_file([str(tmp_path)], str(tmp_path), "files", "d") == str(tmp_path / "files" / "d")


def test_the_message_lists_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(FileMissing) as caught:
        find_file([f"{tmp_path}/r"], str(tmp_path), "files", "x")
    assert str(caught.value) == (
        f"Could not find or access 'x'\nSearched in:\n\t{tmp_path}/r/files/x\n\t{tmp_path}/r/x\n\t{tmp_path}/files/x\n"
        f"\t{tmp_path}/x on the Ansible Controller.\n"
        "If you are using a module and expect the file to exist on the remote, see the remote_src option"
    )
