"""`await` and `cancel`: waiting for several jobs, and ending them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.support.builder import Project, Ran
from tests.support.fake_jobs import Jobs
from weft.events.types import RunFinished

HOST = "a\n"


@pytest.fixture
def play(project: Project) -> Any:
    """Plays tasks on a host with jobs; `x` is one that tasks are delegated to."""
    numbers = itertools.count(1)
    for name in ("a", "b", "x"):
        Jobs(project, name, numbers)

    def run(tasks: str, *arguments: str, hosts: str = HOST) -> Ran:
        text = "- hosts: all\n  gather_facts: false\n  tasks:\n"
        return project.play(text + tasks, *arguments, hosts=hosts)

    return run


def start(name: str, seconds: float, code: int = 0, more: str = "") -> str:
    return f'    - {{shell: "sleep {seconds}; exit {code}", async: 99, poll: 0, register: {name}{more}}}\n'


LOOP = """
    - shell: "sleep {{ item }}; exit 0"
      async: 99
      poll: 0
      loop: [3, 1, 2]
      when: item != 1
      register: loop
"""


def stdout(ran: Ran, name: str = "wait") -> list[Any]:
    return [row["ansible_job_id"] for row in ran.result(name)["results"]]


def test_all_are_waited_for_and_given_in_order(play: Any) -> None:
    ran = play(start("t1", 5) + start("t2", 2) + "    - {name: wait, await: {jobs: '{{ [t2, t1] }}'}}\n")
    assert ran.seconds == pytest.approx(5)
    assert stdout(ran) == ["j2.1", "j1.1"]
    result = ran.result("wait")
    assert (result["finished"], result["running"], result["changed"]) == (True, [], True)
    assert [row["rc"] for row in result["results"]] == [0, 0]
    left = next(event for event in ran.events if isinstance(event, RunFinished)).jobs_left
    assert left == ()


def test_any_ends_with_the_first(play: Any) -> None:
    tasks = start("t1", 5) + start("t2", 2) + "    - {name: wait, await: {jobs: '{{ [t1, t2] }}', for: any}}\n"
    ran = play(tasks)
    assert ran.seconds == pytest.approx(2)
    assert stdout(ran) == ["j2.1"]
    assert ran.result("wait")["running"] == ["j1.1"]
    assert ran.result("wait")["finished"] is False


def test_a_number_of_them(play: Any) -> None:
    tasks = "".join(start(f"t{n}", n) for n in (4, 3, 2, 1))
    ran = play(tasks + "    - {name: wait, await: {jobs: '{{ [t4, t3, t2, t1] }}', for: 3}}\n")
    assert ran.seconds == pytest.approx(3)
    assert stdout(ran) == ["j2.1", "j3.1", "j4.1"]


def test_registered_loops_ids_and_all(play: Any) -> None:
    for jobs in ("'{{ loop }}'", "'{{ loop.results }}'", "'{{ [loop] }}'", "all", "[j1.1, j2.1]"):
        ran = play(LOOP + f"    - {{name: wait, weft.builtin.await: {{jobs: {jobs}}}}}\n")
        assert ran.code == 0, ran
        assert len(stdout(ran)) == 2, "the skipped item has no job"
        assert ran.seconds == pytest.approx(3) or jobs == "[j1.1, j2.1]"


def test_a_failed_job_fails_the_task(play: Any) -> None:
    ran = play(start("t1", 1) + start("t2", 2, 3) + "    - {name: wait, await: {jobs: '{{ [t1, t2] }}'}}\n")
    assert ran.result("wait")["msg"] == "These jobs failed: j2.1"
    assert [row["rc"] for row in ran.result("wait")["results"]] == [0, 3]
    assert ran.code == 2


def test_a_deadline_fails_with_those_that_still_run(play: Any) -> None:
    tasks = start("t1", 1) + start("t2", 9) + start("t3", 9)
    ran = play(tasks + "    - {name: wait, await: {jobs: '{{ [t1, t2, t3] }}', timeout: 4}}\n")
    result = ran.result("wait")
    assert ran.seconds == pytest.approx(4)
    assert result["msg"] == "2 jobs still run after 4 seconds: j2.1, j3.1"
    assert result["running"] == ["j2.1", "j3.1"]
    assert [bool(row["finished"]) for row in result["results"]] == [True, False, False]


def test_nothing_to_wait_for_is_no_error(play: Any) -> None:
    ran = play("    - {name: wait, await: {jobs: []}}\n    - {name: any, await: {jobs: all, for: any}}\n")
    assert ran.code == 0
    assert ran.result("wait")["results"] == []


def test_a_job_is_found_whoever_started_it_and_wherever(play: Any) -> None:
    there = start("t1", 2, more=", delegate_to: x, become: true, become_user: bob")
    ran = play(there + "    - {name: wait, await: {jobs: '{{ t1 }}'}}\n    - {name: all, await: {jobs: all}}\n")
    assert ran.code == 0, ran
    assert [row["rc"] for row in ran.result("wait")["results"]] == [0]
    assert ran.result("all")["results"] == [], "it was seen to end"


def test_all_means_the_jobs_that_this_host_started(play: Any) -> None:
    tasks = start("t1", 1, more=", delegate_to: x") + "    - {name: wait, await: {jobs: all}}\n"
    ran = play(tasks, hosts="a\nb\n")
    assert stdout(ran) == ["j1.1"]
    assert [row["ansible_job_id"] for row in ran.result("wait", "b")["results"]] == ["j2.1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("{jobs: 7}", "A job is a handle, a registered loop or a job id, not 7."),
        ("{jobs: {rc: 0}}", "This is no job: it has no 'ansible_job_id'. Was it started with `async` and `poll: 0`?"),
        ("{jobs: a/b}", "'a/b' is no job id."),
        ("{jobs: all, for: most}", "'for' must be all, any or a number of at least 1, not 'most'."),
        ("{jobs: all, for: 0}", "'for' must be all, any or a number of at least 1, not 0."),
        ("{}", "missing required arguments: jobs"),
    ],
)
def test_what_makes_no_sense_fails(play: Any, arguments: str, message: str) -> None:
    ran = play(f"    - {{name: wait, await: {arguments}}}\n")
    assert message in str(ran.result("wait")["msg"])


def test_an_unknown_job_is_told(play: Any) -> None:
    ran = play("    - {name: wait, await: {jobs: j99.1}}\n")
    assert ran.result("wait")["msg"] == "These jobs failed: j99.1"
    assert ran.result("wait")["results"][0]["msg"] == "could not find job"


def test_cancel_ends_jobs(play: Any) -> None:
    tasks = start("t1", 50) + start("t2", 1) + "    - pause: {seconds: 2}\n"
    ran = play(
        tasks
        + "    - {name: stop, cancel: {jobs: '{{ [t1, t2] }}'}}\n"
        + "    - {name: again, weft.builtin.cancel: {jobs: '{{ [t1, t2] }}'}}\n"
        + "    - {name: wait, await: {jobs: '{{ t1 }}'}, ignore_errors: true}\n"
    )
    assert ran.code == 0, ran
    result = ran.result("stop")
    assert (result["cancelled"], result["changed"]) == (["j1.1"], True)
    assert [bool(row.get("cancelled")) for row in result["results"]] == [True, False]
    assert (ran.result("again")["cancelled"], ran.result("again")["changed"]) == ([], False)
    assert ran.result("wait")["results"][0]["msg"] == "The job was cancelled"
    assert ran.seconds < 10
    left = next(event for event in ran.events if isinstance(event, RunFinished)).jobs_left
    assert left == ()


def test_cancel_all_and_a_job_that_is_not_there(play: Any) -> None:
    ran = play(LOOP + "    - {name: stop, cancel: {jobs: all}}\n    - {name: none, cancel: {jobs: j77.1}}\n")
    assert ran.result("stop")["cancelled"] == ["j1.1", "j2.1"]
    assert ran.result("none")["cancelled"] == []
    assert ran.code == 0


def test_check_mode_cancels_nothing(play: Any) -> None:
    tasks = start("t1", 50, more=", check_mode: false")
    ran = play(tasks + "    - {name: stop, cancel: {jobs: '{{ t1 }}'}}\n", "--check")
    assert ran.result("stop")["changed"] is True
    assert not [call for call in ran.hosts.calls if call.op == "job.cancel"]


def test_a_hundred_jobs_and_a_hundred_strands_are_waited_for_together(play: Any, project: Project) -> None:
    project.file("one.yml", "- command: sleep {{ item % 7 }}\n- set_fact: {last: '{{ item }}'}\n")
    ran = play(
        """
    - {shell: "sleep {{ item % 5 }}; exit 0", async: 99, poll: 0, loop: "{{ range(100) | list }}"}
    - {include_tasks: one.yml, async: 99, poll: 0, loop: "{{ range(100) | list }}", register: strands}
    - {name: wait, await: {jobs: all}}
    - debug: {msg: "{{ last }}"}
""",
        "-f 5",
        hosts="a\nb\n",
    )
    assert (ran.code, ran.seconds) == (0, pytest.approx(6))
    for host in ("a", "b"):
        rows = ran.result("wait", host)["results"]
        assert len({row["ansible_job_id"] for row in rows}) == len(rows) == 200
        assert all(row["finished"] and not row.get("failed") for row in rows)
        assert ran.messages(host) == [99]


def test_who_waits_keeps_no_place_from_the_hosts_that_it_waits_for(play: Any, project: Project) -> None:
    """A strand's hosts go in step: with one fork the first host's strand needs the second host to get its turn."""
    project.file("steps.yml", "- command: sleep {{ item }}\n- command: sleep 1\n")
    ran = play(
        """
    - {include_tasks: steps.yml, async: 99, poll: 0, loop: [3, 2]}
    - {name: wait, await: {jobs: all}}
""",
        "-f 1",
        hosts="a\nb\nc\n",
    )
    assert ran.code == 0
    assert ran.seconds < 3 * (3 + 2 + 1 + 1)


JOBS = {"shell": "sleep 3600; exit 0", "async": 9000, "loop": list(range(50))}


@pytest.mark.parametrize(
    ("tasks", "wakes"),
    [
        ([{**JOBS, "poll": 0, "register": "jobs"}, {"await": {"jobs": "{{ jobs }}"}}], [3600]),
        ([{**JOBS, "poll": 0, "register": "jobs"}, {"await": {"jobs": "{{ jobs }}", "timeout": 9000}}], [3600]),
        ([{**JOBS, "poll": 1000, "loop_control": {"parallel": 50}}], [1000, 2000, 3000, 3600]),
        (
            [
                {**JOBS, "poll": 0, "register": "jobs"},
                {
                    "async_status": {"jid": "{{ jobs.results | map(attribute='ansible_job_id') }}"},
                    "register": "all",
                    "until": "all.finished",
                    "retries": 9,
                    "delay": 1000,
                },
            ],
            [1000, 2000, 3000, 3600],
        ),
        ([{"block": [{"shell": "sleep 3600; exit 0", "async": 9000, "poll": 8000}] * 2, "parallel": True}], [3600]),
        ([{"shell": "sleep 3600; exit 0", "async": 9000, "poll": 8000, "lock": {"name": "one"}}], [1, 3600, 7200]),
    ],
    ids=["await", "await with a deadline", "poll", "until", "strands", "a lock"],
)
def test_waiting_for_jobs_does_nothing_meanwhile(project: Project, tasks: Any, wakes: list[float]) -> None:
    """No request goes out and no timer fires but for what the playbook asks for; a lock's wait is told of after 1 s."""
    numbers = itertools.count(1)
    for name in ("a", "b"):
        Jobs(project, name, numbers)
    ran = project.play(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), "-f 5")
    assert ran.code == 0
    assert sorted(set(ran.wakes)) == wakes
    assert {call.at for call in ran.hosts.calls} <= {0, *wakes}
