"""Locks: flock(2) on the host, the same as flock(1) takes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from agent_client import Client, Failed, make


def is_free(path: Path) -> bool:
    return subprocess.run(["flock", "-n", str(path), "true"]).returncode == 0


def test_a_lock_keeps_flock_out(any_agent: Client, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert any_agent.call("lock.acquire", path=str(path), lease="mine") == {"lease": "mine", "waited": 0.0}
    assert not is_free(path)
    assert any_agent.call("lock.release", path=str(path)) == {}
    assert is_free(path)


def test_a_lock_that_flock_holds_is_waited_for(any_agent: Client, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(["flock", str(path), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin and holder.stdout
        holder.stdin.write(b"x")
        holder.stdin.flush()
        assert os.read(holder.stdout.fileno(), 1) == b"x"  # cat runs, so the lock is held
        number = any_agent.send("lock.acquire", path=str(path))
        said = any_agent.wait(lambda h: h.get("id") == number)[0]["stream"]
        assert said["waiting"] and said["holder"]["pid"] == holder.pid and "flock" in said["holder"]["command"]
        holder.stdin.close()
        assert any_agent.answer(number)[0]["waited"] > 0
    assert not is_free(path)
    any_agent.call("lock.release", path=str(path))
    assert is_free(path)


def test_waiting_has_a_limit_and_says_who_holds_it(agent: Client, home: Path) -> None:
    path = str(home / "limited")
    agent.call("lock.acquire", path=path, lease="the first")
    with pytest.raises(Failed) as caught:
        agent.call("lock.acquire", path=path, timeout=0.05)
    assert caught.value.kind == "timeout" and "held by the first" in caught.value.error["message"]
    assert caught.value.error["holder"]["pid"] == agent.hello["pid"]
    agent.call("lock.release", path=path)
    agent.call("lock.acquire", path=path)
    agent.call("lock.release", path=path)


def test_another_agent_sees_the_lease(tmp_path: Path) -> None:
    first, second = make(tmp_path / "home"), make(tmp_path / "home")
    path = str(tmp_path / "lock")
    first.call("lock.acquire", path=path, lease="play one, task two")
    number = second.send("lock.acquire", path=path)
    said = second.wait(lambda h: h.get("id") == number)[0]["stream"]
    assert said["holder"]["lease"] == "play one, task two" and said["holder"]["pid"] == first.hello["pid"]
    first.call("lock.release", path=path)
    second.answer(number)
    first.close()
    second.close()


def test_a_lock_is_free_when_its_agent_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = make(tmp_path / "home"), make(tmp_path / "home")
    first.call("lock.acquire", path=str(path))
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first.send("command", shell=f"cat {gate}")
    first.call("ping")
    number = second.send("lock.acquire", path=str(path))
    second.wait(lambda h: h.get("id") == number)
    os.kill(first.hello["pid"], signal.SIGKILL)
    second.answer(number)
    first.hang_up()
    second.close()
    assert is_free(path)
    gate.write_text("")


def test_shared_locks(agent: Client, home: Path) -> None:
    path = str(home / "shared")
    for lease in ("a", "b"):
        agent.call("lock.acquire", path=path, mode="shared", lease=lease)
    with pytest.raises(Failed):
        agent.call("lock.acquire", path=path, timeout=0.01)
    for lease in ("a", "b"):
        agent.call("lock.release", path=path, lease=lease)
    assert is_free(Path(path))


def test_a_wait_can_be_cancelled(agent: Client, home: Path) -> None:
    path = str(home / "cancelled")
    agent.call("lock.acquire", path=path)
    number = agent.send("lock.acquire", path=path)
    assert agent.call("cancel", target=number) == {"cancelled": True}
    with pytest.raises(Failed) as caught:
        agent.answer(number)
    assert caught.value.kind == "cancelled"
    agent.call("lock.release", path=path)
    assert is_free(Path(path))


def test_what_an_agent_runs_does_not_keep_its_locks(agent: Client, home: Path) -> None:
    path = home / "kept"
    agent.call("lock.acquire", path=str(path))
    pid = int(agent.call("command", shell="sleep 1000 >/dev/null 2>&1 & echo $!")["stdout"])
    agent.call("lock.release", path=str(path))
    assert is_free(path)
    os.kill(pid, signal.SIGKILL)


def test_a_directory_can_be_locked(agent: Client, home: Path) -> None:
    agent.call("lock.acquire", path=str(home))
    assert not is_free(home)
    agent.call("lock.release", path=str(home))


def test_releasing_what_is_not_held(agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        agent.call("lock.release", path="/nowhere")
    assert caught.value.kind == "bad-request"


def test_a_lock_where_nothing_can_be_made(agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        agent.call("lock.acquire", path="/nowhere/lock")
    assert caught.value.kind == "os"


def test_an_unknown_mode(agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        agent.call("lock.acquire", path="/tmp/x", mode="sideways")
    assert caught.value.kind == "bad-request"
