"""`any_errors_fatal` and `max_fail_percentage` where a strand fails: at the latest when it is joined."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.builder import Project, Ran

ON_A = {"when": "inventory_hostname == 'a'"}
BREAKS: dict[str, Any] = {"name": "breaks", "shell": "sleep 2; false"}
BLOCK = {"name": "beside", "async": 60, "poll": 0, "block": [BREAKS], **ON_A}
TEMPLATE = {"name": "missing", "template": {"src": "not-there", "dest": "/tmp/x"}, "async": 60, "poll": 0, **ON_A}
BEHIND = {"name": "behind", "command": "echo"}
HOSTS = "a\nb\nc\nd\n"


def play(project: Project, *tasks: Any, hosts: str = HOSTS, **keywords: Any) -> Ran:
    notified = [{"name": "notifies", "command": "echo", "notify": "handler"}]
    book = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [*notified, *tasks],
        "handlers": [{"name": "handler", "command": "echo"}],
        **keywords,
    }
    after = {"hosts": "all", "gather_facts": False, "tasks": [{"name": "next play", "command": "echo"}]}
    return project.play(json.dumps([book, after]), "-f 9", hosts=hosts)


def ran_on(ran: Ran, task: str) -> str:
    return "".join(line.partition(":")[0] for line in ran.tasks if line.partition(": ")[2].startswith(f"{task} ("))


@pytest.mark.parametrize("strand", [BLOCK, TEMPLATE], ids=["block", "action"])
def test_a_failure_that_nobody_was_told_fails_every_host(project: Project, strand: dict[str, Any]) -> None:
    ran = play(project, strand, BEHIND, any_errors_fatal=True)
    assert ran.code == 2
    assert ran_on(ran, "behind") == "abcd"
    assert (ran_on(ran, "handler"), ran_on(ran, "next play")) == ("", "")
    assert ran.recap == {"a": "ok=3 changed=3 failed=1", **dict.fromkeys("bcd", "ok=2 changed=2 skipped=1")}


def test_on_the_block_or_on_a_task_in_it(project: Project) -> None:
    fatal = {"any_errors_fatal": True}
    for strand in ({**BLOCK, **fatal}, {**BLOCK, "block": [{**BREAKS, **fatal}]}, {**TEMPLATE, **fatal}):
        ran = play(project, strand)
        assert ran.code == 2
        assert (ran_on(ran, "handler"), ran_on(ran, "next play")) == ("", ""), strand
    ran = play(project, BLOCK)
    assert (ran_on(ran, "handler"), ran_on(ran, "next play")) == ("bcd", "bcd")


def test_handlers_that_are_forced_run_on_every_host(project: Project) -> None:
    ran = play(project, BLOCK, any_errors_fatal=True, force_handlers=True)
    assert (ran_on(ran, "handler"), ran_on(ran, "next play")) == ("abcd", "")


def test_a_failure_that_is_ignored_or_rescued_is_nobodys(project: Project) -> None:
    for strand in (
        {**BLOCK, "ignore_errors": True},
        {**BLOCK, "rescue": [{"name": "rescued", "command": "echo"}]},
        {**TEMPLATE, "ignore_errors": True},
    ):
        ran = play(project, strand, any_errors_fatal=True)
        assert ran.code == 0
        assert (ran_on(ran, "handler"), ran_on(ran, "next play")) == ("abcd", "abcd"), strand


def test_hosts_in_the_same_strand_fail_together_and_are_not_counted(project: Project) -> None:
    strand = {
        "name": "beside",
        "async": 60,
        "poll": 0,
        "block": [{**BREAKS, **ON_A}, {"name": "more", "command": "echo"}],
    }
    ran = play(project, strand, any_errors_fatal=True)
    assert (ran_on(ran, "more"), ran_on(ran, "next play")) == ("", "")
    assert ran.recap["a"] == "ok=2 changed=2 failed=1"
    assert {ran.recap[host] for host in "bcd"} == {"ok=2 changed=2 skipped=1"}


@pytest.mark.parametrize(("percentage", "broken"), [(24, True), (25, False)])
def test_too_many_failures(project: Project, percentage: int, broken: bool) -> None:
    ran = play(project, BLOCK, BEHIND, max_fail_percentage=percentage)
    assert ran_on(ran, "behind") == "abcd"
    assert (ran_on(ran, "handler"), ran_on(ran, "next play")) == (("", "") if broken else ("bcd", "bcd"))
    assert ("NO MORE HOSTS LEFT" in ran.lines) is broken


@pytest.mark.parametrize("keywords", [{"any_errors_fatal": True}, {"max_fail_percentage": 10}])
def test_one_that_is_waited_for_counts_before_the_next_task(project: Project, keywords: dict[str, Any]) -> None:
    ran = play(project, {**BLOCK, "poll": 1}, BEHIND, **keywords)
    assert (ran_on(ran, "behind"), ran_on(ran, "handler"), ran_on(ran, "next play")) == ("", "", "")
    ran = play(
        project, {**BLOCK, "register": "strand"}, {"await": {"jobs": "{{ strand }}"}, **ON_A}, BEHIND, **keywords
    )
    assert (ran_on(ran, "behind"), ran_on(ran, "next play")) == ("", "")


def test_a_host_that_is_lost_in_a_strand(project: Project) -> None:
    project.hosts.host("a").answers("command", OSError, when=lambda call: False)
    strand = {**BLOCK, "block": [{"name": "waits", "command": "sleep 5"}]}

    def lose(call: Any) -> Any:
        project.hosts.host("a").lose()
        return {"changed": True}

    project.hosts.host("a").answers("module", lose)
    loses = {"name": "loses", "stat": {"path": "/"}, "ignore_unreachable": True, **ON_A}
    ran = play(project, strand, loses, any_errors_fatal=True)
    assert "unreachable=1" in ran.recap["a"]
    assert (ran_on(ran, "handler"), ran_on(ran, "next play")) == ("", "")


LEAVES = {"meta": "end_host", **ON_A}


@pytest.mark.parametrize("keywords", [{"any_errors_fatal": True}, {"max_fail_percentage": 10}])
@pytest.mark.parametrize("strand", [BLOCK, TEMPLATE], ids=["block", "action"])
def test_a_failure_of_a_host_that_has_left_the_play_counts_before_the_handlers(
    project: Project, strand: dict[str, Any], keywords: dict[str, Any]
) -> None:
    ran = play(project, strand, LEAVES, BEHIND, **keywords)
    assert ran.code == 2
    assert ran_on(ran, "behind") == "bcd"
    assert (ran_on(ran, "handler"), ran_on(ran, "next play")) == ("", "")
    assert "failed=1" in ran.recap["a"]


def test_hosts_that_have_left_the_play_keep_nobody_from_the_next_task(project: Project) -> None:
    ran = play(project, {**BLOCK, "block": [{"name": "slow", "command": "sleep 9"}]}, LEAVES, BEHIND)
    assert ran.code == 0
    assert ran.tasks.index("d: behind (changed)") < ran.tasks.index("a: slow (changed)")
    assert (ran_on(ran, "handler"), ran_on(ran, "next play")) == ("bcd", "abcd")


def test_every_host_may_have_left_the_play(project: Project) -> None:
    everybody = {key: value for key, value in BLOCK.items() if key != "when"}
    ran = play(project, everybody, {"meta": "end_host"}, BEHIND, any_errors_fatal=True)
    assert ran.code == 2
    assert (ran_on(ran, "breaks"), ran_on(ran, "next play")) == ("abcd", "")
    assert {recap.rpartition(" ")[2] for recap in ran.recap.values()} == {"failed=1"}


def test_a_host_may_leave_the_play_in_a_handler(project: Project) -> None:
    leaving = [{"name": "handler", "meta": "end_host", **ON_A}]
    before = [{"name": "notifies too", "command": "echo", "notify": "handler"}, BLOCK]
    ran = play(project, BEHIND, pre_tasks=before, handlers=leaving, any_errors_fatal=True)
    assert ran.code == 2
    assert (ran_on(ran, "behind"), ran_on(ran, "next play")) == ("bcd", "")
