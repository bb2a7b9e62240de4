"""Tasks that are on their way to a host before the one in front of them has been answered: the same run, in less time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.support.builder import Project, Ran
from tests.support.fake_host import Hosts, command_gives
from weft.events.types import Event, TaskFinished
from weft.model.errors import Unreachable

#: As in test_any_play: WEFT_PLAYS=1000 where this is changed.
COUNT = int(os.environ.get("WEFT_PLAYS", "0"))
SOME = settings(
    max_examples=COUNT or 30,
    derandomize=not COUNT,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TRIP = 1.0


def played(project: Project, tasks: Sequence[Any], *, hosts: str = "a\n", play: dict[str, Any] | None = None) -> Ran:
    """On hosts that are far away."""
    for name in hosts.split():
        project.hosts.host(name).round_trip = TRIP
    written = {"hosts": "all", "gather_facts": False, **(play or {}), "tasks": tasks}
    return project.play(json.dumps([written]), "-f 5", hosts=hosts)


def commands(count: int) -> list[dict[str, Any]]:
    return [{"name": f"t{number}", "command": f"echo {number}"} for number in range(count)]


def starts(project: Project, host: str = "a") -> list[float]:
    """When each command began."""
    return [call.at for call in project.hosts.host(host).calls if call.op == "command"]


# -- what it saves ---------------------------------------------------------------------------------------------------


def test_tasks_that_need_nothing_of_each_other_share_round_trips(project: Project) -> None:
    ran = played(project, commands(100))
    assert ran.recap == {"a": "ok=100 changed=100"}
    assert ran.seconds == 6 * TRIP
    assert ran.hosts.commands() == [f"echo {number}" for number in range(100)]
    assert ran.tasks == [f"a: t{number} (changed)" for number in range(100)]


def test_a_task_that_reads_what_the_one_before_it_has_found_waits_for_it(project: Project) -> None:
    first = {"name": "t0", "command": "echo x", "register": "r0"}
    chain = [
        {"name": f"t{number}", "command": f"echo {{{{ r{number - 1}.stdout }}}}x", "register": f"r{number}"}
        for number in range(1, 10)
    ]
    ran = played(project, [first, *chain])
    assert ran.seconds == 10 * TRIP
    assert ran.result("t9")["stdout"] == "x" * 10


def test_what_is_read_long_after_it_was_found_is_sent_with_others(project: Project) -> None:
    tasks: list[dict[str, Any]] = [{"command": "echo found", "register": "first"}, *commands(30)]
    tasks += [{"name": "read", "command": "echo {{ first.stdout }}"}]
    ran = played(project, tasks)
    assert ran.result("read")["stdout"] == "found"
    assert ran.seconds == 2 * TRIP


def test_each_host_goes_ahead_where_it_need_not_wait_for_others(project: Project) -> None:
    free = played(project, commands(30), hosts="a\nb\nc\n", play={"strategy": "free"})
    assert free.recap == dict.fromkeys("abc", "ok=30 changed=30")
    assert free.seconds == 2 * TRIP


def test_hosts_in_step_wait_for_each_other_as_ever(project: Project) -> None:
    ran = played(project, commands(5), hosts="a\nb\n")
    assert ran.seconds == 5 * TRIP


def test_hosts_that_take_turns_at_places_wait_for_them_as_ever(project: Project) -> None:
    ran = played(project, commands(3), hosts="".join(f"h{n}\n" for n in range(6)), play={"strategy": "free"})
    assert ran.seconds >= 3 * TRIP
    assert project.hosts.overlap() <= 5


def test_a_batch_of_one_host_goes_ahead(project: Project) -> None:
    ran = played(project, commands(10), hosts="a\nb\n", play={"serial": 1})
    assert ran.seconds == 2 * TRIP


def test_one_that_takes_long_is_the_one_that_is_said_to(project: Project) -> None:
    tasks = [*commands(3), {"name": "long", "command": "sleep 60"}, {"name": "after", "command": "echo"}]
    ran = played(project, tasks)
    assert ran.tasks == [f"a: {name} (changed)" for name in ("t0", "t1", "t2", "long", "after")]
    assert ran.seconds == 60 + TRIP


def test_how_long_one_took_is_what_it_took_on_the_host(project: Project) -> None:
    ran = played(project, [*commands(1), *({"name": f"s{n}", "command": f"sleep {n}"} for n in (20, 30))])
    took = {event.task.name: event.duration for event in ran.events if isinstance(event, TaskFinished)}
    assert (took["s20"], took["s30"]) == (20, 30)


# -- what may depend on another one ----------------------------------------------------------------------------------

SECOND = "echo 2"


@pytest.mark.parametrize(
    "task",
    [
        {"command": "echo {{ r.stdout }}"},
        {"command": "echo {{ r is defined }}"},
        {"command": "echo {{ later }}", "vars": {"later": "{{ deeper }}", "deeper": ["{{ r.stdout }}"]}},
        {"command": "echo {{ lookup('env', 'HOME') }}"},
        {"command": "echo {{ now() }}"},
        {"command": "echo {{ [1, 2] | random }}"},
        {"command": "echo {{ 'x' is exists }}"},
        {"command": "echo {{ hostvars['a'].inventory_hostname }}"},
        {"command": "echo {{ ansible_facts | length }}"},
        {"command": "echo {% for n in [1] %}{{ n }}{% endfor %}"},
        {"command": SECOND, "when": "true"},
        {"command": SECOND, "changed_when": False},
        {"command": SECOND, "failed_when": False},
        {"command": SECOND, "ignore_errors": True},
        {"command": SECOND, "ignore_unreachable": True},
        {"command": SECOND, "until": "true", "retries": 1},
        {"command": SECOND, "loop": [1]},
        {"command": SECOND, "async": 10, "poll": 1},
        {"command": SECOND, "timeout": 10},
        {"command": SECOND, "throttle": 1},
        {"command": SECOND, "run_once": True},
        {"command": SECOND, "lock": "x"},
        {"command": SECOND, "notify": "handler"},
        {"command": SECOND, "debugger": "never"},
        {"command": SECOND, "check_mode": True},
        {"command": SECOND, "delegate_to": "a"},
        {"command": SECOND, "become": "{{ no }}", "vars": {"no": False}},
        {"command": SECOND, "become": True},
        {"command": SECOND, "environment": {"A": "{{ r.rc }}"}},
        {"command": SECOND, "vars": {"ansible_user": "somebody"}},
        {"command": SECOND, "vars": {"ansible_host": "{{ r.stdout }}"}},
        {"command": SECOND, "register": "ansible_user"},
        {"command": SECOND, "name": "{{ lookup('env', 'HOME') }}"},
        {"command": "apt-get install x"},
        {"command": "touch /x", "args": {"creates": "/x"}},
        {"command": "echo {{ quote }}unbalanced", "vars": {"quote": "'"}},
        {"raw": SECOND},
        {"ping": {}},
        {"meta": "flush_handlers"},
        {"block": [{"command": SECOND}]},
    ],
    ids=str,
)
def test_what_may_depend_on_the_one_before_it_waits(project: Project, task: dict[str, Any]) -> None:
    """And so does what comes behind it."""
    project.hosts.host("a").answers("job.start", {"ansible_job_id": "j1.1", "started": 1, "finished": 0})
    project.hosts.host("a").answers("job.wait", {"jobs": {"j1.1": {"finished": 1, "rc": 0, "ansible_job_id": "j1.1"}}})
    tasks = [{"command": "echo 1", "register": "r"}, task, {"name": "last", "command": "echo 3"}]
    played(project, tasks, play={"handlers": [{"name": "handler", "command": "echo handler"}]})
    begun = project.hosts.calls[1:]
    assert begun == [] or begun[0].at >= TRIP * 1.5, begun


@pytest.mark.parametrize(
    "task",
    [
        {"command": "echo {{ word }} {{ inner.deep | default('x') | quote }}{{ nothing | default('') }}"},
        {"shell": "echo {{ word if inner.deep is defined else 'no' }}"},
        {"command": {"argv": ["echo", "{{ word }}"]}},
        {"command": SECOND, "register": "r", "become": False, "no_log": False, "environment": {"A": "b"}},
        {"command": SECOND, "name": "{{ word }}", "tags": ["one"], "any_errors_fatal": True},
    ],
    ids=str,
)
def test_what_is_known_before_does_not(project: Project, task: dict[str, Any]) -> None:
    known = {"word": "hello", "inner": {"deep": "{{ word }}"}}
    ran = played(project, [{"command": "echo 1", "register": "r"}, task, {"command": "echo 3"}], play={"vars": known})
    assert (ran.code, ran.seconds) == (0, TRIP), ran
    assert starts(project) == [TRIP / 2] * 3


def test_nothing_goes_ahead_in_check_mode_or_step_by_step(project: Project) -> None:
    project.hosts.host("a").round_trip = TRIP
    project.file("play.yml", json.dumps([{"hosts": "all", "gather_facts": False, "tasks": commands(3)}]))
    assert project.play(None, "--check", hosts="a\n").seconds == 3 * TRIP
    assert project.play(None, "--step", answers=["y", "y", "y"]).seconds == 3 * TRIP
    assert project.play(None, "", answers=[]).seconds == TRIP


# -- what goes wrong -------------------------------------------------------------------------------------------------


def test_what_comes_behind_a_failure_is_not_run(project: Project) -> None:
    ran = played(project, [*commands(3), {"name": "bad", "shell": "exit 1"}, *commands(20)])
    assert (ran.code, ran.recap) == (2, {"a": "ok=3 changed=3 failed=1"})
    assert ran.hosts.commands() == ["echo 0", "echo 1", "echo 2", "exit 1"]


def test_a_rescue_comes_in_place_of_what_was_on_its_way(project: Project) -> None:
    block = {
        "block": [{"command": "echo 1"}, {"shell": "exit 1"}, *commands(9)],
        "rescue": [{"command": "echo rescue"}, {"command": "echo again"}],
        "always": commands(2),
    }
    ran = played(project, [block, {"command": "echo end"}])
    assert (ran.code, ran.recap) == (0, {"a": "ok=6 changed=6 rescued=1"})
    assert ran.hosts.commands() == ["echo 1", "exit 1", "echo rescue", "echo again", "echo 0", "echo 1", "echo end"]


def test_what_the_agent_judges_otherwise_is_asked_again_in_its_turn(project: Project) -> None:
    """It leaves output that may be no text to the controller."""
    project.hosts.host("a").wary = lambda reply: reply.result["stdout"] in ("2", "3", "7")
    ran = played(project, commands(10))
    assert (ran.code, ran.recap) == (0, {"a": "ok=10 changed=10"})
    assert ran.hosts.commands() == [f"echo {number}" for number in range(10)]
    assert ran.seconds == 4 * TRIP


def test_a_host_that_is_lost_is_said_to_have_had_more_to_do(project: Project) -> None:
    host = project.hosts.host("a")
    host.answers("command", Unreachable("gone"), when=lambda call: call.arguments["argv"][-1] == "1")
    ran = played(project, commands(5))
    assert (ran.code, ran.recap) == (4, {"a": "ok=1 changed=1 unreachable=1"})
    lost = ran.result("t1")
    assert lost["msg"] == "Task failed: gone"
    assert "may have been run if all before it ended well: t2, t3, t4" in ran.err
    assert ran.hosts.commands() == ["echo 0", "echo 1"]


def test_a_host_that_can_not_wait_is_asked_one_by_one(project: Project) -> None:
    project.hosts.host("a").posts = False
    ran = played(project, commands(5))
    assert (ran.code, ran.seconds) == (0, 5 * TRIP)


# -- Ctrl-C ----------------------------------------------------------------------------------------------------------


def interrupted(project: Project, tasks: Sequence[Any], *at: float) -> Ran:
    project.hosts.host("a").round_trip = TRIP
    written = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    return project.play(json.dumps(written), hosts="a\n", ctrl_c=at)


LONG = [{"name": f"t{number}", "command": f"sleep 1{number}"} for number in range(5)]


def test_after_ctrl_c_what_runs_is_told_and_nothing_more_begins(project: Project) -> None:
    ran = interrupted(project, LONG, 15.0)
    assert (ran.code, ran.tasks) == (130, ["a: t0 (changed)", "a: t1 (changed)"])
    assert ran.hosts.commands() == ["sleep 10", "sleep 11"]
    assert ran.recap == {"a": "ok=2 changed=2"}


def test_what_had_begun_when_ctrl_c_reached_the_host_is_told_too(project: Project) -> None:
    """On the host the first has ended at 10.5; that is known here at 11."""
    ran = interrupted(project, LONG, 10.7)
    assert ran.tasks == ["a: t0 (changed)", "a: t1 (changed)"]
    assert ran.hosts.commands() == ["sleep 10", "sleep 11"]


def test_ctrl_c_before_the_first_has_ended_leaves_it_at_that(project: Project) -> None:
    ran = interrupted(project, LONG, 9.9)
    assert (ran.code, ran.tasks) == (130, ["a: t0 (changed)"])
    assert ran.hosts.commands() == ["sleep 10"]


def test_ctrl_c_twice_ends_what_runs_and_begins_nothing(project: Project) -> None:
    ran = interrupted(project, LONG, 15.0, 16.0)
    assert (ran.code, ran.tasks) == (130, ["a: t0 (changed)"])
    assert ran.hosts.commands() == ["sleep 10", "sleep 11"]
    assert [call.outcome for call in ran.hosts.calls] == ["answered", "cancelled"]


def test_where_another_host_ends_the_play_nothing_more_begins(project: Project) -> None:
    first = {"command": "sleep 5", "when": "inventory_hostname == 'b'"}
    end = {"meta": "end_play", "when": "inventory_hostname == 'b'"}
    ran = played(project, [first, end, *LONG], hosts="a\nb\n", play={"strategy": "free"})
    assert ran.hosts.commands("a") == ["sleep 10"]
    assert [task for task in ran.tasks if task.startswith("a: t")] == ["a: t0 (changed)"]


# -- any play --------------------------------------------------------------------------------------------------------

NAMES = ("r0", "r1")


KEYWORDS: list[tuple[str, Any]] = [
    ("when", "false"), ("when", "false"), ("when", "false"), ("when", "r1 is defined"), ("when", "r1.rc == 0"), ("ignore_errors", True), ("loop", [1, 2]),
    ("failed_when", "true"), ("notify", "handler"), ("become", True), ("tags", "left-out"), ("changed_when", False),
    ("environment", {"A": "{{ r0.rc | default(0) }}"}), ("name", "{{ r0.stdout | default('') }}"), ("no_log", True),
]  # fmt: skip


class Writer:
    """Writes random plays of what may and what may not be sent ahead."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._number = 0

    def play(self) -> dict[str, Any]:
        return {
            "hosts": "all",
            "gather_facts": False,
            "vars": {"word": "w", "quote": "'", "lazy": "{{ r0.stdout | default('none') }}"},
            "tasks": self.nodes(2, 9),
            "handlers": [{"name": "handler", "command": "echo handler"}, self.task()],
        }

    def nodes(self, depth: int, most: int) -> list[dict[str, Any]]:
        return [self.node(depth) for _ in range(self._among(range(2, most + 1)))]

    def node(self, depth: int) -> dict[str, Any]:
        if depth and self._rarely(4):
            block: dict[str, Any] = {"block": self.nodes(depth - 1, 6)}
            for part in ("rescue", "always"):
                if self._rarely(2):
                    block[part] = self.nodes(depth - 1, 3)
            return block
        if self._rarely(16):
            return self._among([{"meta": "flush_handlers"}, {"set_fact": {"word": "{{ word }}x"}}, {"ping": {}}])
        return self.task()

    def task(self) -> dict[str, Any]:
        self._number += 1
        name = f"t{self._number}"
        text = self._among(
            [
                "echo {n}", "echo {n}", "echo {n}", "echo {n}", "sleep {s}; echo {n}", "echo {n} {{{{ word }}}}",
                "echo {n} {{{{ {r}.stdout | default('') }}}}", "echo {n} {{{{ {r}.stdout | default('') }}}}",
                "echo {n} {{{{ lazy }}}}", "echo {n}; exit 1", "echo {n}; exit 1", "echo {n} {{{{ quote }}}}",
            ]
        )  # fmt: skip
        text = text.format(n=name, s=self._among((0.3, 1, 4)), r=self._among(NAMES))
        either = self._among(("shell", "command"))
        action = "shell" if ";" in text else "command" if "quote" in text else either
        task: dict[str, Any] = {"name": name, action: text}
        if self._rarely(2):
            task["register"] = self._among(NAMES)
        if self._rarely(3):
            keyword, value = self._among(KEYWORDS)
            task[keyword] = value
        return task

    def _among(self, values: Sequence[Any]) -> Any:
        return values[self._draw(st.integers(0, len(values) - 1))]

    def _rarely(self, one_in: int) -> bool:
        return bool(self._draw(st.integers(0, one_in - 1)) == one_in - 1)


@st.composite
def plays(draw: st.DrawFn) -> dict[str, Any]:
    return Writer(draw).play()


_TIMES = {"at", "duration", "wall", "task_seconds", "origin"}


def told(events: Sequence[Event], host: str | None = None) -> list[dict[str, Any]]:
    """What was published, but for when; of one host, and what is of none."""
    shown = []
    for event in events:
        fields = structs.asdict(event)
        if host is None or fields.get("host", host) == host:
            kept = {name: repr(value) for name, value in fields.items() if name not in _TIMES}
            shown.append({"event": type(event).__name__, **kept})
    return shown


def asked(ran: Ran, host: str | None = None) -> list[tuple[str | None, Any]]:
    """What the host was to do, in order, and as whom."""
    return [(call.user, call.arguments) for call in ran.hosts.calls if host in (None, call.host)]


def both_ways(project: Project, play: dict[str, Any], hosts: str, arguments: str) -> Iterator[Ran]:
    for window in (0, 3, 16):
        project.hosts, project.window = Hosts(), window
        for name in hosts.split():
            project.hosts.host(name).round_trip = TRIP
            project.hosts.host(name).wary = lambda reply: "t5" in reply.result["stdout"]
        yield project.play(json.dumps([play]), f"{arguments} --skip-tags left-out -f 5", hosts=hosts)


@SOME
@given(play=plays())
def test_a_play_of_one_host_is_the_same_with_and_without(project: Project, play: dict[str, Any]) -> None:
    plain, *ahead = both_ways(project, play, "a\n", "")
    assert plain.code in (0, 2), plain
    for ran in ahead:
        assert (ran.out, ran.err, ran.code) == (plain.out, plain.err, plain.code)
        assert asked(ran) == asked(plain)
        assert told(ran.events) == told(plain.events)
        assert ran.seconds <= plain.seconds + 1e-6


@SOME
@given(play=plays())
def test_a_play_of_hosts_at_their_own_pace_is_the_same_for_each(project: Project, play: dict[str, Any]) -> None:
    plain, *ahead = both_ways(project, {**play, "strategy": "free"}, "a\nb\nc\n", "")
    for ran in ahead:
        assert (ran.code, ran.recap) == (plain.code, plain.recap)
        for host in "abc":
            assert asked(ran, host) == asked(plain, host)
            ends = [[e for e in told(r.events, host) if e.get("host") == repr(host)] for r in (ran, plain)]
            assert ends[0] == ends[1]


def test_most_of_what_may_go_ahead_does(project: Project) -> None:
    """Else the tests above say nothing."""
    tasks = [*commands(5), {"command": "echo {{ r0.stdout | default('') }}", "register": "r0"}, *commands(5)]
    command_gives(project.hosts.host("a"), "echo 4", stdout=["four"])
    assert played(project, tasks).seconds == TRIP
