"""A misuse of what weft adds to the language ends at load, with its place."""

from __future__ import annotations

import pytest
from misuses import HEAD, MISUSES, PLAYS, Misuse
from playbook_kit import Book, in_play

from weft.events.types import Warned
from weft.model.errors import LoadError
from weft.playbook.keywords import On, added

OTHERS = {"a": "- ping:", "roles__a__tasks__main": "- ping:"}


def place(error: LoadError) -> str:
    assert error.origin is not None
    return f"{error.origin.line}:{error.origin.column}"


def case(misuse: Misuse) -> str:
    return f"{misuse.keyword}: {misuse.tasks.rpartition(chr(10))[2].strip()}"


@pytest.mark.parametrize("misuse", MISUSES, ids=case)
def test_a_misuse_in_tasks(book: Book, misuse: Misuse) -> None:
    text = in_play(misuse.tasks)
    assert text.startswith(HEAD), "places in the table count from these lines"
    error = book.fail(text, **OTHERS)
    assert error.message.startswith(misuse.message)
    assert place(error) == misuse.place


@pytest.mark.parametrize("misuse", PLAYS, ids=case)
def test_a_misuse_in_a_playbook(book: Book, misuse: Misuse) -> None:
    error = book.fail(misuse.tasks)
    assert error.message.startswith(misuse.message)
    assert place(error) == misuse.place


def test_the_table_has_every_added_keyword() -> None:
    words = {misuse.keyword for misuse in (*MISUSES, *PLAYS)} | {"loop_parallel", "until"}  # any value is a condition
    assert {name for on in On for name in added(on)} <= words


def warnings(book: Book, tasks: str) -> list[tuple[str, str, str | None]]:
    book.tasks(tasks, **OTHERS)
    told = [event for event in book.events if isinstance(event, Warned)]
    return [(e.message, f"{e.origin.line}:{e.origin.column}" if e.origin else "", e.help) for e in told]


def test_two_children_that_register_one_name(book: Book) -> None:
    tasks = "- parallel: true\n  block:\n    - {ping: , register: a}\n    - block: [{ping: , register: a}]"
    message = "Two children of a parallel block register 'a': which result stays is a matter of luck."
    assert warnings(book, tasks) == [(message, "6:38", "Give each of them a name of its own.")]


def test_a_misspelled_variable(book: Book) -> None:
    told = warnings(book, "- ping:\n  vars: {weft_lok: /x, weft_house: 1}")
    assert told == [("The variable 'weft_lok' is no keyword of weft's.", "4:14", "Did you mean 'weft_lock'?")]


@pytest.mark.parametrize("keyword", ["backoff", "max_delay"])
def test_a_limit_of_retries_without_retries(book: Book, keyword: str) -> None:
    told = warnings(book, f"- ping:\n  {keyword}: 2")
    assert told == [(f"'{keyword}' has no effect without 'until' or 'retries'.", "4:7", None)]
