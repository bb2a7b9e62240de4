"""YAML, TOML, scripts, host lists, folders: what a source is taken for, and what it gives."""

from __future__ import annotations

import json

import pytest
from inventory_kit import Kit, own_vars

from weft.model.errors import LoadError
from weft.model.values import Origin, Trusted, VaultText


def test_yaml_groups(kit: Kit) -> None:
    found = kit.yaml(
        """
        all:
          hosts: {lone: }
          vars: {a: 1}
          children:
            web:
              hosts:
                w[1:2].x: {port: "{{ p }}"}
              vars: {ansible_group_priority: 3}
            empty:
              hosts:
        solo: {hosts: one}
        """
    )
    assert list(found.hosts) == ["lone", "w1.x", "w2.x", "one"]
    assert found.groups_dict()["ungrouped"] == ["lone"]
    assert own_vars(found, "w2.x") == {"port": "{{ p }}"}
    assert type(own_vars(found, "w2.x")["port"]) is Trusted
    assert found.groups["web"].priority == 3
    assert "ansible_group_priority" not in found.groups["web"].vars
    assert (found.groups["web"].depth, found.groups["all"].children) == (1, ("ungrouped", "web", "empty", "solo"))


def test_unsafe_and_encrypted_values_of_yaml(kit: Kit) -> None:
    found = own_vars(kit.yaml("all: {hosts: {h: {a: !unsafe '{{ x }}', b: !vault 'cipher'}}}"), "h")
    assert type(found["a"]) is str
    assert isinstance(found["b"], VaultText)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1: 2", "YAML inventory has invalid structure, it should be a dictionary, got: list"),
        ("# [", "Parsed empty YAML file"),
        ("all: {hosts: [a]}", 'Invalid "hosts" entry for "all" group, requires a dictionary, found "list" instead.'),
        ("all: {hosts: {1234: }}", "Host pattern 1234 must be a string. Enclose integers/floats in quotation marks."),
        ("plugin: nope_at_all", "specifies unknown plugin 'nope_at_all'"),
        ("a: [", "YAML parsing failed"),
    ],
)
def test_yaml_that_is_no_inventory(kit: Kit, text: str, message: str) -> None:
    kit.load(kit.write("hosts.yml", text), inventory_enabled=("auto", "yaml"))
    assert any(message in said for said in kit.said.warnings), kit.said.warnings


def test_odd_keys_of_yaml_groups_are_skipped(kit: Kit) -> None:
    found = kit.yaml("all: {hosts: {h: }, nodes: {x: 1}, more: 5}\nbad: 7\n")
    assert list(found.hosts) == ["h"]
    assert [said.split(" as ")[0] for said in kit.said.warnings] == [
        'Skipping unexpected key (nodes) in group (all), only "vars", "children" and "hosts" are valid',
        "Skipping key (more) in group (all)",
        "Skipping 'bad'",
    ]


def test_toml(kit: Kit) -> None:
    path = kit.write(
        "hosts.toml", '[web]\nchildren = ["db"]\n[web.hosts]\n"w[1:2]" = {x = "{{ y }}"}\n[db.vars]\nk = [1]\n'
    )
    found = kit.load(path)
    assert found.hosts_of("web") == ("w1", "w2")
    assert type(own_vars(found, "w1")["x"]) is Trusted
    assert found.groups["db"].vars == {"k": [1]}


def script(kit: Kit, listing: object, *, stderr: str = "", code: int = 0, host: str = "{}") -> str:
    text = listing if isinstance(listing, str) else json.dumps(listing)
    return kit.write(
        "source",
        f"#!/bin/sh\nif [ $1 = --list ]; then cat <<'END'\n{text}\nEND\nelse cat <<'END'\n{host}\nEND\nfi\n"
        f"printf '{stderr}' >&2\nexit {code}\n",
        0o755,
    )


def test_a_script_with_meta(kit: Kit) -> None:
    listing = {
        "g": {"hosts": ["a", "b"], "vars": {"t": "{{ x }}", "u": {"__ansible_unsafe": "{{ y }}"}}, "children": ["sub"]},
        "sub": {"hosts": ["c"]},
        "_meta": {"hostvars": {"a": {"v": ["{{ z }}"], "w": {"__ansible_vault": "cipher"}}}},
    }
    found = kit.load(script(kit, listing))
    assert found.hosts_of("g") == ("a", "b", "c")
    assert type(found.groups["g"].vars["t"]) is Trusted
    assert type(found.groups["g"].vars["u"]) is str
    values = own_vars(found, "a")
    assert type(values["v"][0]) is Trusted
    assert isinstance(values["w"], VaultText)
    assert kit.said.warnings == []


def test_an_old_script_is_asked_for_each_host(kit: Kit) -> None:
    found = kit.load(script(kit, {"g": ["a"], "h": {"v": 1}}, host='{"me": 1}'))
    assert own_vars(found, "a") == {"me": 1}
    assert found.groups_dict()["h"] == ["h"]
    assert any("should always provide 'meta.hostvars'" in said for said in kit.said.warnings)
    assert "Group 'g' was converted to 'dict' from 'list'." in kit.said.warnings


def test_what_a_script_writes_to_stderr_is_shown(kit: Kit) -> None:
    source = script(kit, {"_meta": {"hostvars": {}}}, stderr="careful")
    kit.load(source)
    kit.load(source, script_inventory_stderr=False)
    assert [event.text for event in kit.said if getattr(event, "stderr", False)] == ["[ERROR]: careful\n"]


@pytest.mark.parametrize(
    ("listing", "options", "message"),
    [
        ("no json", {}, "Value could not be parsed as JSON"),
        ([1], {}, "Value is 'list' instead of 'dict'"),
        ({}, {"code": 3, "stderr": "oops"}, "Inventory script returned non-zero exit code 3."),
        ({"g": {"hosts": "a"}}, {}, "Value contains 'g.hosts' which is 'str' instead of 'list'."),
        ({"_meta": {"hostvars": []}}, {}, "Value contains '_meta.hostvars' which is 'list' instead of 'dict'."),
        ({"_meta": {"profile": "x"}}, {}, "Non-inventory profile 'x' is not allowed."),
    ],
)
def test_a_broken_script(kit: Kit, listing: object, options: dict, message: str) -> None:
    kit.load(script(kit, listing, **options), inventory_enabled=("script",))
    failed = next(event for event in kit.said if "'script' plugin" in getattr(event, "message", ""))
    assert message in failed.message
    assert not options or failed.help == "Standard error from inventory script:\noops\n"


def test_a_program_that_cannot_be_started(kit: Kit) -> None:
    kit.load(kit.write("source", "#!/no/such/interpreter\n", 0o755), inventory_enabled=("script",))
    assert any("Failed to execute inventory script command" in said for said in kit.said.warnings)


def test_host_lists(kit: Kit) -> None:
    found = kit.load("a, b:22,h[1:2],")
    assert {name: host.vars.get("ansible_port") for name, host in found.hosts.items()} == {
        "a": None, "b": 22, "h[1:2]": None,
    }  # fmt: skip
    assert found.hosts["a"].groups == ("ungrouped",)
    ranged = kit.load("h[1:2],x", inventory_enabled=("advanced_host_list",))
    assert list(ranged.hosts) == ["h1", "h2", "x"]


def test_a_bad_range_in_a_host_list(kit: Kit) -> None:
    kit.load("local[1:j],", inventory_enabled=("advanced_host_list",))
    assert "Failed to parse inventory with 'advanced_host_list' plugin" in kit.said.warnings[0]
    found = kit.load("local[1:],", inventory_enabled=("advanced_host_list",))
    assert list(found.hosts) == ["local[1:]"]


def test_a_folder_of_sources_is_read_in_order(kit: Kit) -> None:
    for name in ("10-b", "2-a", ".hidden", "notes.txt", "old.retry", "x.cfg", "group_vars/all.yml", "sub/deep"):
        kit.write(f"inv/{name}", f"{name.replace('/', '-').strip('.')}-host\n")
    kit.write("inv/skip-me", "skipped\n")
    found = kit.load(str(kit.folder / "inv"), inventory_ignore_patterns=("^skip",))
    assert list(found.hosts) == ["10-b-host", "2-a-host", "sub-deep-host"]


def test_later_sources_add_to_earlier_ones(kit: Kit) -> None:
    first = kit.write("one", "[g]\nh a=1 b=1\n")
    second = kit.write("two", "[g]\nh b=2\n[g:vars]\nv=2\n")
    found = kit.load(first, second)
    assert own_vars(found, "h") == {"a": 1, "b": 2}
    assert found.hosts["h"].vars["inventory_file"] == first
    assert found.sources == (first, second)


def test_nothing_to_read(kit: Kit) -> None:
    found = kit.load("/does/not/exist")
    assert dict(found.hosts) == {}
    assert kit.said.warnings == [
        "Unable to parse /does/not/exist as an inventory source",
        "No inventory was parsed, only implicit localhost is available",
    ]
    kit.said.clear()
    kit.load("/does/not/exist", inventory_unparsed_warning=False)
    assert len(kit.said.warnings) == 1


def test_unparsed_sources_may_be_errors(kit: Kit) -> None:
    good = kit.write("good", "h\n")
    kit.load("/does/not/exist", good, inventory_unparsed_is_failed=True)
    with pytest.raises(LoadError, match="No inventory was parsed"):
        kit.load("/does/not/exist", inventory_unparsed_is_failed=True)
    with pytest.raises(LoadError, match="Completely failed to parse inventory source /does/not/exist"):
        kit.load("/does/not/exist", good, inventory_any_unparsed_is_failed=True)


def test_relative_sources_start_at_the_working_folder(kit: Kit) -> None:
    kit.write("here/hosts", "h\n")
    assert kit.load("here/../here/hosts").sources == (str(kit.folder / "here/hosts"),)


@pytest.mark.parametrize(
    ("transform", "name", "warned"),
    [
        ("never", "a-b", "not replaced"),
        ("always", "a_b", "automatically replaced"),
        ("ignore", "a-b", ""),
        ("silently", "a_b", ""),
    ],
)
def test_group_names_with_odd_characters(kit: Kit, transform: str, name: str, warned: str) -> None:
    found = kit.ini("[a-b]\nh\n", transform_invalid_group_chars=transform)
    assert name in found.groups
    assert [warned in said for said in kit.said.warnings] == ([True] if warned else [])


def test_an_encrypted_source_needs_a_secret(kit: Kit) -> None:
    kit.ini("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    assert sum("A vault password or secret must be specified" in said for said in kit.said.warnings) == 2


def test_one_name_for_a_group_and_a_host(kit: Kit) -> None:
    found = kit.ini("[same]\nsame x=1\n")
    assert "Found both group and host with same name: same" in kit.said.warnings
    assert found.groups["same"].vars == {"x": 1}  # as Ansible has it


def test_two_names_of_the_controller(kit: Kit) -> None:
    kit.ini("localhost\n127.0.0.1\n")
    assert kit.said.warnings == [
        "A duplicate localhost-like entry was found (127.0.0.1). First found localhost was localhost"
    ]


def test_errors_have_places(kit: Kit) -> None:
    kit.yaml("all:\n  hosts: [a]\n")
    failed = next(event for event in kit.said if "'yaml' plugin" in getattr(event, "message", ""))
    assert failed.origin == Origin(str(kit.folder / "hosts.yml"), 2, 10)
