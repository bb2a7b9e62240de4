"""YAML and JSON as users write it."""

from __future__ import annotations

import datetime
import gc
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from weft.config.yaml import load_file, load_yaml, trust
from weft.events.types import Deprecated, Warned
from weft.model.errors import LoadError
from weft.model.values import MapNode, Origin, SeqNode, Trusted, VaultText

SCALARS: list[tuple[str, Any]] = [
    ("text", "text"),
    ("'5'", "5"),
    ('"a\\tb"', "a\tb"),
    ("5", 5),
    ("-5", -5),
    ("+12", 12),
    ("1_000", 1000),
    ("0x1f", 31),
    ("0b11", 3),
    ("017", 15),
    ("0o17", "0o17"),
    ("09", "09"),
    ("1:30", 90),
    ("1.5", 1.5),
    (".5", 0.5),
    ("1e3", "1e3"),
    ("1.0e+3", 1000.0),
    ("-.inf", float("-inf")),
    ("yes", True),
    ("No", False),
    ("ON", True),
    ("off", False),
    ("true", True),
    ("y", "y"),
    ("", None),
    ("~", None),
    ("null", None),
    ("2020-01-31", datetime.date(2020, 1, 31)),
    ("2020-01-31 10:00:00", datetime.datetime(2020, 1, 31, 10)),
    ("!!str 5", "5"),
    ("!!int '5'", 5),
    ("!!bool 'yes'", True),
    ("!!float 1", 1.0),
    ("!!binary aGk=", b"hi"),
    ("!!set {a, b}", {"a", "b"}),
    ("!!map {a: 1}", {"a": 1}),
    ("!!seq [a]", ["a"]),
    ("! 5", 5),
    ("|\n  a\n  b\n", "a\nb\n"),
    (">-\n  a\n  b\n", "a b"),
    ("1.2.3.4", "1.2.3.4"),
    ("2 apples", "2 apples"),
    ("٣", "٣"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars(text: str, value: Any) -> None:
    loaded = load_yaml(f"a: {text}", "f.yml")["a"]
    assert loaded == value
    assert type(loaded) is (Trusted if isinstance(value, str) else type(loaded))
    assert isinstance(loaded, bool) is isinstance(value, bool)


@pytest.mark.parametrize("text", [case[0] for case in SCALARS if "!!map" not in case[0] and "!!seq" not in case[0]])
def test_values_are_pyyaml_s(text: str) -> None:
    assert load_yaml(f"- {text}", "f.yml") == yaml.safe_load(f"- {text}")


def test_everything_knows_its_place() -> None:
    data = load_yaml("---\n- name: x\n  args:\n    k: [v]\n", "f.yml")
    task = data[0]
    assert (type(data), type(task), type(task["args"]["k"])) == (SeqNode, MapNode, SeqNode)
    assert (data.origin, task.origin) == (Origin("f.yml", 2, 1), Origin("f.yml", 2, 3))
    assert task["name"].origin == Origin("f.yml", 2, 9)
    assert [key.origin for key in task] == [Origin("f.yml", 2, 3), Origin("f.yml", 3, 3)]
    assert task["args"]["k"][0].origin == Origin("f.yml", 4, 9)


def test_anchors_and_merges() -> None:
    data = load_yaml("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: *a\nd: {<<: *a}\ne: {<<: [*b, *a], x: 3}\n", "f.yml")
    assert data["c"] is data["a"]
    assert data["d"] == {"x": 1, "y": 1}
    assert data["e"] == {"x": 3, "y": 2, "z": 2}


def test_the_key_that_stands_twice() -> None:
    found: list[Any] = []
    assert load_yaml("a: 1\nb: 2\na: 3\n", "f.yml", warn=found.append) == {"a": 3, "b": 2}
    (warning,) = found
    assert isinstance(warning, Warned)
    assert (warning.message, warning.origin) == ("Found duplicate mapping key 'a'.", Origin("f.yml", 3, 1))
    assert warning.help == "Using last defined value only."
    found.clear()
    load_yaml("a: 1\na: 3\n", "f.yml", duplicates="ignore", warn=found.append)
    assert found == []
    with pytest.raises(LoadError, match="Found duplicate mapping key 'a'") as caught:
        load_yaml("a: 1\na: 3\n", "f.yml", duplicates="error")
    assert caught.value.origin == Origin("f.yml", 2, 1)


def test_unsafe_text_is_no_template() -> None:
    data = load_yaml("a: !unsafe '{{ x }}'\nb: !unsafe {k: ['{{ y }}']}\nc: !unsafe 5\nd: '{{ z }}'\n", "f.yml")
    assert (type(data["a"]), data["a"]) == (str, "{{ x }}")
    assert type(data["b"]["k"][0]) is str
    assert [type(key) for key in data["b"]] == [str]
    assert data["c"] == 5
    assert type(data["d"]) is Trusted


def test_vaults() -> None:
    found: list[Any] = []
    data = load_yaml("a: !vault |\n  $ANSIBLE_VAULT;1.1\n  61\nb: !vault-encrypted x\n", "f.yml", warn=found.append)
    assert isinstance(data["a"], VaultText)
    assert (data["a"].ciphertext, data["a"].origin) == ("$ANSIBLE_VAULT;1.1\n61\n", Origin("f.yml", 1, 4))
    assert isinstance(data["b"], VaultText)
    assert [type(event) for event in found] == [Deprecated]


def test_plain_text_where_nothing_may_be_a_template() -> None:
    data = load_yaml("a: '{{ x }}'", "f.yml", trusted=False)
    assert [type(part) for part in (*data, *data.values())] == [str, str]


JSON = [
    ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
    ('\n  ["a\\/b", "\\ud83d\\ude00"]', ["a/b", "😀"]),
    ('{"n": 1e3}', {"n": 1000.0}),
    ("{a: 1e3}", {"a": "1e3"}),
    ("[a, b]", ["a", "b"]),
]


@pytest.mark.parametrize(("text", "value"), JSON)
def test_json(text: str, value: Any) -> None:
    assert load_yaml(text, "f.json") == value


def test_text_in_json_may_be_a_template() -> None:
    data = load_yaml('{"a": "{{ x }}", "b": {"__ansible_unsafe": "{{ y }}"}, "c": {"__ansible_vault": "$A"}}', "f.json")
    assert (type(data["a"]), data["a"].origin) == (Trusted, Origin("f.json"))
    assert type(data["b"]) is str
    assert isinstance(data["c"], VaultText)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\ufeff", b"\xef\xbb\xbf"])
def test_nothing(text: str | bytes) -> None:
    assert load_yaml(text, "f.yml") is None


def test_a_byte_order_mark_is_skipped() -> None:
    assert load_yaml(b"\xef\xbb\xbfa: 1\n", "f.yml") == {"a": 1}


BAD = [
    ("a:\n\tb: 1\n", "YAML parsing failed: Tabs are usually invalid in YAML.", 2, 1, ""),
    ("a: b: c\n", "Colons in unquoted values must be followed by a non-space character.", 1, 5, "echo 'name: ansible'"),
    ("a: {{ x }}\n", "This may be an issue with missing quotes around a template block.", 1, 4, '"{{ some_var }}"'),
    ('a: "x" and y\n', "Values starting with a quote must end with the same quote.", 1, 4, "For example:"),
    ('a: "x" and "y"\n', "must end with the same quote, and not contain that quote.", 1, 4, "For example:"),
    ("a: *nope\n", "Found undefined alias.", 1, 4, ""),
    ("a: !nope x\n", "Could not determine a constructor for the tag '!nope'.", 1, 4, ""),
    ("a: !vault [x]\n", "The '!vault' tag requires a string value.", 1, 4, ""),
    ("a: =\n", "Could not determine a constructor for the tag 'tag:yaml.org,2002:value'.", 1, 4, ""),
    ("a: 2020-99-99\n", "YAML parsing failed: Month must be in 1..12", 1, 4, ""),
    ("[a]: 1\n", "While constructing a mapping found unhashable key.", 1, 1, ""),
    ("a: [1\n", "While parsing a flow sequence did not find expected ',' or ']'.", 2, 1, ""),
    ("a: 1\n---\nb: 2\n", "Expected a single document in the stream but found another document.", 2, 1, ""),
    ("a: 1\nb: x\x01y\n", "control characters are not allowed", 2, 5, ""),
    ("- a\nb: 1\n", "YAML parsing failed:", 2, 1, ""),
    ("x: {<<: 5}\n", "expected a mapping or list of mappings for merging", 1, 9, ""),
    (b"a: 1\nb: caf\xe9\n", "could not be decoded as 'utf-8'", 2, 7, "must be UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "line", "column", "hint"), BAD)
def test_what_is_wrong_and_where(text: str | bytes, message: str, line: int, column: int, hint: str) -> None:
    with pytest.raises(LoadError) as caught:
        load_yaml(text, "f.yml")
    assert message in caught.value.message
    assert caught.value.origin == Origin("f.yml", line, column)
    assert hint in (caught.value.hint or "")


def test_errors_in_encrypted_files_show_nothing_of_them() -> None:
    with pytest.raises(LoadError) as caught:
        load_yaml("a: secret: word\n", "f.yml", redact=True)
    assert "secret" not in caught.value.message
    assert caught.value.hint is None


def test_a_mapping_that_holds_itself() -> None:
    data = load_yaml("&a\nself: *a\n", "f.yml")
    assert data["self"] is data


def test_what_is_nested_too_deeply() -> None:
    with pytest.raises(LoadError, match="nested too deeply"):
        load_yaml("a: " + "[" * 3000 + "]" * 3000, "f.yml")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_text("a: 1\n")
    assert load_file(str(path)) == {"a": 1}
    with pytest.raises(LoadError, match=r"Could not find or access '.*nowhere' on the Ansible Controller\."):
        load_file(str(tmp_path / "nowhere"))
    with pytest.raises(LoadError, match="An error occurred while trying to read the file"):
        load_file(str(tmp_path))


def test_encrypted_files(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    assert load_file(str(path), decrypt=lambda data, origin: b"a: 1\n") == {"a": 1}
    with pytest.raises(LoadError, match="A vault password or secret must be specified to decrypt"):
        load_file(str(path))


def test_plain_data_can_be_trusted() -> None:
    value = trust({"a": ["x", 5]}, Origin("<command line>"))
    assert (type(value), type(value["a"]), type(value["a"][0])) == (MapNode, SeqNode, Trusted)


def test_loading_leaves_the_garbage_collector_as_it_was() -> None:
    load_yaml("a: 1", "f.yml")
    assert gc.isenabled()


def test_it_is_not_slower_than_twice_pyyaml() -> None:
    text = "".join(
        f"- name: task {n}\n  copy:\n    src: a{n}\n    mode: '0644'\n  when: x == {n}\n" for n in range(500)
    )

    def best(load: Any) -> float:
        times = []
        for _ in range(5):
            start = time.process_time()
            load()
            times.append(time.process_time() - start)
        return min(times)

    assert best(lambda: load_yaml(text, "f.yml")) < 2 * best(lambda: yaml.load(text, Loader=yaml.CSafeLoader))
