"""`lock`, `serial`, `throttle` on blocks, includes, roles and plays; `serial` on tasks."""

from __future__ import annotations

import pytest

from tests.support.builder import Project
from weft.events.types import HostStarted, TaskFinished

HOSTS = "h[1:4]\n"


def spans(project: Project, text: str, hosts: str = HOSTS, arguments: str = "-f 10") -> list[str]:
    """Which host began and ended which task, in order."""
    ran = project.play(text, arguments, hosts=hosts)
    assert ran.code == 0, ran
    lines = []
    for event in ran.events:
        if isinstance(event, HostStarted):
            lines.append(f"{event.host} begins {event.task.name}")
        elif isinstance(event, TaskFinished):
            lines.append(f"{event.host} ends {event.task.name}")
    return lines


def most_inside(lines: list[str], first: str, last: str) -> int:
    """How many hosts at most were between the begin of one task and the end of another."""
    inside = most = 0
    for line in lines:
        inside += line.endswith(f"begins {first}")
        most = max(most, inside)
        inside -= line.endswith(f"ends {last}")
    return most


@pytest.mark.parametrize("strategy", ["linear", "free"])
@pytest.mark.parametrize(
    ("limit", "most"),
    [("lock: {name: x}", 1), ("lock: {name: x, slots: 2}", 2), ("throttle: 3", 3), ("serial: 1", 1), ("serial: 2", 2)],
)
def test_so_many_hosts_are_in_a_block_at_once(project: Project, strategy: str, limit: str, most: int) -> None:
    lines = spans(
        project,
        f"""
        - hosts: all
          gather_facts: false
          strategy: {strategy}
          tasks:
            - {limit}
              block:
                - {{name: one, command: sleep 1}}
                - {{name: two, command: sleep 1}}
              always:
                - {{name: three, command: sleep 1}}
            - {{name: behind, debug: {{}}}}
        """,
    )
    assert most_inside(lines, "one", "three") == most
    assert sum(line.endswith("ends behind") for line in lines) == 4
    if strategy == "linear":
        behind = next(index for index, line in enumerate(lines) if line.endswith("begins behind"))
        assert not any(line.endswith("three") for line in lines[behind:]), "somebody went on before the others were out"


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_serial_on_a_task_goes_in_batches(project: Project, strategy: str) -> None:
    lines = spans(
        project,
        f"""
        - hosts: all
          gather_facts: false
          strategy: {strategy}
          tasks:
            - {{name: one, command: sleep 1, serial: [1, "50%"]}}
            - {{name: behind, debug: {{}}}}
        """,
    )
    ends = [line for line in lines if line.endswith("ends one")]
    assert ends[0] == "h1 ends one"
    assert most_inside(lines, "one", "one") == 2
    begins = [index for index, line in enumerate(lines) if line.endswith("begins one")]
    assert len(begins) == 4


def test_hosts_that_come_again_go_in_batches_too(project: Project) -> None:
    lines = spans(
        project,
        """
        - hosts: all
          gather_facts: false
          strategy: free
          tasks:
            - retries: 3
              delay: 0
              block:
                - serial: 2
                  block:
                    - {name: one, command: sleep 1}
                    - {fail: , when: ansible_block_attempt < 3}
        """,
    )
    assert sum(line.endswith("begins one") for line in lines) == 3 * 4
    assert most_inside(lines, "one", "one") == 2


def test_serial_keeps_hosts_of_a_batch_in_step(project: Project) -> None:
    lines = spans(
        project,
        """
        - hosts: all
          gather_facts: false
          tasks:
            - serial: 2
              block:
                - {name: one, command: "sleep {{ 3 if inventory_hostname == 'h1' else 1 }}"}
                - {name: two, command: sleep 1}
        """,
    )
    ends = [line for line in lines if "ends" in line]
    assert ends == [
        "h2 ends one",
        "h1 ends one",
        "h1 ends two",
        "h2 ends two",
        "h3 ends one",
        "h4 ends one",
        "h3 ends two",
        "h4 ends two",
    ]


def test_run_once_in_a_batch_runs_once_for_it_as_in_a_serial_play(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - serial: 2
              block:
                - {command: echo hi, run_once: true}
        """,
        hosts=HOSTS,
    )
    assert [host for host in ("h1", "h2", "h3", "h4") if ran.hosts.commands(host)] == ["h1", "h3"]


def test_run_once_in_a_locked_block_is_done_by_the_first_to_come(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - lock: {name: x}
              block:
                - {command: echo hi, run_once: true, register: said}
                - command: sleep 1
            - debug: {msg: "{{ said.stdout }}"}
        """,
        hosts=HOSTS,
    )
    assert ran.code == 0
    assert [host for host in ("h1", "h2", "h3", "h4") if "echo hi" in ran.hosts.commands(host)] == ["h1"]
    assert ran.messages("h4") == ["hi"]


def test_a_failed_host_lets_the_next_one_in(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - lock: {name: x}
              block:
                - command: "{{ 'false' if inventory_hostname in ('h1', 'h3') else 'true' }}"
                - command: sleep 1
            - debug: {msg: further}
        """,
        hosts=HOSTS,
    )
    assert ran.code == 2
    assert [ran.messages(host) for host in ("h1", "h2", "h3", "h4")] == [[], ["further"], [], ["further"]]


def test_any_errors_fatal_keeps_those_who_wait_out(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - lock: {name: x}
              any_errors_fatal: true
              block:
                - command: "{{ 'false' if inventory_hostname == 'h2' else 'true' }}"
            - debug: {msg: further}
        """,
        "-f 10",
        hosts=HOSTS,
    )
    assert ran.code == 2
    assert [ran.hosts.commands(host) for host in ("h1", "h2", "h3", "h4")] == [["true"], ["false"], [], []]
    assert all(ran.messages(host) == [] for host in ("h1", "h2", "h3", "h4"))


def test_the_same_lock_inside_is_held_already(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - lock: {name: x}
              block:
                - {command: sleep 1, lock: {name: x}}
                - lock: [{name: x}, {name: y}]
                  block: [{debug: {msg: inside}}]
        """,
        hosts="a\n",
    )
    assert ran.code == 0
    assert ran.messages() == ["inside"]


def test_a_lock_that_is_not_free_in_time_fails_the_block(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: guarded
              lock: {name: x, timeout: 2}
              block:
                - command: sleep 5
              rescue:
                - debug: {msg: not for the lock}
        """,
        hosts="a\nb\n",
        arguments="-f 2",
    )
    assert ran.code == 2
    assert ran.tasks == ["b: guarded (failed)", "a: command (changed)"]
    assert "The lock x was not free within 2 seconds (held by guarded on a)." in ran.result("guarded", "b")["msg"]


def test_a_lock_file_is_the_delegates(project: Project) -> None:
    ran = project.play(
        """
        - hosts: h1,h2
          gather_facts: false
          tasks:
            - delegate_to: h4
              lock: /etc/lock
              block:
                - command: sleep 1
                - command: sleep 1
        """,
        hosts=HOSTS,
    )
    assert ran.code == 0
    assert {call.host for call in ran.hosts.calls if call.op.startswith("lock")} == {"h4"}
    assert ran.seconds == pytest.approx(4)


def test_a_role_and_a_play_hold_their_locks_to_the_end(project: Project) -> None:
    project.file("roles/slow/tasks/main.yml", "- {name: one, command: sleep 1}\n- {name: two, command: sleep 1}\n")
    for text in (
        "- hosts: all\n  gather_facts: false\n  roles: [{role: slow, lock: {name: x}}]\n",
        "- hosts: all\n  gather_facts: false\n  lock: {name: x}\n  roles: [slow]\n",
        "- hosts: all\n  gather_facts: false\n  tasks: [{include_role: {name: slow}, lock: {name: x}}]\n",
        "- hosts: all\n  gather_facts: false\n  tasks: [{import_role: {name: slow}, lock: {name: x}}]\n",
    ):
        lines = spans(project, text)
        named = [line for line in lines if line.endswith(("one", "two"))]
        assert len(named) == 16, text
        assert most_inside([line.replace("slow : ", "") for line in named], "one", "two") == 1, text


def test_a_lock_round_an_include_holds_for_all_its_items(project: Project) -> None:
    project.file("some.yml", "- {name: one, command: sleep 1}\n")
    lines = spans(
        project,
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {include_tasks: some.yml, loop: [1, 2], lock: {name: x}}
        """,
        hosts="a\nb\n",
    )
    assert [line for line in lines if "ends one" in line] == ["a ends one"] * 2 + ["b ends one"] * 2


def test_a_skipped_block_takes_no_lock(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - lock: "{{ nowhere }}"
              when: false
              block: [{command: sleep 1}]
        """,
        hosts="a\nb\n",
    )
    assert ran.code == 0
    assert ran.recap == {"a": "skipped=1", "b": "skipped=1"}


def test_a_bad_limit_is_told_with_its_place(project: Project) -> None:
    for line, what in (
        ('lock: {name: x, slots: "{{ none_such }}"}', "Error processing keyword 'lock'"),
        ("throttle: \"{{ 'many' }}\"", "Failed to convert the throttle value to an integer"),
        ("serial: \"{{ 'some' }}\"", "'serial' takes a number or a percentage"),
    ):
        ran = project.play(
            f"- hosts: all\n  gather_facts: false\n  tasks:\n    - {line}\n      block: [{{command: sleep 1}}]\n",
            hosts="a\n",
        )
        assert ran.code != 0, line
        told = ran.out + ran.err
        assert what in told, line
        assert "play.yml:4:" in told, line
        assert "Traceback" not in told


@pytest.mark.parametrize("limit", [4, 15, 0])
def test_a_throttle_with_room_for_all_keeps_hosts_in_step(project: Project, limit: int) -> None:
    lines = spans(
        project,
        f"""
        - hosts: all
          gather_facts: false
          tasks:
            - throttle: {limit}
              block:
                - {{name: one, command: sleep 1}}
                - {{name: two, command: sleep 1}}
        """,
    )
    assert most_inside(lines, "one", "one") == 4
    second = next(index for index, line in enumerate(lines) if line.endswith("begins two"))
    assert not any(line.endswith("one") for line in lines[second:])


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_tasks_with_a_throttle_of_their_own_go_by_that_alone(project: Project, strategy: str) -> None:
    ran = project.play(
        f"""
        - hosts: all
          gather_facts: false
          strategy: {strategy}
          tasks:
            - throttle: 1
              block:
                - {{name: one, command: sleep 1, throttle: 2}}
                - throttle: 4
                  block: [{{name: two, command: sleep 1}}]
              always:
                - {{name: three, command: sleep 1, throttle: 4}}
        """,
        "-f 10",
        hosts=HOSTS,
    )
    assert (ran.code, ran.seconds) == (0, 2 + 1 + 1)
    if strategy == "linear":
        banners = [line for line in ran.lines if line.startswith("TASK")]
        assert banners == ["TASK [one]", "TASK [two]", "TASK [three]"]


def test_one_task_without_a_throttle_keeps_the_limit_of_the_whole_block(project: Project) -> None:
    lines = spans(
        project,
        """
        - hosts: all
          gather_facts: false
          tasks:
            - throttle: 2
              block:
                - {name: one, command: sleep 1, throttle: 4}
                - {name: two, command: sleep 1}
        """,
    )
    assert most_inside(lines, "one", "two") == 2


def test_a_limit_of_the_whole_holds_whatever_its_tasks_say(project: Project) -> None:
    lines = spans(
        project,
        """
        - hosts: all
          gather_facts: false
          tasks:
            - vars: {weft_throttle: 2}
              block:
                - {name: one, command: sleep 1, throttle: 4}
                - {name: two, command: sleep 1, throttle: 4}
        """,
    )
    assert most_inside(lines, "one", "two") == 2


def test_a_strand_that_its_block_waits_for_has_the_locks_of_the_block(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - lock: [{name: x}, /tmp/x]
              block:
                - async: 60
                  poll: 5
                  block:
                    - {command: sleep 1, lock: {name: x}}
                    - {command: sleep 1, lock: /tmp/x}
        """,
        "-f 9",
        hosts=HOSTS,
    )
    assert (ran.code, ran.seconds) == (0, 4 * 2)


def test_batches_of_an_earlier_attempt_are_through_before_the_next_begin(project: Project) -> None:
    """The first attempt's strands still run when the second attempt starts them again."""
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - retries: 1
              delay: 0
              block:
                - name: beside
                  async: 60
                  poll: 0
                  serial: 2
                  block: [{name: inside, command: sleep 1}]
                - {name: breaks, command: "{{ 'false' if ansible_block_attempt == 1 else 'true' }}"}
        """,
        "-f 9",
        hosts="a\nb\nc\n",
    )
    assert ran.code == 0
    begun = [(call.at, call.host) for call in ran.hosts.calls if call.arguments["argv"][0] == "sleep"]
    assert begun == [(0, "a"), (0, "b"), (1, "c"), (2, "a"), (2, "b"), (3, "c")]
    assert "TASK [inside] (beside)" in ran.lines


@pytest.mark.parametrize("limit", ["lock: {name: x}", "serial: 1", "throttle: 1"])
def test_a_failure_that_is_everybodys_finds_hosts_that_were_left_out(project: Project, limit: str) -> None:
    ran = project.play(
        f"""
        - hosts: all
          gather_facts: false
          any_errors_fatal: true
          tasks:
            - {limit}
              when: inventory_hostname == 'h2'
              block: [{{command: "false"}}]
            - debug: {{msg: wrong}}
        """,
        "-f 9",
        hosts=HOSTS,
    )
    assert ran.code == 2
    assert [line for line in ran.tasks if "debug" in line] == []
