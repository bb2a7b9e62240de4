"""Where includes and imports look for their files, and what they bring in."""

from __future__ import annotations

import pytest
from playbook_kit import Book, flat

from weft.model.errors import LoadError
from weft.model.nodes import Handler, Play, Task
from weft.playbook.api import IncludeNotFound


def included(book: Book, play: Play, include: Task, name: str) -> list[Task]:
    path = book.loader.find_include(name, include, play)
    return list(flat(book.loader.include_tasks(path, include, play).nodes))


def names(tasks: list[Task]) -> list[str]:
    return [str(task.name) for task in tasks]


def tasks_named(*found: str) -> str:
    return "".join(f"- name: {name}\n  ping:\n" for name in found)


def test_imports_are_relative_to_the_file_they_stand_in(book: Book) -> None:
    tasks = book.tasks(
        "- import_tasks: sub/a.yml",
        sub__a="- import_tasks: deep/b.yml\n- import_tasks: top.yml\n- import_tasks: near.yml",
        sub__deep__b="- import_tasks: c.yml\n- import_tasks: near.yml",
        sub__deep__c=tasks_named("deep c"),
        sub__near=tasks_named("sub near"),
        near=tasks_named("wrong"),
        top=tasks_named("top"),
    )
    assert names(tasks) == ["deep c", "sub near", "top", "sub near"]


def test_imports_in_roles(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  roles: [a]\n",
        roles__a__tasks__main="- import_tasks: sub/x.yml\n- import_tasks: shared.yml\n- import_tasks: outside.yml",
        roles__a__tasks__sub__x="- import_tasks: y.yml\n- import_tasks: z.yml",
        roles__a__tasks__sub__y=tasks_named("y in sub"),
        roles__a__tasks__z=tasks_named("z in tasks"),
        roles__a__tasks__shared=tasks_named("of role"),
        tasks__shared=tasks_named("wrong"),
        tasks__outside=tasks_named("beside the playbook"),
    )
    assert names(list(flat(play.role_tasks))) == ["y in sub", "z in tasks", "of role", "beside the playbook"]


def test_includes_in_includes(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  tasks:\n    - include_tasks: sub/a.yml\n",
        sub__a="- include_tasks: b.yml\n- include_tasks: top.yml",
        sub__b=tasks_named("sub b"),
        b=tasks_named("wrong"),
        top=tasks_named("top"),
    )
    (include,) = flat(play.tasks)
    first, second = included(book, play, include, "sub/a.yml")
    assert first.include_dirs == (str(book.root / "sub"),)
    assert names(included(book, play, first, "b.yml")) == ["sub b"]
    assert names(included(book, play, second, "top.yml")) == ["top"]
    assert names(included(book, play, second, str(book.root / "b.yml"))) == ["wrong"]


def test_includes_in_roles_look_in_the_role_first(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  roles: [a]\n",
        roles__a__tasks__main="- include_tasks: sub/x.yml",
        roles__a__tasks__sub__x="- include_tasks: y.yml\n- include_tasks: z.yml",
        roles__a__tasks__sub__y=tasks_named("y in sub"),
        roles__a__tasks__sub__z=tasks_named("z in sub"),
        roles__a__tasks__z=tasks_named("z in tasks"),
    )
    (include,) = flat(play.role_tasks)
    y, z = included(book, play, include, "sub/x.yml")
    assert names(included(book, play, y, "y.yml")) == ["y in sub"]
    assert names(included(book, play, z, "z.yml")) == ["z in tasks"]
    assert (y.role, y.path_parents[0]) == (include.role, str(book.root / "roles/a"))


def test_an_include_that_finds_nothing_says_where_it_looked(book: Book) -> None:
    play = book.play("- hosts: all\n  roles: [a]\n", roles__a__tasks__main="- include_tasks: x.yml")
    (include,) = flat(play.role_tasks)
    with pytest.raises(IncludeNotFound) as caught:
        book.loader.find_include("x.yml", include, play)
    assert caught.value.message == f"Could not find or access '{book.root}/x.yml' on the Ansible Controller."
    assert f"{book.root}/roles/a/tasks/x.yml" in (caught.value.hint or "")
    assert caught.value.origin == include.origin


def test_a_file_that_is_no_list_of_tasks(book: Book) -> None:
    play = book.play("- hosts: all\n  tasks:\n    - include_tasks: a.yml\n", a="a: b")
    (include,) = flat(play.tasks)
    with pytest.raises(LoadError, match="included task files must contain a list of tasks") as caught:
        included(book, play, include, "a.yml")
    assert book.where(caught.value) == "a.yml:1:1"


def test_an_empty_file_brings_nothing(book: Book) -> None:
    play = book.play("- hosts: all\n  tasks:\n    - include_tasks: a.yml\n", a="")
    (include,) = flat(play.tasks)
    assert included(book, play, include, "a.yml") == []


def test_a_wrong_task_in_an_included_file(book: Book) -> None:
    play = book.play("- hosts: all\n  tasks:\n    - include_tasks: a.yml\n", a="- ping:\n- name: x\n  include_tasks:")
    (include,) = flat(play.tasks)
    with pytest.raises(LoadError, match="No file specified for include_tasks") as caught:
        included(book, play, include, "a.yml")
    assert book.where(caught.value) == "a.yml:2:3"


def test_the_same_nodes_each_time_until_the_file_changes(book: Book) -> None:
    play = book.play("- hosts: all\n  tasks:\n    - include_tasks: a.yml\n", a=tasks_named("one"))
    (include,) = flat(play.tasks)
    first = included(book, play, include, "a.yml")
    assert included(book, play, include, "a.yml") == first
    book.write({"a.yml": tasks_named("another")})
    assert names(included(book, play, include, "a.yml")) == ["another"]


def test_handlers_that_include(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  roles: [a]\n",
        roles__a__handlers__main="- name: h\n  include_tasks: more.yml\n  listen: t\n",
        roles__a__handlers__more=tasks_named("in handlers"),
        roles__a__tasks__more=tasks_named("wrong"),
    )
    (include,) = play.handlers
    assert isinstance(include, Handler)
    (handler,) = included(book, play, include, "more.yml")
    assert isinstance(handler, Handler)
    assert handler.name == "in handlers"


def test_vars_files(book: Book) -> None:
    book.write({"a.yml": "a: 1", "list.yml": "[{a: 1, b: 1}, {b: 2}]", "empty.yml": "", "bad.yml": "text"})
    load = book.loader.vars_file
    assert load(str(book.root / "a.yml")) == {"a": 1}
    assert load(str(book.root / "list.yml")) == {"a": 1, "b": 2}
    assert load(str(book.root / "empty.yml")) == {}
    with pytest.raises(LoadError, match="variable files must contain either a dictionary of variables, or a list"):
        load(str(book.root / "bad.yml"))
    with pytest.raises(LoadError, match="Could not find or access"):
        load(str(book.root / "nowhere.yml"))


NAMES = [
    ("play vars", "- hosts: all\n  vars: {f: x}\n  tasks: [{import_tasks: '{{ f }}.yml'}]\n"),
    ("task vars", "- hosts: all\n  vars: {f: y}\n  tasks: [{import_tasks: '{{ f }}.yml', vars: {f: x}}]\n"),
    ("block vars", "- hosts: all\n  tasks: [{vars: {f: x}, block: [{import_tasks: '{{ f }}.yml'}]}]\n"),
    ("vars files", "- hosts: all\n  vars_files: [more/v.yml]\n  tasks: [{import_tasks: '{{ g }}.yml'}]\n"),
    ("the first vars file", "- hosts: all\n  vars_files: [['{{ no }}', none.yml, v.yml]]\n"
     "  tasks: [{import_tasks: '{{ g }}.yml'}]\n"),
    ("a role's defaults", "- hosts: all\n  roles: [r]\n  tasks: [{import_tasks: '{{ d }}.yml'}]\n"),
    ("a role's vars", "- hosts: all\n  roles: [r]\n  tasks: [{import_tasks: '{{ v }}.yml'}]\n"),
    ("the playbook's folder", "- hosts: all\n  tasks: [{import_tasks: '{{ playbook_dir }}/x.yml'}]\n"),
    ("extra vars", "- hosts: all\n  vars: {e: y}\n  tasks: [{import_tasks: '{{ e }}.yml', vars: {e: z}}]\n"),
]  # fmt: skip


@pytest.mark.parametrize("text", [case[1] for case in NAMES], ids=[case[0] for case in NAMES])
def test_what_may_stand_in_names_of_imports(book: Book, text: str) -> None:
    book.extra_vars = {"e": "x"}
    play = book.play(
        text,
        x=tasks_named("found"),
        more__v="g: x",
        vars__v="g: x",
        roles__r__defaults__main="d: x",
        roles__r__vars__main="v: x",
    )
    assert names(list(flat(play.tasks))) == ["found"]
