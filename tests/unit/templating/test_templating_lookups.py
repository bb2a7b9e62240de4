"""Lookups in templates and the items of with_NAME loops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.names import DictNames, trusted
from weft.content.plugins import PluginSource
from weft.model.errors import TemplateFailed, UndefinedName
from weft.model.values import Trusted
from weft.templating.templar import Templar


class Told:
    def __init__(self) -> None:
        self.messages: list[str] = []

    def warn(self, message: str) -> None:
        self.messages.append(message)

    def deprecate(self, message: str, version: str | None, **details: str | None) -> None:
        self.messages.append(message)

    def say(self, message: str, verbosity: int) -> None:
        self.messages.append(f"{'v' * verbosity}: {message}")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def templar(told: Told) -> Templar:
    return Templar(PluginSource(notices=told, decrypt=lambda data, path: b"open " + path.rpartition("/")[2].encode()))


@pytest.fixture
def play(tmp_path: Path) -> Path:
    for name, text in {
        "files/a.txt": "  a\n\n",
        "files/sub/b.txt": "b",
        "files/secret": "$ANSIBLE_VAULT;1.1;AES256\n00",
        "templates/t.j2": "{{ s }} {{ template_path }} {{ x | default('-') }} {% include 'inc.j2' %}\n",
        "templates/inc.j2": "included {{ s }}",
        "templates/managed.j2": "# {{ ansible_managed }}",
        "vars/here": "",
        "here": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def value(templar: Templar, text: str, play: Path | None = None, **variables: Any) -> Any:
    return templar.render(Trusted(text), DictNames(trusted(variables), templar, basedir=str(play or "")))


def items(templar: Templar, name: str, terms: Any, play: Path | None = None, action: str = "debug", **vars: Any) -> Any:
    names = DictNames(trusted(vars), templar, basedir=str(play or ""))
    return templar.loop_items(name, trusted(terms), names, action=action)


# -- in templates ------------------------------------------------------------------------------------------------------


def test_one_result_comes_alone_and_text_is_joined(templar: Templar) -> None:
    assert value(templar, "{{ lookup('items', 'a') }}") == "a"
    assert value(templar, "{{ lookup('items', 'a', 'b') }}") == "a,b"
    assert value(templar, "{{ lookup('items', 1, 2) }}") == [1, 2]
    assert value(templar, "{{ query('items', 'a') }}") == ["a"]
    assert value(templar, "{{ lookup('items', 'a', wantlist=true) }}") == ["a"]


def test_errors_fail_or_warn_or_are_ignored(templar: Templar, told: Told) -> None:
    with pytest.raises(TemplateFailed) as raised:
        value(templar, "{{ lookup('pipe', 'exit 3') }}")
    assert raised.value.message == "The lookup plugin 'pipe' failed: lookup_plugin.pipe(exit 3) returned 3"
    assert value(templar, "{{ lookup('pipe', 'exit 3', errors='ignore') }}") is None
    assert told.messages == []
    assert value(templar, "{{ query('pipe', 'exit 3', errors='warn') }}") == []
    assert told.messages == [
        "An error occurred while running the lookup plugin 'pipe': lookup_plugin.pipe(exit 3) returned 3"
    ]


def test_files_are_found_beside_the_playbook(templar: Templar, play: Path) -> None:
    assert value(templar, "{{ lookup('file', 'a.txt') }}", play) == "  a"
    assert value(templar, "{{ lookup('file', 'sub/b.txt') }}", play) == "b"
    assert value(templar, "{{ lookup('file', 'a.txt', lstrip=true, rstrip=false) }}", play) == "a\n\n"
    assert value(templar, "{{ query('fileglob', '*.txt', 'sub/*') }}", play) == [
        str(play / "files/a.txt"),
        str(play / "files/sub/b.txt"),
    ]
    with pytest.raises(TemplateFailed, match="Unable to access the file 'nope': File not found"):
        value(templar, "{{ lookup('file', 'nope') }}", play)


def test_files_are_found_in_the_role_first(templar: Templar, play: Path, tmp_path: Path) -> None:
    (tmp_path / "role/files").mkdir(parents=True)
    (tmp_path / "role/files/a.txt").write_text("of the role")
    where = [str(tmp_path / "role"), str(play)]
    names = DictNames({"role_path": where[0]}, templar, basedir=str(play), search_paths=where)
    assert templar.render(Trusted("{{ lookup('file', 'a.txt') }}"), names) == "of the role"


def test_vaulted_files_are_decrypted(templar: Templar, play: Path) -> None:
    assert value(templar, "{{ lookup('file', 'secret') }}", play) == "open secret"


def test_template_files_see_everything_and_what_they_are_given(templar: Templar, play: Path) -> None:
    assert value(templar, "{{ lookup('template', 't.j2') }}", play, s="{{ 'S' }}") == "S t.j2 - included S\n"
    given = "{{ lookup('template', 't.j2', template_vars={'x': 1}) }}"
    assert value(templar, given, play, s="S") == "S t.j2 1 included S\n"
    assert value(templar, "{{ lookup('template', 'managed.j2') }}", play) == "# Ansible managed"
    assert value(templar, "{{ lookup('template', 'managed.j2') }}", play, ansible_managed="mine") == "# mine"


def test_programs_run_in_the_playbooks_folder(templar: Templar, play: Path) -> None:
    assert value(templar, "{{ lookup('pipe', 'pwd') }}", play) == str(play)
    assert value(templar, "{{ query('lines', 'printf \"a\\nb\\n\"') }}", play) == ["a", "b"]


def test_variables_by_name(templar: Templar) -> None:
    assert value(templar, "{{ lookup('vars', 'a' ~ 1) }}", a1="{{ b }}", b=3) == 3
    assert value(templar, "{{ lookup('vars', 'nope', default=4) }}") == 4
    assert sorted(value(templar, "{{ query('varnames', '^a') }}", a1=1, a2=2, b=3)) == ["a1", "a2"]
    with pytest.raises(UndefinedName, match="No variable named 'nope' was found"):
        value(templar, "{{ lookup('vars', 'nope') }}")


def test_the_controllers_environment(templar: Templar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_TEST", "x")
    monkeypatch.delenv("WEFT_NONE", raising=False)
    assert value(templar, "{{ lookup('env', 'WEFT_TEST') }}") == "x"
    assert value(templar, "{{ lookup('env', 'WEFT_NONE') }}") == ""
    assert value(templar, "{{ lookup('env', 'WEFT_NONE', default='d') }}") == "d"
    with pytest.raises(UndefinedName, match="The environment variable 'WEFT_NONE' is not set"):
        value(templar, "{{ lookup('env', 'WEFT_NONE', default=undef()) }}")


def test_the_first_file_that_exists(templar: Templar, play: Path, told: Told) -> None:
    assert value(templar, "{{ lookup('first_found', ['nope', 'files/a.txt']) }}", play) == str(play / "files/a.txt")
    params = "{{ query('first_found', {'files': ['nope', 'a.txt'], 'paths': ['/nowhere', 'files']}) }}"
    assert value(templar, params, play) == [str(play / "files/a.txt")]
    assert value(templar, "{{ query('first_found', 'nope', skip=true) }}", play) == []
    assert told.messages == []
    assert value(templar, "{{ query('first_found', {'files': 'nope;here'}) }}", play) == [str(play / "here")]
    assert told.messages[0].startswith("Automatic splitting of the 'files' option on ',;' is deprecated.")
    with pytest.raises(TemplateFailed, match="No file was found when using first_found"):
        value(templar, "{{ lookup('first_found', 'nope') }}", play)
    with pytest.raises(UndefinedName):
        value(templar, "{{ lookup('first_found', [undefined_name, 'here']) }}", play)


def test_an_include_in_a_playbooks_text_is_beside_the_playbook(templar: Templar, play: Path) -> None:
    assert value(templar, "{% include 'templates/inc.j2' %}!", play, s="S") == "included S!"


# -- with_NAME ---------------------------------------------------------------------------------------------------------


def test_with_items_takes_one_level_of_lists_apart(templar: Templar) -> None:
    assert items(templar, "items", ["a", ["b", ["c"]], "{{ l }}"], l=[1, 2]) == ["a", "b", ["c"], 1, 2]
    assert items(templar, "items", "{{ l }}", l=[1, [2]]) == [1, 2]
    assert items(templar, "items", "{{ l }}", l="one") == ["one"]
    assert items(templar, "items", {"a": "{{ l }}"}, l=1) == [{"a": 1}]
    assert items(templar, "list", "{{ l }}", l=[1, [2]]) == [1, [2]]


def test_with_the_other_names(templar: Templar, play: Path) -> None:
    assert items(templar, "dict", {"a": "{{ 1 }}"}) == [{"key": "a", "value": 1}]
    assert items(templar, "dict", "{{ d }}", d={"a": 1}) == [{"key": "a", "value": 1}]
    assert items(templar, "nested", [["a", "b"], "{{ l }}"], l=[1]) == [["a", 1], ["b", 1]]
    assert items(templar, "together", [["a", "b"], [1]]) == [["a", 1], ["b", None]]
    assert items(templar, "indexed_items", ["a", "b"]) == [[0, "a"], [1, "b"]]
    assert items(templar, "flattened", [["a", ["b"]], "c"]) == ["a", "b", "c"]
    assert items(templar, "sequence", "start=1 end={{ n }} format=x%d", n=3) == ["x1", "x2", "x3"]
    assert items(templar, "sequence", "count=0") == []
    for endless in ("end=10000001", "start=0 end=-1e30 stride=-1"):
        with pytest.raises(TemplateFailed, match="a sequence has at most 10000000 numbers"):
            items(templar, "sequence", endless)
    assert items(templar, "subelements", ["{{ u }}", "k"], u=[{"n": 1, "k": [2]}]) == [[{"n": 1}, 2]]
    assert items(templar, "fileglob", "*.txt", play) == [str(play / "files/a.txt")]
    assert items(templar, "file", ["a.txt"], play) == ["  a"]
    assert items(templar, "lines", "echo a; echo b", play) == ["a", "b"]
    assert items(templar, "random_choice", ["a"]) == ["a"]
    assert items(templar, "env", ["WEFT_NONE"]) == [""]


def test_with_first_found_leaves_out_what_is_undefined(templar: Templar, play: Path) -> None:
    found = [str(play / "files/a.txt")]
    assert items(templar, "first_found", ["{{ nope }}.yml", "a.txt"], play) == found
    assert items(templar, "first_found", [{"files": ["{{ nope }}.yml", "a.txt"], "paths": ["files"]}], play) == found
    assert items(templar, "first_found", [{"files": ["x"], "skip": True}], play) == []
    with pytest.raises(TemplateFailed, match="Error rendering template: division by zero"):
        items(templar, "first_found", ["{{ 1/0 }}"], play)


def test_with_first_found_looks_in_the_folder_of_the_tasks_action(templar: Templar, play: Path) -> None:
    assert items(templar, "first_found", ["here"], play, action="include_vars") == [str(play / "vars/here")]
    assert items(templar, "first_found", ["here"], play, action="debug") == [str(play / "here")]


def test_undefined_terms_fail(templar: Templar) -> None:
    for terms in ("{{ nope }}", ["{{ nope }}"]):
        with pytest.raises(UndefinedName, match="'nope' is undefined"):
            items(templar, "items", terms)
    with pytest.raises(TemplateFailed, match="The lookup plugin 'dict' failed: the 'dict' lookup plugin expects"):
        items(templar, "dict", ["x"])


def test_items_that_were_written_without_a_template_keep_their_mark(templar: Templar) -> None:
    found = items(templar, "items", ["a", "{{ b }}", "{{ b ~ 'd' }}"], b="c")
    assert found == ["a", "c", "cd"]
    assert [type(item) is Trusted for item in found] == [True, True, False]
    names = DictNames(trusted({"b": "c"}), templar)
    assert type(templar.render_marked(Trusted("{{ b }}"), names)) is Trusted
    assert type(templar.render(Trusted("{{ b }}"), names)) is str
