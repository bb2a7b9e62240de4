"""Roles: where they are found, what they bring, how often they count as the same."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from playbook_kit import Book, flat

from weft.model.errors import LoadError
from weft.model.nodes import Block, Handler, Task, TaskKind
from weft.playbook.api import RoleNotFound


def test_what_a_role_brings(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  roles: [a]\n",
        roles__a__defaults__main="d: 1",
        roles__a__vars__main="v: 1",
        roles__a__tasks__main="- ping:",
        roles__a__handlers__main="- name: h\n  ping:",
        roles__a__meta__main="allow_duplicates: true\ngalaxy_info: {author: me}",
    )
    (role,) = play.roles
    assert (role.name, role.path) == ("a", str(book.root / "roles/a"))
    assert (role.defaults, role.vars, role.allow_duplicates, role.public) == ({"d": 1}, {"v": 1}, True, True)
    task, end = role.tasks
    assert isinstance(task, Task)
    assert isinstance(end, Task)
    assert (end.kind, end.role, end.implicit, end.common.tags) == (TaskKind.ROLE_END, role, True, ("always",))
    assert play.role_tasks == role.tasks
    assert play.handlers == role.handlers


@pytest.mark.parametrize("name", ["main.yml", "main.yaml", "main.json", "main"])
def test_names_of_main_files(book: Book, name: str) -> None:
    book.write({f"roles/a/tasks/{name}": '[{"ping": null}]', f"roles/a/vars/{name}": '{"v": 1}'})
    (role,) = book.play("- hosts: all\n  roles: [a]\n").roles
    assert role.vars == {"v": 1}
    assert [task.action for task in flat(role.tasks)] == ["ping"]


def test_variables_in_a_folder(book: Book) -> None:
    book.write(
        {
            "roles/a/vars/main/1.yml": "a: 1\nm: {x: 1}",
            "roles/a/vars/main/2.yaml": "b: 2\nm: {y: 2}",
            "roles/a/vars/main/deep/3.yml": "c: 3",
            "roles/a/vars/main/.hidden.yml": "d: 4",
            "roles/a/vars/main/notes.txt": "e: 5",
        }
    )
    (role,) = book.play("- hosts: all\n  roles: [a]\n").roles
    assert role.vars == {"a": 1, "b": 2, "c": 3, "m": {"y": 2}}


def test_variables_in_a_folder_are_merged_if_the_settings_say_so(book: Book) -> None:
    book.settings = replace(book.settings, hash_behaviour="merge")
    book.write({"roles/a/vars/main/1.yml": "m: {x: 1}", "roles/a/vars/main/2.yml": "m: {y: 2}"})
    (role,) = book.play("- hosts: all\n  roles: [a]\n").roles
    assert role.vars == {"m": {"x": 1, "y": 2}}


def test_where_roles_are_found(book: Book) -> None:
    book.settings = replace(book.settings, roles_path=(str(book.root / "shared"),))
    book.write({f"{folder}/tasks/main.yml": "[]" for folder in ("roles/a", "shared/a", "shared/b", "c", "deep/d")})
    text = "- hosts: all\n  roles: [a, b, c, deep/d, " + str(book.root / "deep/d") + "]\n"
    paths = [role.path.removeprefix(f"{book.root}/") for role in book.play(text).roles]
    assert paths == ["roles/a", "shared/b", "c", "deep/d", "deep/d"]


def test_dependencies_are_found_beside_the_role(book: Book) -> None:
    book.write({"elsewhere/a/meta/main.yml": "dependencies: [b]", "elsewhere/b/tasks/main.yml": "- ping:"})
    (role,) = book.play("- hosts: all\n  roles: [elsewhere/a]\n").roles
    assert [dependency.name for dependency in role.dependencies] == ["b"]


def test_roles_of_collections(book: Book) -> None:
    base = "installed/ansible_collections/ns/coll"
    book.write({f"{base}/roles/a/tasks/main.yml": "- own:", f"{base}/roles/a/meta/main.yml": "dependencies: [b]"})
    book.write({f"{base}/roles/b/tasks/main.yml": "- ping:", f"{base}/roles/sub/c/tasks/main.yml": "- ping:"})
    book.names.extra = {"ns.coll.own"}
    play = book.play("- hosts: all\n  collections: [ns.coll]\n  roles: [ns.coll.a, b, ns.coll.sub.c]\n")
    assert [role.name for role in play.roles] == ["ns.coll.a", "ns.coll.b", "ns.coll.c"]
    role = play.roles[0]
    assert (role.collection, role.collections) == ("ns.coll", ("ns.coll", "ansible.builtin"))
    assert [dependency.name for dependency in role.dependencies] == ["ns.coll.b"]
    assert [task.fqcn for task in flat(role.tasks)] == ["ansible.builtin.ping", "ns.coll.own"]


def test_dependencies_run_first(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  roles: [a, c]\n",
        roles__a__meta__main="dependencies: [{role: b}, {src: 'git+https://example.com/c.git', version: v1}]",
        roles__a__tasks__main="- name: a\n  ping:",
        roles__b__meta__main="dependencies: [c]",
        roles__b__tasks__main="- name: b\n  ping:",
        roles__c__tasks__main="- name: c\n  ping:",
    )
    order = [str(node.name) if node.name else f"end {node.role.name}" for node in play.role_tasks if node.role]
    assert order == ["c", "end c", "b", "end b", "c", "end c", "a", "end a", "c", "end c"]


def test_a_circle_of_dependencies(book: Book) -> None:
    error = book.fail(
        "- hosts: all\n  roles: [a]\n",
        roles__a__meta__main="dependencies: [b]",
        roles__b__meta__main="dependencies: [a]",
    )
    assert "A recursion loop was detected with the roles specified." in error.message


def test_a_role_that_imports_itself(book: Book) -> None:
    error = book.fail("- hosts: all\n  roles: [a]\n", roles__a__tasks__main="- import_role: {name: a}")
    assert "A recursion loop was detected with the roles specified." in error.message


SAME = [
    ("[a, a]", True),
    ("[a, {role: a}]", True),
    ("[{role: a, x: 1}, {role: a, x: 1}]", True),
    ("[{role: a, x: {k: [1]}}, {role: a, x: {k: [1]}}]", True),
    ("[{role: a, x: 1}, {role: a, x: 2}]", False),
    ("[{role: a, vars: {x: 1}}, {role: a, vars: {x: 2}}]", False),
    ("[a, {role: a, tags: t}]", False),
    ("[a, {role: a, when: w}]", False),
    ("[a, {role: a, become: true}]", True),
]


@pytest.mark.parametrize(("roles", "same"), SAME)
def test_which_uses_count_as_the_same(book: Book, roles: str, same: bool) -> None:
    book.write({"roles/a/tasks/main.yml": "- ping:"})
    one, other = book.play(f"- hosts: all\n  roles: {roles}\n").roles
    assert (one.key == other.key) is same
    assert one is not other


SPEC = """
argument_specs:
  main:
    short_description: The main thing
    options: {size: {type: int, required: true}}
  other: {options: {}}
"""


def test_argument_specs_make_a_task(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  roles: [{role: a, size: 80, tags: t}]\n",
        roles__a__meta__argument_specs=SPEC,
        roles__a__tasks__main="- ping:",
    )
    check, ping = flat(play.role_tasks)
    assert check.name == "Validating arguments against arg spec 'main' - The main thing"
    assert check.fqcn == "ansible.builtin.validate_argument_spec"
    assert check.common.tags == ("t", "always")
    assert check.args == {
        "argument_spec": {"size": {"type": "int", "required": True}},
        "provided_arguments": {"size": 80},
        "validate_args_context": {
            "type": "role",
            "name": "a",
            "argument_spec_name": "main",
            "path": str(book.root / "roles/a"),
        },
    }
    assert ping.name is None


def test_argument_specs_in_the_metadata(book: Book) -> None:
    tasks = book.tasks(
        "- import_role: {name: a, tasks_from: other}\n- import_role: {name: a, rolespec_validate: false}",
        roles__a__meta__main=SPEC,
        roles__a__tasks__main="- ping:",
        roles__a__tasks__other="- ping:",
    )
    names = [task.name or task.action for task in tasks]
    assert names == ["Validating arguments against arg spec 'other'", "ping", "ping"]


def test_import_role(book: Book) -> None:
    play = book.play(
        """
        - hosts: all
          tasks:
            - name: bring it
              import_role:
                {name: "{{ which }}", tasks_from: other.yml, vars_from: v, defaults_from: d, handlers_from: h}
          vars: {which: a}
        """,
        roles__a__tasks__other="- ping:",
        roles__a__vars__v="v: 1",
        roles__a__defaults__d="d: 1",
        roles__a__handlers__h="- name: h\n  ping:",
    )
    (block,) = play.tasks
    assert isinstance(block, Block)
    assert (block.implicit, block.name) == (True, "bring it")
    (role,) = play.roles
    assert (role.vars, role.defaults, role.public, role.allow_duplicates) == ({"v": 1}, {"d": 1}, True, True)
    assert [handler.name for handler in play.handlers] == ["h"]
    assert block.body == role.tasks


@pytest.mark.parametrize(
    ("args", "message"),
    [("tasks_from: nope", "Could not find specified file in role: tasks/nope"),
     ("tasks_from: ../../../site.yml", "as it is not inside the expected role path")],
)  # fmt: skip
def test_files_that_a_role_does_not_have(book: Book, args: str, message: str) -> None:
    book.write({"roles/a/tasks/main.yml": "- ping:"})
    with pytest.raises(LoadError, match=message):
        book.nodes(f"- import_role: {{name: a, {args}}}")


BAD = [
    ("meta", "[a]", "the 'meta/main.yml' for role a is not a dictionary"),
    ("meta", "dependecies: []", "'dependecies' is not a valid attribute for a RoleMetadata"),
    ("meta", "dependencies: b", "Expected role dependencies to be a list."),
    ("vars", "[a]", "The vars/main.yml file for role 'a' must contain a dictionary of variables"),
    ("defaults", "text", "The defaults/main.yml file for role 'a' must contain a dictionary of variables"),
    ("tasks", "a: b", "The tasks/main.yml file for role 'a' must contain a list of tasks."),
    ("handlers", "a: b", "The handlers/main.yml file for role 'a' must contain a list of tasks."),
]


@pytest.mark.parametrize(("kind", "text", "message"), BAD)
def test_wrong_files_of_roles(book: Book, kind: str, text: str, message: str) -> None:
    book.write({f"roles/a/{kind}/main.yml": text})
    error = book.fail("- hosts: all\n  roles: [a]\n")
    assert message in error.message
    assert error.origin is not None
    assert error.origin.path == str(book.root / f"roles/a/{kind}/main.yml")


def test_plugins_in_roles_and_beside_playbooks(book: Book) -> None:
    for folder in ("filter_plugins", "roles/a/lookup_plugins", "roles/a/module_utils", "collections", "roles/a/files"):
        (book.root / folder).mkdir(parents=True)
    book.play("- hosts: all\n  roles: [a, a]\n")
    assert book.plugin_dirs == [
        ("collections", str(book.root / "collections")),
        ("filter", str(book.root / "filter_plugins")),
        ("lookup", str(book.root / "roles/a/lookup_plugins")),
        ("module_utils", str(book.root / "roles/a/module_utils")),
    ]


def test_private_role_variables(book: Book) -> None:
    book.settings = replace(book.settings, private_role_vars=True, origin={"private_role_vars": "ansible.cfg"})
    book.write({"roles/a/tasks/main.yml": "- ping:"})
    assert book.play("- hosts: all\n  roles: [a]\n").roles[0].public is False


# at run time


def test_include_role(book: Book) -> None:
    play = book.play(
        """
        - hosts: all
          tasks:
            - when: outer
              block:
                - include_role: {name: "{{ item }}", apply: {tags: applied}}
                  loop: [a]
                  vars: {x: 1}
        """,
        roles__a__meta__main="dependencies: [b]",
        roles__a__tasks__main="- name: in a\n  ping:\n- import_role: {name: c}",
        roles__a__handlers__main="- name: h\n  ping:\n  listen: topic",
        roles__b__tasks__main="- name: in b\n  ping:",
        roles__c__tasks__main="- name: in c\n  ping:",
        roles__c__handlers__main="- name: of c\n  ping:",
    )
    (include,) = flat(play.tasks)
    role = book.loader.include_role(include, play, {"name": "a", "tasks_from": None, "public": True})
    assert [task.name for task in flat(role.tasks)] == ["in b", "in a", "in c"]
    assert (role.public, role.is_static, role.allow_duplicates, role.use_vars) == (True, False, True, {"x": 1})
    common = next(flat(role.tasks)).common
    assert (common.when, common.tags, common.vars) == (("outer",), ("applied",), ({"x": 1},))
    assert [handler.name for handler in role.handlers] == ["h", "of c"]
    topics = [handler.listen for handler in role.handlers if isinstance(handler, Handler)]
    assert topics == [("topic", "a : topic"), ()]
    assert [found.name for found in role.imports] == ["c"]
    assert book.loader.include_role(include, play, {"name": "a", "tasks_from": None, "public": True}) is role
    assert book.loader.include_role(include, play, {"name": "b"}).public is False


def test_include_role_inside_a_role(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  roles: [{role: a, p: 1}]\n",
        roles__a__tasks__main="- include_role: {name: b}",
        roles__b__tasks__main="- ping:",
    )
    (include,) = flat(play.role_tasks)
    role = book.loader.include_role(include, play, {"name": "b"})
    assert [parent.name for parent in role.parents] == ["a"]
    (task,) = flat(role.tasks)
    assert task.include_dirs == (str(book.root / "roles/b"),)


def test_include_role_that_is_not_there(book: Book) -> None:
    play = book.play("- hosts: all\n  tasks:\n    - include_role: {name: nowhere}\n")
    (include,) = flat(play.tasks)
    with pytest.raises(RoleNotFound, match="the role 'nowhere' was not found in"):
        book.loader.include_role(include, play, {"name": "nowhere"})
    with pytest.raises(LoadError, match="could not be converted to 'bool'"):
        book.loader.include_role(include, play, {"name": "a", "public": "perhaps"})
