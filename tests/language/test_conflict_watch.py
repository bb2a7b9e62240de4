"""Two that write the same at the same time: a warning, or with `--strict-conflicts` an error."""

from __future__ import annotations

import itertools

import pytest

from tests.support.builder import Project
from tests.support.fake_jobs import Jobs

HOST = "a\n"
ITEMS = """
    - hosts: all
      gather_facts: false
      tasks:
        - name: build
          command: {{cmd: sleep 1, creates: "{path}"}}
          loop: [1, 2, 3]
          loop_control: {{parallel: {parallel}}}
"""
HUB = """
    - hosts: a:b:c
      gather_facts: false
      tasks:
        - name: sign
          command: {{cmd: sleep 1, creates: /book}}
          delegate_to: hub
          {more}
"""
BACKGROUND = """
    - hosts: all
      gather_facts: false
      tasks:
        - name: build
          command: {{cmd: sleep 5, creates: /x}}
          async: 60
          poll: 0
          register: job
        - command: sleep {pause}
        {between}
        - name: use
          command: {{cmd: sleep 1, creates: /x}}
"""


@pytest.fixture
def jobs(project: Project) -> Jobs:
    return Jobs(project, "a", itertools.count(1))


def warnings(lines: list[str]) -> list[str]:
    return [line.removeprefix("[WARNING]: ") for line in lines if line.startswith("[WARNING]")]


def test_items_side_by_side_that_write_one_file(project: Project) -> None:
    ran = project.play(ITEMS.format(path="/opt/x", parallel=3), hosts=HOST)
    assert ran.code == 0
    assert warnings(ran.problems) == ["Items of 'build' write /opt/x on a at the same time."], "once a pair of tasks"
    assert "Origin: play.yml:4:7" in ran.problems
    assert "A loop without `parallel` keeps its items apart." in ran.problems


@pytest.mark.parametrize(("path", "parallel"), [("/opt/x", 1), ("/opt/{{ item }}", 3)])
def test_items_that_do_not_meet(project: Project, path: str, parallel: int) -> None:
    ran = project.play(ITEMS.format(path=path, parallel=parallel), hosts=HOST)
    assert ran.problems == []


def test_hosts_that_write_one_file_of_their_delegate(project: Project) -> None:
    ran = project.play(HUB.format(more=""), "-f 5", hosts="a\nb\nc\nhub\n")
    assert warnings(ran.problems) == ["'sign' writes /book on hub for a and b at the same time."]


@pytest.mark.parametrize("more", ["lock: /book.lock", "throttle: 1", "run_once: true", "check_mode: true"])
def test_what_keeps_hosts_apart(project: Project, more: str) -> None:
    ran = project.play(HUB.format(more=more), "-f 5", hosts="a\nb\nc\nhub\n")
    assert ran.problems == []


def test_one_fork_keeps_hosts_apart(project: Project) -> None:
    assert project.play(HUB.format(more=""), "-f 1", hosts="a\nb\nc\nhub\n").problems == []


def test_as_an_error_the_second_host_fails_before_its_task_runs(project: Project) -> None:
    ran = project.play(HUB.format(more=""), "-f 5 --strict-conflicts", hosts="a\nb\nc\nhub\n")
    assert ran.code == 2
    assert ran.recap == {"a": "ok=1 changed=1", "b": "failed=1", "c": "failed=1"}
    assert ran.result("sign", "b")["msg"] == "'sign' writes /book on hub for a and b at the same time."
    assert len(ran.hosts.commands("hub")) == 1


def test_a_job_in_the_background_and_what_runs_beside_it(project: Project, jobs: Jobs) -> None:
    ran = project.play(BACKGROUND.format(pause=1, between=""), hosts=HOST)
    assert warnings(ran.problems) == ["'use' writes /x on a while a job of 'build' may do so."]
    assert "`await` the job first." in ran.problems


def test_a_job_that_was_awaited_is_in_nobodys_way(project: Project, jobs: Jobs) -> None:
    ran = project.play(BACKGROUND.format(pause=1, between="- await: {jobs: '{{ job }}'}"), hosts=HOST)
    assert ran.problems == []


def test_a_job_that_has_ended_unseen_is_asked_about_first(project: Project, jobs: Jobs) -> None:
    ran = project.play(BACKGROUND.format(pause=7, between=""), hosts=HOST)
    assert ran.problems == []


@pytest.mark.parametrize(("limit", "warned"), [("lock: {name: one}", False), ("when: true", True)])
def test_a_lock_round_the_block_silences_it(project: Project, limit: str, warned: bool) -> None:
    ran = project.play(
        f"""
        - hosts: a:b
          gather_facts: false
          tasks:
            - {limit}
              block:
                - name: sign
                  command: {{cmd: sleep 1, creates: /book}}
                  delegate_to: hub
        """,
        "-f 5",
        hosts="a\nb\nhub\n",
    )
    assert ran.code == 0
    assert ("/book" in ran.err) is warned


def test_children_of_a_parallel_block(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - parallel: true
              block:
                - {name: one, command: {cmd: sleep 1, creates: /x}}
                - name: branch
                  block:
                    - {name: two, command: {cmd: sleep 1, creates: /x}}
                    - {name: three, command: {cmd: sleep 1, creates: /y}}
                - {name: four, command: {cmd: sleep 1, creates: /y}, needs: [branch]}
        """,
        hosts=HOST,
    )
    assert warnings(ran.problems) == ["'one' and 'two' write /x on a at the same time."]


@pytest.mark.parametrize("limit", ["lock: /l", "lock: {name: l, slots: 1}"])
def test_children_with_a_lock(project: Project, limit: str) -> None:
    ran = project.play(
        f"""
        - hosts: all
          gather_facts: false
          tasks:
            - parallel: true
              block:
                - {{name: one, command: {{cmd: sleep 1, creates: /x}}, {limit}}}
                - block: [{{name: two, command: {{cmd: sleep 1, creates: /x}}}}]
                  {limit}
        """,
        hosts=HOST,
    )
    assert (ran.problems, ran.seconds) == ([], pytest.approx(2))


def test_a_strand_and_what_runs_beside_it(project: Project) -> None:
    text = """
        - hosts: all
          gather_facts: false
          tasks:
            - name: long
              block: [{name: in it, command: {cmd: sleep 5, creates: /x}}]
              async: 60
              poll: 0
              register: long
            - {name: beside, command: {cmd: sleep 1, creates: /x}}
            - await: {jobs: "{{ long }}"}
            - {name: behind, command: {cmd: sleep 1, creates: /x}}
        """
    ran = project.play(text, hosts=HOST)
    assert warnings(ran.problems) == ["'in it' and 'beside' write /x on a at the same time."]
    assert project.play(text, "--strict-conflicts", hosts=HOST).recap == {"a": "ok=2 changed=2 failed=1"}


def test_a_failure_by_conflict_can_be_rescued(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - parallel: true
              block:
                - {name: one, command: {cmd: sleep 1, creates: /x}}
                - {name: two, command: {cmd: sleep 1, creates: /x}}
              rescue:
                - debug: {msg: "{{ ansible_failed_result.msg }}"}
        """,
        "--strict-conflicts",
        hosts=HOST,
    )
    assert ran.code == 0
    assert ran.messages() == ["'one' and 'two' write /x on a at the same time."]
