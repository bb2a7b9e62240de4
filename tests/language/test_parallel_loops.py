"""`loop_control: {parallel: N}`: items of a loop side by side."""

from __future__ import annotations

import pytest

from tests.support.builder import Project, Ran
from weft.events.types import ItemFinished, Retrying

HOST = "a\n"


def ended(ran: Ran) -> list[object]:
    """The items in the order in which they ended."""
    return [event.label for event in ran.events if isinstance(event, ItemFinished)]


def test_seven_items_three_at_once_take_as_long_as_they_must(project: Project) -> None:
    """1 to 7 seconds: in batches of three they would take 3 + 6 + 7."""
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep {{ item }}
              loop: [1, 2, 3, 4, 5, 6, 7]
              loop_control: {parallel: 3}
        """,
        hosts=HOST,
    )
    assert ran.seconds == pytest.approx(12)


def test_a_window_slides_over_the_items(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep {{ item }}
              loop: [4, 1, 1, 5, 2, 1, 3]
              loop_control: {parallel: 3}
              register: work
            - debug: {msg: "{{ work.results | map(attribute='item') }}"}
        """,
        hosts=HOST,
    )
    # batches of three would take 4 + 5 + 3
    assert ran.seconds == pytest.approx(7)
    assert ended(ran) == [1, 1, 2, 4, 1, 5, 3]
    assert ran.messages() == [[4, 1, 1, 5, 2, 1, 3]]
    assert ran.hosts.commands("a")[:3] == ["sleep 4", "sleep 1", "sleep 1"]


def test_a_window_of_one_is_a_plain_loop(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - set_fact: {all: "{{ all | default([]) + [item] }}"}
              loop: [1, 2, 3]
              loop_control: {parallel: "{{ 0 + 1 }}"}
            - debug: {msg: "{{ all }}"}
        """,
        hosts=HOST,
    )
    assert ran.messages() == [[1, 2, 3]]


def test_items_do_not_see_each_others_facts_and_the_last_of_them_stays(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - set_fact: {last: "{{ item }}", seen: "{{ last | default('nothing') }}", "own_{{ item }}": true}
              loop: [1, 2, 3]
              loop_control: {parallel: 2}
            - debug: {msg: "{{ [last, seen, own_1, own_2, own_3] }}"}
        """,
        hosts=HOST,
    )
    assert ran.messages() == [[3, "nothing", True, True, True]]


def test_each_item_is_retried_by_itself(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: echo {{ item }}
              register: said
              until: said.stdout == '2' or said.attempts == 3
              retries: 5
              delay: 10
              loop: [1, 2, 3]
              loop_control: {parallel: 3}
            - debug: {msg: "{{ said.results | map(attribute='attempts') }}"}
        """,
        hosts=HOST,
    )
    assert ran.seconds == pytest.approx(20)
    assert ran.messages() == [[3, 1, 3]]
    assert len([event for event in ran.events if isinstance(event, Retrying)]) == 4


def test_a_failed_item_leaves_the_others_alone(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              shell: "sleep {{ item }}; exit {{ 3 if item == 1 else 0 }}"
              loop: [2, 1, 3]
              loop_control: {parallel: 2}
        """,
        hosts=HOST,
    )
    result = ran.result("work")
    assert [row["rc"] for row in result["results"]] == [0, 3, 0]
    assert result["msg"] == "One or more items failed"
    assert ran.recap == {"a": "failed=1"}


def test_break_when_starts_no_further_item(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: sleep {{ item }}
              loop: [5, 1, 2, 9, 9]
              loop_control: {parallel: 2, break_when: item == 2}
              register: work
            - debug: {msg: "{{ work.results | map(attribute='item') }}"}
        """,
        hosts=HOST,
    )
    assert ran.messages() == [[5, 1, 2]], "what runs is waited for"
    assert ran.seconds == pytest.approx(5)


def test_starts_are_a_pause_apart(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 10
              loop: [1, 2, 3]
              loop_control: {parallel: 3, pause: 2}
        """,
        hosts=HOST,
    )
    assert [call.at for call in ran.hosts.calls if call.op == "command"] == [0, 2, 4]
    assert ran.seconds == pytest.approx(14)


def test_items_of_one_host_take_one_place_among_the_forks(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 1
              loop: "{{ range(4) | list }}"
              loop_control: {parallel: 4}
        """,
        "-f 1",
    )
    assert ran.seconds == pytest.approx(2), "four at once on a, then four at once on b"


def test_actions_labels_and_skipped_items(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - debug: {msg: "{{ item }} {{ number }}"}
              loop: [x, y, z]
              when: item != 'y'
              loop_control: {parallel: 3, index_var: number, label: "<{{ item }}>"}
        """,
        hosts=HOST,
    )
    ran.prints("""
        PLAY [all]
        TASK [debug]
        ok: [a] => (item=<x>) => {
            "msg": "x 0"
        }
        skipping: [a] => (item=<y>)
        ok: [a] => (item=<z>) => {
            "msg": "z 2"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_the_spelling_that_ansible_ignores(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 3
              loop: [1, 2]
              vars: {weft_loop_parallel: 2}
        """,
        hosts=HOST,
    )
    assert ran.seconds == pytest.approx(3)


@pytest.mark.parametrize(("value", "code"), [("0", 4), ("'{{ none_such }}'", 2), ("'{{ 0 }}'", 2), ("'{{ [1] }}'", 2)])
def test_a_window_must_be_a_number(project: Project, value: str, code: int) -> None:
    ran = project.play(
        f"""
        - hosts: all
          gather_facts: false
          tasks:
            - command: sleep 3
              loop: [1, 2]
              loop_control: {{parallel: {value}}}
        """,
        hosts=HOST,
    )
    assert ran.code == code, ran
    assert not ran.hosts.commands()


def test_the_items_of_an_include_run_side_by_side(project: Project) -> None:
    project.file("some.yml", "- command: sleep {{ item }}\n- set_fact: {'slept_{{ item }}': true}\n")
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - include_tasks: some.yml
              loop: [4, 1, 1, 5, 2, 1, 3]
              loop_control: {parallel: 3}
            - debug: {msg: "{{ [slept_4, slept_5, slept_3] }}"}
        """,
        hosts=HOST,
    )
    # batches of three would take 4 + 5 + 3
    assert ran.seconds == pytest.approx(7)
    assert ran.messages() == [[True, True, True]]


def test_retries_grow_apart_with_backoff_up_to_max_delay(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: "false"
              retries: 4
              delay: 2
              until: false
              ignore_errors: true
              vars: {weft_backoff: 3, weft_max_delay: 10}
        """,
        hosts=HOST,
    )
    assert [call.at for call in ran.hosts.calls if call.op == "command"] == [0, 2, 8, 18, 28]


def test_a_backoff_of_many_attempts_stays_within_bounds(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: work
              command: "false"
              register: r
              until: r.attempts == 1200
              retries: 1500
              delay: 1
              backoff: 2
              max_delay: 1
        """,
        hosts=HOST,
    )
    assert ran.seconds == pytest.approx(1199)
