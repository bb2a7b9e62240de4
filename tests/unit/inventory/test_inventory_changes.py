"""add_host and group_by: new snapshots, old ones stay."""

from __future__ import annotations

import time

import pytest
from inventory_kit import Kit, own_vars

from weft.inventory import empty_inventory
from weft.model.errors import WeftError


def test_add_host_with_groups_and_variables(kit: Kit) -> None:
    old = kit.ini("[web]\nw1\n")
    new = old.add_host("n1", ["web", "fresh"], {"x": 1})
    assert "n1" not in old.hosts
    assert "fresh" not in old.groups
    assert new.hosts_of("web") == ("w1", "n1")
    assert new.groups_dict()["fresh"] == ["n1"]
    assert own_vars(new, "n1") == {"x": 1}
    assert new.hosts["n1"].groups == ("fresh", "web")
    assert new.hosts["n1"].vars["inventory_file"] is None
    assert new.groups["fresh"].parents == ("all",)
    assert new.hosts["w1"] is old.hosts["w1"]
    assert new.select("all") == ("n1", "w1")


def test_a_host_without_groups_is_ungrouped() -> None:
    found = empty_inventory().add_host("a")
    assert found.groups_dict() == {"all": ["a"], "ungrouped": ["a"]}
    grouped = found.add_host("a", ["g"])
    assert grouped.groups_dict() == {"all": ["a"], "ungrouped": [], "g": ["a"]}
    assert grouped.hosts["a"].groups == ("g",)


def test_nothing_new_gives_the_same_inventory(kit: Kit) -> None:
    once = kit.ini("[web]\nw1\n").add_host("n1", ["web"], {"x": [1]})
    assert once.add_host("n1", ["web"], {"x": [1]}) is once
    assert once.add_host("n1", ["web"], {"x": [2]}) is not once
    by = once.add_group("os_debian", "w1", ["all"])
    assert by.add_group("os_debian", "w1", ["all"]) is by


def test_group_by_with_parents(kit: Kit) -> None:
    found = kit.ini("[web]\nw1\nw2\n").add_group("debian_12", "w1", ["debian"])
    assert found.hosts_of("debian") == ("w1",)
    assert found.hosts["w1"].groups == ("debian", "web", "debian_12")
    assert (found.groups["debian"].depth, found.groups["debian_12"].depth) == (1, 2)
    assert found.select("debian,&web") == ("w1",)


def test_a_group_that_moves_takes_its_hosts_along(kit: Kit) -> None:
    found = kit.ini("[web]\nw1\nw2\n").add_group("web", "w1", ["top"])
    assert found.hosts["w2"].groups == ("top", "web")
    assert found.groups["web"].depth == 2


def test_group_by_of_the_unlisted_controller() -> None:
    found = empty_inventory().add_group("here", "localhost", ["all"])
    assert found.hosts_of("here") == ("localhost",)
    assert found.hosts_of("all") == ()
    host = found.host("localhost")
    assert host is not None
    assert (host.groups, host.implicit) == (("here",), True)
    assert dict(found.hosts) == {}


def test_a_loop_of_groups_and_an_unknown_host(kit: Kit) -> None:
    found = kit.ini("[a]\nh\n[a:children]\nb\n[b]\n")
    with pytest.raises(WeftError, match="Adding group 'a' as child to 'b' creates a recursive dependency loop"):
        found.add_group("a", "h", ["b"])
    with pytest.raises(WeftError, match="nobody cannot be matched in inventory"):
        found.add_group("a", "nobody", ["all"])


def test_a_refreshed_inventory_keeps_what_was_added(kit: Kit) -> None:
    old = (
        kit.ini("[web]\nw1\nw2\n")
        .add_host("n1", ["web"], {"x": 1})
        .add_group("k", "w1", ["all"])
        .add_group("k", "w2", ["all"])
    )
    new = kit.ini("[web]\nw1\nw3\n").with_added_of(old)
    assert new.hosts_of("web") == ("w1", "w3", "n1")
    assert new.hosts_of("k") == ("w1",)
    assert new.with_added_of(kit.ini("h\n")) is new


def test_the_first_localhost_that_is_added_is_the_controller() -> None:
    found = empty_inventory().add_host("localhost", [], {"ansible_connection": "local"})
    host = found.host("127.0.0.1")
    assert host is not None
    assert (host.name, host.implicit) == ("localhost", False)


def test_group_names_follow_the_setting(kit: Kit) -> None:
    found = kit.ini("h\n", transform_invalid_group_chars="always")
    assert "a_b" in found.add_host("x", ["a-b"]).groups
    assert "c_d" in found.add_group("c-d", "h", ["all"]).groups


def test_merged_hashes(kit: Kit) -> None:
    found = kit.ini("h m=\"{'a': 1}\"\n", hash_behaviour="merge", inventory_enabled=("ini",)).add_host(
        "h", [], {"m": {"b": 2}}
    )
    assert own_vars(found, "h") == {"m": {"a": 1, "b": 2}}


def test_thousands_of_hosts_can_be_added() -> None:
    found = empty_inventory()
    start = time.perf_counter()
    for number in range(500):
        found = found.add_host(f"h{number}", ["g"], {"n": number})
    assert time.perf_counter() - start < 2
    assert len(found.hosts_of("g")) == 500
