"""vars_files and vars_prompt of a play."""

from __future__ import annotations

import pytest
from vars_kit import Run, raw, task

from weft.model.errors import LoadError, UndefinedName


def test_later_files_win_and_the_folder_vars_is_looked_in_first(run: Run) -> None:
    run.write("play/vars/one.yml", "a: 1\nb: 1\n")
    run.write("play/one.yml", "a: wrong\n")
    run.write("play/two.yml", "b: '{{ a + 1 }}'\n")
    run.play = {"vars_files": ["one.yml", "two.yml"], "vars": {"a": 0}}
    assert run.read("[a, b]") == [1, 2]


def test_of_a_list_the_first_that_exists_counts(run: Run) -> None:
    run.write("play/second.yml", "a: 2\n")
    run.write("play/third.yml", "a: 3\n")
    run.play = {"vars_files": [["first.yml", "second.yml", "third.yml"], "none.yml"]}
    assert run.read("a") == 2


def test_names_may_depend_on_the_host(run: Run) -> None:
    run.inventory_text = "h1 os=debian\nh2 os=plan9\n"
    run.write("play/common.yml", "a: common\nb: common\n")
    run.write("play/debian.yml", "a: debian\n")
    run.write("play/default.yml", "a: default\n")
    run.write("play/last.yml", "b: '{{ a }}!'\n")
    run.play = {"vars_files": ["common.yml", ["{{ os }}.yml", "default.yml"], "last.yml"]}
    assert run.read("[a, b]", "h1") == ["debian", "debian!"]
    assert run.read("[a, b]", "h2") == ["default", "default!"]


def test_earlier_files_name_later_ones_and_extra_vars_win(run: Run) -> None:
    run.write("play/one.yml", "next: two\n")
    run.write("play/two.yml", "a: two\n")
    run.write("play/three.yml", "a: three\n")
    run.play = {"vars_files": ["one.yml", "{{ next }}.yml"]}
    assert run.read("a") == "two"
    other = Run(run.folder)
    other.play = run.play
    other.extra = {"next": "three"}
    assert other.read("a") == "three"


def test_facts_that_come_later_are_followed(run: Run) -> None:
    run.write("play/Debian.yml", "a: 1\n")
    run.play = {"vars_files": ["{{ ansible_os_family }}.yml"]}
    assert run.read("a is defined") is False
    assert run.warnings == ["skipping vars_files item due to an undefined variable"]
    run.variables.set_facts("h1", {"ansible_os_family": "Debian", "module_setup": True})
    assert run.read("a") == 1
    run.variables.set_facts("h2", {"module_setup": True})
    with pytest.raises(
        UndefinedName, match="an undefined variable was found when attempting to template the vars_files"
    ):
        run.read("a", "h2")


def test_a_file_may_be_a_list_of_mappings_or_empty(run: Run) -> None:
    run.write("play/list.yml", "- {a: 1, b: 1}\n- {b: 2}\n")
    run.write("play/empty.yml", "---\n")
    run.play = {"vars_files": ["list.yml", "empty.yml"]}
    assert run.read("[a, b]") == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"), [("- 1\n", "Invalid variable file contents."), ("text", "Invalid variable file contents.")]
)
def test_files_that_are_no_variables(run: Run, text: str, message: str) -> None:
    path = run.write("play/bad.yml", text)
    run.play = {"vars_files": ["bad.yml"]}
    with pytest.raises(LoadError, match=message) as caught:
        run.scope()
    assert caught.value.origin is None or caught.value.origin.path == path


def test_a_name_that_is_no_text(run: Run) -> None:
    run.play = {"vars_files": ["{{ [1] }}"]}
    with pytest.raises(LoadError, match="Invalid `vars_files` value of type 'int'"):
        run.read("x")


def test_absolute_paths(run: Run) -> None:
    path = run.write("elsewhere/x.yml", "a: 1\n")
    run.play = {"vars_files": [path]}
    assert run.read("a") == 1


def test_answers_beat_play_vars(run: Run) -> None:
    run.play = {"vars": {"who": "play"}, "vars_prompt": ["who", "later"]}
    assert run.variables.scope(None, play=run.play_vars)["who"] == "play"
    run.play_vars.prompted["who"] = raw("{{ 'asked' }}")
    run.play_vars.prompted["later"] = 5
    assert run.read("[who, later]") == ["asked", 5]


def test_hosts_can_be_made_ready_before(run: Run) -> None:
    path = run.write("play/host_vars/h1.yml", "a: 1\n")
    run.variables.prepare(run.play_vars, ["h1", "h2"])
    run.write(path, "a: 2\n")
    assert run.scope("h1", task())["a"] == 1
