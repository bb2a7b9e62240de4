"""`loop`, `with_*` and `loop_control`."""

from __future__ import annotations

import pytest

from tests.support.builder import Project


def test_each_item_is_shown(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ item }}"
              loop: [1, two, {a: b}]
            - command: echo {{ item }}
              loop: [x, y]
              register: r
            - debug: msg="{{ r.results | map(attribute='stdout') | list }} {{ r.changed }} {{ r.msg }}"
            - debug: msg="{{ item }}"
              loop: "{{ r.results | map(attribute='item') | list }}"
              when: item != 'x'
        """
    )
    ran.prints("@@")


def test_no_items(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg=none
              loop: []
              register: r
            - debug: var=r
        """
    )
    ran.prints("@@")


def test_all_items_are_skipped(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg=skipped
              loop: [1, 2]
              when: false
              register: r
            - debug: var=r
        """
    )
    ran.prints("@@")


def test_one_failed_item_fails_the_task_after_all_have_run(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: "{{ item }}"
              loop: ["false", "true"]
              register: r
              ignore_errors: yes
            - debug: msg="{{ r.failed }} {{ r.msg }} {{ r.results | map(attribute='rc') | list }}"
            - fail: msg="{{ item }}"
              loop: [1, 2]
        """
    )
    ran.prints("@@")


def test_what_is_no_list(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
              loop: abc
              ignore_errors: yes
            - debug:
              loop: "{{ {'a': 1} }}"
              ignore_errors: yes
            - debug:
              loop: "{{ nope }}"
              ignore_errors: yes
            - debug:
              loop: "{{ nope }}"
              when: nope2
        """
    )
    ran.prints("@@")


WITH = {
    "items": ("[1, [2, 3], [[4]]]", [1, 2, 3, [4]]),
    "list": ("[1, [2, 3]]", [1, [2, 3]]),
    "dict": ("{k1: v1, k2: v2}", [{"key": "k1", "value": "v1"}, {"key": "k2", "value": "v2"}]),
    "nested": ("[[1, 2], [a, b]]", [[1, "a"], [1, "b"], [2, "a"], [2, "b"]]),
    "together": ("[[1, 2], [a, b]]", [[1, "a"], [2, "b"]]),
    "subelements": (
        "[[{name: al, keys: [k1, k2]}, {name: bo, keys: []}], keys]",
        [[{"name": "al", "keys": ["k1", "k2"]}, "k1"], [{"name": "al", "keys": ["k1", "k2"]}, "k2"]],
    ),
    "sequence": ("start=1 end=5 stride=2 format=n%02d", ["n01", "n03", "n05"]),
    "indexed_items": ("[a, b]", [[0, "a"], [1, "b"]]),
    "lines": ("printf 'a\\nb\\n'", ["a", "b"]),
    "file": ("[some.txt]", ["text"]),
    "inventory_hostnames": ("all", ["a", "b"]),
    "env": ("[COLUMNS]", ["80"]),
    "vars": ("[variable]", ["value"]),
    "template": ("[some.j2]", ["t value"]),
}


@pytest.mark.parametrize("name", WITH)
def test_with(project: Project, name: str) -> None:
    terms, items = WITH[name]
    project.file("some.txt", "text\n")
    project.file("some.j2", "t {{ variable }}")
    ran = project.play(
        f"""
        - hosts: a
          gather_facts: no
          vars: {{variable: value}}
          tasks:
            - set_fact: {{found: "{{{{ (found | default([])) + [item] }}}}"}}
              with_{name}: {terms}
            - debug: msg="{{{{ found }}}}"
        """
    )
    assert ran.messages() == [items]


def test_with_fileglob_and_first_found(project: Project) -> None:
    project.file("files/a.txt", "a")
    project.file("files/b.txt", "b")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - set_fact: {found: "{{ (found | default([])) + [item | basename] }}"}
              with_fileglob: files/*.txt
            - set_fact: {first: "{{ item | basename }}"}
              with_first_found: [nope.txt, files/b.txt]
            - debug: msg="{{ found | sort }} {{ first }}"
        """
    )
    assert ran.messages() == ["['a.txt', 'b.txt'] b.txt"]


def test_with_random_choice(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ item | length }}"
              with_random_choice: [aa, bb]
              register: r
            - debug: msg="{{ r.results | length }}"
        """
    )
    assert ran.messages() == [1]


def test_with_an_unknown_lookup(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [{debug: , with_nosuch: [1]}]}")
    assert ran.code == 4
    assert ran.problems[0] == "[ERROR]: 'with_nosuch' is not a valid attribute for a Task"


def test_loop_control(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
                msg: >-
                  {{ it }} {{ ix }} {{ ansible_loop.index }}/{{ ansible_loop.length }} {{ ansible_loop.index0 }}
                  {{ ansible_loop.first }} {{ ansible_loop.last }} {{ ansible_loop.previtem | default('-') }}
                  {{ ansible_loop.nextitem | default('-') }} {{ ansible_loop.revindex }} {{ ansible_loop.revindex0 }}
                  {{ ansible_loop_var }} {{ ansible_index_var }}
              loop: [a, b, c]
              loop_control:
                loop_var: it
                index_var: ix
                extended: yes
                label: "label of {{ it }}"
        """
    )
    ran.prints("@@")


def test_extended_loops_say_so_in_their_results(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ ansible_loop.allitems | default('none') }}"
              loop: [a]
              loop_control: {extended: yes}
            - debug: msg="{{ ansible_loop.allitems | default('none') }}"
              loop: [a]
              loop_control: {extended: yes, extended_allitems: no}
              register: r
            - debug: var=r
        """
    )
    ran.prints("@@")


def test_pause_between_items(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ item }}"
              loop: [1, 2, 3]
              loop_control: {pause: 10}
        """
    )
    assert ran.seconds == 20


def test_break_when(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo {{ item }}
              loop: [1, 2, 3, 4]
              loop_control: {break_when: "r.stdout | int >= 2"}
              register: r
            - debug: msg="{{ r.results | length }}"
        """
    )
    ran.prints("@@")


def test_a_label_that_can_t_be_evaluated(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ item }}"
              loop: [a, b]
              loop_control: {label: "{{ nope }}"}
        """
    )
    ran.prints("@@")


def test_a_label_of_the_item_s_result(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo {{ item }}
              loop: [a, b]
              register: r
              loop_control: {label: "{{ r.stdout }} {{ r.rc }}"}
        """
    )
    ran.prints("@@")


def test_a_loop_variable_that_is_taken(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {item: 5}
          tasks:
            - debug: msg="{{ item }}"
              loop: [1]
            - debug: msg="{{ item }}"
        """
    )
    assert ran.messages() == [5]
    assert ran.problems[0] == "[WARNING]: The loop variable 'item' is already in use."


def test_facts_and_results_of_items_are_seen_by_later_ones(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - set_fact: {sum: "{{ (sum | default(0)) + item }}"}
              loop: [1, 2, 3]
            - debug: msg="{{ sum }}"
            - command: echo {{ (r.stdout | default('')) ~ item }}
              loop: [a, b, c]
              register: r
            - debug: msg="{{ r.results | map(attribute='stdout') | list }}"
        """
    )
    assert ran.messages() == [6, ["a", "ab", "abc"]]


def test_a_loop_in_a_loop_by_include(project: Project) -> None:
    project.file("inner.yml", "- {debug: {msg: '{{ outer }}{{ item }}'}, loop: [x, y]}")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - include_tasks: inner.yml
              loop: [1, 2]
              loop_control: {loop_var: outer}
        """
    )
    ran.prints("@@")
