"""Arguments and actions that are templates, `module_defaults`, and arguments that are left out."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

PLAY = """
- hosts: a
  gather_facts: no
  vars:
    said: {msg: "{{ text }}", verbosity: "{{ omit }}"}
    text: hello
  tasks:
"""


def test_all_arguments_may_come_from_one_template(project: Project) -> None:
    ran = project.play(PLAY + "    - debug: '{{ said }}'\n    - debug:\n      args: '{{ said }}'\n")
    assert ran.messages() == ["hello", "hello"]
    assert "Using a template for task args is unsafe in some situations" in ran.err


def test_an_argument_of_the_task_beats_the_template_which_is_not_looked_at(project: Project) -> None:
    ran = project.play(PLAY + "    - debug: {msg: own}\n      args: '{{ {\"msg\": nowhere} }}'\n")
    assert ran.messages() == ["own"]


def test_conditions_in_such_a_template_are_evaluated_one_by_one(project: Project) -> None:
    ran = project.play(
        PLAY
        + """
    - assert: "{{ checks }}"
      vars: {checks: {that: ["text == 'hello'", "text == 'bye'"]}}
    """
    )
    assert ran.result("assert")["assertion"] == "text == 'bye'"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'{{ text }}'", "Task args must resolve to a 'dict' not 'str'."),
        ("just words", "Action 'ansible.builtin.assert' does not support raw params."),
    ],
)
def test_what_is_no_mapping_fails_the_task(project: Project, arguments: str, message: str) -> None:
    ran = project.play(PLAY + f"    - assert: {arguments}\n")
    assert ran.result("assert")["msg"].endswith(message)


def test_the_name_of_an_action_may_be_a_template(project: Project) -> None:
    ran = project.play(
        PLAY
        + """
    - action: "{{ item }} msg={{ item }}"
      loop: ["debug", "ansible.builtin.debug"]
      register: said_it
    - debug: msg="{{ said_it.results | map(attribute='msg') }}"
    - name: no such
      action: "{{ text }} a=1"
    """
    )
    assert ran.messages() == [["debug", "ansible.builtin.debug"]]
    shown = [
        (type(event).__name__, event.task.action, event.task.fqcn) for event in ran.events if hasattr(event, "task")
    ]
    assert [row for row in shown if row[0] in ("TaskStarted", "ItemFinished")][:3] == [
        ("TaskStarted", "{{ item }}", ""),
        ("ItemFinished", "debug", "ansible.builtin.debug"),
        ("ItemFinished", "ansible.builtin.debug", "ansible.builtin.debug"),
    ]
    assert ran.result("no such")["msg"] == "Task failed: Cannot resolve 'hello' to an action or module."


def test_only_the_module_defaults_of_the_action_are_evaluated(project: Project) -> None:
    ran = project.play(
        PLAY
        + """
    - debug:
      module_defaults:
        debug: {msg: "{{ text }}", verbosity: "{{ omit }}"}
        ping: {data: "{{ nowhere }}"}
    - debug: {msg: own}
      module_defaults: {debug: {msg: "{{ nowhere }}"}}
    """
    )
    assert ran.messages() == ["hello", "own"]


def test_debug_without_anything_to_show_says_hello(project: Project) -> None:
    assert project.play(PLAY + "    - debug: {var: '{{ omit }}'}\n").messages() == ["Hello world!"]


def test_text_that_set_fact_stores_may_be_a_condition(project: Project) -> None:
    ran = project.play(
        PLAY
        + """
    - set_fact: {wanted: "text == 'hello'", made: "{{ 'text == ' ~ 1 }}"}
    - debug: msg=yes
      when: "{{ wanted }}"
    - name: not the user's own
      debug: msg=yes
      when: "{{ made }}"
    """
    )
    assert ran.messages()[0] == "yes"
    assert "untrusted template or expression" in ran.result("not the user's own")["msg"]


SECRET = """\
        hidden: !vault |
          $ANSIBLE_VAULT;1.1;AES256
          62333663376234316336626465663962613961626239623534323565386339613339323039316436
          3466383035383463636363383264653561353230316230320a386438663137623236663363333531
          38353664653965333932373031653266326665663162326234316631326531626432633266633032
          6236353562323239310a373563356437663834366561386638623037376165313438323362356333
          3131
"""


def test_set_fact_remembers_that_a_value_was_encrypted(project: Project) -> None:
    project.file("password", "sesame\n")
    check = """\
    - debug: msg="{{ hidden }} {{ hidden is vault_encrypted }} {{ text is vault_encrypted }}"
"""
    ran = project.play(PLAY + "    - set_fact:\n" + SECRET + check, "--vault-password-file password")
    assert ran.messages() == ["open True False"]


def test_no_module_default_takes_the_place_of_what_is_omitted(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          module_defaults: {debug: {msg: default}}
          tasks:
            - debug: {msg: "{{ omit }}"}
            - debug: {msg: "{{ nowhere | default(omit) }}"}
            - debug: "{{ args }}"
              vars: {args: {msg: "{{ omit }}"}}
            - debug:
        """
    )
    assert ran.messages() == ["Hello world!", "Hello world!", "Hello world!", "default"]


def test_arguments_are_evaluated_in_the_order_of_their_names(project: Project) -> None:
    ran = project.play(PLAY + "    - set_fact: {zz: '{{ first }}', aa: '{{ second }}'}\n")
    assert "Error while resolving value for 'aa': 'second' is undefined" in ran.result("set_fact")["msg"]
