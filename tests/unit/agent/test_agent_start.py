"""How an agent starts, is spoken to, and ends."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from agent_client import Client, Failed, alive, environment, interpreters, make
from msgspec.structs import replace

from weft.connection import pack


def test_every_python_of_this_machine_says_hello(any_agent: Client) -> None:
    hello = any_agent.hello
    assert hello["protocol"] == 1
    assert hello["uid"] == os.geteuid()
    assert hello["pid"] > 1 and alive(hello["pid"])
    assert hello["home"] == any_agent.call("environment", names=["HOME"])["values"]["HOME"]
    assert hello["resumed"] is False
    assert f"WEFT-PYTHON {sys.executable}".encode().split()[0] in any_agent.junk
    assert any_agent.call("ping") == {}


def test_python_2_is_among_them() -> None:
    assert interpreters()


def test_what_a_login_banner_writes_is_skipped(tmp_path: Path) -> None:
    packed = pack.pack()
    command = "echo welcome; echo to this machine >&2; " + pack.start_command([sys.executable], packed)
    client = Client(command, packed.program, env=environment(tmp_path))
    assert client.junk.startswith(b"welcome\n")
    assert client.close() == 0


def test_the_first_interpreter_that_exists_is_taken(tmp_path: Path) -> None:
    packed = pack.pack()
    command = pack.start_command(["/nonexistent/python", "~/nowhere", sys.executable], packed)
    client = Client(command, packed.program, env=environment(tmp_path))
    assert client.hello["python"] == sys.executable
    assert client.close() == 0


def test_an_interpreter_may_have_arguments(tmp_path: Path) -> None:
    packed = pack.pack()
    command = pack.start_command([f"/usr/bin/env {sys.executable}"], packed)
    client = Client(command, packed.program, env=environment(tmp_path))
    assert b"WEFT-PYTHON /usr/bin/env" in client.junk
    assert client.close() == 0


def test_the_path_of_an_interpreter_may_have_spaces(tmp_path: Path) -> None:
    packed = pack.pack()
    python = tmp_path / "a p y t h o n"
    python.symlink_to(sys.executable)
    command = pack.start_command([str(python)], packed)
    client = Client(command, packed.program, env=environment(tmp_path))
    assert f"WEFT-PYTHON {python}".encode() in client.junk
    assert client.close() == 0


def test_arguments_go_with_their_interpreter_only(tmp_path: Path) -> None:
    packed = pack.pack()
    command = pack.start_command([sys.executable, "/usr/bin/env python2 --nonsense"], packed)
    client = Client(command, packed.program, env=environment(tmp_path))
    assert client.hello["python"] == sys.executable
    assert client.close() == 0


def test_a_host_without_python_says_so() -> None:
    command = pack.start_command(["/nonexistent/python"], pack.pack())
    done = subprocess.run(command, shell=True, capture_output=True, input=b"")
    assert (done.returncode, done.stdout) == (127, b"WEFT-NO-PYTHON\n")


def test_a_damaged_program_is_not_run() -> None:
    packed = pack.pack()
    other = replace(packed, sha256="0" * 64)
    done = subprocess.run(
        pack.start_command([sys.executable], other), shell=True, capture_output=True, input=packed.program
    )
    assert done.returncode == 1
    assert b"WEFT-AGENT" not in done.stdout
    assert b"damaged" in done.stderr


def test_a_program_that_ends_too_early_is_not_run() -> None:
    packed = pack.pack()
    command = pack.start_command([sys.executable], packed)
    done = subprocess.run(command, shell=True, capture_output=True, input=packed.program[:-1])
    assert done.returncode == 9


def test_requests_may_follow_the_program_at_once(tmp_path: Path) -> None:
    packed = pack.pack()
    head = b'{"id": 1, "op": "ping"}'
    frame = struct.pack(">II", len(head), 0) + head
    command = pack.start_command([sys.executable], packed)
    client = Client(command, packed.program + frame, env=environment(tmp_path))
    client.last = 1
    assert client.answer(1) == ({}, b"")
    assert client.close() == 0


def test_an_operation_that_does_not_exist(any_agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        any_agent.call("dance")
    assert caught.value.kind == "unknown-op"


def test_a_request_without_what_it_needs(any_agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        any_agent.call("put")
    assert caught.value.kind == "bad-request"


def test_bye_ends_the_agent_at_once(own_agent: Client) -> None:
    assert own_agent.close() == 0
    assert not alive(own_agent.hello["pid"])


def test_bye_cancels_what_runs(own_agent: Client) -> None:
    number = own_agent.send("command", argv=["sleep", "1000"])
    own_agent.send("bye")
    with pytest.raises(Failed) as caught:
        own_agent.answer(number)
    assert caught.value.kind == "cancelled"
    assert own_agent.hang_up() == 0


def test_end_of_input_ends_an_agent_that_is_not_to_linger(own_agent: Client) -> None:
    assert own_agent.hang_up() == 0


@pytest.mark.parametrize("junk", [b"\xff" * 64, struct.pack(">II", 3, 0) + b"{{{", struct.pack(">II", 2, 0) + b"[]"])
def test_corrupt_input_ends_the_agent(tmp_path: Path, junk: bytes) -> None:
    client = make(tmp_path / "home")
    client.send_raw(junk)
    assert client.process.wait(20) == 0
    client.hang_up()


def test_a_hangup_does_not_end_the_agent(own_agent: Client) -> None:
    os.kill(own_agent.hello["pid"], signal.SIGHUP)
    assert own_agent.call("ping") == {}


def test_termination_ends_the_agent_and_what_it_runs(own_agent: Client) -> None:
    number = own_agent.send("command", argv=["sleep", "1000"])
    own_agent.call("ping")
    os.kill(own_agent.hello["pid"], signal.SIGTERM)
    with pytest.raises(Failed) as caught:
        own_agent.answer(number)
    assert caught.value.kind == "cancelled"
    assert own_agent.process.wait(20) == 0
    own_agent.hang_up()


def test_the_second_start_on_a_host_compiles_nothing(tmp_path: Path) -> None:
    make(tmp_path / "home").close()
    (kept,) = (tmp_path / "home/.ansible/weft/code").glob("agent-*")
    assert kept.stat().st_mode & 0o777 == 0o600
    before = kept.stat().st_mtime_ns
    make(tmp_path / "home").close()
    assert kept.stat().st_mtime_ns == before


def age(path: Path, days: float) -> None:
    when = time.time() - days * 86400
    os.utime(path, (when, when))


@pytest.mark.parametrize("python", interpreters())
def test_code_that_nothing_has_used_for_a_month_goes(tmp_path: Path, python: str) -> None:
    make(tmp_path / "home", python).close()
    root = tmp_path / "home/.ansible/weft"
    (own,) = (root / "code").glob("agent-*")
    unused, young = root / "code" / "unused", root / "code" / "young"
    for path, days in ((own, 40), (unused, 31), (young, 29)):
        if path != own:
            path.write_bytes(b"")
        age(path, days)
    (root / "swept").unlink()
    make(tmp_path / "home", python).close()
    assert not unused.exists()
    assert young.exists()
    assert time.time() - own.stat().st_mtime < 3600, "what is used stays"


def test_there_is_a_look_at_it_once_a_day(tmp_path: Path) -> None:
    make(tmp_path / "home").close()
    unused = tmp_path / "home/.ansible/weft/code/unused"
    unused.write_bytes(b"")
    age(unused, 31)
    make(tmp_path / "home").close()
    assert unused.exists()
    age(tmp_path / "home/.ansible/weft/swept", 2)
    make(tmp_path / "home").close()
    assert not unused.exists()


def test_agents_of_a_few_installations_keep_their_code_beside_each_other(tmp_path: Path) -> None:
    make(tmp_path / "home").close()
    folder = tmp_path / "home/.ansible/weft/code"
    (own,) = folder.glob("agent-*")
    kind = own.name.rpartition("-")[2]
    own.unlink()
    for number in range(4):
        other = folder / f"agent-{number}-{kind}"
        other.write_bytes(b"")
        age(other, number)
    (folder / "agent-0-2070cf0").write_bytes(b"")
    make(tmp_path / "home").close()
    kept = {path.name for path in folder.glob("agent-*")}
    assert kept == {own.name, f"agent-0-{kind}", f"agent-1-{kind}", "agent-0-2070cf0"}


def test_kept_code_that_is_damaged_is_not_used(tmp_path: Path) -> None:
    make(tmp_path / "home").close()
    (kept,) = (tmp_path / "home/.ansible/weft/code").glob("agent-*")
    kept.write_bytes(kept.read_bytes()[:-10])
    assert make(tmp_path / "home").close() == 0


def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    client = Client.start(env={"HOME": "/proc", "TMPDIR": str(tmp_path), "WEFT_AGENT_TEST": str(os.getpid())})
    assert client.call("command", argv=["echo", "hello"])["stdout"] == "hello"
    assert client.close() == 0
