# ruff: noqa: E501  (tables of cases, one a line)
"""Playbooks that are wrong: what the error says, and where it points."""

from __future__ import annotations

import pytest
from playbook_kit import Book, in_play

from weft.model.errors import LoadError

TASKS = [
    # the tasks of a play, message, line and column, part of the hint
    ("- debug: {msg: hi}\n  whn: x", "'whn' is not a valid attribute for a Task", "4:7", "Did you mean 'when'?"),
    ("- name: x\n  debgu: {msg: hi}", "couldn't resolve module/action 'debgu'. This often indicates a misspelling, "
     "missing collection, or incorrect module path.", "4:7", "Did you mean 'debug'?"),
    ("- my.coll.thing:", "couldn't resolve module/action 'my.coll.thing'.", "3:7", ""),
    ("- action: nosuch a=b", "couldn't resolve module/action 'nosuch'.", "3:15", ""),
    ("- name: only", "no module/action detected in task.", "3:7", ""),
    ("- command: ls\n  debug: {msg: hi}", "conflicting action statements: command, debug", "4:7", "one action"),
    ("- action: ping\n  debug:", "conflicting action statements: ping, debug", "4:7", ""),
    ("- action: ping\n  local_action: ping", "action and local_action are mutually exclusive", "3:7", ""),
    ("- ping: [a]", "unexpected parameter type in action: list", "3:7", ""),
    ("- debug:\n    _ansible_x: 1", "Invalid parameter specified beginning with keyword '_ansible_'", "4:9", ""),
    ("- debug: msg={{ x", "failed at splitting arguments, either an unbalanced jinja2 block or quotes", "3:14", ""),
    ("- ping:\n  args: text", "The value of the task `args` keyword is invalid.", "4:13", "mapping or template"),
    ("- ping:\n  listen: x", "'listen' is not a valid attribute for a Task", "4:7", "handlers"),
    ("- ping:\n  gather_facts: x", "'gather_facts' is not a valid attribute for a Task", "4:7", "has no place here"),
    ("- ping:\n  parallel: true", "'parallel' is not a valid attribute for a Task", "4:7", "loop_control"),
    ("- ping:\n  async: soon", "The value 'soon' could not be converted to 'int'.", "4:14", ""),
    ("- ping:\n  async: 1.5", "The value 1.5 could not be converted to 'int'.", "4:7", ""),
    ("- ping:\n  delay: [1]", "could not be converted to 'float'", "4:14", ""),
    ("- ping:\n  retries: many", "The value 'many' could not be converted to 'int'.", "4:16", ""),
    ("- ping:\n  become_user: [a]", "The field 'become_user' is supposed to be a string type, however the incoming "
     "data structure is a list", "4:20", ""),
    ("- ping:\n  name: {a: b}", "The field 'name' is supposed to be a string type", "4:13", ""),
    ("- ping:\n  register: a-b", "Invalid 'register' specified: Invalid variable name 'a-b'.", "4:17", "letters"),
    ("- ping:\n  register: '{{ x }}'", "Invalid 'register' specified", "4:17", ""),
    ("- ping:\n  debugger: maybe", "'maybe' is not a valid value for debugger.", "4:17", ""),
    ("- ping:\n  tags: {a: b}", "tags must be specified as a list", "4:13", ""),
    ("- ping:\n  tags: [[a]]", "Keyword 'tags' items must be of type 'str' or 'int', not 'list'.", "4:14", ""),
    ("- ping:\n  vars: [a]", "Vars in a Task must be specified as a dictionary.", "4:13", ""),
    ("- ping:\n  vars: {a-b: 1}", "Invalid variable name 'a-b'.", "4:14", "Variable names must be"),
    ("- ping:\n  vars: {1: 1}", "Invalid variable name '1' of type 'int'.", "4:13", ""),
    ("- ping:\n  vars: {true: 1}", "Invalid variable name 'True' of type 'bool'.", "4:13", ""),
    ("- ping:\n  loop: [1]\n  with_items: [1]", "duplicate loop in task: items", "5:7", ""),
    ("- ping:\n  with_items:", "you must specify a value when using with_items", "4:7", ""),
    ("- ping:\n  with_nonsense: [1]", "'with_nonsense' is not a valid attribute for a Task", "4:7", ""),
    ("- ping:\n  loop_control: 3", "the `loop_control` value must be specified as a dictionary", "4:7", ""),
    ("- ping:\n  loop_control: {lop_var: x}", "'lop_var' is not a valid attribute for a LoopControl", "4:22", "loop_var"),
    ("- ping:\n  loop_control: {parallel: 0}", "'parallel' must be at least 1, not 0.", "4:22", ""),
    ("- ping:\n  loop_control: {parallel: [1]}", "'parallel' of 'loop_control' must be a number", "4:32", ""),
    ("- ping:\n  module_defaults: text", "The field 'module_defaults' is supposed to be a dictionary", "4:24", ""),
    ("- ping:\n  module_defaults: {nosuch: {a: 1}}", "Could not resolve action nosuch in module_defaults", "4:25", ""),
    ("- ping:\n  lock: {pth: /x}", "A lock needs either a 'path' (a lock file) or a 'name'", "4:13", ""),
    ("- ping:\n  lock: {path: /x, mod: shared}", "'mod' is not a valid key for 'lock'", "4:24", "Did you mean 'mode'?"),
    ("- ping:\n  lock: {path: /x, mode: both}", "'mode' of a lock must be one of exclusive, shared, not 'both'.",
     "4:30", ""),
    ("- ping:\n  lock: {name: x, slots: none}", "The value 'none' could not be converted to 'int'.", "4:30", ""),
    ("- ping:\n  lock: true", "'lock' must be a path, a mapping or a list of these, not bool.", "4:7", ""),
    ("- just text", "A malformed block was encountered while loading tasks: just text should be a dict but was a str",
     "3:7", ""),
    ("- block: text", "A malformed block was encountered while loading a block: text should be a list", "3:14", ""),
    ("- block:\n    - text", "A malformed block was encountered while loading a block: text should be a dict", "4:11", ""),
    ("- block: []\n  whn: x", "'whn' is not a valid attribute for a Block", "4:7", "Did you mean 'when'?"),
    ("- block: []\n  loop: [1]", "'loop' is not a valid attribute for a Block", "4:7", ""),
    ("- rescue:\n    - ping:", "'rescue' keyword cannot be used without 'block'", "3:7", ""),
    ("- meta: flush_handler", "invalid meta action requested: flush_handler", "3:13", "Did you mean 'flush_handlers'?"),
    ("- meta: '{{ x }}'", "invalid meta action requested: {{ x }}", "3:13", "template"),
    ("- meta: end_role", "Cannot execute 'end_role' from outside of a role", "3:13", ""),
    ("- include_tasks:", "No file specified for include_tasks", "3:7", ""),
    ("- ansible.builtin.include_tasks: {apply: {}}", "No file specified for ansible.builtin.include_tasks", "3:7", ""),
    ("- include_tasks: {file: a, fil: b}", "Invalid options for include_tasks: fil", "3:32", ""),
    ("- include_tasks: {file: a, apply: [b]}", "Expected a dict for apply but got list instead", "3:39", ""),
    ("- include_tasks: {file: a, apply: {tag: b}}", "'tag' is not a valid attribute for a Block", "3:40", "'tags'"),
    ("- include_tasks: {file: a, apply: {lock: /x}}", "'lock' can't be applied to included tasks", "3:40", ""),
    ("- include_tasks: a.yml\n  become: true", "'become' is not a valid attribute for a TaskInclude", "4:7", ""),
    ("- include_role: {name: a}\n  delegate_to: b", "'delegate_to' is not a valid attribute for a IncludeRole",
     "4:7", ""),
    ("- include_role: {tasks_from: a}", "'name' is a required field for include_role.", "3:7", ""),
    ("- include_role: {name: a, tsks_from: b}", "Invalid options for include_role: tsks_from", "3:31", ""),
    ("- include_role: {name: a, vars_from: [b]}", "Expected a string for vars_from but got list instead", "3:42", ""),
    ("- import_tasks: {file: a, apply: {tags: b}}", "Invalid options for import_tasks: apply", "3:38", ""),
    ("- import_tasks: a.yml\n  loop: [1]", "You cannot use loops on 'import_tasks' statements. "
     "You should use 'include_tasks' instead.", "3:7", ""),
    ("- import_role: {name: a}\n  loop: [1]", "You cannot use loops on 'import_role' statements.", "3:7", ""),
    ("- import_tasks: nowhere.yml", "Could not find or access", "3:7", "Looked for it here"),
    ("- import_tasks: '{{ which }}.yml'", "Error when evaluating variable in import path '{{ which }}.yml': "
     "'which' is undefined", "3:21", "static imports"),
    ("- import_role: {name: nowhere}", "the role 'nowhere' was not found in", "3:7", ""),
    # weft's own keywords where they have no place
    ("- ping:\n  needs: [a]", "'needs' has no meaning here", "4:15", ""),
    ("- block: []\n  needs: [a]", "'needs' has no meaning here", "4:15", ""),
    ("- ping:\n  vars: {weft_parallel: 2}", "'weft_parallel' has no meaning for a Task", "4:14", "loop_control"),
    ("- ping:\n  vars: {weft_retries: many}", "'weft_retries' has no meaning for a Task", "4:14", ""),
    ("- block: []\n  vars: {weft_retries: many}", "The value 'many' could not be converted to 'int'.", "4:28", ""),
    ("- block: []\n  parallel: {limt: 2}", "'limt' is not a valid key for 'parallel'", "4:18", "Did you mean 'limit'?"),
    ("- block: []\n  parallel: {on_failure: stop}", "'on_failure' of 'parallel' must be one of finish, cancel",
     "4:30", ""),
    ("- block: []\n  parallel: 0", "'parallel' must be at least 1, not 0.", "4:7", ""),
    ("- block: []\n  parallel: [a]", "'parallel' must be true, a number or a mapping, not a list.", "4:17", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "place", "hint"), TASKS, ids=[case[1][:50] + case[2] for case in TASKS])
def test_wrong_tasks(book: Book, text: str, message: str, place: str, hint: str) -> None:
    check(book, book.fail(in_play(text)), message, place, hint)


PLAYS = [
    ("", "Empty playbook, nothing to do", "", ""),
    ("[]", "A playbook must contain at least one play", "", ""),
    ("hosts: all", "A playbook must be a list of plays, got a dict instead", "1:1", ""),
    ("- text", "playbook entries must be either valid plays or 'import_playbook' statements", "1:3", ""),
    ("- hosts: all\n  foo: 1", "'foo' is not a valid attribute for a Play", "2:3", ""),
    ("- hosts: all\n  task: []", "'task' is not a valid attribute for a Play", "2:3", "Did you mean 'tasks'?"),
    ("- hosts: all\n  include_tasks: x", "'include_tasks' is not a valid attribute for a Play", "2:3", ""),
    ("- hosts: all\n  when: x", "'when' is not a valid attribute for a Play", "2:3", "has no place here"),
    ("- tasks: []", "The field 'hosts' is required but was not set.", "1:3", ""),
    ("- hosts:", "Hosts list cannot be empty. Please check your playbook", "1:3", ""),
    ("- hosts: []", "Hosts list cannot be empty. Please check your playbook", "1:10", ""),
    ("- hosts: [a, null]", "Hosts list cannot contain values of 'None'.", "1:10", ""),
    ("- hosts: [a, 5]", "Hosts list contains an invalid host value: '5'", "1:10", ""),
    ("- hosts: {a: b}", "Hosts list must be a sequence or string.", "1:10", ""),
    ("- hosts: all\n  tasks: 123", "A malformed block was encountered while loading tasks: 123 should be a list or None",
     "1:3", ""),
    ("- hosts: all\n  pre_tasks: text", "A malformed block was encountered while loading pre_tasks", "2:14", ""),
    ("- hosts: all\n  roles: 123", "A malformed role declaration was encountered: 123 should be a list", "", ""),
    ("- hosts: all\n  roles: [[a]]", "Invalid role definition: it is a list.", "2:11", ""),
    ("- hosts: all\n  roles: ['foo,bar']", "Invalid old style role requirement: foo,bar", "2:11", ""),
    ("- hosts: all\n  roles: [{tags: a}]", "role definitions must contain a role name", "2:11", ""),
    ("- hosts: all\n  roles: [nowhere]", "the role 'nowhere' was not found in", "2:11", ""),
    ("- hosts: all\n  user: a\n  remote_user: b", "both 'user' and 'remote_user' are set for this play.", "2:3", ""),
    ("- hosts: all\n  vars: [a]", "Vars in a Play must be specified as a dictionary.", "2:9", ""),
    ("- hosts: all\n  vars_prompt: [{prompt: x}]", "Invalid vars_prompt data structure, missing 'name' key", "2:17", ""),
    ("- hosts: all\n  vars_prompt: [{name: x, privat: y}]", "Invalid vars_prompt data structure, found unsupported key "
     "'privat'", "2:27", "private"),
    ("- hosts: all\n  vars_prompt: [{name: x, private: perhaps}]", "'private' of vars_prompt", "2:36", ""),
    ("- hosts: all\n  gather_timeout: soon", "The value 'soon' could not be converted to 'int'.", "2:19", ""),
    ("- hosts: all\n  lock: [5]", "'lock' must be a path, a mapping or a list of these, not int.", "2:9", ""),
    ("- hosts: all\n  parallel: true", "'parallel' is not a valid attribute for a Play", "2:3", ""),
    ("- hosts: all\n  handlers:\n    - block:\n        - block: []", "Using a block as a handler is not supported.",
     "4:11", ""),
    ("- hosts: all\n  handlers:\n    - include_role: {name: a}", "Using 'include_role' as a handler is not supported.",
     "3:7", ""),
    ("- hosts: all\n  handlers:\n    - meta: flush_handlers", "flush_handlers cannot be used as a handler", "3:13", ""),
    ("- hosts: all\n  handlers:\n    - meta: end_role", "Cannot execute 'end_role' from a handler", "3:13", ""),
    ("- hosts: all\n  handlers:\n    - ping:\n      listen: [5]", "Keyword 'listen' items must be of type 'str', "
     "not 'int'.", "4:15", ""),
    ("- import_playbook: a\n  ansible.builtin.import_playbook: b", "Found conflicting import_playbook actions", "2:3", ""),
    ("- import_playbook: nowhere.yml", "Could not find or access", "1:3", ""),
    ("- import_playbook: '{{ x }}.yml'", "Error processing keyword 'import_playbook': 'x' is undefined", "1:20", ""),
    ("- import_playbook: site.yml", "A playbook imports itself", "1:3", ""),
    ("- import_playbook: a\n  tasks: []", "'tasks' is not a valid attribute for a PlaybookInclude", "2:3", ""),
    ("- parallel: true", "'parallel' at the top of a playbook must be a list of plays.", "1:3", "For example"),
    ("- parallel: []\n  when: x", "'when' is not a valid attribute for a list of parallel plays", "2:3", ""),
    ("- parallel:\n    - parallel: [{hosts: a}]", "A parallel list of plays can't stand inside another one.", "2:7", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "place", "hint"), PLAYS, ids=[case[1][:50] + case[2] for case in PLAYS])
def test_wrong_plays(book: Book, text: str, message: str, place: str, hint: str) -> None:
    check(book, book.fail(text), message, place, hint)


def check(book: Book, error: LoadError, message: str, place: str, hint: str) -> None:
    assert message in error.message
    if place:
        assert book.where(error) == f"site.yml:{place}"
    assert hint in (error.hint or "")


def test_the_source_is_shown(book: Book) -> None:
    shown = book.fail("- hosts: all\n  foo: 1\n").describe()
    assert "'foo' is not a valid attribute for a Play" in shown
    assert "2   foo: 1\n    ^ column 3" in shown


def test_no_such_playbook(book: Book) -> None:
    with pytest.raises(LoadError, match=r"the playbook: .*nowhere.yml could not be found"):
        book.loader.load(str(book.root / "nowhere.yml"))
    with pytest.raises(LoadError, match="does not appear to be a file"):
        book.loader.load(str(book.root))


TRUTHS = ["become: yes.", "diff: perhaps", "ignore_errors: '{{ x }}'", "no_log: 7"]


@pytest.mark.parametrize("keyword", TRUTHS)
def test_truth_is_judged_when_the_task_runs(book: Book, keyword: str) -> None:
    """Ansible's own tests have `diff: yes.` fail as a task, with `ignore_errors`."""
    name, _, _ = keyword.partition(":")
    assert getattr(book.task(f"- ping:\n  {keyword}").common, name) is not None
