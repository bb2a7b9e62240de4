"""Each added keyword may be written as the variable `weft_K`: the node that comes of it is the same."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from playbook_kit import Book

from weft.model.nodes import Block, Node, Play, Task
from weft.playbook.keywords import SPELLED_LOOP, On, added

FILES = {"a": "- ping:", "roles__a__tasks__main": "- ping:"}
#: What a node of each kind begins with. A role entry becomes a block as soon as it has a keyword for the whole.
NODES = {
    On.TASK: "- ping:\n",
    On.BLOCK: "- block: [{ping: }]\n",
    On.INCLUDE: "- include_tasks: a.yml\n",
    On.IMPORT: "- import_tasks: a.yml\n",
    On.HANDLER: "- name: h\n  ping:\n",
    On.ROLE: "- role: a\n",
}
VALUES = {
    "async": "60",
    "backoff": "2",
    "delay": "1.5",
    "lock": "{path: /x, timeout: 5}",
    "loop_parallel": "3",
    "max_delay": "'{{ most }}'",
    "needs": "[first]",
    "parallel": "{limit: 2, on_failure: cancel}",
    "poll": "0",
    "register": "result",
    "retries": "4",
    "serial": "[1, '50%']",
    "throttle": "2",
    "timeout": "30",
    "until": "ok",
}
_OWN = frozenset(("id", "within", "origin", "common", "own_vars", "body", "action_origin", "include_context"))


def essence(node: Node) -> dict[str, Any]:
    """All of a node but its place and its variables."""
    found = {name: getattr(node, name) for name in node.__struct_fields__ if name not in _OWN}
    common = replace(node.common, vars=(), params=())
    found["role"] = None
    if isinstance(node, Block):
        found["body"] = [essence(child) for child in node.body]
    return {**found, "common": common}


def load(book: Book, on: On, lines: str) -> Node:
    text = NODES[on] + "".join(f"  {line}\n" for line in lines.splitlines())
    if on is On.ROLE:
        play = book.play("- hosts: all\n  roles:\n" + indented(text), **FILES)
        return play.role_tasks[0]
    if on is On.HANDLER:
        return book.play("- hosts: all\n  handlers:\n" + indented(text), **FILES).handlers[0]
    if "needs:" in text or "weft_needs:" in text:
        text = "- parallel: true\n  block:\n    - {ping: , name: first}\n" + indented(text)
        (block,) = book.nodes(text, **FILES)
        assert isinstance(block, Block)
        return block.body[1]
    (node,) = book.nodes(text, **FILES)
    return node


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def as_keyword(keyword: str, value: str) -> str:
    if keyword == SPELLED_LOOP:
        return f"loop_control: {{parallel: {value}}}"
    return f"{keyword}: {value}"


PAIRS = [(on, keyword) for on in NODES for keyword in sorted(added(on)) if (on, keyword) != (On.HANDLER, "needs")]


@pytest.mark.parametrize(("on", "keyword"), PAIRS, ids=lambda value: getattr(value, "name", value))
def test_a_variable_is_as_good_as_the_keyword(book: Book, on: On, keyword: str) -> None:
    value = VALUES[keyword]
    spelled = load(book, on, f"vars: {{weft_{keyword}: {value}}}")
    if keyword in ("throttle", "timeout"):
        # Ansible's own keyword is one for each task in it; the variable is one for the whole
        assert str(getattr(spelled, keyword)) == value
        assert getattr(spelled.common, keyword) is None
        return
    if on is On.ROLE and keyword in ("parallel", "serial", "async", "poll", "register"):
        assert essence(spelled) != essence(load(book, on, "")), "as keywords these are a role's parameters"
        return
    assert essence(spelled) == essence(load(book, on, as_keyword(keyword, value)))


def test_a_play(book: Book) -> None:
    def play(line: str) -> Play:
        return book.play(f"- hosts: all\n  {line}\n")

    assert play("vars: {weft_lock: /x}").lock == play("lock: /x").lock == "/x"
    assert added(On.PLAY) == {"lock"}


def test_where_both_stand_the_keyword_counts(book: Book) -> None:
    (task,) = book.nodes("- ping:\n  lock: /keyword\n  vars: {weft_lock: /variable}")
    assert isinstance(task, Task)
    assert task.lock == "/keyword"


def test_only_variables_of_the_node_itself_count(book: Book) -> None:
    (block,) = book.nodes("- block: [{ping: }]\n  vars: {weft_lock: /x}")
    assert isinstance(block, Block)
    (task,) = block.body
    assert isinstance(task, Task)
    assert (block.lock, task.lock) == ("/x", None)
