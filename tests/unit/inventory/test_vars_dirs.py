"""group_vars and host_vars folders."""

from __future__ import annotations

from typing import Any

import pytest
from inventory_kit import Kit
from msgspec.structs import replace

from weft.inventory.vars_dirs import VarsDirs, source_dirs
from weft.model.errors import LoadError
from weft.model.settings import Settings


def dirs(kit: Kit, **changes: Any) -> VarsDirs:
    return VarsDirs(replace(Settings(), **changes), warn=kit.said.append, decrypt=lambda data, origin: b"secret: 1\n")


@pytest.mark.parametrize("name", ["web", "web.yml", "web.yaml", "web.json"])
def test_a_file_in_any_spelling(kit: Kit, name: str) -> None:
    kit.write(f"group_vars/{name}", '{"x": 1}')
    assert dirs(kit).variables(str(kit.folder), "group_vars", "web") == {"x": 1}


def test_the_first_spelling_alone_counts(kit: Kit) -> None:
    kit.write("group_vars/web/b.yml", "x: 2\n")
    kit.write("group_vars/web/a", "x: 1\ny: 1\n")
    kit.write("group_vars/web/sub/z.json", '{"z": 3}')
    for ignored in (".hidden.yml", "backup.yml~", "notes.txt", "sub.d/n.yml"):
        kit.write(f"group_vars/web/{ignored}", "bad: 1\n")
    kit.write("group_vars/web.yml", "bad: 1\n")
    assert dirs(kit).variables(str(kit.folder), "group_vars", "web") == {"x": 2, "y": 1, "z": 3}


def test_other_extensions_may_be_set(kit: Kit) -> None:
    kit.write("host_vars/h.vars", "x: 1\n")
    assert dirs(kit, yaml_valid_extensions=(".vars",)).variables(str(kit.folder), "host_vars", "h") == {"x": 1}


def test_encrypted_and_empty_files(kit: Kit) -> None:
    kit.write("host_vars/h", "$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    kit.write("host_vars/e.yml", "---\n")
    found = dirs(kit)
    assert found.variables(str(kit.folder), "host_vars", "h") == {"secret": 1}
    assert found.variables(str(kit.folder), "host_vars", "e") == {}
    assert found.variables(str(kit.folder), "host_vars", "/chroot/path") == {}
    assert found.variables(str(kit.folder / "nowhere"), "host_vars", "h") == {}


def test_a_file_that_holds_no_mapping(kit: Kit) -> None:
    kit.write("group_vars/all.yml", "- 1\n")
    with pytest.raises(LoadError, match=r"Could not process .*all.yml'.*expected dicts but got a 'dict' and a 'list'"):
        dirs(kit).variables(str(kit.folder), "group_vars", "all")


def test_a_file_where_a_folder_should_be(kit: Kit) -> None:
    kit.write("group_vars", "x: 1\n")
    assert dirs(kit).variables(str(kit.folder), "group_vars", "all") == {}
    assert kit.said.warnings == [f"Found group_vars that is not a directory, skipping: {kit.folder}/group_vars"]


def test_files_are_read_once(kit: Kit) -> None:
    path = kit.write("group_vars/all", "x: 1\n")
    found = dirs(kit)
    assert found.variables(str(kit.folder), "group_vars", "all") == {"x": 1}
    kit.write(path, "x: 2\n")
    assert found.variables(str(kit.folder), "group_vars", "all") == {"x": 1}
    found.forget()
    assert found.variables(str(kit.folder), "group_vars", "all") == {"x": 2}


def test_more_vars_plugins(kit: Kit) -> None:
    kit.write("group_vars/all", "x: 1\ny: 1\n")
    plugins = lambda folder, kind, name, stage: {"x": f"{kind}/{name} {stage}"}  # noqa: E731
    found = VarsDirs(Settings(), warn=kit.said.append, plugins=plugins)
    assert found.variables(str(kit.folder), "group_vars", "all") == {"x": "group_vars/all task", "y": 1}
    assert found.variables(str(kit.folder), "group_vars", "all", "inventory") == {"x": "group_vars/all inventory"}
    alone = VarsDirs(
        replace(Settings(), vars_plugins_enabled=("my.own.plugin",)), warn=kit.said.append, plugins=plugins
    )
    assert alone.variables(str(kit.folder), "group_vars", "all") == {"x": "group_vars/all task"}


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({}, ["task"]),
        ({"run_vars_plugins": "start"}, ["inventory"]),
        ({"host_group_vars_stage": "all"}, ["inventory", "task"]),
        ({"host_group_vars_stage": "inventory"}, ["inventory"]),
        ({"vars_plugins_enabled": ()}, []),
    ],
)
def test_files_count_at_their_stage(kit: Kit, changes: dict[str, Any], stages: list[str]) -> None:
    kit.write("host_vars/h", "x: 1\n")
    found, both = dirs(kit, **changes), ("inventory", "task")
    assert [stage for stage in both if found.variables(str(kit.folder), "host_vars", "h", stage)] == stages
    assert [stage for stage in both if found.says_anything(stage)] == stages


def test_folders_of_sources(kit: Kit) -> None:
    source = kit.write("inv/hosts", "h\n")
    assert source_dirs([source, str(kit.folder / "inv"), "a,b", "/none/at/all"]) == (str(kit.folder / "inv"),) * 2
    comma = kit.write("with,comma/hosts", "h\n")
    assert source_dirs([comma]) == (str(kit.folder / "with,comma"),)
