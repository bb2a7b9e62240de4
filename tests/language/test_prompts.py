"""`vars_prompt` and `pause`."""

from __future__ import annotations

from importlib.util import find_spec

from tests.support.builder import Project

PLAY = """
    - hosts: a
      gather_facts: no
      vars_prompt:
        - name: user
          prompt: Who are you
          private: no
        - name: secret
          default: none
      tasks:
        - debug: msg="{{ user }} {{ secret }}"
"""


def test_what_is_typed_is_the_variable(project: Project) -> None:
    ran = project.play(PLAY, answers=["ada", "pssst"])
    assert ran.messages() == ["ada pssst"]
    assert ran.questions == ["Who are you: ", "secret: "]


def test_nothing_typed_gives_the_default(project: Project) -> None:
    assert project.play(PLAY, answers=["ada", ""]).messages() == ["ada none"]


def test_a_default_is_shown_where_typing_is(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {usual: blue}
          vars_prompt:
            - {name: colour, private: no, default: "{{ usual }}"}
          tasks:
            - debug: msg="{{ colour }}"
        """,
        answers=[""],
    )
    assert ran.questions == ["colour [blue]: "]
    assert ran.messages() == ["blue"]


def test_what_was_given_is_not_asked_for(project: Project) -> None:
    ran = project.play(PLAY, "-e user=given", answers=["typed"])
    assert ran.messages() == ["given typed"]


def test_confirm_asks_until_both_are_the_same(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars_prompt:
            - {name: p, confirm: yes}
          tasks:
            - debug: msg="{{ p }}"
        """,
        answers=["one", "two", "three", "three"],
    )
    assert ran.messages() == ["three"]
    assert ran.questions == ["p: ", "confirm p: "] * 2
    assert "***** VALUES ENTERED DO NOT MATCH ****" in ran.out


def test_nobody_is_there_to_ask(project: Project) -> None:
    ran = project.play(PLAY, "-e user=given")
    assert ran.messages() == ["given none"]
    assert ran.problems == ["[WARNING]: Not prompting as we are not in interactive mode"]


def test_encrypt(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars_prompt:
            - {name: p, encrypt: sha512_crypt, salt: abcdefgh}
          tasks:
            - debug: msg="{{ p[:12] }}"
        """,
        answers=["geheim"],
    )
    if find_spec("passlib"):
        assert ran.messages() == ["$6$abcdefgh$"]
    else:
        assert ran.code == 1
        assert "[ERROR]: The value of 'p' can't be encrypted: Unable to encrypt nor hash" in ran.err


def test_pause_waits(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - pause: {seconds: 30}
            - pause: {minutes: 2}
        """,
        "-f 5",
    )
    assert ran.seconds == 150
    assert ran.recap["a"] == "ok=2"
    assert "Pausing for 30 seconds" in ran.out


def test_pause_asks(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - pause: {prompt: Go on}
              register: r
            - debug: msg="{{ r.user_input | default('asked on another host') }}"
        """,
        answers=["yes"],
    )
    assert (ran.messages("a"), ran.messages("b")) == (["yes"], ["asked on another host"])


def test_the_connection_password_is_a_variable_of_tasks(project: Project) -> None:
    project.file("password", "sesame\n")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg={{ ansible_password }}
        """,
        "--connection-password-file password",
    )
    assert ran.messages() == ["sesame"]
