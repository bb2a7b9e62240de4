# ruff: noqa: E501  (tables of cases, one a line)
"""The ways to write a task down."""

from __future__ import annotations

from typing import Any

import pytest
from playbook_kit import Book

from weft.model.nodes import LoopControl, Retry, Task, TaskKind
from weft.model.values import Origin, Trusted, VaultText, origin_of

ACTIONS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("- copy: {src: a, dest: b}", "copy", "ansible.builtin.copy", {"src": "a", "dest": "b"}),
    ("- copy: src=a dest='b c'", "copy", "ansible.builtin.copy", {"src": "a", "dest": "b c"}),
    ("- action: copy src=a", "copy", "ansible.builtin.copy", {"src": "a"}),
    ("- action: {module: copy, src: a}", "copy", "ansible.builtin.copy", {"src": "a"}),
    ("- action: {module: copy force=yes, args: {src: a}}", "copy", "ansible.builtin.copy", {"force": "yes", "src": "a"}),
    ("- ansible.builtin.ping:", "ansible.builtin.ping", "ansible.builtin.ping", {}),
    ("- ansible.legacy.ping:", "ansible.legacy.ping", "ansible.builtin.ping", {}),
    ("- command: echo hi creates=/x", "command", "ansible.builtin.command", {"_raw_params": "echo hi", "creates": "/x"}),
    ("- shell: echo a=b", "shell", "ansible.builtin.shell", {"_raw_params": "echo a=b"}),
    ("- command: ls\n  args: {chdir: /x}", "command", "ansible.builtin.command", {"chdir": "/x", "_raw_params": "ls"}),
    ("- copy: {src: a}\n  args: {src: b, dest: c}", "copy", "ansible.builtin.copy", {"src": "a", "dest": "c"}),
    ("- meta: noop", "meta", "ansible.builtin.meta", {"_raw_params": "noop"}),
    ("- debug: {{{{ x }}}}".replace("{{{{", '"{{').replace("}}}}", '}}"'), "debug", "ansible.builtin.debug",
     {"_raw_params": "{{ x }}"}),
    ("- action: '{{ which }} src=a'", "{{ which }}", "{{ which }}", {"src": "a"}),
    ("- await: {jobs: all}", "await", "weft.builtin.await", {"jobs": "all"}),
    ("- weft.builtin.cancel: {jobs: all}", "weft.builtin.cancel", "weft.builtin.cancel", {"jobs": "all"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "action", "fqcn", "args"), ACTIONS)
def test_forms_of_actions(book: Book, text: str, action: str, fqcn: str, args: dict[str, Any]) -> None:
    task = book.task(text)
    assert (task.action, task.fqcn, dict(task.args)) == (action, fqcn, args)


def test_local_action_is_delegated(book: Book) -> None:
    task = book.task("- local_action: command echo hi")
    assert task.common.delegate_to == "localhost"
    assert task.args == {"_raw_params": "echo hi"}


def test_args_as_a_template_stay_one(book: Book) -> None:
    task = book.task("- copy: dest=/x\n  args: '{{ more }}'")
    assert task.args == {"dest": "/x"}
    assert task.args_template == "{{ more }}"


def test_an_encrypted_argument_is_free_form_text(book: Book) -> None:
    task = book.task("- command: !vault |\n    $ANSIBLE_VAULT;1.1;AES256\n    6162")
    assert isinstance(task.args["_raw_params"], VaultText)


def test_short_arguments_know_their_place(book: Book) -> None:
    task = book.task("- debug: msg={{ x }}")
    assert origin_of(task.args["msg"]) == Origin(str(book.root / "site.yml"), 3, 14)
    assert isinstance(task.args["msg"], Trusted)


def test_a_collections_keyword_is_searched_for_short_names(book: Book) -> None:
    book.names.extra = {"my.coll.thing"}
    task = book.task("- thing: {a: 1}\n  collections: [my.coll]")
    assert task.fqcn == "my.coll.thing"
    assert task.common.collections == ("my.coll", "ansible.legacy")


def test_modules_beside_the_playbook_and_in_roles(book: Book) -> None:
    book.write(
        {"library/own.py": "", "roles/r/library/of_role.py": "", "roles/r/tasks/main.yml": "- of_role:\n- own:\n"}
    )
    play = book.play("- hosts: all\n  roles: [r]\n  tasks:\n    - own:\n    - of_role:\n")
    assert [task.fqcn for task in play.tasks if isinstance(task, Task)] == [
        "ansible.legacy.own",
        "ansible.legacy.of_role",
    ]
    assert book.loader.module_dirs == (str(book.root / "library"), str(book.root / "roles/r/library"))


def test_keywords_of_a_task(book: Book) -> None:
    task = book.task("""
        - name: all of it
          command: "true"
          when: [a, b]
          register: result
          changed_when: false
          failed_when: [x, y]
          until: result is success
          retries: 4
          delay: 1.5
          backoff: 2
          max_delay: 60
          async: 10
          poll: 0
          notify: restart
          become: true
          environment: {A: 1}
          tags: [t, 3]
          lock: /run/lock/x
          serial: 2
          throttle: 3
          vars: {v: 1}
    """)
    assert task.name == "all of it"
    assert task.common.when == ("a", "b")
    assert task.register == "result"
    assert task.changed_when == (False,)
    assert task.failed_when == ("x", "y")
    assert task.retry == Retry(until=("result is success",), retries=4, delay=1.5, backoff=2, max_delay=60)
    assert (task.async_seconds, task.poll) == (10, 0)
    assert task.common.notify == ("restart",)
    assert task.common.become is True
    assert task.common.environment == ({"A": 1},)
    assert task.common.tags == ("t", "3")
    assert (task.lock, task.serial, task.common.throttle) == ("/run/lock/x", 2, 3)
    assert task.own_vars == {"v": 1}
    assert task.common.vars == ({"v": 1},)
    assert task.origin == Origin(str(book.root / "site.yml"), 3, 7)


def test_a_plain_task_has_defaults(book: Book) -> None:
    task = book.task("- ping:")
    assert task.kind is TaskKind.PLAIN
    assert (task.name, task.register, task.loop, task.changed_when) == (None, None, None, None)
    assert task.loop_control == LoopControl()
    assert task.path_parents == (str(book.root),)


@pytest.mark.parametrize("text", ["- ping:\n  when: []", "- ping:\n  when:", "- ping:\n  when: [null]"])
def test_an_empty_condition_is_none(book: Book, text: str) -> None:
    assert book.task(text).common.when == ()


def test_loops(book: Book) -> None:
    old, new = book.tasks("""
        - debug: var=item
          with_items: "{{ things }}"
        - debug: var=one
          loop: [1, 2]
          loop_control:
            loop_var: one
            index_var: i
            label: "{{ one }}"
            pause: 3
            extended: true
            break_when: one == 2
            parallel: 4
    """)
    assert (old.loop, old.loop_with) == ("{{ things }}", "items")
    assert (new.loop, new.loop_with) == ([1, 2], None)
    assert new.loop_control == LoopControl(
        loop_var="one", index_var="i", label="{{ one }}", pause=3, extended=True, break_when=("one == 2",), parallel=4
    )


def test_tags_with_commas(book: Book) -> None:
    assert book.task("- ping:\n  tags: a, b,c").common.tags == ("a", "b", "c")


def test_numbers_as_names_become_text(book: Book) -> None:
    assert book.task("- ping:\n  name: 5").name == "5"


def test_an_unknown_keyword_can_be_a_warning(book: Book) -> None:
    from msgspec.structs import replace

    book.settings = replace(book.settings, invalid_task_attribute_failed=False)
    assert book.task("- ping:\n  listen: x").fqcn == "ansible.builtin.ping"
    assert book.warnings == ["Ignoring invalid attribute: listen"]


DEPRECATED = [
    ("- action: {module: ping}", "Using a mapping for `action` is deprecated."),
    ("- ping:\n  args:", "Ignoring empty task `args` keyword."),
    ("- copy: src=a\n  args: {dest: b}", "Merging legacy k=v args ('src') into task args."),
]


@pytest.mark.parametrize(("text", "warning"), DEPRECATED)
def test_deprecated_forms(book: Book, text: str, warning: str) -> None:
    book.task(text)
    assert book.warnings == [warning]


def test_ids_are_unique(book: Book) -> None:
    tasks = book.tasks("- ping:\n- block:\n    - ping:\n  rescue:\n    - ping:")
    assert len({task.id for task in tasks}) == 3
