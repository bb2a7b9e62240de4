"""The JSON schema for editors: up to date, accepts every playbook of the project, rejects what the loader rejects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from misuses import MISUSES, PLAYS, Misuse
from playbook_kit import in_play

from weft.playbook.keyword_texts import spelled_text, text_of
from weft.playbook.keywords import On, added, rows
from weft.playbook.schema import schema, text

ROOT = Path(__file__).resolve().parents[3]
FENCE = re.compile(r"^```ya?ml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@cache
def validator(definition: str = "") -> Draft7Validator:
    whole = schema()
    Draft7Validator.check_schema(whole)
    return Draft7Validator({"definitions": whole["definitions"], "$ref": definition} if definition else whole)


def problems(playbook: str, definition: str = "") -> list[str]:
    data = yaml.safe_load(playbook)
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator(definition).iter_errors(data)]


def test_the_file_is_what_the_code_makes() -> None:
    assert (ROOT / "schema" / "weft-playbook.json").read_text() == text(), "run: make schema"


def playbooks() -> Iterator[Any]:
    for folder in ("examples", "bench/playbooks", "tests/e2e/guide"):
        for path in sorted((ROOT / folder).rglob("*.yml")):
            content = path.read_text()
            if re.search(r"^- .*\bhosts:|^  hosts:", content, re.MULTILINE):
                yield pytest.param(content, id=str(path.relative_to(ROOT)))
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for number, example in enumerate(FENCE.findall(path.read_text()), 1):
            if example.startswith("- hosts:"):
                yield pytest.param(example, id=f"{path.relative_to(ROOT)} {number}")


@pytest.mark.parametrize("playbook", list(playbooks()))
def test_every_playbook_of_the_project_is_accepted(playbook: str) -> None:
    assert problems(playbook) == []


def task_files() -> Iterator[Any]:
    for kind in ("tasks", "handlers"):
        for path in sorted((ROOT / "examples").rglob(f"{kind}/*.yml")):
            yield pytest.param(path, kind, id=str(path.relative_to(ROOT)))


@pytest.mark.parametrize(("path", "kind"), list(task_files()))
def test_files_of_tasks_have_definitions_of_their_own(path: Path, kind: str) -> None:
    definition = {"tasks": "#/definitions/tasks_file", "handlers": "#/definitions/handlers"}[kind]
    assert problems(path.read_text(), definition) == []


def case(misuse: Misuse) -> str:
    return f"{misuse.keyword}: {misuse.tasks.rpartition(chr(10))[2].strip()}"


@pytest.mark.parametrize("misuse", [m for m in MISUSES if m.schema], ids=case)
def test_a_misuse_in_tasks_is_rejected(misuse: Misuse) -> None:
    assert problems(in_play(misuse.tasks))


@pytest.mark.parametrize("misuse", [m for m in PLAYS if m.schema], ids=case)
def test_a_misuse_in_a_playbook_is_rejected(misuse: Misuse) -> None:
    assert problems(misuse.tasks)


def test_what_a_schema_can_not_tell_is_accepted() -> None:
    assert [misuse.tasks for misuse in MISUSES if not misuse.schema and problems(in_play(misuse.tasks))] == []


FORMS = [
    "- block: [{ping: , name: a}, {ping: , needs: a}]\n  parallel: {limit: '{{ n }}', on_failure: cancel}",
    "- block: [{ping: , name: a}, {ping: , vars: {weft_needs: [a]}}]\n  vars: {weft_parallel: 3}",
    "- ping:\n  lock: [/x, {path: /y, mode: shared, timeout: 1.5}, {name: n, slots: 2, by: '{{ pool }}'}]",
    "- ping:\n  lock: '{{ omit }}'\n  serial: [1, '30%', '{{ n }}']",
    "- include_role: {name: a}\n  loop: [1]\n  loop_control: {parallel: 2, loop_var: x}\n  async: 60\n  poll: 0",
    "- action: include_tasks a.yml\n  parallel: true",
    "- ansible.builtin.import_tasks: a.yml\n  retries: 3\n  until: ok\n  backoff: 1.5\n  max_delay: 60",
    "- parallel: false\n  block: [{ping: , needs: []}]\n  rescue: [{ping: }]",
    "- gather_facts: {parallel: true}\n- pause:\n- user: {name: x}\n- ns.coll.thing: text\n  with_items: [1]",
]


@pytest.mark.parametrize("tasks", FORMS)
def test_every_form_is_accepted(tasks: str) -> None:
    assert problems(in_play(tasks)) == []


def test_parallel_plays_and_imports_are_accepted() -> None:
    text = "- parallel: [{hosts: a}, {import_playbook: b.yml}]\n- import_playbook: c.yml\n- {hosts: all, lock: /x}"
    assert problems(text) == []


def test_every_keyword_has_a_description() -> None:
    assert all(text_of(row.name) for row in rows())
    assert all(spelled_text(name, kind) for on in On for name in added(on) for kind in ("task", "group", "play"))
    definitions = schema()["definitions"]
    for definition in ("task", "block", "include", "import", "handler", "loop_control", "play"):
        for name, entry in definitions[definition]["properties"].items():
            assert entry is False or entry.get("description"), f"{definition}.{name}"


def test_it_is_plain_json() -> None:
    assert json.loads(text()) == schema()
