"""Values of keywords: what does not fit, what `omit` means, and `environment`."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

PLAY = """
- hosts: a
  gather_facts: no
  tasks:
"""


@pytest.mark.parametrize(
    ("keyword", "value", "kind"),
    [("diff", "yes.", "bool"), ("diff", "\"{{ 'yes.' }}\"", "bool"), ("port", "\"{{ 'x' }}\"", "int")],
)
def test_what_does_not_fit_fails_the_task_which_may_ignore_it(
    project: Project, keyword: str, value: str, kind: str
) -> None:
    ran = project.play(PLAY + f"    - debug: msg=x\n      {keyword}: {value}\n      ignore_errors: yes\n")
    shown = "x" if kind == "int" else "yes."
    message = f"Error processing keyword '{keyword}': The value '{shown}' could not be converted to '{kind}'."
    assert ran.result("debug")["msg"] == f"Task failed: {message}"
    assert ran.recap == {"a": "ok=1 ignored=1"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [("{{ 'nope' }}", "invalid literal for int() with base 10: 'nope'"), ("{{ nope }}", "'nope' is undefined")],
)
def test_a_throttle_that_is_no_number(project: Project, value: str, reason: str) -> None:
    ran = project.play(PLAY + f'    - debug: msg=x\n      throttle: "{value}"\n')
    assert ran.result("debug")["msg"].endswith(f"Failed to convert the throttle value to an integer: {reason}")


def test_omit_is_the_value_of_what_is_round_the_task(project: Project) -> None:
    ran = project.play(
        PLAY.replace("tasks:", "ignore_errors: yes\n  tasks:")
        + """
    - fail:
    - fail:
      ignore_errors: "{{ omit }}"
    - block:
        - fail:
          ignore_errors: "{{ omit }}"
      ignore_errors: "{{ nothing | default(omit) }}"
    - fail:
      ignore_errors: "{{ false }}"
    """
    )
    assert ran.recap == {"a": "ok=3 failed=1 ignored=3"}


def test_omitted_serial_means_all_hosts(project: Project) -> None:
    ran = project.play("- hosts: all\n  gather_facts: no\n  serial: '{{ omit }}'\n  tasks: [debug: ]\n")
    assert ran.out.count("PLAY [all]") == 1


def test_environment_without_omitted_variables_and_facts_that_are_not_there_yet(project: Project) -> None:
    ran = project.play(
        PLAY
        + """
    - command: sh -c 'echo $ONE/$TWO/$THREE/$FOUR'
      environment:
        - {ONE: 1, TWO: "{{ omit }}", THREE: "{{ ansible_env.NOWHERE }}"}
        - "{{ omit }}"
        - "{{ {'FOUR': 4} }}"
      register: said
    - debug: msg="{{ said.stdout }}"
    """,
        really=True,
    )
    assert ran.messages() == ["1///4"]


def test_environment_that_is_no_mapping_is_left_out_with_a_warning(project: Project) -> None:
    ran = project.play(PLAY + "    - debug: msg=x\n      environment: ['{{ 5 }}']\n")
    assert ran.messages() == ["x"]
    assert "could not parse environment value, skipping: ['{{ 5 }}']" in ran.err
