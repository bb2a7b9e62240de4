"""Facts: as ansible_facts, as variables, what may not become one, and caches."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace
from vars_kit import Run

from weft.events.types import Warned
from weft.model.errors import OptionsError, WeftError
from weft.model.settings import Settings
from weft.vars.cache import MemoryCache, open_cache
from weft.vars.facts import FactCleaner
from weft.vars.jsoncache import JsonFileCache

FACTS = {
    "ansible_os_family": "Debian",
    "ansible_local": {"own": 1},
    "discovered_interpreter_python": "/usr/bin/python3",
    "module_setup": True,
    "_ansible_facts_gathered": True,
}


def test_facts_are_seen_with_and_without_prefix(run: Run) -> None:
    run.variables.set_facts("h1", FACTS)
    assert run.read("[ansible_os_family, ansible_facts.os_family, ansible_facts['ansible_local'].own]") == [
        "Debian", "Debian", 1,
    ]  # fmt: skip
    assert run.read("[ansible_local.own, discovered_interpreter_python]") == [1, "/usr/bin/python3"]
    assert run.read("ansible_facts.module_setup and ansible_facts._ansible_facts_gathered") is True
    assert run.read("_ansible_facts_gathered is defined") is False
    assert run.read("ansible_facts", "h2") == {}
    assert run.read("hostvars.h1.ansible_os_family", "h2") == "Debian"


def test_facts_add_up(run: Run) -> None:
    run.variables.set_facts("h1", {"ansible_a": 1, "ansible_b": {"x": 1}})
    scope = run.scope()
    run.variables.set_facts("h1", {"ansible_b": {"y": 2}})
    assert run.scope()["ansible_facts"] == {"a": 1, "b": {"y": 2}}
    assert scope["ansible_b"] == {"x": 1}


def test_without_injection_only_ansible_local_is_a_variable(run: Run) -> None:
    run.settings = {"inject_facts_as_vars": False}
    run.variables.set_facts("h1", FACTS)
    assert run.read("ansible_os_family is defined") is False
    assert run.read("[ansible_facts.os_family, ansible_local.own]") == ["Debian", 1]
    assert run.read("ansible_local", "h2") == {}


@pytest.mark.parametrize(
    "name",
    [
        "ansible_connection", "ansible_host", "ansible_user", "ansible_ssh_pass", "ansible_become", "ansible_become_x",
        "ansible_python_interpreter", "ansible_ruby_interpreter", "ansible_ssh_anything", "ansible_winrm_port",
        "ansible_facts", "ansible_playbook_python", "add_host",
    ],
)  # fmt: skip
def test_facts_do_not_say_how_to_reach_the_host(run: Run, name: str) -> None:
    run.inventory_text = f"h1 {name}=told\n" if name not in ("ansible_facts", "ansible_playbook_python") else "h1\n"

    def value() -> object:
        scope = run.scope()
        return scope[name] if name in scope else None  # noqa: SIM401

    before = value()
    run.variables.set_facts("h1", {name: "evil"})
    assert value() == before or name == "ansible_facts"
    assert f"Removed restricted key from module data: {name}" in run.warnings


@pytest.mark.parametrize("name", ["ansible_ssh_host_key_rsa_public", "ansible_local_bridge", "ansible_eth0", "plain"])
def test_other_facts_are_harmless(run: Run, name: str) -> None:
    run.variables.set_facts("h1", {name: "v"})
    assert run.scope()[name] == "v"
    assert run.warnings == []


def test_internal_keys_are_taken_out_at_any_depth() -> None:
    facts = {"a": {"_ansible_x": 1, "y": [{"_ansible_z": 2, "k": 1}]}, "b": {"c": [1]}, "_ansible_top": 1}
    clean = FactCleaner(lambda message: None).clean(facts)
    assert clean == {"a": {"y": [{"k": 1}]}, "b": {"c": [1]}}
    assert clean["b"] is facts["b"]  # copied only where something goes


def test_gathered_facts_can_be_asked_for(run: Run) -> None:
    assert not run.variables.has_facts("h1")
    run.variables.set_facts("h1", FACTS)
    assert run.variables.has_facts("h1")
    assert run.variables.facts("h1")["ansible_os_family"] == "Debian"
    run.variables.clear_facts("h1")
    assert not run.variables.has_facts("h1")
    run.variables.clear_facts("nobody")


def test_a_cacheable_set_fact_is_both(run: Run) -> None:
    run.variables.set_fact("h1", {"x": 1}, cacheable=True)
    assert run.read("[x, ansible_facts.x]") == [1, 1]
    run.variables.clear_facts("h1")
    assert run.read("[x, ansible_facts.x | default('gone')]") == [1, "gone"]


# -- caches ------------------------------------------------------------------------------------------------------------


def cache(folder: Path, **more: object) -> JsonFileCache:
    said: list[Warned] = []
    return JsonFileCache(str(folder), prefix="", timeout=0, warn=said.append, **more)  # type: ignore[arg-type]


def test_facts_in_files_outlive_the_run(tmp_path: Path) -> None:
    settings = {"fact_caching": "jsonfile", "fact_caching_connection": str(tmp_path / "facts")}
    first = Run(tmp_path)
    first.settings = settings
    first.variables.set_facts("h1", FACTS)
    first.variables.close()
    path = tmp_path / "facts" / "s1_h1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(json.loads(path.read_text())["__payload__"])["ansible_os_family"] == "Debian"
    second = Run(tmp_path)
    second.settings = settings
    assert second.variables.has_facts("h1")
    assert second.read("ansible_os_family") == "Debian"
    second.variables.clear_facts("h1")
    second.variables.close()
    assert not path.exists()


def test_files_of_ansible_are_understood(tmp_path: Path) -> None:
    tagged = {
        "foo": {
            "value": "bar",
            "tags": [{"__ansible_type": "TrustedAsTemplate"}],
            "__ansible_type": "_AnsibleTaggedStr",
        },
        "day": {"iso8601": "2020-01-02", "__ansible_type": "AnsibleSerializableDate"},
        "list": [{"value": 1, "tags": [], "__ansible_type": "_AnsibleTaggedInt"}],
    }
    (tmp_path / "s1_h").write_text(json.dumps({"__payload__": json.dumps(tagged)}))
    assert cache(tmp_path).load("h") == {"foo": "bar", "day": "2020-01-02", "list": [1]}


def test_old_facts_expire(tmp_path: Path) -> None:
    (tmp_path / "s1_h").write_text(json.dumps({"__payload__": "{}"}))
    os.utime(tmp_path / "s1_h", (1, 1))
    assert JsonFileCache(str(tmp_path), prefix="", timeout=60, warn=lambda event: None).load("h") is None
    assert cache(tmp_path).load("h") == {}


def test_a_prefix_keeps_caches_apart(tmp_path: Path) -> None:
    one = JsonFileCache(str(tmp_path), prefix="one_", timeout=0, warn=lambda event: None)
    one.store("h", {"a": 1})
    one.close()
    assert (tmp_path / "one_s1_h").exists()
    assert cache(tmp_path).load("h") is None


def test_a_broken_file_is_removed_and_told(tmp_path: Path) -> None:
    (tmp_path / "s1_h").write_text("{")
    with pytest.raises(WeftError, match="was corrupt, or did not otherwise contain valid data"):
        cache(tmp_path).load("h")
    assert not (tmp_path / "s1_h").exists()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    said: list[Warned] = []
    broken = JsonFileCache(str(tmp_path / "f"), prefix="no/such/folder/", timeout=0, warn=said.append)  # type: ignore[arg-type]
    broken.store("h", {})
    broken.close()
    assert "while trying to write to" in said[0].message


def test_a_cache_that_cannot_be_used_leaves_memory(tmp_path: Path) -> None:
    said: list[Warned] = []
    assert isinstance(open_cache(Settings(), said.append), MemoryCache)  # type: ignore[arg-type]
    assert said == []
    unset = replace(Settings(), fact_caching="jsonfile")
    assert isinstance(open_cache(unset, said.append), MemoryCache)  # type: ignore[arg-type]
    assert "requires the 'fact_caching_connection' config option" in said[0].message
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionsError, match="while trying to create cache dir"):
        cache(tmp_path / "file" / "x")
