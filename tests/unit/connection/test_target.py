"""Targets from variables, keywords and settings."""

from __future__ import annotations

import getpass
import sys
from typing import Any

import pytest

from weft.connection.api import Become, Target
from weft.connection.target import ConnectionKeywords, Passwords, target_for
from weft.model.errors import WeftError
from weft.model.settings import Settings
from weft.model.values import OMIT


def make(
    names: dict[str, Any] | None = None, *, host: str = "web1", settings: dict[str, Any] | None = None, **more: Any
) -> Target:
    return target_for(names or {}, host=host, settings=Settings(**(settings or {})), **more)


def test_a_host_without_variables() -> None:
    target = make()
    assert (target.connection, target.address, target.port, target.user) == ("ssh", "web1", None, None)
    assert (target.interpreter, target.timeout, target.become) == ("auto", 10.0, None)


@pytest.mark.parametrize(
    ("names", "field", "value"),
    [
        ({"ansible_host": "10.0.0.1"}, "address", "10.0.0.1"),
        ({"ansible_host": "10.0.0.1", "ansible_ssh_host": "10.0.0.2"}, "address", "10.0.0.2"),
        ({"ansible_port": "2222"}, "port", 2222),
        ({"ansible_port": 1, "ansible_ssh_port": 2}, "port", 2),
        ({"ansible_user": "u"}, "user", "u"),
        ({"ansible_ssh_user": "u"}, "user", "u"),
        ({"ansible_password": 1234}, "password", "1234"),
        ({"ansible_password": "a", "ansible_ssh_pass": "b"}, "password", "b"),
        ({"ansible_ssh_pass": "b", "ansible_ssh_password": "c"}, "password", "c"),
        ({"ansible_ssh_private_key_file": "~/k"}, "private_key_file", "~/k"),
        ({"ansible_private_key_file": "~/k"}, "private_key_file", "~/k"),
        ({"ansible_ssh_common_args": "-J gw"}, "ssh_common_args", "-J gw"),
        ({"ansible_ssh_args": ""}, "ssh_args", ""),
        ({"ansible_ssh_timeout": 3}, "timeout", 3.0),
        ({"ansible_ssh_timeout": 3}, "become_timeout", 5.0),
        ({"ansible_connection": "local"}, "become_timeout", 10.0),
        ({"ansible_connection": "local", "ansible_local_become_success_timeout": 3}, "become_timeout", 3.0),
        ({"ansible_connection": "local", "ansible_local_become_success_timeout": 0}, "become_timeout", 10.0),
        ({"ansible_ssh_retries": 4}, "retries", 4),
        ({"ansible_host_key_checking": "no"}, "host_key_checking", False),
        ({"ansible_ssh_host_key_checking": False}, "host_key_checking", False),
        ({"ansible_python_interpreter": "/opt/py"}, "interpreter", "/opt/py"),
        ({"ansible_interpreter_python_fallback": ["/a", "/b"]}, "interpreter_fallback", ("/a", "/b")),
        ({"ansible_remote_tmp": "/t"}, "remote_tmp", "/t"),
        ({"ansible_async_dir": "/a"}, "async_dir", "/a"),
        ({"ansible_shell_executable": "/bin/bash"}, "shell_executable", "/bin/bash"),
        ({"ansible_connection": "winrm"}, "connection", "winrm"),
        ({"ansible_user": None}, "user", None),
        ({"ansible_user": OMIT}, "user", None),
    ],
)
def test_variables(names: dict[str, Any], field: str, value: object) -> None:
    assert getattr(make(names), field) == value


def test_a_variable_beats_a_keyword_and_a_keyword_the_settings() -> None:
    settings = {"remote_user": "cfg", "remote_port": 1, "transport": "smart"}
    keywords = ConnectionKeywords(remote_user="kw", port="2", connection="local")
    assert make(settings=settings).user == "cfg"
    assert make(settings=settings).port == 1
    assert make(settings=settings, keywords=ConnectionKeywords(remote_user="kw")).user == "kw"
    both = make({"ansible_user": "var", "ansible_connection": "ssh"}, settings=settings, keywords=keywords)
    assert (both.user, both.port, both.connection) == ("var", 2, "ssh")


def test_passwords_that_were_asked_for() -> None:
    passwords = Passwords(conn="c", become="b")
    assert make(passwords=passwords).password == "c"
    assert make({"ansible_password": "var"}, passwords=passwords).password == "var"
    assert (
        "c" not in repr(passwords).replace("Passwords", "") and repr(make(passwords=passwords)).count("password") == 0
    )


def test_the_local_machine() -> None:
    target = make({"ansible_connection": "local", "ansible_user": "x", "ansible_port": 1})
    assert (target.user, target.address, target.port, target.password) == (getpass.getuser(), "", None, None)


def test_the_implicit_localhost_runs_this_python() -> None:
    target = make(host="localhost", implicit=True)
    assert (target.connection, target.interpreter) == ("local", sys.executable)
    assert make({"ansible_connection": "ssh"}, host="localhost", implicit=True).interpreter == "auto"


# becoming


def become(names: dict[str, Any] | None = None, **more: Any) -> Become | None:
    return make(names, **more).become


def test_become_by_keyword_variable_or_setting() -> None:
    assert become() is None
    assert become(settings={"become": True}) == Become()
    assert become(keywords=ConnectionKeywords(become=True)) == Become()
    assert become({"ansible_become": "yes"}) == Become()
    assert become({"ansible_become": False}, keywords=ConnectionKeywords(become=True)) is None
    assert become(settings={"become": True}, keywords=ConnectionKeywords(become=False)) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"ansible_become_user": "app"}, Become(user="app")),
        ({"ansible_become_user": "app", "ansible_sudo_user": "other"}, Become(user="other")),
        ({"ansible_become_method": "su", "ansible_sudo_user": "x"}, Become(method="su")),
        ({"ansible_become_password": "a"}, Become(password="a")),
        ({"ansible_become_password": "a", "ansible_become_pass": "b"}, Become(password="b")),
        ({"ansible_become_pass": "b", "ansible_sudo_pass": "c"}, Become(password="c")),
        ({"ansible_become_pass": "b", "ansible_su_pass": "c"}, Become(password="b")),
        ({"ansible_become_exe": "/s", "ansible_become_flags": ""}, Become(exe="/s", flags="")),
        ({"ansible_sudo_flags": "-E"}, Become(flags="-E")),
        ({"ansible_sudo_chdir": "/"}, Become(chdir="/")),
        ({"ansible_become_method": "su", "ansible_su_prompt_l10n": ["Wort"]}, Become(method="su", prompts=("Wort",))),
    ],
)
def test_become_variables(names: dict[str, Any], expected: Become) -> None:
    assert become({"ansible_become": True, **names}) == expected


def test_becoming_who_one_is_already_is_left_out() -> None:
    same = {"ansible_become": True, "ansible_user": "app", "ansible_become_user": "app"}
    assert become(same) is None
    assert become(same, settings={"become_allow_same_user": True}) == Become(user="app")
    assert become({"ansible_become": True, "ansible_become_user": "root"}) == Become()
    me = {"ansible_become": True, "ansible_connection": "local", "ansible_become_user": getpass.getuser()}
    assert become(me) is None
    nonsense = become({**same, "ansible_become_method": "nope"})
    assert nonsense is not None and nonsense.method == "nope"  # said to be unknown when it is used


# containers


def test_docker() -> None:
    target = make({"ansible_connection": "community.docker.docker", "ansible_docker_extra_args": "-H x"})
    assert (target.address, dict(target.extra)) == ("web1", {"extra_args": "-H x"})


def test_kubectl_s_host_and_user_are_of_the_cluster() -> None:
    cluster = {"ansible_kubectl_host": "https://k8s", "ansible_kubectl_user": "admin"}
    target = make({"ansible_connection": "kubectl", **cluster})
    assert (target.address, target.user, dict(target.extra)) == (
        "web1", None, {"host": "https://k8s", "username": "admin"},
    )  # fmt: skip
    assert "admin" not in repr(target)
    assert make({"ansible_connection": "kubectl", "ansible_host": "web-0", **cluster}).address == "web-0"


@pytest.mark.parametrize("names", [{"ansible_port": "ssh"}, {"ansible_become": "perhaps"}])
def test_values_without_sense_are_errors(names: dict[str, Any]) -> None:
    with pytest.raises(WeftError, match=next(iter(names))):
        make(names)
