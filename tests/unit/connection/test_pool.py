"""The pool: who shares what, and what happens to failures. Over the local machine, with the real agent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from connection_kit import turns, until
from msgspec.structs import replace

from weft.connection import discovery
from weft.connection.api import Become, RequestFailed, Target
from weft.connection.errors import AgentFailed, BecomeFailed, InterpreterMissing, NoTransport
from weft.connection.pool import Gate, SessionPool
from weft.connection.session import AgentSession
from weft.model.errors import Unreachable

HERE = Target(host="localhost", connection="local", interpreter=sys.executable)


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[SessionPool]:
    pool = SessionPool(reconnect_window=5.0)
    yield pool
    await pool.close()


async def test_equal_targets_share_one_session(pool: SessionPool) -> None:
    first, second = await asyncio.gather(pool.open(HERE), pool.open(replace(HERE)))
    assert first is second
    assert first.info is not None and first.info.python == sys.executable and not first.info.discovered


async def test_a_command_runs(pool: SessionPool, tmp_path: Path) -> None:
    session = await pool.open(replace(HERE, cwd=str(tmp_path)))
    reply = await session.request("command", {"shell": "pwd; exit 3"})
    assert (reply.result["stdout"], reply.result["rc"]) == (str(tmp_path), 3)


async def test_a_file_there_and_back(pool: SessionPool, tmp_path: Path) -> None:
    session = await pool.open(HERE)
    content = bytes(range(256)) * 1000
    await session.request("put", {"path": str(tmp_path / "f"), "mode": "0600"}, content)
    reply = await session.request("get", {"path": str(tmp_path / "f"), "offset": 100, "length": 1000})
    assert reply.payload == content[100:1100]


async def test_cancelling_ends_the_process(pool: SessionPool, tmp_path: Path) -> None:
    session = await pool.open(HERE)
    task = asyncio.create_task(session.request("command", {"shell": f"echo $$ > {tmp_path}/pid; sleep 60"}))
    await until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid = (tmp_path / "pid").read_text().strip()
    await until(lambda: not Path(f"/proc/{pid}").exists())


async def test_a_session_whose_agent_died_is_replaced(pool: SessionPool) -> None:
    session = await pool.open(HERE)
    task = asyncio.create_task(session.request("command", {"shell": "kill -9 $PPID; sleep 60"}))
    with pytest.raises(Unreachable, match="SIGKILL"):
        await task
    other = await pool.open(HERE)
    assert other is not session
    assert (await other.request("ping")).result == {}


async def test_a_failure_is_not_remembered(pool: SessionPool, tmp_path: Path) -> None:
    there = tmp_path / "there"
    target = replace(HERE, cwd=str(there))
    with pytest.raises(Unreachable, match="No such file or directory"):
        await pool.open(target)
    there.mkdir()
    assert (await pool.open(target)).info is not None


async def test_everybody_who_waits_hears_of_the_failure(pool: SessionPool, tmp_path: Path) -> None:
    target = replace(HERE, cwd=str(tmp_path / "none"))
    outcomes = await asyncio.gather(pool.open(target), pool.open(target), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unreachable, Unreachable]


async def test_one_who_stops_waiting_does_not_stop_the_others(pool: SessionPool) -> None:
    first, second = asyncio.create_task(pool.open(HERE)), asyncio.create_task(pool.open(HERE))
    await turns(3)
    first.cancel()
    assert (await second).info is not None
    assert first.cancelled()


async def test_when_nobody_waits_the_attempt_ends(pool: SessionPool) -> None:
    task = asyncio.create_task(pool.open(HERE))
    await turns(3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await pool.open(HERE)).info is not None


async def test_reset_drops_all_of_a_host(pool: SessionPool) -> None:
    first, other = await pool.open(HERE), await pool.open(replace(HERE, remote_tmp="/tmp/x"))
    away = await pool.open(replace(HERE, host="elsewhere"))
    await pool.reset(HERE)
    for session in (first, other):
        with pytest.raises(Unreachable):
            await session.request("ping")
    assert (await away.request("ping")).result == {}
    assert await pool.open(HERE) is not first


async def test_what_one_user_has_and_does_not_use_can_be_dropped_alone(pool: SessionPool, fake_sudo: str) -> None:
    target = replace(HERE, become=Become(user="app", password="right", exe=fake_sudo))
    login, app = await pool.open(HERE), await pool.open(target)
    await pool.reset(HERE, user="other")
    waiting = asyncio.create_task(app.request("command", {"argv": ["sleep", "0.3"]}))
    await turns(3)
    await pool.reset(HERE, user="app")
    assert (await waiting).result["rc"] == 0
    await pool.reset(HERE, user="app")
    with pytest.raises(Unreachable):
        await app.request("ping")
    assert (await login.request("ping")).result == {}


async def test_closing_ends_everything(pool: SessionPool) -> None:
    session = await pool.open(HERE)
    opening = asyncio.create_task(pool.open(replace(HERE, host="other")))
    await turns(3)
    await pool.close()
    with pytest.raises(Unreachable):
        await opening
    with pytest.raises(Unreachable):
        await session.request("ping")
    with pytest.raises(Unreachable):
        await pool.open(HERE)


async def test_names_without_a_native_way_are_left_to_the_lane(pool: SessionPool) -> None:
    with pytest.raises(NoTransport, match="winrm"):
        await pool.open(replace(HERE, connection="winrm"))
    with pytest.raises(NoTransport, match="powershell"):
        await pool.open(replace(HERE, connection="ssh", extra=(("shell_type", "powershell"),)))


# interpreters


async def test_an_interpreter_that_is_found(pool: SessionPool) -> None:
    session = await pool.open(replace(HERE, interpreter="auto", interpreter_fallback=("python2.1", sys.executable)))
    assert session.info is not None and session.info.discovered
    [warning] = discovery.warnings(session)
    assert warning.startswith("Host 'localhost' is using the discovered Python interpreter at '/")
    quiet = await pool.open(replace(HERE, interpreter="auto_silent", interpreter_fallback=(sys.executable,)))
    assert discovery.warnings(quiet) == []


async def test_an_interpreter_with_arguments(pool: SessionPool) -> None:
    session = await pool.open(replace(HERE, interpreter=f"/usr/bin/env {sys.executable}"))
    assert (await session.request("ping")).result == {}


async def test_an_interpreter_that_is_not_there(pool: SessionPool) -> None:
    session = await pool.open(replace(HERE, interpreter="/no/python", interpreter_fallback=("nothing", sys.executable)))
    assert session.info is None
    with pytest.raises(InterpreterMissing, match="The module interpreter '/no/python' was not found") as caught:
        await session.request("module", {})
    assert caught.value.result["rc"] == 127
    assert caught.value.hint is not None and f"The host has: {sys.executable}" in caught.value.hint


async def test_the_last_resort_where_none_of_those_tried_is_there(
    pool: SessionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.connection.bootstrap.FALLBACK_INTERPRETER", sys.executable)
    monkeypatch.setattr("weft.connection.discovery.FALLBACK_INTERPRETER", sys.executable)
    session = await pool.open(replace(HERE, interpreter="auto", interpreter_fallback=("none",)))
    assert session.info is not None and session.info.python == sys.executable
    assert discovery.warnings(session) == ["No python interpreters found for host 'localhost' (tried ['none'])."]
    broken = await pool.open(replace(HERE, interpreter="auto", interpreter_fallback=("'none",)))
    first, second = discovery.warnings(broken)
    assert first == "Unhandled error in Python interpreter discovery for host 'localhost': \"'none\" is no command."
    assert second.startswith("Host 'localhost' is using the discovered Python interpreter at ")


async def test_a_host_without_any(pool: SessionPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.connection.bootstrap.FALLBACK_INTERPRETER", "/no/python3")
    session = await pool.open(replace(HERE, interpreter="auto", interpreter_fallback=("none", "nothing")))
    [warning] = discovery.warnings(session)
    assert warning == "No python interpreters found for host 'localhost' (tried ['none', 'nothing'])."
    with pytest.raises(InterpreterMissing, match="'/usr/bin/python3' was not found"):
        await session.request("command", {})


async def test_an_interpreter_that_is_none(pool: SessionPool, tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho no snakes here >&2\nexit 5\n")
    fake.chmod(0o700)
    session = await pool.open(replace(HERE, interpreter=str(fake)))
    with pytest.raises(AgentFailed, match=r"could not start under .*/python: no snakes here"):
        await session.request("command", {})
    assert (await session.request("raw", {"text": "echo hi"})).payload == b"hi\n"


# by plain shell

PLAIN = replace(HERE, interpreter="/no/python")


async def test_raw_by_shell(pool: SessionPool) -> None:
    session = await pool.open(PLAIN)
    arguments = {"text": 'cat; echo "$COLOUR"; echo err >&2; exit 3', "environment": {"COLOUR": "it's blue"}}
    reply = await session.request("raw", arguments, b"in\n")
    assert reply.result == {"rc": 3, "stdout_len": 13, "stderr_len": 4}
    assert reply.payload == b"in\nit's blue\nerr\n"


async def test_raw_by_shell_has_nothing_to_read(pool: SessionPool) -> None:
    session = await pool.open(PLAIN)
    assert (await session.request("raw", {"text": "cat", "executable": "/bin/bash"})).result["rc"] == 0


async def test_raw_by_shell_in_time(pool: SessionPool) -> None:
    session = await pool.open(PLAIN)
    with pytest.raises(RequestFailed) as caught:
        await session.request("raw", {"text": "sleep 60", "timeout": 0.05})
    assert caught.value.kind == "timeout"


async def test_files_by_shell(pool: SessionPool, tmp_path: Path) -> None:
    session = await pool.open(PLAIN)
    path = tmp_path / "it's a file"
    content = bytes(range(256)) * 300
    await session.request("put", {"path": str(path), "offset": 0, "more": True}, content[:50000])
    assert not path.exists()
    await session.request("put", {"path": str(path), "offset": 50000, "mode": "0640"}, content[50000:])
    assert path.read_bytes() == content and path.stat().st_mode & 0o777 == 0o640
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    first = await session.request("get", {"path": str(path), "offset": 0, "length": 70000})
    rest = await session.request("get", {"path": str(path), "offset": 70000, "length": 70000})
    assert first.payload + rest.payload == content
    assert (first.result["eof"], rest.result["eof"]) == (False, True)
    with pytest.raises(RequestFailed, match="none"):
        await session.request("get", {"path": str(tmp_path / "none")})


async def test_private_folders_by_shell(pool: SessionPool, tmp_path: Path) -> None:
    session = await pool.open(PLAIN)
    reply = await session.request("tempdir", {"base": str(tmp_path / "a b"), "prefix": "p-"})
    made = Path(reply.result["path"])
    assert made.parent == tmp_path / "a b" and made.name.startswith("p-") and made.stat().st_mode & 0o777 == 0o700
    await session.request("remove", {"paths": [str(made)], "recursive": True})
    assert not made.exists()


# becoming


@pytest.fixture
def fake_sudo(tmp_path: Path) -> str:
    """Wants the password "right" on stdin unless it may not ask, as `sudo -S` does, then runs the rest."""
    path = tmp_path / "sudo"
    path.write_text("""#!/bin/sh
prompt=
while [ $# -gt 0 ]; do
  case "$1" in
    -n) echo "sudo: a password is required" >&2; exit 1 ;;
    -p) prompt=$2; shift 2 ;;
    -u) user=$2; shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
printf %s "$prompt" >&2
IFS= read -r given
[ "$given" = right ] || { echo "Sorry, try again." >&2; exit 1; }
BECAME=$user exec "$@"
""")
    path.chmod(0o700)
    return str(path)


@pytest.fixture
def fake_su(tmp_path: Path) -> str:
    """Wants the password on its terminal, as su does."""
    path = tmp_path / "su"
    path.write_text("""#!/bin/sh
[ -t 0 ] || { echo "su: must be run from a terminal" >&2; exit 1; }
printf 'Password: ' >/dev/tty
IFS= read -r given </dev/tty
[ "$given" = right ] || { echo "su: Authentication failure"; exit 1; }
BECAME=$1 exec /bin/sh -c "$3"
""")
    path.chmod(0o700)
    return str(path)


async def test_sudo_with_a_password(pool: SessionPool, fake_sudo: str) -> None:
    target = replace(HERE, become=Become(user="app", password="right", exe=fake_sudo))
    session = await pool.open(target)
    assert (await session.request("command", {"shell": "echo $BECAME"})).result["stdout"] == "app"
    with pytest.raises(BecomeFailed, match="Incorrect sudo password"):
        await pool.open(replace(target, become=replace(target.become, password="wrong")))
    with pytest.raises(BecomeFailed, match="Missing sudo password"):
        await pool.open(replace(target, become=replace(target.become, password=None)))


async def test_su_on_a_terminal(pool: SessionPool, fake_su: str) -> None:
    target = replace(HERE, become=Become(method="su", user="app", password="right", exe=fake_su))
    session = await pool.open(target)
    assert isinstance(session, AgentSession)
    content = bytes(range(256)) * 2000  # nothing may be changed by the terminal
    reply = await session.request("raw", {"text": "cat; echo $BECAME"}, content)
    assert reply.payload == content + b"app\n"
    with pytest.raises(BecomeFailed, match="Incorrect su password"):
        await pool.open(replace(target, become=replace(target.become, password="wrong")))


async def test_by_shell_as_another_user_on_a_terminal(pool: SessionPool, fake_su: str, tmp_path: Path) -> None:
    target = replace(PLAIN, become=Become(method="su", user="app", password="right", exe=fake_su))
    session = await pool.open(target)
    content = bytes(range(256)) * 100
    await session.request("put", {"path": str(tmp_path / "f")}, content)
    assert (tmp_path / "f").read_bytes() == content
    assert (await session.request("raw", {"text": "echo $BECAME"})).payload == b"app\n"


# set-ups at once


async def test_so_many_set_ups_at_once() -> None:
    gate, now, most = Gate(3, 2), {"a": 0, "b": 0}, {"a": 0, "b": 0, "all": 0}

    async def set_up(endpoint: str) -> None:
        async with gate(endpoint):
            now[endpoint] += 1
            most[endpoint] = max(most[endpoint], now[endpoint])
            most["all"] = max(most["all"], sum(now.values()))
            await turns(3)
            now[endpoint] -= 1

    await asyncio.gather(*(set_up(endpoint) for endpoint in "aaaaabbbbb"))
    assert most == {"a": 2, "b": 2, "all": 3}
    assert gate._endpoints == {}


async def test_what_a_host_is_to_run_is_traced() -> None:
    traced: list[tuple[str, str]] = []
    pool = SessionPool(trace=lambda address, command: traced.append((address, command)))
    await pool.open(HERE)
    await pool.close()
    assert [address for address, _ in traced] == ["localhost"]
    assert sys.executable in traced[0][1]
