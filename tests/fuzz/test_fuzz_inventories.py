"""Inventory files with anything in them, host ranges, and patterns over hosts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fuzz_kit import nearly_bytes, tries, values, words, yaml_of
from hypothesis import given
from hypothesis import strategies as st

from weft.config.settings import load as load_settings
from weft.events.types import Event
from weft.inventory import Inventory, load
from weft.inventory.addresses import BadAddress, expand_pattern, parse_address
from weft.inventory.dump import list_hosts
from weft.model.errors import WeftError

INI = (
    """\
lone ansible_host=1.2.3.4 x='a b' y="[1, 2]" # and more
web[1:3].x.org:22 z={{ y }}
[db]
db[a:c:2] ; remark
[db:vars]
n = 1
l = ['a', 'b']
[all:children]
db
web
[web]
2001:db8::1
[fe80::1]:22
""",
)
YAML = (
    """\
all:
  hosts:
    a: {ansible_host: 1.2.3.4, x: "{{ y }}"}
    b[1:3]:
  vars: {y: 1}
  children:
    web:
      hosts: {c: , d: {v: [1]}}
      children: {inner: {hosts: {a: }}}
ungrouped: {hosts: {e: null}}
""",
)
TOML = ('[all.vars]\nx = 1\n[web.hosts.a]\ny = "z"\n[web]\nchildren = ["db"]\n[db]\nhosts = {b = {}}\n',)
GROUP_KEYS = st.one_of(st.sampled_from(["all", "hosts", "vars", "children", "ungrouped", "plugin", "a", "web"]), words)
RANGES = (
    "a[1:3]",
    "[a:c]",
    "x[01:10:3]y",
    "h[1:2][a:b]",
    "[1:2",
    "a[z:a]",
    "h[::]",
    "[0x1:3]",
    "10.0.0.[1:3]:22",
    "[::1]:22",
)
OPERANDS = (
    "a",
    "b1",
    "all",
    "web",
    "*",
    "b*",
    "~b[12]",
    "~(",
    "web[0]",
    "web[0:1]",
    "web[-1]",
    "all[5:1]",
    "localhost",
    "nobody",
)


def read(folder: Path, name: str, data: bytes) -> Inventory | None:
    """The inventory in a file; None where it is refused."""
    path = folder / name
    path.write_bytes(data)
    said: list[Event] = []
    settings = load_settings({"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "no"}, str(folder))
    try:
        found = load([str(path)], settings, warn=said.append, cwd=str(folder))
        list_hosts(found, lambda host: found.hosts[host].vars)
    except WeftError:
        return None
    for event in said:
        repr(event)
    return found


@tries(60)
@given(data=nearly_bytes(INI))
def test_ini_files(tmp_path: Path, data: bytes) -> None:
    read(tmp_path, "hosts", data)


@tries(40)
@given(data=st.one_of(nearly_bytes(YAML), values(GROUP_KEYS, leaves=15).map(lambda value: yaml_of(value).encode())))
def test_yaml_files(tmp_path: Path, data: bytes) -> None:
    read(tmp_path, "hosts.yml", data)


@tries(24)
@given(data=nearly_bytes(TOML))
def test_toml_files(tmp_path: Path, data: bytes) -> None:
    read(tmp_path, "hosts.toml", data)


@tries(12)
@given(data=st.binary(max_size=60), name=st.sampled_from(["hosts", "hosts.yml", "hosts.toml", "hosts.json", "h.ini"]))
def test_any_bytes(tmp_path: Path, data: bytes, name: str) -> None:
    read(tmp_path, name, data)


@tries(16)
@given(data=values(GROUP_KEYS, leaves=12).map(yaml_of))
def test_files_of_variables(tmp_path: Path, data: str) -> None:
    (tmp_path / "group_vars").mkdir(exist_ok=True)
    (tmp_path / "group_vars" / "all.yml").write_text(data)
    read(tmp_path, "hosts", INI[0].encode())


@tries(60)
@given(text=st.one_of(st.lists(st.sampled_from(RANGES), min_size=1, max_size=3).map("".join), words))
def test_host_ranges(text: str) -> None:
    for parse in (expand_pattern, parse_address):
        try:
            parse(text)
        except (WeftError, BadAddress):
            pass


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    found = read(tmp_path_factory.mktemp("patterns"), "hosts.yml", YAML[0].encode())
    assert found is not None
    return found


def patterns() -> st.SearchStrategy[Any]:
    single = st.tuples(st.sampled_from(["", "", "!", "&"]), st.one_of(st.sampled_from(OPERANDS), words)).map("".join)
    joined = st.tuples(st.lists(single, min_size=1, max_size=4), st.sampled_from(",:")).map(
        lambda two: two[1].join(two[0])
    )
    return st.one_of(joined, st.lists(single, max_size=3))


@tries(80)
@given(pattern=patterns(), limit=st.none() | patterns())
def test_host_patterns(inventory: Inventory, pattern: str | Sequence[str], limit: str | Sequence[str] | None) -> None:
    try:
        found = inventory.select(pattern, limit=limit)
    except WeftError:
        return
    assert len(set(found)) == len(found)
    assert set(found) <= {*inventory.hosts, "localhost", "127.0.0.1", "::1"}


@pytest.mark.parametrize("text", ["a[0:999999999999]", "[1:99999999][1:99999999]", "a[0:1:0]", "a[1:9:-1]"])
def test_ranges_without_end_are_refused(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, "hosts", text.encode())
    assert found is None or len(found.hosts) < 10
    assert os.listdir(tmp_path) == ["hosts"]
