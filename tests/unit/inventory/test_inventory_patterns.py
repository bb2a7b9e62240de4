"""Patterns and limits: which hosts they stand for, and what is said where they stand for none."""

from __future__ import annotations

from pathlib import Path

import pytest
from inventory_kit import Kit

from weft.inventory import Inventory
from weft.inventory.patterns import split_patterns
from weft.model.errors import OptionsError, WeftError

HOSTS = """
lone.example
[web]
w[1:4]
[db]
d1
d2
[eu]
w1
w3
d2
[prod:children]
web
db
"""


@pytest.fixture
def inventory(kit: Kit) -> Inventory:
    return kit.ini(HOSTS)


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("all", "lone.example w1 w2 w3 w4 d2 d1"),
        ("*", "lone.example w1 w2 w3 w4 d2 d1"),
        ("web", "w1 w2 w3 w4"),
        ("web,db", "w1 w2 w3 w4 d1 d2"),
        ("web:db", "w1 w2 w3 w4 d1 d2"),
        ("prod:&eu", "w1 w3 d2"),
        ("prod:!eu", "w2 w4 d1"),
        ("!eu", "lone.example w2 w4 d1"),
        ("&eu", "w1 w3 d2"),
        ("!w1,web,&eu", "w3"),
        ("w?", "w1 w2 w3 w4"),
        ("w[!13]", "w2 w4"),
        ("*.example", "lone.example"),
        ("~w[12]|d1", "w1 w2 d1"),
        ("web[0]", "w1"),
        ("web[-1]", "w4"),
        ("web[1:2]", "w2 w3"),
        ("web[2:]", "w3 w4"),
        ("web[1:0]", "w2"),
        ("w*[0]", "w1"),
        ("w1,w1, w2 ,", "w1 w2"),
        (",,", "lone.example w1 w2 w3 w4 d2 d1"),
        (["web", "!w1:w2"], "w3 w4 w2"),
        (["d1", "w4"], "d1 w4"),
        ("ungrouped", "lone.example"),
    ],
)
def test_patterns(inventory: Inventory, pattern: str | list[str], hosts: str) -> None:
    found = inventory.select(pattern)
    if isinstance(pattern, list) and "!w1:w2" in pattern:
        assert set(found) == {"w2", "w3", "w4"}
    elif pattern in ("all", "*", "!eu", ",,"):
        assert sorted(found) == sorted(hosts.split())
    else:
        assert found == tuple(hosts.split())


def test_hosts_of_all_come_group_by_group(inventory: Inventory) -> None:
    assert inventory.select("all") == ("lone.example", "w1", "w3", "d2", "w2", "w4", "d1")


@pytest.mark.parametrize(
    ("order", "hosts"),
    [
        (None, "w1 w2 w3 w4"),
        ("inventory", "w1 w2 w3 w4"),
        ("reverse_inventory", "w4 w3 w2 w1"),
        ("sorted", "w1 w2 w3 w4"),
        ("reverse_sorted", "w4 w3 w2 w1"),
    ],
)
def test_order(inventory: Inventory, order: str | None, hosts: str) -> None:
    assert inventory.select("web", order=order) == tuple(hosts.split())


def test_shuffled_order(inventory: Inventory) -> None:
    seen = {inventory.select("web", order="shuffle") for _ in range(50)}
    assert len(seen) > 1
    assert {tuple(sorted(hosts)) for hosts in seen} == {("w1", "w2", "w3", "w4")}


def test_an_unknown_order(inventory: Inventory) -> None:
    with pytest.raises(OptionsError, match="Invalid 'order' specified for inventory hosts: random"):
        inventory.select("web", order="random")


@pytest.mark.parametrize("colons", ["2001:db8::1", "h[1:3]", "foo:22", "[::1]:22"])
def test_colons_that_separate_nothing(colons: str) -> None:
    assert split_patterns(colons) == [colons]


def test_blanks_separate_too() -> None:
    assert split_patterns("web | first") == ["web", "|", "first"]
    assert split_patterns("~(a|b) c[0:1]") == ["~(a|b)", "c[0:1]"]


def test_colons_that_do() -> None:
    assert split_patterns("a:b[1:2]:!c") == ["a", "b[1:2]", "!c"]


def test_what_matches_nothing_is_said(kit: Kit, inventory: Inventory) -> None:
    assert inventory.select("web,nope,~x+") == ("w1", "w2", "w3", "w4")
    assert kit.said.warnings == [
        "Could not match supplied host pattern, ignoring: nope",
        "Could not match supplied host pattern, ignoring: ~x+",
    ]


def test_host_pattern_mismatch(kit: Kit) -> None:
    assert kit.ini(HOSTS, host_pattern_mismatch="ignore").select("nope") == ()
    assert kit.said.warnings == []
    with pytest.raises(WeftError, match="Could not match supplied host pattern, ignoring: nope"):
        kit.ini(HOSTS, host_pattern_mismatch="error").select("nope")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("web[9]", "No hosts matched the subscripted pattern 'web\\[9\\]'"),
        ("~*(", "Invalid host list pattern: ~\\*\\("),
    ],
)
def test_bad_patterns(inventory: Inventory, pattern: str, message: str) -> None:
    with pytest.raises(WeftError, match=message):
        inventory.select(pattern)


def test_the_old_range_with_a_dash(kit: Kit, inventory: Inventory) -> None:
    inventory.select("web[0-1]")
    assert "Use [x:y] inclusive subscripts instead of [x-y] which has been removed" in kit.said.warnings


@pytest.mark.parametrize(
    ("limit", "hosts"),
    [
        ("web", "w1 w2 w3 w4"),
        ("w1,d1", "w1 d1"),
        ("!web", "d1 d2"),
        ("", "w1 w2 w3 w4 d1 d2"),
        (",,", "w1 w2 w3 w4 d1 d2"),
        (",,w1", "w1"),
        ("w1, ,   ,d2", "w1 d2"),
        (None, "w1 w2 w3 w4 d1 d2"),
    ],
)
def test_limits(inventory: Inventory, limit: str | None, hosts: str) -> None:
    assert inventory.select("prod", limit=limit) == tuple(hosts.split())


def test_limits_from_a_file(inventory: Inventory, tmp_path: Path) -> None:
    (tmp_path / "retry").write_text("w1\n\nd*\n")
    assert inventory.select("prod", limit=f"@{tmp_path}/retry") == ("w1", "d1", "d2")
    (tmp_path / "empty").write_text("")
    assert len(inventory.select("prod", limit=f"@{tmp_path}/empty")) == 6
    with pytest.raises(WeftError, match="Unable to find limit file"):
        inventory.select("prod", limit=f"@{tmp_path}/none")
    with pytest.raises(WeftError, match='Limit starting with "@" must be a file, not a directory'):
        inventory.select("prod", limit=f"@{tmp_path}")


def test_a_limit_that_leaves_nothing(kit: Kit, inventory: Inventory) -> None:
    assert inventory.select("web", limit="d1") == ()
    with pytest.raises(WeftError, match="leaves us with no hosts to target") as caught:
        inventory.select_or_fail("web", "d1")
    assert caught.value.exit_code == 1


def test_an_inventory_without_hosts(kit: Kit) -> None:
    assert kit.load("/none").select_or_fail("all", None) == ()
    assert "provided hosts list is empty, only localhost is available." in kit.said.warnings[-1]
    kit.said.clear()
    assert kit.load("/none").select_or_fail("localhost", None) == ("localhost",)
    kit.load("/none", localhost_warning=False).select_or_fail("all", None)
    assert not any("provided hosts list" in said for said in kit.said.warnings)


def test_the_controller_needs_no_listing(inventory: Inventory) -> None:
    assert inventory.select("localhost") == ("localhost",)
    assert inventory.select("web,localhost") == ("w1", "w2", "w3", "w4", "localhost")
    assert "localhost" not in inventory.select("all")
    host = inventory.host("127.0.0.1")
    assert host is not None
    assert (host.name, host.implicit, host.vars["ansible_connection"]) == ("127.0.0.1", True, "local")


def test_a_listed_controller_answers_to_all_its_names(kit: Kit) -> None:
    found = kit.ini("127.0.0.1 x=1\n")
    assert found.select("localhost") == ("127.0.0.1",)
    host = found.host("::1")
    assert host is not None
    assert not host.implicit
    assert found.host("elsewhere") is None
    assert found.host_or_new("elsewhere").vars == {}
