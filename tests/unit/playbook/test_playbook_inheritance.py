"""What tasks take from plays, roles, blocks and imports round them."""

from __future__ import annotations

import pytest
from playbook_kit import Book, flat, in_play, merged

from weft.model.nodes import Block, Task, TaskKind


def named(book: Book, text: str, **files: str) -> dict[str, Task]:
    """The tasks of all sections by name."""
    (play,) = book.load(text, **files).plays
    sections = (*play.pre_tasks, *play.role_tasks, *play.tasks, *play.post_tasks)
    return {str(task.name): task for task in flat(sections)}


NESTED = """
- hosts: all
  become: true
  tags: play
  environment: {A: play, B: play}
  module_defaults: {ping: {data: play}}
  vars: {v: play}
  tasks:
    - name: outside
      ping:
    - when: outer
      tags: outer
      become_user: bob
      environment: "{{ env }}"
      notify: from outer
      vars: {v: outer, w: outer}
      delegate_to: there
      ignore_errors: true
      block:
        - when: [inner, more]
          become: false
          tags: [inner, outer]
          module_defaults: [{debug: {msg: x}}]
          vars: {v: inner}
          block:
            - name: inside
              ping:
              when: own
              environment: [{B: own}]
              notify: own
              vars: {w: own}
              ignore_errors:
"""


def test_blocks(book: Book) -> None:
    tasks = named(book, NESTED)
    outside, inside = tasks["outside"].common, tasks["inside"].common
    assert (outside.become, outside.tags, outside.when, outside.vars) == (True, ("play",), (), ())
    assert inside.become is False
    assert inside.become_user == "bob"
    assert inside.when == ("outer", "inner", "more", "own")
    assert inside.tags == ("play", "outer", "inner")
    assert inside.environment == ({"A": "play", "B": "play"}, "{{ env }}", {"B": "own"})
    assert inside.notify == ("own",)
    assert inside.delegate_to == "there"
    assert inside.ignore_errors is None
    assert inside.vars == ({"v": "outer", "w": "outer"}, {"v": "inner"}, {"w": "own"})
    assert inside.module_defaults == (
        {"ansible.builtin.ping": {"data": "play"}},
        {"ansible.builtin.debug": {"msg": "x"}},
    )
    assert tasks["inside"].own_vars == {"w": "own"}


def test_a_play_keeps_its_own_keywords(book: Book) -> None:
    play = book.play(NESTED)
    assert play.vars == {"v": "play"}
    assert (play.common.become, play.common.tags, play.common.vars) == (True, ("play",), ())


def test_static_imports_hand_on_everything(book: Book) -> None:
    task = book.task(
        "- import_tasks: a.yml\n  when: w\n  tags: t\n  become: true\n  vars: {x: 1}",
        a="- import_tasks: b.yml\n  vars: {y: 2}",
        b="- ping:\n  when: own",
    )
    common = task.common
    assert (common.when, common.tags, common.become) == (("w", "own"), ("t",), True)
    assert (common.vars, common.params) == (({"x": 1}, {"y": 2}), ())


def test_an_import_is_a_block(book: Book) -> None:
    (block,) = book.nodes("- name: the import\n  import_tasks: a.yml\n  when: w", a="- ping:\n- ping:")
    assert isinstance(block, Block)
    assert (block.implicit, block.name, len(block.body), block.common.when) == (True, "the import", 2, ("w",))


def test_an_import_of_an_empty_file(book: Book) -> None:
    assert book.nodes("- import_tasks: a.yml\n- ping:", a="")[0].name is None
    assert book.warnings == [f"file {book.root}/a.yml is empty and had no tasks to include"]


def test_a_dynamic_include_hands_on_what_is_round_it(book: Book) -> None:
    text = """
        - block:
            - include_tasks: {file: a.yml, apply: {become: true, tags: applied, vars: {p: 3}}}
              when: own
              tags: own
              vars: {x: 1}
          when: outer
          tags: outer
          vars: {y: 2}
    """
    play = book.play(in_play(text), a="- ping:\n  when: inner")
    (include,) = flat(play.tasks)
    assert include.kind is TaskKind.INCLUDE_TASKS
    assert include.args == {"_raw_params": "a.yml"}
    assert (include.common.when, include.common.tags) == (("outer", "own"), ("outer", "own"))
    path = book.loader.find_include("a.yml", include, play)
    (task,) = book.loader.include_tasks(path, include, play).nodes
    assert isinstance(task, Task)
    common = task.common
    assert (common.when, common.tags, common.become) == (("outer", "inner"), ("outer", "applied"), True)
    assert common.vars == ({"y": 2}, {"x": 1}, {"p": 3})
    assert common.params == ({"x": 1},)


def test_role_entries_and_dependencies(book: Book) -> None:
    tasks = named(
        book,
        """
        - hosts: all
          become: true
          environment: {E: play}
          collections: [ns.of_play]
          roles:
            - role: a
              tags: ta
              when: wa
              become: false
              environment: {E: a}
              param: 1
              vars: {use: 1}
        """,
        roles__a__meta__main="collections: [ns.c]\n"
        "dependencies: [{role: b, tags: tb, when: wb, become_user: bob, x: 2}]",
        roles__a__tasks__main="- name: in a\n  ping:\n  tags: own\n- name: in a too\n  import_tasks: more.yml",
        roles__a__tasks__more="- name: more\n  ping:",
        roles__b__tasks__main="- name: in b\n  ping:\n  when: own",
    )
    assert list(tasks) == ["in b", "in a", "more"]
    a, b = tasks["in a"].common, tasks["in b"].common
    assert (a.tags, a.when, a.become, a.environment) == (("ta", "own"), ("wa",), False, ({"E": "play"}, {"E": "a"}))
    assert (b.tags, b.when, b.become, b.become_user) == (("ta", "tb"), ("wa", "wb", "own"), False, "bob")
    assert (a.collections, b.collections) == (("ns.c", "ansible.legacy"), ())
    role = tasks["in b"].role
    assert role is not None
    assert [parent.name for parent in role.parents] == ["a"]
    assert (role.params, role.parents[0].params, role.parents[0].use_vars) == ({"x": 2}, {"param": 1}, {"use": 1})
    assert tasks["in b"].path_parents == tuple(
        str(book.root / path) for path in ("roles/b", "roles/a", "roles/b/tasks", "")
    )


def test_import_role_hands_on_its_keywords(book: Book) -> None:
    task = book.task(
        "- import_role: {name: a}\n  when: w\n  tags: t\n  vars: {x: 1}",
        roles__a__tasks__main="- ping:\n  tags: own",
    )
    assert (task.common.when, task.common.tags, task.common.vars) == (("w",), ("t", "own"), ({"x": 1},))
    assert task.role is not None
    assert task.role.use_vars == {"x": 1}


def test_handlers_inherit_from_play_and_role(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  become: true\n  roles: [{role: a, tags: t, when: w}]\n"
        "  handlers:\n    - name: own\n      ping:\n",
        roles__a__handlers__main="- name: of a\n  ping:",
    )
    of_a, own = (handler for handler in play.handlers if isinstance(handler, Task))
    assert (own.common.become, own.common.tags) == (True, ())
    assert (of_a.common.become, of_a.common.tags, of_a.common.when) == (True, ("t",), ("w",))


def test_import_playbook(book: Book) -> None:
    (play,) = book.load(
        "- import_playbook: middle.yml\n  vars: {x: outer}\n  when: w1\n  tags: t1\n",
        middle="- import_playbook: sub/inner.yml\n  vars: {x: middle, y: middle, tags: 'old,style'}\n  when: [w2]\n",
        sub__inner="""
        - hosts: all
          tags: own
          vars: {x: own, y: own, z: own}
          roles: [r]
          tasks:
            - name: task
              ping:
          handlers:
            - name: handler
              ping:
        """,
        sub__roles__r__tasks__main="- name: role task\n  ping:",
    ).plays
    assert play.path == str(book.root / "sub/inner.yml")
    assert play.vars == {"x": "outer", "y": "middle", "z": "own"}
    assert play.common.tags == ("own", "t1", "old", "style")
    assert play.common.when == ("w1", "w2")
    for task in flat((*play.role_tasks, *play.tasks)):
        assert task.common.when == ("w1", "w2")
    (handler,) = play.handlers
    assert handler.common.when == ()


def test_names_of_imported_playbooks_may_be_templates(book: Book) -> None:
    book.extra_vars = {"which": "b"}
    files = {name: f"- hosts: {name}\n" for name in ("a", "b")}
    playbook = book.load("- import_playbook: '{{ which }}.yml'\n  vars: {which: a}\n", **files)
    assert [play.hosts for play in playbook.plays] == ["b"]


def test_keywords_without_effect_on_imports_are_named(book: Book) -> None:
    book.load("- import_playbook: a.yml\n  become: true\n", a="- hosts: all\n")
    book.task("- import_tasks: b.yml\n  changed_when: false\n  register: x", b="- ping:")
    assert book.warnings == [
        "'become' has no effect on 'import_playbook'.",
        "'changed_when' has no effect on 'import_tasks'.",
        "'register' has no effect on 'import_tasks'.",
    ]


@pytest.mark.parametrize(
    ("value", "names"),
    [("{ping: {a: 1}}", ["ansible.builtin.ping"]),
     ("{group/aws: {}}", ["group/ansible.builtin.aws"]),
     ("{group/ns.coll.g: {}}", ["group/ns.coll.g"]),
     ("[{ping: {}}, {debug: {}}]", ["ansible.builtin.ping", "ansible.builtin.debug"])],
)  # fmt: skip
def test_module_defaults_have_full_names(book: Book, value: str, names: list[str]) -> None:
    layers = book.task(f"- ping:\n  module_defaults: {value}").common.module_defaults
    assert list(merged(layers)) == names
