"""INI inventories."""

from __future__ import annotations

import ast
import shlex
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inventory_kit import Kit, own_vars

from weft.inventory.sources.ini_values import _as_variable, parse_value, split_words
from weft.model.values import Origin, Trusted

HERE = Origin("hosts", 1)


def test_hosts_groups_children_and_variables(kit: Kit) -> None:
    found = kit.ini(
        "loner\n[web]\nw1 rack=3\nw2:2222 # a comment\n; another\n[db]\nd1\n"
        "[prod:children]\nweb\ndb # here too\n[prod:vars]\nstage = prod = yes\n"
    )
    assert list(found.hosts) == ["loner", "w1", "w2", "d1"]
    assert found.groups_dict() == {
        "all": ["loner", "w1", "w2", "d1"],
        "ungrouped": ["loner"],
        "web": ["w1", "w2"],
        "db": ["d1"],
        "prod": ["w1", "w2", "d1"],
    }
    assert own_vars(found, "w1") == {"rack": 3}
    assert own_vars(found, "w2") == {"ansible_port": 2222}
    assert found.groups["prod"].vars == {"stage": "prod = yes"}
    assert found.hosts["w1"].groups == ("prod", "web")
    assert found.hosts["w1"].vars["inventory_file"] == str(kit.folder / "hosts")
    assert found.hosts["w1"].vars["inventory_dir"] == str(kit.folder)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("web[1:3]", ["web1", "web2", "web3"]),
        ("web[01:03].example", ["web01.example", "web02.example", "web03.example"]),
        ("[a:c]x", ["ax", "bx", "cx"]),
        ("n[0:10:5]", ["n0", "n5", "n10"]),
        ("[a:b][1:2]", ["a1", "a2", "b1", "b2"]),
        ("h[:2]", ["h0", "h1", "h2"]),
    ],
)
def test_ranges(kit: Kit, pattern: str, names: list[str]) -> None:
    assert list(kit.ini(f"[g]\n{pattern} v=1\n").hosts) == names


def test_ports_and_addresses(kit: Kit) -> None:
    found = kit.ini("[2001:db8::1]:99\n10.0.0.1:22\nfoo:bar\nh[1:2]:77\n2001:db8::2\n")
    ports = {name: host.vars.get("ansible_port") for name, host in found.hosts.items()}
    assert ports == {"2001:db8::1": 99, "10.0.0.1": 22, "foo:bar": None, "h1": 77, "h2": 77, "2001:db8::2": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("True", True), ("1", 1), ("1.2", 1.2), ("1j", "1j"), ("'single'", "single"), ('"double"', "double"),
        ("b'x'", "x"), ("...", "..."), ('{"a": "b"}', {"a": "b"}), ("[1, 2]", [1, 2]), ("(1, 2)", [1, 2]),
        ("set()", []), ("None", None), ("invalid", "invalid"), ("host-01.internal", "host-01.internal"),
        ("[..., 1j, set(), b'x']", ["...", "1j", [], "x"]), ("{{ x }}", "{{ x }}"), ("007", "007"), ("-5", -5),
        ("10.0.0.1", "10.0.0.1"), ("a=b", "a=b"), ("", ""), ("yes", "yes"), ("1_000", 1000),
    ],
)  # fmt: skip
def test_values_are_python_literals_or_text(kit: Kit, text: str, value: object) -> None:
    found = kit.ini(f"[all:vars]\nx={text}\n").groups["all"].vars["x"]
    assert found == value
    assert type(found) is type(value) or isinstance(found, str | list | dict)


def test_only_text_is_trusted_as_a_template(kit: Kit) -> None:
    found = kit.ini("h a='{{ x }}' b=\"['{{ y }}']\"\n[all:vars]\nc=b'{{ z }}'\n")
    values = own_vars(found, "h")
    assert type(values["a"]) is Trusted
    assert values["a"].origin == Origin(str(kit.folder / "hosts"), 1)
    assert type(values["b"][0]) is Trusted
    assert type(found.groups["all"].vars["c"]) is str  # bytes never are


def test_quoting_on_a_host_line(kit: Kit) -> None:
    found = kit.ini("""h a="x y" b='"5"' c='[1, "z"]' d=\\#1 e="it's" # f=6\n""")
    assert own_vars(found, "h") == {"a": "x y", "b": "5", "c": [1, "z"], "d": "#1", "e": "it's"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[web]\nh1\n[web:foo]\n", 3, "Section [web:foo] has unknown type: foo"),
        ("h1 a\n", 1, "Expected key=value host variable assignment, got: a"),
        ("[g:vars]\nx\n", 2, "Expected key=value, got: x"),
        ("[web:children]\nnope\n", 2, "Section [web:children] includes undefined group 'nope'."),
        ("\n[web:vars]\na=1\n", 2, "Section [web:vars] not valid for undefined group 'web'."),
        ("[we b]\n", 1, "Invalid section entry: '[we b]'. Please make sure that there are no spaces"),
        (
            "[a:children]\nb\n[b:children]\na\n",
            4,
            "Adding group 'a' as child to 'b' creates a recursive dependency loop",
        ),
        ('h1 "a=b\n', 1, "Error parsing host definition 'h1 \"a=b': No closing quotation"),
        ("all:\n", 1, "Invalid host pattern 'all:' supplied, ending in ':' is not allowed"),
        ("---\n", 1, "Invalid host pattern '---' supplied, '---' is normally a sign this is a YAML file."),
        ("h[3:a]\n", 1, "invalid literal for int()"),
        ("h[1:2\n", 1, "host range is not closed"),
        ("h[1:]\n", 1, "host range must specify end value"),
        ("[a:vars]\nansible_group_priority=high\n[a]\n", 2, "invalid literal for int()"),
    ],
)
def test_a_broken_source_is_a_warning_with_its_line(kit: Kit, text: str, line: int, message: str) -> None:
    kit.ini(text, inventory_enabled=("ini",))
    failed = next(event for event in kit.said if "plugin" in event.message and "'ini'" in event.message)
    assert failed.message.startswith("Failed to parse inventory with 'ini' plugin: Failed to parse inventory: ")
    assert message in failed.message
    assert failed.origin == Origin(str(kit.folder / "hosts"), line)
    assert f"Unable to parse {kit.folder}/hosts as an inventory source" in kit.said.warnings


def test_comments_may_be_in_any_encoding(kit: Kit) -> None:
    (kit.folder / "hosts").write_bytes(b"# caf\xe9\n; \xe9\nh1 x=\xc3\xa9\n")
    assert own_vars(kit.load(str(kit.folder / "hosts")), "h1") == {"x": "é"}


def test_a_variable_with_an_odd_name_is_deprecated_once(kit: Kit) -> None:
    kit.ini("h1 a-b=1\nh2 a-b=2\n")
    assert kit.said.warnings == ["Accepting inventory variable with invalid name 'a-b'."]


words = st.text(alphabet="ab='\"\\# \tx1.é", max_size=14).map(str.strip)
literals = st.lists(
    st.sampled_from(
        ["True", "None", "set()", "b'x'", "{{ x }}", "{{1}}", "'a'", "1", "00", "01", "1.5", "1.2.3", "1e5", "...", "-",
         "+", " ", "#", "(", ")", "[", "]", "{", "}", ",", ":", "x", "/", "_", "0x1f", "1j", "\\", "rb'y'", "f'x'"]
    ),
    max_size=4,
).map(lambda parts: "".join(parts).strip())  # fmt: skip


@settings(deadline=None, database=None, max_examples=200)
@given(words)
def test_words_are_split_as_by_a_shell(line: str) -> None:
    def outcome(function):
        try:
            return function()
        except ValueError as error:
            return str(error)

    assert outcome(lambda: split_words(line)) == outcome(lambda: shlex.split(line, comments=True))


@settings(deadline=None, database=None, max_examples=200)
@given(literals)
def test_values_are_read_as_python_reads_them(text: str) -> None:
    def reference():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return _as_variable(ast.literal_eval(text), HERE)
            except (ValueError, SyntaxError):
                return Trusted(text, HERE)

    def outcome(function):
        try:
            value = function()
        except TypeError as error:
            return str(error)
        return type(value), repr(value)

    assert outcome(lambda: parse_value(text, HERE)) == outcome(reference)
