"""Parallel blocks, and weft's other keywords on groups of tasks."""

from __future__ import annotations

import pytest
from playbook_kit import Book, flat, in_play

from weft.model.errors import LoadError
from weft.model.nodes import Block, Parallel, Retry, Task, TaskKind


def block(book: Book, text: str, **files: str) -> Block:
    (node,) = book.nodes(text, **files)
    assert isinstance(node, Block)
    return node


FORMS = [
    ("true", Parallel()),
    ("false", None),
    ("3", Parallel(limit=3)),
    ("'{{ n }}'", Parallel(limit="{{ n }}")),
    ("{limit: 2, on_failure: cancel}", Parallel(limit=2, on_failure="cancel")),
    ("{on_failure: finish}", Parallel()),
]


@pytest.mark.parametrize(("value", "parallel"), FORMS)
def test_forms_of_parallel(book: Book, value: str, parallel: Parallel | None) -> None:
    assert block(book, f"- parallel: {value}\n  block: [{{ping: }}]").parallel == parallel


def test_needs(book: Book) -> None:
    node = block(
        book,
        """
        - parallel: true
          block:
            - name: thing 1
              block: [{ping: }]
            - name: link
              needs: thing 1
              ping:
            - needs: [link, thing 1]
              import_tasks: a.yml
          rescue:
            - ping:
        """,
        a="- ping:",
    )
    assert [child.needs for child in node.body] == [(), ("thing 1",), ("link", "thing 1")]
    assert all(task.beside for task in flat(node.body))
    assert not any(task.beside for task in flat(node.rescue))


WRONG = [
    ("[{ping: , needs: [nobody]}]", "'needs' names 'nobody', but no sibling has that name", "takes the names"),
    ("[{ping: , name: build}, {ping: , needs: [bulid]}]", "'needs' names 'bulid'", "Did you mean 'build'?"),
    ("[{ping: , name: a, needs: [b]}, {ping: , name: b, needs: [a]}]", "'needs' goes in a circle: a -> b -> a", ""),
    ("[{ping: , name: a, needs: [a]}]", "'needs' goes in a circle: a -> a", ""),
    ("[{ping: , name: a, needs: [5]}]", "Keyword 'needs' items must be of type 'str', not 'int'.", ""),
    ("[{meta: flush_handlers}]", "'meta: flush_handlers' can't stand inside a parallel block", ""),
    ("[{block: [{meta: end_play}]}]", "'meta: end_play' can't stand inside a parallel block", ""),
    ("[{block: [{ping: , needs: [x]}]}]", "'needs' has no meaning here", ""),
]


@pytest.mark.parametrize(("children", "message", "hint"), WRONG)
def test_wrong_children(book: Book, children: str, message: str, hint: str) -> None:
    error = book.fail(in_play(f"- parallel: true\n  block: {children}"))
    assert message in error.message
    assert hint in (error.hint or "")
    assert error.origin is not None
    assert error.origin.line == 4


def test_harmless_meta_actions(book: Book) -> None:
    assert len(block(book, "- parallel: true\n  block: [{meta: noop}, {meta: clear_facts}]").body) == 2


def test_two_children_that_register_one_name(book: Book) -> None:
    node = """
        - parallel: true
          block:
            - {ping: , register: same, name: a}
            - block: [{ping: , register: same}]
            - {ping: , register: other, needs: [a]}
    """
    block(book, node)
    assert book.warnings == [
        "Two children of a parallel block register 'same': which result stays is a matter of luck."
    ]


def test_children_in_a_row_may_register_one_name(book: Book) -> None:
    node = """
        - parallel: true
          block:
            - {ping: , register: same, name: a}
            - {ping: , name: b, needs: [a]}
            - {ping: , register: same, needs: [b]}
    """
    block(book, node)
    assert book.warnings == []


def test_a_parallel_import_of_tasks(book: Book) -> None:
    node = block(book, "- import_tasks: a.yml\n  parallel: 2", a="- {ping: , name: x}\n- {ping: , needs: [x]}")
    assert (node.parallel, node.implicit, len(node.body)) == (Parallel(limit=2), True, 2)


def test_a_parallel_import_of_a_role(book: Book) -> None:
    """Its own tasks are the children; dependencies come before, the end of the role after them."""
    node = block(
        book,
        "- import_role: {name: a}\n  parallel: true",
        roles__a__meta__main="dependencies: [b]",
        roles__a__tasks__main="- ping:\n- ping:",
        roles__b__tasks__main="- ping:",
    )
    assert node.parallel is None
    kinds = [type(child) for child in node.body]
    assert kinds == [Task, Task, Block, Task]
    inner = node.body[2]
    assert isinstance(inner, Block)
    assert (inner.parallel, len(inner.body), inner.implicit) == (Parallel(), 2, True)
    assert [bool(task.beside) for task in flat(node.body)] == [False, True, True]


def test_parallel_includes(book: Book) -> None:
    play = book.play(
        in_play("- {include_tasks: a.yml, parallel: true}\n- {include_role: {name: r}, parallel: 3}"),
        a="- {ping: , name: x}\n- {ping: , needs: [x]}",
        roles__r__tasks__main="- ping:",
    )
    tasks, role = flat(play.tasks)
    assert (tasks.parallel, role.parallel) == (Parallel(), Parallel(limit=3))
    nodes = book.loader.include_tasks(str(book.root / "a.yml"), tasks, play).nodes
    assert [node.needs for node in nodes] == [(), ("x",)]
    inner = book.loader.include_role(role, play, {"name": "r"}).tasks[0]
    assert isinstance(inner, Block)
    assert inner.parallel == Parallel(limit=3)


def test_the_rules_hold_in_what_a_parallel_child_includes(book: Book) -> None:
    text = "- parallel: true\n  block:\n    - include_tasks: a.yml"
    play = book.play(in_play(text), a="- meta: flush_handlers")
    (include,) = flat(play.tasks)
    with pytest.raises(LoadError, match="'meta: flush_handlers' can't stand inside a parallel block"):
        book.loader.include_tasks(str(book.root / "a.yml"), include, play)


GROUP = """
  lock: {name: n, slots: 2, by: "{{ pool }}", timeout: 5}
  serial: [1, 5]
  throttle: 3
  timeout: 60
  until: r.ok
  retries: 2
  delay: 1
  backoff: 2
  max_delay: 9
  async: 100
  poll: 0
  register: r
"""


@pytest.mark.parametrize("head", ["- block: [{ping: }]", "- import_tasks: a.yml", "- import_role: {name: r}"])
def test_limits_of_groups(book: Book, head: str) -> None:
    node = block(book, head + GROUP, a="- ping:", roles__r__tasks__main="- ping:")
    assert node.lock == {"name": "n", "slots": 2, "by": "{{ pool }}", "timeout": 5}
    assert (node.serial, node.throttle, node.timeout) == ([1, 5], 3, 60)
    assert node.retry == Retry(until=("r.ok",), retries=2, delay=1, backoff=2, max_delay=9)
    assert (node.async_seconds, node.poll, node.register) == (100, 0, "r")
    task = next(flat(node.body))
    assert (task.retry, task.async_seconds, task.register, task.lock) == (Retry(), None, None, None)
    assert (task.common.throttle, task.common.timeout) == (3, 60)
    assert book.warnings == []


@pytest.mark.parametrize("head", ["- include_tasks: a.yml", "- include_role: {name: r}"])
def test_limits_of_includes(book: Book, head: str) -> None:
    include = book.task(head + GROUP)
    assert (include.serial, include.async_seconds, include.register) == ([1, 5], 100, "r")
    assert include.retry.until == ("r.ok",)
    assert (include.common.throttle, include.common.timeout) == (3, 60)
    context = include.include_context
    assert context is not None
    assert (context.throttle, context.timeout) == (None, None)


OWN = "{ping: , throttle: 8}"
PLAIN = "{ping: }"


@pytest.mark.parametrize(
    ("inside", "gate"),
    [
        (f"block: [{OWN}]", None),
        (f"block: [{PLAIN}]", 2),
        (f"block: [{OWN}, {{ping: }}]", 2),
        ("block: [{ping: , throttle: 2}]", None),
        ("block: [{ping: , throttle: 0}]", None),
        (f"block: [{OWN}]\n  rescue: [{{ping: }}]", 2),
        (f"block: [{OWN}]\n  always: [{{ping: }}]", 2),
        (f"block: [{OWN}]\n  rescue: [{OWN}]\n  always: [{OWN}]", None),
        ("block: [{block: [{ping: }, {ping: }], throttle: 4}]", None),
        ("block: [{block: [{block: [{ping: }]}], throttle: 4}, {ping: , throttle: 5}]", None),
        ("block: [{block: [{ping: }], vars: {weft_throttle: 4}}]", 2),
        ("block: [{import_tasks: plain.yml, throttle: 4}]", None),
        ("block: [{import_tasks: own.yml}]", None),
        ("block: [{import_tasks: plain.yml}]", 2),
        ("block: [{include_tasks: plain.yml, throttle: 4}]", None),
        ("block: [{include_tasks: own.yml}]", 2),
        ("import_tasks: own.yml", None),
        ("import_role: {name: own}", None),
        ("import_tasks: plain.yml", 2),
        (f"block: [{OWN}]\n  vars: {{weft_throttle: 3}}", 3),
    ],
)
def test_a_throttle_of_a_group_is_for_what_names_none_of_its_own(book: Book, inside: str, gate: int | None) -> None:
    text = f"- throttle: 2\n  {inside}"
    node = block(book, text, plain=f"- {PLAIN}", own=f"- {OWN}", roles__own__tasks__main=f"- {OWN}")
    assert node.throttle == gate


def test_a_throttle_of_a_role_is_for_what_names_none_of_its_own(book: Book) -> None:
    text = "- hosts: all\n  roles: [{role: own, throttle: 2}, {role: plain, throttle: 2}]"
    play = book.play(text, roles__own__tasks__main=f"- {OWN}", roles__plain__tasks__main=f"- {PLAIN}")
    own, plain = (node for node in play.role_tasks if isinstance(node, Block))
    assert (own.throttle, plain.throttle) == (None, 2)


SPELLED = """
  vars:
    weft_lock: /run/lock/x
    weft_serial: 2
    weft_throttle: 3
    weft_timeout: 60
    weft_retries: 2
    weft_until: r.ok
    weft_async: 100
    weft_poll: 0
    weft_register: r
    weft_parallel: {limit: 2}
    weft_house: mine
"""


@pytest.mark.parametrize("head", ["- block: [{ping: }]", "- import_tasks: a.yml"])
def test_keywords_spelled_as_variables(book: Book, head: str) -> None:
    node = block(book, head + SPELLED, a="- ping:")
    assert (node.lock, node.serial, node.throttle, node.timeout) == ("/run/lock/x", 2, 3, 60)
    assert node.retry == Retry(until=("r.ok",), retries=2)
    assert (node.async_seconds, node.poll, node.register, node.parallel) == (100, 0, "r", Parallel(limit=2))
    task = next(flat(node.body))
    assert (task.common.throttle, task.common.timeout) == (None, None)
    assert task.common.vars[0]["weft_house"] == "mine"


def test_keywords_of_tasks_spelled_as_variables(book: Book) -> None:
    task = book.task("""
        - ping:
          loop: [1]
          loop_control: {loop_var: x}
          lock: /mine
          vars: {weft_lock: /other, weft_loop_parallel: 3, weft_backoff: 2, weft_needs: []}
    """)
    assert (task.lock, task.loop_control.parallel, task.loop_control.loop_var) == ("/mine", 3, "x")
    assert task.retry == Retry(backoff=2)


def test_keywords_of_plays_spelled_as_variables(book: Book) -> None:
    assert book.play("- hosts: all\n  vars: {weft_lock: /x}\n").lock == "/x"


def test_locks_and_retries_of_role_entries(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  roles: [{role: a, lock: /x, retries: 3, p: 1}, {role: a, vars: {weft_parallel: 2}}, a]\n",
        roles__a__tasks__main="- ping:",
    )
    locked, parallel, end, *plain = play.role_tasks
    assert isinstance(locked, Block)
    assert (locked.lock, locked.retry.retries, locked.implicit) == ("/x", 3, True)
    assert locked.body == play.roles[0].tasks
    assert play.roles[0].params == {"lock": "/x", "retries": 3, "p": 1}
    assert isinstance(parallel, Block)
    assert parallel.parallel == Parallel(limit=2)
    assert isinstance(end, Task)
    assert end.kind is TaskKind.ROLE_END
    assert [type(node) for node in plain] == [Task, Task]


@pytest.mark.parametrize("kind", ["defaults", "vars"])
def test_a_parameter_that_the_role_knows_is_no_keyword(book: Book, kind: str) -> None:
    play = book.play(
        "- hosts: all\n  roles: [{role: a, retries: 3, delay: often}]\n",
        **{f"roles__a__{kind}__main": "retries: 1\ndelay: never", "roles__a__tasks__main": "- ping:"},
    )
    assert [type(node) for node in play.role_tasks] == [Task, Task]
    assert play.roles[0].params == {"retries": 3, "delay": "often"}
