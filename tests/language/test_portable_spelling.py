"""Each keyword that weft adds, spelled as the variable `weft_K`, is obeyed: that is seen by how long a play takes."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

SLEEPS = "block: [{command: sleep 2}, {command: sleep 2}]"
FILES = {"two": "- command: sleep 2\n- command: sleep 2\n"}
FLAKY = "block: [{command: \"{{ 'true' if ansible_block_attempt == 3 else 'false' }}\"}]"

#: variable, the tasks, hosts, seconds (with the variable; without it), exit code
CASES = [
    ("parallel", f"- {SLEEPS}\n  vars: {{weft_parallel: true}}", 1, (2, 4), 0),
    ("parallel", "- import_tasks: two.yml\n  vars: {weft_parallel: 2}", 1, (2, 4), 0),
    ("parallel", "- include_tasks: two.yml\n  vars: {weft_parallel: {limit: 2}}", 1, (2, 4), 0),
    ("needs", "- parallel: true\n  block:\n    - {name: one, command: sleep 2}\n"
     "    - {command: sleep 2, vars: {weft_needs: [one]}}", 1, (4, 2), 0),
    ("loop_parallel", "- command: sleep 2\n  loop: [1, 2]\n  vars: {weft_loop_parallel: 2}", 1, (2, 4), 0),
    ("lock", "- command: sleep 2\n  vars: {weft_lock: {name: x}}", 2, (4, 2), 0),
    ("lock", f"- {SLEEPS}\n  vars: {{weft_lock: {{name: x}}}}", 2, (8, 4), 0),
    ("lock", "- include_tasks: two.yml\n  vars: {weft_lock: {name: x}}", 2, (8, 4), 0),
    ("serial", "- command: sleep 2\n  vars: {weft_serial: 1}", 2, (4, 2), 0),
    ("serial", f"- {SLEEPS}\n  vars: {{weft_serial: 1}}", 2, (8, 4), 0),
    ("throttle", f"- {SLEEPS}\n  vars: {{weft_throttle: 1}}", 2, (8, 4), 0),
    ("throttle", "- include_tasks: two.yml\n  vars: {weft_throttle: 1}", 2, (8, 4), 0),
    ("timeout", f"- {SLEEPS}\n  vars: {{weft_timeout: 3}}", 1, (3, 4), 2),
    ("timeout", "- include_tasks: two.yml\n  vars: {weft_timeout: 3}", 1, (3, 4), 2),
    ("retries", f"- {FLAKY}\n  delay: 4\n  vars: {{weft_retries: 2}}", 1, (8, 0), 0),
    ("delay", f"- {FLAKY}\n  retries: 2\n  vars: {{weft_delay: 1}}", 1, (2, 10), 0),
    ("until", "- block: [{command: sleep 1}]\n  delay: 0\n  vars: {weft_until: ansible_block_attempt == 3}", 1, (3, 1), 0),
    ("backoff", f"- {FLAKY}\n  retries: 2\n  delay: 1\n  vars: {{weft_backoff: 5}}", 1, (6, 2), 0),
    ("max_delay", f"- {FLAKY}\n  retries: 2\n  delay: 9\n  vars: {{weft_max_delay: 2}}", 1, (4, 18), 0),
    ("async", f"- {SLEEPS}\n  poll: 0\n  vars: {{weft_async: 60}}\n- command: sleep 4", 1, (4, 8), 0),
    ("poll", f"- {SLEEPS}\n  async: 60\n  vars: {{weft_poll: 0}}\n- command: sleep 4", 1, (4, 8), 0),
    ("register", f"- {SLEEPS}\n  async: 60\n  poll: 0\n  vars: {{weft_register: job}}\n- await: {{jobs: '{{{{ job }}}}'}}\n"
     "- command: sleep 1", 1, (5, 4), 0),
]  # fmt: skip


def seconds(project: Project, tasks: str, hosts: int) -> tuple[float, int]:
    project.files(**FILES)
    body = "".join(f"    {line}\n" for line in tasks.splitlines())
    ran = project.play(f"- hosts: all\n  gather_facts: false\n  tasks:\n{body}", "-f 9", hosts=f"h[1:{hosts}]\n")
    return ran.seconds, ran.code


@pytest.mark.parametrize(("keyword", "tasks", "hosts", "expected", "code"), CASES, ids=[case[0] for case in CASES])
def test_it_is_obeyed(
    project: Project, keyword: str, tasks: str, hosts: int, expected: tuple[float, float], code: int
) -> None:
    assert f"weft_{keyword}:" in tasks
    obeyed, plain = expected
    assert seconds(project, tasks, hosts) == (pytest.approx(obeyed), code)
    without, _ = seconds(project, tasks.replace(f"weft_{keyword}:", "other:"), hosts)
    assert without == pytest.approx(plain), "the case says nothing"


def test_a_lock_of_a_play_and_of_a_role(project: Project) -> None:
    project.file("roles/r/tasks/main.yml", FILES["two"])
    for text in (
        "- hosts: all\n  gather_facts: false\n  vars: {weft_lock: {name: x}}\n  roles: [r]\n",
        "- hosts: all\n  gather_facts: false\n  roles: [{role: r, vars: {weft_lock: {name: x}}}]\n",
    ):
        assert project.play(text, "-f 9", hosts="a\nb\n").seconds == pytest.approx(8)


def test_a_role_whose_tasks_are_the_children(project: Project) -> None:
    project.file("roles/r/tasks/main.yml", FILES["two"])
    text = "- hosts: all\n  gather_facts: false\n  roles: [{role: r, vars: {weft_parallel: true}}]\n"
    assert project.play(text, hosts="a\n").seconds == pytest.approx(2)
