"""Warnings and deprecations of templates: shown with the task, and part of its result."""

from __future__ import annotations

from tests.support.builder import Project

PLAY = """
- hosts: a
  gather_facts: no
  tasks:
    - debug: msg=x
      when: "{{ true }}"
      register: once
    - debug: msg="{{ item }}"
      loop: [1, 2]
      when: "{{ true }}"
      register: each
    - debug: msg="{{ ([once, each] + each.results) | map(attribute='deprecations', default=[]) | map('length') }}"
    - debug: msg="{{ once.deprecations[0] }}"
"""


def test_they_are_in_the_result_and_a_loops_are_in_the_loops(project: Project) -> None:
    ran = project.play(PLAY)
    counts, entry = ran.messages()[-2:]
    assert counts == [1, 2, 0, 0]
    assert entry == {
        "msg": "Conditionals should not be surrounded by templating delimiters such as {{ }} or {% %}.",
        "version": "2.23",
        "collection_name": "ansible.builtin",
        "deprecator": {"resolved_name": "ansible.builtin", "type": None},
    }


def test_they_are_shown_once_with_their_place(project: Project) -> None:
    ran = project.play(PLAY)
    assert ran.err.count("Conditionals should not be surrounded") == 2
    assert "Origin: play.yml:5:13" in ran.err


def test_a_task_that_must_not_be_logged_shows_none(project: Project) -> None:
    ran = project.play(PLAY.replace("when: ", "no_log: yes\n      when: "))
    assert "Conditionals should not" not in ran.err
