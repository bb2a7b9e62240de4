"""--list-tasks, --list-tags, --list-hosts: the same text as ansible-playbook's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playbook_kit import Book, render_static

from weft.model.nodes import Play
from weft.model.values import Value
from weft.playbook.listing import Wanted, listing, syntax_checked

FILES = {
    "site.yml": """
        - name: first play
          hosts: [a, b]
          tags: [play]
          vars: {tag_of_vars: rendered}
          roles:
            - role: base
              tags: base
            - {role: spec, size: 1}
          pre_tasks:
            - name: before
              debug:
              tags: [early, always]
          tasks:
            - debug:
            - name: never
              debug:
              tags: never
            - name: rendered tags
              debug:
              tags: "{{ tag_of_vars }}"
            - name: a block
              tags: block
              block:
                - name: in the block
                  debug:
                - include_tasks: more.yml
                - name: bring a role
                  include_role: {name: base}
                - import_tasks: more.yml
                  tags: [imported]
              rescue:
                - name: in rescue
                  debug:
            - import_role: {name: base, tasks_from: other.yml}
            - meta: flush_handlers
          handlers:
            - name: a handler
              debug:
        - import_playbook: second.yml
          tags: second
    """,
    "more.yml": "- name: more\n  ansible.builtin.debug:\n",
    "second.yml": "- hosts: all\n  tasks:\n    - ping:\n",
    "roles/base/meta/main.yml": "dependencies: [{role: below, tags: dep}]\n",
    "roles/base/tasks/main.yml": "- name: of base\n  debug:\n- debug:\n  tags: unnamed\n",
    "roles/base/tasks/other.yml": "- name: of other\n  debug:\n",
    "roles/below/tasks/main.yml": "- name: of below\n  debug:\n",
    "roles/spec/meta/argument_specs.yml": "argument_specs:\n  main: {short_description: S, options: {size: {}}}\n",
    "roles/spec/tasks/main.yml": "- name: of spec\n  debug:\n",
}


def ansible_playbook(root: Path, *options: str) -> str:
    """What ansible-core prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "a,b,", *options, "site.yml"]
    ended = subprocess.run(
        command,
        cwd=root,
        env=environment | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(root / "home"), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def render(play: Play, value: Value) -> Value:
    return render_static(value, play.vars)


OPTIONS = [
    ([], Wanted(tasks=True)),
    (["--tags", "block,rendered"], Wanted(tasks=True, only_tags=("block", "rendered"))),
    (["--list-tags", "--skip-tags", "always,base"], Wanted(tasks=True, tags=True, skip_tags=("always", "base"))),
]


@pytest.mark.parametrize(("options", "wanted"), OPTIONS, ids=[" ".join(case[0]) or "all" for case in OPTIONS])
def test_lists_are_those_of_ansible_playbook(book: Book, options: list[str], wanted: Wanted) -> None:
    book.write(FILES)
    playbook = book.loader.load(str(book.root / "site.yml"))
    assert listing(playbook, "site.yml", wanted, render) == ansible_playbook(book.root, "--list-tasks", *options)


def test_tags_alone(book: Book) -> None:
    book.write(FILES)
    text = listing(book.loader.load(str(book.root / "site.yml")), "site.yml", Wanted(tags=True), render)
    assert text == (
        "\nplaybook: site.yml\n"
        "\n  play #1 (a,b): first play\tTAGS: [play]\n"
        "      TASK TAGS: [always, base, block, dep, early, imported, play, rendered, unnamed]\n"
        "\n  play #2 (all): all\tTAGS: [second]\n"
        "      TASK TAGS: [second]\n"
    )


def test_hosts(book: Book) -> None:
    playbook = book.load("- hosts: web\n")
    text = listing(playbook, "site.yml", Wanted(hosts=lambda pattern: ["w1", "w2"]))
    assert text == (
        "\nplaybook: site.yml\n\n  play #1 (web): web\tTAGS: []\n    pattern: ['web']\n"
        "    hosts (2):\n      w1\n      w2\n"
    )


def test_syntax_check(book: Book) -> None:
    assert syntax_checked("site.yml") == "\nplaybook: site.yml\n"
