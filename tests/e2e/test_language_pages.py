"""The examples in the pages about weft's own language are played as they stand there.

A page has one playbook, and commands may follow it: lines of a console that begin with `$`. Whatever else stands there
is what the command prints, or the beginning of it.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.support.command import Done, ansible, inventory, run, weft
from weft.lab import Lab
from weft.playbook.keywords import On, added

pytestmark = pytest.mark.e2e

PAGES = Path(__file__).resolve().parents[2] / "docs" / "language"
EXAMPLE = re.compile(r"^```yaml\n(- (?:hosts|parallel):.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def example(page: str) -> str:
    found = EXAMPLE.findall((PAGES / f"{page}.md").read_text())
    assert len(found) == 1, "each page has one playbook"
    return str(found[0])


@pytest.fixture
def folder(tmp_path: Path, lab: Lab) -> Path:
    """web1 to web4 and ipa1, on three machines."""
    first, second, third = lab.hosts[:3]
    inventory(tmp_path / "hosts", {"web1": first, "web2": second, "web3": first, "web4": second, "ipa1": third})
    with (tmp_path / "hosts").open("a") as file:
        file.write("[web]\nweb[1:4]\n")
    return tmp_path


def test_the_examples_of_all_pages(folder: Path) -> None:
    pages = sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")
    for page in pages:
        (folder / f"{page}.yml").write_text(example(page))
    done: Done = weft("play", "-i", "hosts", *(f"{page}.yml" for page in pages), cwd=folder)
    assert done.code == 0, done


def commands(page: str) -> list[tuple[str, list[str]]]:
    """The command lines of a page, each with what it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for block in CONSOLE.findall((PAGES / f"{page}.md").read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


@pytest.mark.parametrize(
    ("page", "first"), [("check", False), ("conflicts", False), ("interrupt", False), ("jobs", True)]
)
def test_the_commands_of_a_page(folder: Path, page: str, first: bool) -> None:
    """``first``: the playbook is played before them."""
    (folder / "play.yml").write_text(example(page))
    if first:
        assert weft("play", "-i", "hosts", "play.yml", cwd=folder).code == 0
    (folder / "weft").write_text(f'#!/bin/sh\nexec {sys.executable} -m weft "$@"\n')
    (folder / "weft").chmod(0o755)
    for command, printed in commands(page):
        done = run(["bash", "-c", command], folder, {"PATH": f"{folder}:{os.environ['PATH']}"})
        assert done.code == 0, done
        if printed:
            assert done.out.splitlines() == printed


#: Every keyword that weft adds, spelled so that ansible-playbook ignores it. Most tasks need no host: Ansible is slow.
PORTABLE = """
- hosts: web1,web2
  gather_facts: false
  vars: {weft_lock: {name: play, slots: 9}}
  roles:
    - role: empty
      vars: {weft_parallel: true, weft_serial: 1, weft_lock: {name: role}}
  tasks:
    - name: children
      vars: {weft_parallel: {limit: 2, on_failure: cancel}, weft_throttle: 1, weft_timeout: 60}
      block:
        - name: first
          set_fact: {first: done}
        - name: second
          assert: {that: first == 'done', quiet: true}
          vars: {weft_needs: [first]}
    - name: again
      vars: {weft_retries: 2, weft_delay: 0, weft_backoff: 2, weft_max_delay: 1, weft_until: true, weft_register: whole}
      block:
        - assert: {that: first == 'done', quiet: true}
    - name: beside
      vars: {weft_async: 60, weft_poll: 0}
      include_tasks: more.yml
    - name: one at a time
      command: sleep 0.05
      delegate_to: ipa1
      vars: {weft_lock: /root/portable.lock, weft_serial: 1}
    - name: side by side
      debug: {msg: "{{ item }}"}
      loop: [1, 2, 3]
      vars: {weft_loop_parallel: 3}
    - import_tasks: more.yml
      vars: {weft_parallel: 2}
"""


def test_what_is_spelled_as_variables_runs_under_ansible_playbook_too(folder: Path) -> None:
    (folder / "play.yml").write_text(PORTABLE)
    (folder / "more.yml").write_text("- debug: {msg: more}\n")
    (folder / "roles" / "empty" / "tasks").mkdir(parents=True)
    (folder / "roles" / "empty" / "tasks" / "main.yml").write_text("- debug: {msg: role}\n")
    for play in (weft("play", "-i", "hosts", "play.yml", cwd=folder), ansible("-i", "hosts", "play.yml", cwd=folder)):
        assert play.code == 0, play
        assert all("failed=0" in line and "changed=1 " in line for line in play.lines[-2:]), play


def test_the_portable_playbook_has_every_added_keyword() -> None:
    assert {name for on in On for name in added(on)} == set(re.findall(r"weft_(\w+):", PORTABLE))
