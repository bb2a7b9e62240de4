"""`lock:` on tasks: limits within the run, and lock files on hosts that behave as flock does."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest

from tests.support.builder import Project, Ran
from tests.support.fake_session import Call
from weft.connection.api import RequestFailed
from weft.events.types import LockWait, Warned

THREE = "a\nb\nc\n"


class LockFiles:
    """The lock files of one host, as its kernel has them: exclusive ones only, first come, first served."""

    def __init__(self) -> None:
        self.holder: dict[str, str] = {}
        self.waiting: dict[str, deque[tuple[str, asyncio.Future[None]]]] = {}
        self.most = 0  # how many of the run stood in the kernel's queue for one file at once
        self.log: list[str] = []

    async def acquire(self, call: Call) -> dict[str, Any]:
        path, lease = call.arguments["path"], call.arguments["lease"]
        queue = self.waiting.setdefault(path, deque())
        if path in self.holder:
            call.stream({"waiting": True, "holder": {"lease": self.holder[path], "pid": 7, "user": "root"}})
            mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            entry = (lease, mine)
            queue.append(entry)
            self.most = max(self.most, len(queue))
            try:
                async with asyncio.timeout(call.arguments.get("timeout")):
                    await mine
            except TimeoutError:
                raise RequestFailed("timeout", f"{path} was not free") from None
            finally:
                if entry in queue:
                    queue.remove(entry)
        self.holder[path] = lease
        self.log.append(f"+{path}")
        return {"lease": lease, "waited": 0.0}

    def release(self, call: Call) -> Any:
        path, lease = call.arguments["path"], call.arguments["lease"]
        if self.holder.get(path) != lease:
            return RequestFailed("bad-request", f"lock.release: {path} is not held")
        self.free(path)
        return {}

    def free(self, path: str) -> None:
        del self.holder[path]
        self.log.append(f"-{path}")
        for lease, future in list(self.waiting.get(path, ())):
            if not future.done():
                self.holder[path] = lease
                future.set_result(None)
                break


def lock_files(project: Project, host: str) -> LockFiles:
    files = LockFiles()
    project.hosts.host(host).answers("lock.acquire", files.acquire).answers("lock.release", files.release)
    return files


def waits(ran: Ran) -> list[tuple[str, str, str, bool]]:
    events = [event for event in ran.events if isinstance(event, LockWait)]
    return [(event.host, event.lock, event.holder, event.granted) for event in events]


def starts(ran: Ran) -> list[float]:
    return [call.at for call in ran.hosts.calls if call.op == "command"]


ONE_DELEGATE = """
- hosts: all
  gather_facts: false
  tasks:
    - name: add
      command: sleep 4
      delegate_to: ipa
      lock: /etc/ansible-lock
      register: added
    - debug: {msg: "{{ added.lock.waited | round(3) }}"}
"""


def test_hosts_take_turns_on_the_delegate(project: Project) -> None:
    files = lock_files(project, "ipa")
    ran = project.play(ONE_DELEGATE, hosts=THREE)
    assert starts(ran) == [0, 4, 8]
    assert [ran.messages(host) for host in "abc"] == [[0], [4], [8]]
    assert files.log == ["+/etc/ansible-lock", "-/etc/ansible-lock"] * 3
    assert files.most == 0, "those of the run wait in the run, not on the host"
    assert {call.host for call in ran.hosts.calls if call.op.startswith("lock")} == {"ipa"}


def test_after_a_second_the_view_says_who_waits_for_what_and_who_holds_it(project: Project) -> None:
    lock_files(project, "ipa")
    ran = project.play(ONE_DELEGATE, hosts="a\nb\n")
    assert waits(ran) == [("b", "/etc/ansible-lock", "add on a", False), ("b", "/etc/ansible-lock", "", True)]
    assert "WAITING: [b]: lock /etc/ansible-lock, held by add on a" in ran.lines
    assert not any(line.startswith("LOCKED") for line in ran.lines)


def test_with_v_it_says_when_it_was_got(project: Project) -> None:
    lock_files(project, "ipa")
    ran = project.play(ONE_DELEGATE, "-v", hosts="a\nb\n")
    assert "LOCKED: [b]: /etc/ansible-lock after 4.0s" in ran.lines


def test_another_holder_on_the_host_is_waited_for_and_named(project: Project) -> None:
    files = lock_files(project, "ipa")
    files.holder["/etc/ansible-lock"] = "flock /etc/ansible-lock sleep 9"

    async def acquire(call: Call) -> Any:
        if len(ran_before) == 0:
            ran_before.append(1)
            asyncio.get_running_loop().call_later(9, files.free, "/etc/ansible-lock")
        return await files.acquire(call)

    ran_before: list[int] = []
    project.hosts.host("ipa").answers("lock.acquire", acquire)
    ran = project.play(ONE_DELEGATE, hosts=THREE)
    assert starts(ran) == [9, 13, 17]
    assert files.most == 1, "only one of the run contends on the host"
    assert waits(ran)[0] == ("a", "/etc/ansible-lock", "flock /etc/ansible-lock sleep 9, pid 7 of root", False)


def test_the_lock_is_held_round_all_items_and_retries(project: Project) -> None:
    files = lock_files(project, "a")
    lock_files(project, "b")
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep {{ item }}
              loop: [1, 2]
              retries: 2
              delay: 1
              register: work
              until: work.attempts == 2
              lock: /x
        """,
        hosts="a\n",
    )
    assert files.log == ["+/x", "-/x"]
    assert ran.seconds == pytest.approx(1 + 1 + 1 + 2 + 1 + 2)
    assert ran.result("work")["lock"] == {"waited": 0}


def test_a_skipped_task_takes_no_lock(project: Project) -> None:
    files = lock_files(project, "a")
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 1
              when: false
              lock: "{{ none_such }}"
            - command: sleep 1
              loop: [1, 2]
              when: item == 2
              lock: /x
        """,
        hosts="a\n",
    )
    assert ran.code == 0, ran
    assert files.log == ["+/x", "-/x"]


def test_items_that_need_different_locks_hold_their_own(project: Project) -> None:
    files = lock_files(project, "a")
    project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 1
              loop: [x, x, y]
              lock: /{{ item }}
        """,
        hosts="a\n",
    )
    assert files.log == ["+/x", "-/x", "+/y", "-/y"]


def test_items_side_by_side_never_wait_for_another_hosts_while_they_hold_one(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep {{ 3 if item == 'x' else 1 }}
              loop: "{{ ['x', 'y'] if inventory_hostname == 'a' else ['y', 'x'] }}"
              loop_control: {parallel: 2}
              lock: {name: "{{ item }}"}
        """,
        "-f 5",
    )
    assert ran.code == 0
    assert ran.seconds == pytest.approx(6)


def test_a_name_has_slots_apart_for_each_by(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep 10
              lock: {name: pool, slots: 2, by: "{{ inventory_hostname in ['a', 'b', 'c', 'd', 'e'] }}"}
        """,
        "-f 50",
        hosts="\n".join("abcdef") + "\n",
    )
    assert starts(ran) == [0, 0, 0, 10, 10, 20]
    assert ran.result("work", "f")["lock"] == {"waited": 0}
    assert ran.result("work", "e")["lock"] == {"waited": 20}
    assert not [call for call in ran.hosts.calls if call.op.startswith("lock")]


def test_who_waits_for_a_lock_takes_no_fork(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          strategy: free
          tasks:
            - command: sleep 10
              when: inventory_hostname != 'c'
              lock: {name: one}
            - command: sleep 1
              when: inventory_hostname == 'c'
        """,
        "-f 2",
        hosts=THREE,
    )
    assert starts(ran) == [0, 0, 10]


@pytest.mark.parametrize("lock", ["{name: one, timeout: 3}", "{path: /one, timeout: '{{ 1 + 2 }}'}"])
def test_a_lock_that_is_not_free_in_time_fails_the_task(project: Project, lock: str) -> None:
    files = lock_files(project, "ipa")
    ran = project.play(
        f"""
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep 5
              delegate_to: ipa
              lock: {lock}
        """
    )
    result = ran.result("work", "b")
    name = "one" if "name" in lock else "/one"
    assert result["msg"] == f"The lock {name} was not free within 3 seconds (held by work on a)."
    assert result["lock"] == {"waited": 3}
    assert ran.recap == {"a": "ok=1 changed=1", "b": "failed=1"}
    assert not files.holder


def test_a_lock_that_another_run_holds_fails_in_time_too(project: Project) -> None:
    files = lock_files(project, "a")
    files.holder["/x"] = "somebody else"
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep 5
              lock: {path: /x, timeout: 3}
        """,
        hosts="a\n",
    )
    assert (
        ran.result("work")["msg"] == "The lock /x was not free within 3 seconds (held by somebody else, pid 7 of root)."
    )
    assert not files.waiting["/x"]
    assert files.holder == {"/x": "somebody else"}


@pytest.mark.parametrize("held", [True, False])
def test_a_timeout_of_nothing_takes_what_is_free(project: Project, held: bool) -> None:
    files = lock_files(project, "a")
    if held:
        files.holder["/x"] = "somebody else"
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep 5
              lock: [{path: /x, timeout: 0}, {name: n, timeout: 0}]
        """,
        hosts="a\n",
    )
    assert ran.code == (2 if held else 0), ran


def test_several_are_taken_in_one_order(project: Project) -> None:
    files = lock_files(project, "a")
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 1
              lock: [/y, {name: z}, /x]
            - command: sleep 1
              lock: [/x, /y]
        """,
        hosts="a\n",
    )
    assert ran.code == 0
    assert files.log == ["+/x", "+/y", "-/y", "-/x"] * 2


def test_two_names_of_one_file_are_told_instead_of_waiting_for_ever(project: Project) -> None:
    files = lock_files(project, "a")

    async def acquire(call: Call) -> Any:
        call.arguments["path"] = "/same"  # type: ignore[index]
        return await files.acquire(call)

    project.hosts.host("a").answers("lock.acquire", acquire)
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep 1
              lock: [/one, /two]
        """,
        hosts="a\n",
    )
    assert ran.result("work")["msg"] == "The lock /two is another name of a lock that is taken with it."


def test_a_failed_task_gives_its_lock_back(project: Project) -> None:
    files = lock_files(project, "ipa")
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: "false"
              delegate_to: ipa
              lock: /x
        """
    )
    assert ran.recap == {"a": "failed=1", "b": "failed=1"}
    assert not files.holder


def test_a_lock_that_the_host_lost_meanwhile_is_told(project: Project) -> None:
    files = lock_files(project, "a")

    async def command(call: Call) -> Any:
        files.free("/x")
        return {"rc": 0, "changed": True}

    project.hosts.host("a").answers("command", command)
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 1
              lock: /x
        """,
        hosts="a\n",
    )
    said = [event.message for event in ran.events if isinstance(event, Warned)]
    assert said == ["The lock /x was lost before it was given back: who held it on the host has ended."]


def test_a_lock_that_can_not_be_taken_fails_the_task(project: Project) -> None:
    project.hosts.host("a").answers("lock.acquire", RequestFailed("os", "Permission denied: /x"))
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep 1
              lock: /x
        """,
        hosts="a\n",
    )
    assert ran.result("work")["msg"] == "The lock /x can't be taken: Permission denied: /x"
    assert not ran.hosts.commands()


@pytest.mark.parametrize("value", ["''", "'{{ none_such }}'", "'{{ 7 }}'", "{path: /x, timeout: '{{ [] }}'}"])
def test_a_value_that_makes_no_sense_fails_the_task(project: Project, value: str) -> None:
    ran = project.play(
        f"""
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep 1
              lock: "{{{{ x }}}}"
          vars: {{x: {value}}}
        """,
        hosts="a\n",
    )
    assert "Error processing keyword 'lock'" in str(ran.result("work")["msg"])
    assert not ran.hosts.commands()


def test_omit_means_no_lock(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep 1
              lock: "{{ none_such | default(omit) }}"
        """,
        hosts="a\n",
    )
    assert "lock" not in ran.result("work")


def test_check_mode_makes_no_lock_file(project: Project) -> None:
    files = lock_files(project, "a")
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - ping:
              lock: [/x, {name: n}]
            - command: echo
              check_mode: false
              lock: /y
        """,
        "--check",
        hosts="a\n",
    )
    assert ran.code == 0
    assert files.log == ["+/y", "-/y"]


def test_the_spelling_that_ansible_ignores(project: Project) -> None:
    files = lock_files(project, "a")
    project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 1
              vars: {weft_lock: {path: "/{{ 'x' }}"}}
        """,
        hosts="a\n",
    )
    assert files.log == ["+/x", "-/x"]


def test_a_job_left_behind_is_not_locked_and_that_is_said(project: Project) -> None:
    lock_files(project, "a")
    handle = {"ansible_job_id": "j1.1", "results_file": "/x/j1.1", "started": 1, "finished": 0, "pid": 1}
    project.hosts.host("a").answers("job.start", handle).answers("job.status", {"jobs": {}})
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 1
              async: 9
              poll: 0
              lock: /x
        """,
        hosts="a\n",
    )
    assert "with `poll: 0` the job goes on without it" in ran.err
