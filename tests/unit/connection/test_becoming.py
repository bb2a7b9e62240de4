"""The command lines that become another user, and how what they say is read."""

from __future__ import annotations

import shlex

import pytest
from connection_kit import become

from weft.connection.become import Dialogue, Said, method_name, wrap
from weft.connection.errors import NoTransport

INNER = "/bin/sh -c 'echo hi'"
PROMPT = "[sudo via weft, key=k] password:"


def line(**given: object) -> str:
    return wrap(become(**given), INNER, key="k").command


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, f"sudo -H -S -n -u app {INNER}"),
        ({"password": "x"}, f"sudo -H -S -p '{PROMPT}' -u app {INNER}"),
        ({"flags": "-HE", "exe": "/opt/sudo"}, f"/opt/sudo -HE -u app {INNER}"),
        ({"flags": ""}, f"sudo -u app {INNER}"),
        ({"flags": "-nHS --non-interactive", "password": "x"}, f"sudo -HS -p '{PROMPT}' -u app {INNER}"),
        ({"chdir": "/a b"}, f"cd '/a b' && sudo -H -S -n -u app {INNER}"),
        ({"method": "su"}, f"su app -c {shlex.quote(INNER)}"),
        ({"method": "su", "flags": "-l"}, f"su -l app -c {shlex.quote(INNER)}"),
        ({"method": "doas"}, f"doas -n -u app {INNER}"),
        ({"method": "community.general.doas", "password": "x"}, f"doas -u app {INNER}"),
        ({"method": "pbrun"}, f"pbrun -u app {INNER}"),
        ({"method": "pfexec"}, f"pfexec {INNER}"),
        ({"method": "dzdo"}, f"dzdo -H -S -n -u app {INNER}"),
        ({"method": "ksu"}, f"ksu app -e {INNER}"),
        ({"method": "machinectl"}, f"machinectl -q shell app@ {INNER}"),
        ({"method": "sudosu"}, f"sudo -H -S -n su -l app -c {shlex.quote(INNER)}"),
        ({"user": "a; rm -rf /"}, f"sudo -H -S -n -u 'a; rm -rf /' {INNER}"),
    ],
)  # fmt: skip
def test_command_lines(given: dict[str, object], expected: str) -> None:
    assert line(**given) == expected


@pytest.mark.parametrize("name", ["runas", "ansible.builtin.runas", "enable", "my.own.sudo"])
def test_other_methods_are_left_to_the_lane(name: str) -> None:
    with pytest.raises(NoTransport) as caught:
        method_name(name)
    assert (caught.value.kind, caught.value.name) == ("become", name)


@pytest.mark.parametrize(
    ("given", "pty", "early"),
    [
        ({}, False, True),  # -n: it never reads stdin
        ({"flags": "-H -S"}, False, False),  # it might read what is meant for the program
        ({"password": "x"}, False, False),
        ({"method": "su"}, False, False),
        ({"method": "su", "password": "x"}, True, False),
        ({"method": "machinectl"}, True, False),
    ],
)
def test_when_a_terminal_is_needed_and_when_data_may_follow_at_once(
    given: dict[str, object], pty: bool, early: bool
) -> None:
    wrapped = wrap(become(**given), INNER)
    assert (wrapped.pty, wrapped.early) == (pty, early)


def said(given: dict[str, object], *pieces: str) -> list[Said | None]:
    dialogue = Dialogue(wrap(become(**given), INNER, key="k"))
    return [dialogue.feed(piece.encode()) for piece in pieces]


SUDO = {"password": "x"}
SU = {"method": "su", "password": "x"}


@pytest.mark.parametrize(
    ("given", "pieces", "expected"),
    [
        (SUDO, ["[sudo via weft, key=k] pass", "word:"], [None, Said.PROMPT]),
        (SUDO, [PROMPT, "Sorry, try again.\n"], [Said.PROMPT, Said.WRONG]),
        # in another language only the second prompt tells
        (SUDO, [PROMPT, f"Nein.\n{PROMPT}"], [Said.PROMPT, Said.WRONG]),
        (SUDO, ["Password of the day: x"], [None]),
        # what a login prints is no prompt
        ({}, ["Your password: it will expire.\n", "Password:\nchange it\n"], [None, None]),
        ({}, ["[sudo] password for me: "], [Said.MISSING]),
        ({}, ["sudo: a password is required\n"], [Said.MISSING]),
        ({}, ["sudo: sorry, you must have a tty to run sudo\n"], [Said.TERMINAL]),
        (SU, ["Password: "], [Said.PROMPT]),
        (SU, ["Mot de passe : "], [Said.PROMPT]),
        (SU, ["パスワード："], [Said.PROMPT]),
        (SU, ["Password: ", "\r\nsu: Authentication failure\r\n"], [Said.PROMPT, Said.WRONG]),
        ({"method": "su"}, ["Password: "], [Said.MISSING]),
        ({**SU, "prompts": ("Losung",)}, ["losung:"], [Said.PROMPT]),
        ({"method": "doas", "password": "x"}, ["doas (me@host) password: "], [Said.PROMPT]),
    ],
)  # fmt: skip
def test_what_they_say(given: dict[str, object], pieces: list[str], expected: list[Said | None]) -> None:
    assert said(given, *pieces) == expected
