"""docker, podman and the OpenSSH client: what they are run with, and what their failures mean."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from weft.connection import argv
from weft.connection.api import Target
from weft.connection.channel import Ended
from weft.connection.pool import SessionPool
from weft.connection.ssh import client
from weft.model.errors import Unreachable, WeftError


def words(connection: str, *, pty: bool = False, **given: Any) -> list[str]:
    extra = tuple(given.pop("extra", {}).items())
    transport = argv.container(Target(host="box", connection=connection, extra=extra, **given))
    return list(transport._build("do it", pty))


SHELL = ["/bin/sh", "-c", "do it"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"connection": "docker"}, ["docker", "exec", "-i", "box"]),
        ({"connection": "docker", "pty": True}, ["docker", "exec", "-it", "box"]),
        (
            {"connection": "docker", "address": "c", "user": "u", "extra": {"extra_args": "-H x", "working_dir": "/w"}},
            ["docker", "-H", "x", "exec", "-i", "-u", "u", "-w", "/w", "c"],
        ),
        ({"connection": "podman", "user": "app"}, ["podman", "exec", "-i", "--user", "app", "box"]),
    ],
)  # fmt: skip
def test_command_lines(given: dict[str, Any], expected: list[str]) -> None:
    assert words(**given) == [*expected, *SHELL]


@pytest.mark.parametrize(
    ("errors", "output", "failed"),
    [
        ("Error response from daemon: No such container: box", False, True),
        ("unable to find user bob: no matching entries in passwd file", False, True),
        ("Cannot connect to the Docker daemon at unix:///x", False, True),
        ("sh: 1: oops: not found", False, False),
        ("Error: something the program said", True, False),
    ],
)
def test_a_client_that_fails_is_told_from_a_program_that_does(errors: str, output: bool, failed: bool) -> None:
    explain = argv._explain(Target(host="box", connection="docker"))
    assert bool(explain(Ended(rc=1), errors, output)) is failed
    assert explain(Ended(rc=0), errors, output) == ""


def test_a_client_that_is_killed_is_not_the_program() -> None:
    explain = argv._explain(Target(host="box", connection="docker"))
    assert explain(Ended(rc=137, signal="SIGKILL"), "", True) == "docker: it was killed by signal SIGKILL"


def test_arguments_that_no_shell_could_read() -> None:
    with pytest.raises(WeftError, match="extra_args can't be split into arguments"):
        words("docker", extra={"extra_args": "-H 'x"})


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[SessionPool]:
    pool = SessionPool()
    yield pool
    await pool.close()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o700)


async def test_an_agent_in_a_container(pool: SessionPool, programs: Path) -> None:
    program(programs, "docker", '[ "$1 $2 $3" = "exec -i box" ] || exit 9; shift 3; IN_BOX=yes exec "$@"')
    session = await pool.open(Target(host="box", connection="docker", interpreter=sys.executable))
    assert (await session.request("command", {"shell": "echo $IN_BOX"})).result["stdout"] == "yes"


async def test_a_container_that_is_not_there(pool: SessionPool, programs: Path) -> None:
    program(programs, "docker", "echo 'Error response from daemon: No such container: box' >&2; exit 1")
    with pytest.raises(Unreachable, match="Failed to connect to box via docker: Error response from daemon"):
        await pool.open(Target(host="box", connection="docker"))


async def test_a_client_that_is_not_installed(pool: SessionPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Unreachable, match="Failed to start podman: No such file or directory"):
        await pool.open(Target(host="box", connection="podman"))


# the OpenSSH client


def test_its_options_are_in_ansible_s_order() -> None:
    target = Target(
        host="web1", port=2222, user="me", private_key_file="/k", host_key_checking=False, timeout=3,
        ssh_args="-C", ssh_common_args="-o A=1", ssh_extra_args="-o B=2",
    )  # fmt: skip
    assert client.arguments(target, (5.0, 2)) == [
        "-o", "ControlMaster=no", "-C", "-o", "StrictHostKeyChecking=no", "-o", "Port=2222", "-o", 'IdentityFile="/k"',
        "-o", "KbdInteractiveAuthentication=no",
        "-o", "PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey",
        "-o", "PasswordAuthentication=no", "-o", 'User="me"', "-o", "ConnectTimeout=3", "-o", "A=1", "-o", "B=2",
        "-o", "NumberOfPasswordPrompts=1", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=2",
    ]  # fmt: skip


ASKING = """
env > "$FOLDER/env"; echo "$@" > "$FOLDER/args"
[ "$("$SSH_ASKPASS" "me@web1's password: ")" = "it's geheim" ] || { echo "Permission denied." >&2; exit 255; }
[ "$("$SSH_ASKPASS" "Are you sure you want to continue connecting (yes/no)? ")" = no ] || exit 255
while [ "$1" != -- ]; do shift; done
exec /bin/sh -c "$3"
"""


async def test_a_password_is_seen_by_nobody_else(
    pool: SessionPool, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLDER", str(programs))
    program(programs, "fake-ssh", ASKING)
    target = Target(
        host="web1", user="me", password="it's geheim", interpreter=sys.executable, ssh_executable="fake-ssh",
        ssh_common_args="-F none -o VerifyHostKeyDNS=yes",
    )  # fmt: skip
    session = await pool.open(target)
    assert (await session.request("ping")).result == {}
    environment = (programs / "env").read_text()
    assert "geheim" not in environment + (programs / "args").read_text()
    [helper] = [line.partition("=")[2] for line in environment.splitlines() if line.startswith("SSH_ASKPASS=")]
    folder = Path(helper).parent
    assert all("geheim" not in path.read_text() for path in folder.rglob("*") if path.is_file())
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.rglob("*"))} == {0}
    await pool.close()
    assert not folder.exists()


async def test_its_own_failure_is_unreachable(pool: SessionPool, programs: Path) -> None:
    program(programs, "fake-ssh", "echo 'ssh: connect to host web1 port 22: No route to host' >&2; exit 255")
    target = Target(host="web1", ssh_executable="fake-ssh", ssh_common_args="-F none -o VerifyHostKeyDNS=yes")
    with pytest.raises(Unreachable, match="Failed to connect to the host via ssh: ssh: connect to host web1 port 22"):
        await pool.open(target)
