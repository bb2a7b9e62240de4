"""What becomes of requests when the link dies, and how a controller finds its agent again."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from agent_client import Client, Failed, interpreters, make, wait_gone

from weft.connection import pack


@pytest.fixture(params=interpreters()[:1] + interpreters()[-1:])
def lingering(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    client = make(tmp_path / "home", request.param)
    client.socket = client.call("configure", linger=30)["socket"]
    return client


def hold(tmp_path: Path) -> Path:
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def rejoin(client: Client) -> Client:
    again = Client.rejoin(client.socket, client.hello["token"])
    again.last = client.last
    again.socket = client.socket
    return again


def drop(client: Client) -> None:
    """The link dies: what carries it is gone, the agent stays."""
    assert client.process.stdin and client.process.stdout
    client.process.stdin.close()
    client.process.stdout.close()


def reap(client: Client) -> None:
    assert client.process.wait(20) == 0


def test_an_answer_that_found_no_link_is_had_after_the_reconnect(lingering: Client, tmp_path: Path) -> None:
    gate = hold(tmp_path)
    number = lingering.send("command", shell=f"cat {gate}")
    lingering.call("ping")
    drop(lingering)
    gate.write_text("kept")
    again = rejoin(lingering)
    assert again.hello["resumed"] and again.hello["pid"] == lingering.hello["pid"]
    assert again.call("resume", ids=[number]) == {"unknown": []}
    assert again.answer(number)[0]["stdout"] == "kept"
    assert again.close() == 0
    reap(lingering)


def test_what_still_runs_answers_on_the_new_link(lingering: Client, tmp_path: Path) -> None:
    gate = hold(tmp_path)
    number = lingering.send("command", shell=f"cat {gate}")
    lingering.call("ping")
    drop(lingering)
    again = rejoin(lingering)
    assert again.call("resume", ids=[number, 99]) == {"unknown": [99]}
    gate.write_text("later")
    assert again.answer(number)[0]["stdout"] == "later"
    again.close()
    reap(lingering)


def test_a_request_is_never_run_twice(lingering: Client, tmp_path: Path) -> None:
    count = tmp_path / "count"
    number = lingering.send("command", shell=f"echo x >> {count}; wc -l < {count}")
    assert lingering.answer(number)[0]["stdout"] == "1"
    drop(lingering)
    again = rejoin(lingering)
    again.send("command", shell=f"echo x >> {count}; wc -l < {count}", number=number)
    assert again.answer(number)[0]["stdout"] == "1"
    again.ack(ids=[number])
    again.send("command", shell=f"echo x >> {count}", number=number)
    with pytest.raises(Failed) as caught:
        again.answer(number)
    assert caught.value.kind == "bad-request"
    assert count.read_text() == "x\n"
    again.close()
    reap(lingering)


def test_a_new_link_takes_over_from_one_that_seems_alive(lingering: Client) -> None:
    again = rejoin(lingering)
    assert again.call("ping") == {}
    assert lingering.process.stdout
    assert os.read(lingering.process.stdout.fileno(), 1) == b""  # the agent has hung up on the old one
    again.close()
    lingering.hang_up()


def test_pushes_are_not_lost(lingering: Client, tmp_path: Path) -> None:
    gate = hold(tmp_path)
    jid = lingering.call("job.start", request={"shell": f"cat {gate}"})["ansible_job_id"]
    lingering.call("job.watch", jids=[jid])
    drop(lingering)
    gate.write_text("end")
    again = rejoin(lingering)
    again.call("job.wait", jids=[jid])
    again.call("resume", ids=[])
    push = again.pushed("job", jid=jid)
    assert push["result"]["stdout"] == "end"
    again.ack(pushes=push["n"])
    again.call("resume", ids=[])
    again.call("ping")
    assert not [frame for frame in again.frames if frame[0].get("n", 0) > push["n"]]
    again.close()
    reap(lingering)


def test_big_answers_wait_in_private_files(lingering: Client, tmp_path: Path) -> None:
    gate = hold(tmp_path)
    number = lingering.send("command", shell=f"cat {gate}; head -c 1000000 /dev/zero | tr '\\0' z")
    lingering.call("ping")
    drop(lingering)
    probe = rejoin(lingering)  # a way to know that the agent has noticed
    drop(probe)
    gate.write_text("")
    folder = Path(lingering.socket).parent
    assert folder.stat().st_mode & 0o777 == 0o700 and Path(lingering.socket).stat().st_mode & 0o777 == 0o600
    again = rejoin(lingering)
    again.call("resume", ids=[number])
    assert len(again.answer(number)[0]["stdout"]) == 1000000
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    again.close()
    reap(lingering)
    reap(probe)
    assert not folder.exists()


def test_locks_are_kept_while_it_lingers_and_given_back_after(tmp_path: Path) -> None:
    client = make(tmp_path / "home")
    client.call("configure", linger=0.3)
    path = tmp_path / "lock"
    client.call("lock.acquire", path=str(path))
    drop(client)
    assert subprocess.run(["flock", "-n", str(path), "true"]).returncode == 1
    reap(client)
    assert subprocess.run(["flock", "-n", str(path), "true"]).returncode == 0


def test_an_agent_that_nobody_came_back_to_lets_its_work_end(tmp_path: Path) -> None:
    client = make(tmp_path / "home")
    client.call("configure", linger=0.1)
    gate, done = hold(tmp_path), tmp_path / "done"
    client.send("command", shell=f"cat {gate}; echo still here; echo done > {done}")
    client.call("ping")
    drop(client)
    with gate.open("w") as stream:
        stream.write("x" * 100_000)
    wait_gone(client.hello["pid"])
    reap(client)
    assert done.read_text() == "done\n"


def test_a_wrong_token_gets_no_word(lingering: Client) -> None:
    command = pack.relay_command(["python3"], lingering.socket, "0" * 32)
    done = subprocess.run(command, shell=True, input=pack.pack_relay().program, capture_output=True)
    assert b"WEFT-AGENT" not in done.stdout
    lingering.close()


def test_an_agent_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    command = pack.relay_command(["python3"], str(tmp_path / "socket"), "0" * 32)
    done = subprocess.run(command, shell=True, input=pack.pack_relay().program, capture_output=True)
    assert done.returncode == 3 and b"WEFT-GONE" in done.stdout


def test_what_killed_agents_left_is_swept_up(tmp_path: Path) -> None:
    first = make(tmp_path / "home")
    socket = Path(first.call("configure", linger=30)["socket"])
    os.kill(first.hello["pid"], signal.SIGKILL)
    first.hang_up()
    assert socket.exists()
    second = make(tmp_path / "home")
    second.call("configure", linger=30)
    assert not socket.exists()
    second.close()
