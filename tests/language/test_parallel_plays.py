"""Plays side by side: `- parallel: [...]` at the top of a playbook, and `weft play a.yml b.yml --parallel`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.builder import Project, Ran
from weft.events.types import PlaybookFinished, PlayStarted, TaskFinished, TaskStarted

FORKS = "-f 10"


def play(name: str, hosts: str, *tasks: str, more: str = "") -> str:
    """One play as an entry of a list."""
    lines = [f"    - name: {name}", f"      hosts: {hosts}", "      gather_facts: no"]
    lines += [f"      {line}" for line in more.splitlines()]
    return "\n".join([*lines, "      tasks:", *(f"        - {task}" for task in tasks)]) + "\n"


def together(*plays: str, after: str = "") -> str:
    return "- parallel:\n" + "".join(plays) + after


def alone(name: str, hosts: str, *tasks: str) -> str:
    """One play that is a playbook, or behind a list."""
    text = "".join(f"    - {task}\n" for task in tasks)
    return f"- name: {name}\n  hosts: {hosts}\n  gather_facts: no\n  tasks:\n{text}"


def ended(ran: Ran, *names: str) -> list[tuple[str, str]]:
    """Tasks (all, or of these names) and hosts in the order in which they ended."""
    events = [event for event in ran.events if isinstance(event, TaskFinished)]
    return [(event.task.name, event.host) for event in events if not names or event.task.name in names]


def lanes(ran: Ran) -> dict[str, str | None]:
    return {event.play.name: event.play.lane for event in ran.events if isinstance(event, PlayStarted)}


# -- side by side ----------------------------------------------------------------------------------------------------


def test_they_take_as_long_as_the_longest(project: Project) -> None:
    ran = project.play(
        together(
            play("one", "a", "command: sleep 3", "command: sleep 4"),
            play("two", "b", "command: sleep 5"),
            play("three", "a", "command: sleep 6"),
            after=alone("then", "all", "command: sleep 1"),
        ),
        FORKS,
    )
    assert (ran.code, ran.seconds) == (0, 8)
    assert [name for name, _ in ended(ran)][-2:] == ["command", "command"]


def test_a_play_after_the_list_waits_for_all_of_it(project: Project) -> None:
    ran = project.play(
        together(
            play("one", "a", "{name: long, command: sleep 9}"),
            play("two", "b", "{name: short, command: sleep 1}"),
            after=alone("then", "b", "{name: last, ping: }"),
        ),
        FORKS,
    )
    assert ended(ran) == [("short", "b"), ("long", "a"), ("last", "b")]


def test_plays_of_an_imported_playbook_keep_their_order(project: Project) -> None:
    project.file("db.yml", alone("first", "a", "command: sleep 2") + alone("second", "a", "command: sleep 2"))
    ran = project.play("- parallel:\n    - import_playbook: db.yml\n" + play("other", "b", "command: sleep 3"), FORKS)
    assert ran.seconds == 4
    assert lanes(ran) == {"first": "db.yml", "second": "db.yml", "other": "other"}


def test_two_plays_may_use_one_host_at_once(project: Project) -> None:
    ran = project.play(together(*(play(name, "a", "command: sleep 2") for name in ("one", "two"))), FORKS)
    assert (ran.seconds, ran.recap["a"]) == (2, "ok=2 changed=2")


def test_forks_are_shared(project: Project) -> None:
    plays = [play(name, host, "command: sleep 1") for name, host in (("one", "a"), ("two", "b"), ("three", "c"))]
    assert project.play(together(*plays), "-f 2", hosts="a\nb\nc").seconds == 2


def test_other_strategies_and_batches(project: Project) -> None:
    ran = project.play(
        together(
            play("free", "all", "command: sleep 1", more="strategy: free"),
            play("pinned", "all", "command: sleep 1", more="strategy: host_pinned"),
            play("batches", "all", "command: sleep 1", more="serial: 1"),
        ),
        FORKS,
    )
    assert (ran.code, ran.seconds) == (0, 2)
    assert ran.recap == {"a": "ok=3 changed=3", "b": "ok=3 changed=3"}


# -- what is seen ----------------------------------------------------------------------------------------------------


def test_every_banner_says_whose_it_is_and_comes_again_when_another_was_between(project: Project) -> None:
    project.file(
        "front.yml",
        alone("web", "all", "{name: serve, command: 'sleep {{ (inventory_hostname == \"a\") | ternary(1, 3) }}'}"),
    )
    ran = project.play(
        "- parallel:\n    - import_playbook: front.yml\n" + play("store", "b", "{name: fill, command: sleep 2}"), FORKS
    )
    banners = [line for line in ran.lines if line.startswith(("PLAY", "TASK", "changed"))]
    assert sorted(banners[:2]) == ["PLAY [store]", "PLAY [web] (front.yml)"]
    assert banners[2:] == [
        "TASK [serve] (front.yml)",
        "changed: [a]",
        "TASK [fill] (store)",
        "changed: [b]",
        "TASK [serve] (front.yml)",
        "changed: [b]",
        "PLAY RECAP",
    ]


def below_their_banner(lines: Sequence[str]) -> list[tuple[str, str]]:
    found, banner = [], ""
    for line in lines:
        if line.startswith(("TASK", "RUNNING", "PLAY")):
            banner = line
        elif " " in line:
            found.append((banner, line))
    return found


def test_items_retries_jobs_and_includes_stand_below_their_own_banner(project: Project) -> None:
    project.file("more.yml", "- {name: in the file, command: sleep 1}\n")
    tasks = (
        "{name: items, command: 'sleep {{ item }}', loop: [1, 1]}",
        "{name: again, command: 'false', until: false, retries: 2, delay: 1, ignore_errors: yes}",
        "include_tasks: more.yml",
    )
    ran = project.play(together(play("one", "a", *tasks), play("two", "b", *tasks)), FORKS)
    for banner, line in below_their_banner(ran.lines):
        for host, lane in (("a", "one"), ("b", "two")):
            if f"[{host}]" in line or f"for {host}" in line:
                assert banner.endswith(f"({lane})"), ran
    assert "included: more.yml for a" in ran.lines
    assert "FAILED - RETRYING: [b]: again (2 retries left)." in ran.lines


def test_a_play_without_hosts_and_one_whose_hosts_are_lost(project: Project) -> None:
    project.hosts.host("b").unreachable("no route")
    ran = project.play(
        together(
            play("nobody", "c", "ping:"), play("lost", "b", "ping:", more="strategy: free"), play("one", "a", "ping:")
        ),
        FORKS,
    )
    index = ran.lines.index("PLAY [nobody]")
    assert ran.lines[index + 1] == "skipping: no hosts matched"
    assert "NO MORE HOSTS LEFT (lost)" in ran.lines
    assert ran.code == 4


def test_events_carry_the_lane(project: Project) -> None:
    ran = project.play(
        together(play("one", "a", "ping:"), play("two", "b", "ping:"), after=alone("then", "a", "ping:"))
    )
    found = {event.task.lane: event.task.play for event in ran.events if isinstance(event, TaskStarted)}
    assert set(found) == {"one", "two", None}
    assert lanes(ran) == {"one": "one", "two": "two", "then": None}


def test_names_of_lanes_differ(project: Project) -> None:
    project.file("x.yml", alone("x", "a", "ping:"))
    entries = "- import_playbook: x.yml\n", "- {import_playbook: x.yml, name: mine}\n", "- import_playbook: x.yml\n"
    text = "- parallel:\n" + "".join(f"    {entry}" for entry in entries) + play("\"{{ 'x' }}.yml\"", "b", "ping:")
    ran = project.play(text)
    found = {event.play.lane for event in ran.events if isinstance(event, PlayStarted)}
    assert found == {"x.yml", "mine", "x.yml #2", "x.yml #3"}


def test_lists_of_tasks_say_what_is_parallel(project: Project) -> None:
    project.file("x.yml", alone("x", "a", "ping:"))
    text = "- parallel:\n    - import_playbook: x.yml\n" + play("one", "b", "ping:") + alone("then", "a", "ping:")
    ran = project.play(text, "--list-tasks")
    heads = [line.strip() for line in ran.out.splitlines() if "play #" in line]
    assert heads == [
        "play #1 (a): x\tTAGS: []\tPARALLEL: [x.yml]",
        "play #2 (b): one\tTAGS: []\tPARALLEL: [one]",
        "play #3 (a): then\tTAGS: []",
    ]
    assert project.play(text, "--syntax-check").code == 0


# -- variables -------------------------------------------------------------------------------------------------------


def test_a_lane_sees_only_its_own_results_until_all_have_ended(project: Project) -> None:
    tasks = (
        "{command: 'echo {{ mine }}', register: said}",
        "command: sleep 1",
        "debug: msg={{ said.stdout }}",
        "set_fact: {'of_{{ mine }}': yes, last_one: '{{ mine }}'}",
        "command: sleep 1",
        "debug: msg={{ [of_one is defined, of_two is defined, hostvars.b.early | default('none')] }}",
    )
    ran = project.play(
        alone("before", "all", "set_fact: early={{ inventory_hostname }}")
        + together(
            play("one", "a", *tasks, more="vars: {mine: one}"),
            play("two", "a", *tasks, more="vars: {mine: two}"),
            after=alone("then", "a", "debug: msg={{ [of_one, of_two, last_one, said.stdout] }}"),
        ),
        FORKS,
    )
    messages = ran.messages()
    assert sorted(messages[:2]) == ["one", "two"]
    assert sorted(messages[2:4]) == [[False, True, "b"], [True, False, "b"]]
    assert messages[4] == [True, True, "two", "two"]


def test_a_host_that_is_added_is_there_for_all(project: Project) -> None:
    ran = project.play(
        together(
            play("adds", "a", "add_host: {name: new, groups: fresh, colour: blue}"),
            play("waits", "b", "command: sleep 5", "debug: {msg: '{{ groups.fresh }} {{ hostvars.new.colour }}'}"),
            after=alone("then", "fresh", "debug: msg={{ colour }}"),
        ),
        FORKS,
    )
    assert ran.messages("b") == ["['new'] blue"]
    assert ran.messages("new") == ["blue"]


def test_facts_of_a_lane_are_there_afterwards_and_cleared_ones_are_not(project: Project) -> None:
    clear = "{meta: clear_facts}"
    ran = project.play(
        "- hosts: b\n  tasks: []\n"
        + together(
            play("gathers", "a", "setup:"),
            play("clears", "b", clear),
            after=alone("then", "all", "debug: msg={{ ansible_facts.os_family | default('none') }}"),
        ),
        FORKS,
    )
    assert (ran.messages("a"), ran.messages("b")) == (["Fake"], ["none"])


def test_prompts_are_asked_before_anything_starts(project: Project) -> None:
    prompt = "vars_prompt: [{name: who, prompt: Who, private: no}]"
    project.file(
        "x.yml",
        alone("first", "a", "command: sleep 1")
        + "- hosts: a\n  gather_facts: no\n  vars_prompt: [{name: what, prompt: What}]\n"
        "  tasks:\n    - debug: msg={{ what }}\n",
    )
    ran = project.play(
        "- parallel:\n    - import_playbook: x.yml\n" + play("asks", "b", "debug: msg={{ who }}", more=prompt),
        FORKS,
        answers=["work", "ada"],
    )
    assert ran.questions == ["What: ", "Who: "]
    assert (ran.messages("a"), ran.messages("b")) == (["work"], ["ada"])


# -- failures --------------------------------------------------------------------------------------------------------


def test_a_host_that_fails_in_one_play_finishes_the_others_and_misses_those_after_the_list(project: Project) -> None:
    project.file("x.yml", alone("x1", "all", "command: sleep 2") + alone("x2", "all", "command: sleep 2"))
    ran = project.play(
        "- parallel:\n    - import_playbook: x.yml\n"
        + play("fails", "all", "{command: 'false', when: inventory_hostname == 'a'}", "debug: msg=on")
        + alone("then", "all", "debug: msg=then"),
        FORKS,
    )
    assert ran.code == 2
    assert ran.recap == {"a": "ok=2 changed=2 failed=1", "b": "ok=4 changed=2 skipped=1"}
    assert ran.messages("b") == ["on", "then"]


def test_a_lane_whose_hosts_all_fail_ends_and_nothing_comes_after_the_list(project: Project) -> None:
    project.file("x.yml", alone("x1", "a", "fail:") + alone("x2", "b", "debug: msg=never"))
    ran = project.play(
        "- parallel:\n    - import_playbook: x.yml\n"
        + play("other", "b", "command: sleep 3", "debug: msg=finished")
        + alone("then", "b", "debug: msg=never"),
        FORKS,
    )
    assert ran.messages("b") == ["finished"]
    assert ran.code == 2


@pytest.mark.parametrize("limit", ["any_errors_fatal: yes", "max_fail_percentage: 10"])
def test_too_many_failures_concern_their_play_alone(project: Project, limit: str) -> None:
    ran = project.play(
        together(
            play("strict", "all", "{fail: , when: inventory_hostname == 'a'}", "debug: msg=never", more=limit),
            play("other", "all", "command: sleep 1", "debug: msg=here"),
        ),
        FORKS,
    )
    assert (ran.messages("a"), ran.messages("b")) == (["here"], ["here"])
    assert ran.code == 2


def test_an_end_of_play_concerns_that_play_alone(project: Project) -> None:
    ran = project.play(
        together(
            play("ends", "all", "meta: end_play", "debug: msg=never"),
            play("other", "all", "command: sleep 1", "debug: msg=here"),
            after=alone("then", "a", "debug: msg=then"),
        ),
        FORKS,
    )
    assert (ran.messages("a"), ran.code) == (["here", "then"], 0)


def test_errors_cleared_in_one_lane_are_cleared(project: Project) -> None:
    ran = project.play(
        alone("before", "all", "{fail: , when: inventory_hostname == 'a'}")
        + together(
            play("clears", "all", "meta: clear_host_errors"),
            play("other", "b", "ping:"),
            after=alone("then", "all", "debug: msg=then"),
        ),
        FORKS,
    )
    assert (ran.messages("a"), ran.messages("b"), ran.code) == (["then"], ["then"], 0)


def test_the_worst_lane_gives_the_exit_code(project: Project) -> None:
    project.hosts.host("b").unreachable("no route")
    lost, failed = play("lost", "b,c", "ping:"), play("fails", "a,c", "{fail: , when: inventory_hostname == 'a'}")
    assert project.play(together(lost, failed), FORKS, hosts="a\nb\nc").code == 4
    assert project.play(together(failed, lost), FORKS).code == 4
    assert project.play(together(failed, play("fine", "c", "ping:")), FORKS).code == 2


def test_an_error_of_one_play_lets_the_others_finish_their_task_and_ends_the_run(project: Project) -> None:
    ran = project.play(
        together(
            play("broken", "a", "{command: sleep 1, notify: nobody}"),
            play("other", "b", "{name: under way, command: sleep 5}", "debug: msg=never"),
        ),
        FORKS,
    )
    assert "The requested handler 'nobody' was not found" in ran.err
    assert ended(ran, "under way") == [("under way", "b")]
    assert ran.messages("b") == []
    assert ran.code == 1


# -- Ctrl-C ----------------------------------------------------------------------------------------------------------


def test_ctrl_c_once_lets_every_lane_finish_its_task(project: Project) -> None:
    project.file("x.yml", alone("x1", "a", "{name: long, command: sleep 5}") + alone("x2", "a", "debug: msg=never"))
    ran = project.play(
        "- parallel:\n    - import_playbook: x.yml\n"
        + play("other", "b", "{name: longer, command: sleep 9}", "debug: msg=never")
        + alone("then", "all", "debug: msg=never"),
        FORKS,
        ctrl_c=[2],
    )
    assert ended(ran) == [("long", "a"), ("longer", "b")]
    assert (ran.seconds, ran.code) == (9, 130)
    assert ran.recap == {"a": "ok=1 changed=1", "b": "ok=1 changed=1"}


def test_ctrl_c_twice_ends_every_lane_at_once(project: Project) -> None:
    ran = project.play(
        together(play("one", "a", "command: sleep 5"), play("two", "b", "command: sleep 9")), FORKS, ctrl_c=[2, 3]
    )
    assert (ran.seconds, ran.code) == (3, 130)
    assert "PLAY RECAP" in ran.lines


def test_playbooks_that_have_not_begun_don_t_begin_after_ctrl_c(project: Project) -> None:
    for name in "xyz":
        project.file(f"{name}.yml", alone(name, "a", "{name: long, command: sleep 5}"))
    ran = project.play(None, f"{FORKS} --parallel=1 x.yml y.yml z.yml", ctrl_c=[2])
    assert lanes(ran) == {"x": "x.yml"}
    assert (ran.seconds, ran.code) == (5, 130)


# -- options ---------------------------------------------------------------------------------------------------------


def test_steps_can_t_be_asked_for(project: Project) -> None:
    ran = project.play(together(play("one", "a", "ping:")), "--step")
    assert ran.code == 5
    assert "--step asks before one task after the other" in ran.err
    assert "Origin: play.yml:2:7" in ran.problems


def test_starting_at_a_task(project: Project) -> None:
    text = together(
        play("one", "a", "debug: msg=1a"),
        play("two", "a", "debug: msg=2a", "{name: here, debug: msg=2b}", "debug: msg=2c"),
        play("three", "a", "debug: msg=3a"),
        after=alone("then", "a", "debug: msg=then"),
    )
    ran = project.play(text, f"{FORKS} --start-at-task here")
    assert sorted(ran.messages()) == ["2b", "2c", "3a", "then"]
    ran = project.play(text, f"{FORKS} --start-at-task nowhere")
    assert ran.messages() == []
    assert 'No matching task "nowhere" found.' in ran.err


# -- playbooks side by side ------------------------------------------------------------------------------------------


def test_playbooks_side_by_side(project: Project) -> None:
    project.file("x.yml", alone("x", "a", "command: sleep 3") + alone("x2", "a", "command: sleep 1"))
    project.file("y.yml", alone("y", "all", "command: sleep 3"))
    ran = project.play(None, f"{FORKS} --parallel x.yml y.yml")
    assert (ran.code, ran.seconds) == (0, 4)
    assert lanes(ran) == {"x": "x.yml", "x2": "x.yml", "y": "y.yml"}
    assert ran.lines.count("PLAY RECAP") == 1
    assert not any(isinstance(event, PlaybookFinished) for event in ran.events)
    assert ran.recap == {"a": "ok=3 changed=3", "b": "ok=1 changed=1"}


def test_so_many_playbooks_at_once(project: Project) -> None:
    for name in "xyz":
        project.file(f"{name}.yml", alone(name, "a", "command: sleep 2"))
    assert project.play(None, f"{FORKS} --parallel=2 x.yml y.yml z.yml").seconds == 4
    assert project.play(None, f"{FORKS} --parallel=1 x.yml y.yml z.yml").seconds == 6
    assert project.play(None, f"{FORKS} --parallel=5 x.yml y.yml z.yml").seconds == 2


def test_a_playbook_that_fails_does_not_keep_the_others_from_running(project: Project) -> None:
    project.file("x.yml", alone("x", "a", "fail:"))
    project.file("y.yml", alone("y", "b", "debug: msg=here"))
    ran = project.play(None, "--parallel=1 x.yml y.yml")
    assert (ran.messages("b"), ran.code) == (["here"], 2)


def test_a_list_of_plays_in_a_playbook_that_runs_beside_others(project: Project) -> None:
    project.file("x.yml", together(play("in", "a", "command: sleep 2"), play("out", "b", "command: sleep 2")))
    project.file("y/x.yml", alone("y", "a", "command: sleep 3"))
    ran = project.play(None, f"{FORKS} --parallel x.yml y/x.yml")
    assert ran.seconds == 3
    assert lanes(ran) == {"in": "x.yml / in", "out": "x.yml / out", "y": "y/x.yml"}


def test_one_playbook_alone_needs_no_lane(project: Project) -> None:
    ran = project.play(alone("one", "a", "ping:"), "--parallel")
    assert "PLAY [one]" in ran.lines
    assert lanes(ran) == {"one": None}


def test_steps_of_playbooks_side_by_side_can_t_be_asked_for(project: Project) -> None:
    for name in "xy":
        project.file(f"{name}.yml", alone(name, "a", "ping:"))
    ran = project.play(None, "--parallel --step x.yml y.yml")
    assert ran.code == 5
    assert not [event for event in ran.events if isinstance(event, PlayStarted)]
