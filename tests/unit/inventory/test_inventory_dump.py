"""What ansible-inventory prints of an inventory."""

from __future__ import annotations

import json

import pytest
from inventory_kit import Kit

from weft.inventory.dump import graph, list_hosts, show_host, to_json, yaml_tree
from weft.model.errors import OptionsError

TEXT = """
all:
  hosts: {lone: {a: !unsafe "{{ x }}", t: "{{ y }}", d: 2020-01-02, v: !vault cipher}}
  children:
    prod:
      vars: {stage: prod, ansible_group_priority: 4}
      children:
        web: {hosts: {w1: , w2: {n: [1, {k: null}]}}}
        empty:
    other: {children: {web: }}
"""


def test_list(kit: Kit) -> None:
    found = kit.yaml(TEXT)
    listing = list_hosts(found, lambda host: found.hosts[host].vars)
    assert json.loads(to_json(listing)) == {
        "_meta": {
            "hostvars": {
                "lone": {
                    "a": {"__ansible_unsafe": "{{ x }}"},
                    "t": "{{ y }}",
                    "d": "2020-01-02",
                    "v": {"__ansible_vault": "cipher"},
                },
                "w2": {"n": [1, {"k": None}]},
            },
            "profile": "inventory_legacy",
        },
        "all": {"children": ["ungrouped", "prod", "other"]},
        "ungrouped": {"hosts": ["lone"]},
        "prod": {"children": ["web", "empty"]},
        "other": {"children": ["web"]},
        "web": {"hosts": ["w1", "w2"]},
    }


def test_list_with_a_limit_and_for_export(kit: Kit) -> None:
    found = kit.yaml(TEXT)
    listing = list_hosts(
        found, lambda host: found.hosts[host].vars, group_vars=lambda group: found.groups[group].vars, limit="w1"
    )
    assert listing["_meta"]["hostvars"] == {}
    assert listing["web"] == {"hosts": ["w1"]}
    assert listing["prod"]["vars"] == {"stage": "prod", "ansible_group_priority": 4}


def test_yaml_tree(kit: Kit) -> None:
    found = kit.yaml(TEXT)
    tree = yaml_tree(found, lambda host: found.hosts[host].vars)
    assert tree["all"]["children"]["prod"] == {
        "children": {"web": {"hosts": {"w1": {}, "w2": {"n": [1, {"k": None}]}}}}
    }
    assert tree["all"]["children"]["other"] == {"children": {"web": {}}}
    assert tree["all"]["children"]["ungrouped"]["hosts"]["lone"]["a"] == "{{ x }}"


def test_one_host(kit: Kit) -> None:
    found = kit.yaml(TEXT)
    assert show_host(found, "w2", lambda host: found.hosts[host].vars) == {"n": [1, {"k": None}]}
    with pytest.raises(OptionsError, match="You must pass a single valid host to --host parameter"):
        show_host(found, "web", lambda host: {})


def test_graph(kit: Kit) -> None:
    found = kit.yaml(TEXT)
    assert graph(found).splitlines() == [
        "@all:",
        "  |--@ungrouped:",
        "  |  |--lone",
        "  |--@prod:",
        "  |  |--@web:",
        "  |  |  |--w1",
        "  |  |  |--w2",
        "  |  |--@empty:",
        "  |--@other:",
        "  |  |--@web:",
        "  |  |  |--w1",
        "  |  |  |--w2",
    ]
    shown = graph(
        found, "prod", host_vars=lambda host: found.hosts[host].vars, group_vars=lambda group: found.groups[group].vars
    )
    assert shown.splitlines()[-4:] == [
        "  |  |  |--{n = [1, {'k': None}]}",
        "  |--@empty:",
        "  |--{ansible_group_priority = 4}",
        "  |--{stage = prod}",
    ]
    with pytest.raises(OptionsError, match="Pattern must be valid group name when using --graph"):
        graph(found, "lone")
