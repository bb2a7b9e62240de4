"""The register of what is being written: who meets whom, and what is said of it."""

from __future__ import annotations

import pytest

from weft.events.types import Event, Warned
from weft.model.errors import TaskFailed
from weft.model.values import Origin
from weft.watch.conflicts import Conflicts, Entry, Writer
from weft.watch.uses import PACKAGES, PATH, Use

MOTD = (Use(PATH, "/etc/motd"),)
APT = (Use(PACKAGES, "the system", "apt"),)


class Kit:
    def __init__(self, strict: bool = False) -> None:
        self.events: list[Event] = []
        self.conflicts = Conflicts(self.events.append, strict=strict)

    def enter(
        self, task: str, host: str = "a", *, machine: str = "", uses: tuple[Use, ...] = MOTD, **more: object
    ) -> Entry:
        line = ord(task[0])
        writer = Writer(task=task, origin=Origin("site.yml", line, 1), host=host, **more)  # type: ignore[arg-type]
        return self.conflicts.enter(machine or host, uses, writer)

    @property
    def told(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Warned)]


def test_two_strands_of_a_host() -> None:
    kit = Kit()
    kit.enter("one", strand="1")
    kit.enter("two", strand="2")
    assert kit.told == ["'one' and 'two' write /etc/motd on a at the same time."]


def test_one_after_the_other_is_no_conflict() -> None:
    kit = Kit()
    for task in ("one", "two", "one"):
        kit.conflicts.leave(kit.enter(task))
    assert kit.told == []


def test_hosts_that_write_on_themselves_are_no_conflict() -> None:
    kit = Kit()
    kit.enter("one", "a")
    kit.enter("one", "b")
    assert kit.told == []


def test_hosts_that_write_on_one_delegate() -> None:
    kit = Kit()
    for host in ("a", "b", "c"):
        kit.enter("one", host, machine="hub")
    assert kit.told == ["'one' writes /etc/motd on hub for a and b at the same time."], "a pair of tasks is told once"


def test_what_several_hosts_fetch_into_one_file() -> None:
    kit = Kit()
    for host in ("a", "b"):
        kit.enter("one", host, uses=(Use(PATH, "got", controller=True),))
    assert kit.told == ["'one' writes got on localhost for a and b at the same time."]


def test_items_of_one_task() -> None:
    kit = Kit()
    kit.enter("one", uses=APT, locks=frozenset({"/x"}))
    kit.enter("one", uses=APT, locks=frozenset({"/x"}))
    assert kit.told == ["Items of 'one' use apt on a at the same time."], "their lock does not keep them apart"


def test_a_lock_of_both_is_believed() -> None:
    kit = Kit()
    kit.enter("one", strand="1", locks=frozenset({"/x", "/y"}))
    kit.enter("two", strand="2", locks=frozenset({"/x"}))
    assert kit.told == []
    kit.enter("three", strand="3", locks=frozenset({"/z"}))
    assert len(kit.told) == 2


def test_a_lock_round_a_block_keeps_hosts_apart_and_not_its_strands() -> None:
    kit = Kit()
    around = frozenset({"/x"})
    kit.enter("one", "a", machine="hub", strand="1", locks_around=around)
    kit.enter("one", "b", machine="hub", locks=around)
    assert kit.told == []
    kit.enter("two", "a", machine="hub", strand="2", locks_around=around)
    assert kit.told == ["'one' and 'two' write /etc/motd on hub at the same time."]


def test_a_job_writes_until_its_end_is_known() -> None:
    kit = Kit()
    kit.conflicts.go_on_as_job(kit.enter("one"), "j1.1")
    assert kit.conflicts.jobs_in_the_way("a", MOTD) == ("j1.1",)
    assert kit.conflicts.jobs_in_the_way("b", MOTD) == () == kit.conflicts.jobs_in_the_way("a", APT)
    kit.conflicts.leave(kit.enter("two"))
    assert kit.told == ["'two' writes /etc/motd on a while a job of 'one' may do so."]
    kit.conflicts.job_ended("j1.1")
    kit.conflicts.job_ended("j1.1")
    kit.enter("three")
    assert len(kit.told) == 1
    assert kit.conflicts.jobs_in_the_way("a", MOTD) == ()


def test_as_an_error_the_second_one_does_not_begin() -> None:
    kit = Kit(strict=True)
    first = kit.enter("one", strand="1")
    with pytest.raises(TaskFailed, match="'one' and 'two' write /etc/motd on a at the same time") as failed:
        kit.enter("two", strand="2")
    assert failed.value.hint and failed.value.origin == Origin("site.yml", ord("t"), 1)
    kit.conflicts.leave(first)
    kit.enter("two", strand="2")
    assert kit.told == []
