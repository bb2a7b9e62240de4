"""Jobs: detached work on the host, and everything one may ask about it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_client import (
    Client,
    Failed,
    alive,
    ansible_root,
    make,
    module_request,
    run_module,
    send_blobs,
    send_module,
    wait_gone,
)
from test_agent_modules import digest


@pytest.fixture
def folder(agent: Client, tmp_path: Path) -> Path:
    """An async directory of the test's own, made the one that ``agent`` uses."""
    agent.call("configure", async_dir=str(tmp_path / "async"))
    return tmp_path / "async"


def start(client: Client, shell: str, **more: Any) -> dict[str, Any]:
    return client.call("job.start", run="command", request={"shell": shell}, **more)


def wait(client: Client, *jids: str, **more: Any) -> dict[str, Any]:
    result: dict[str, Any] = client.call("job.wait", jids=list(jids), **more)["jobs"]
    return result


def gate(folder: Path, name: str = "gate") -> Path:
    path = folder.parent / name
    os.mkfifo(path)
    return path


def test_a_command_as_a_job_on_every_python(any_agent: Client, tmp_path: Path) -> None:
    where = str(tmp_path / "async")
    job = start(any_agent, "echo out; echo err >&2; exit 3", async_dir=where, limit=60, name="mine")
    jid = job["ansible_job_id"]
    assert re.fullmatch(r"j\d+\.\d+", jid) and jid.endswith(f".{job['pid']}")
    assert job == {
        "ansible_job_id": jid, "results_file": f"{where}/{jid}", "started": 1, "finished": 0, "pid": job["pid"],
    }  # fmt: skip
    result = wait(any_agent, jid, async_dir=where)[jid]
    assert (result["rc"], result["stdout"], result["stderr"]) == (3, "out", "err")
    assert (result["started"], result["finished"], result["failed"]) == (1, 1, True)
    assert (result["alive"], result["lost"], result["ansible_job_id"]) == (False, False, jid)
    _, log = any_agent.call_payload("job.log", jid=jid, async_dir=where)
    assert sorted(log.split()) == [b"err", b"out"]


def test_the_files_of_a_job_are_private_and_say_who_runs_it(agent: Client, folder: Path) -> None:
    hold = gate(folder)
    jid = start(agent, f"cat {hold}", limit=99, name="holder")["ansible_job_id"]
    with hold.open("w"):
        assert sorted(path.name for path in folder.iterdir()) == [jid, f"{jid}.alive", f"{jid}.log", f"{jid}.state"]
        assert folder.stat().st_mode & 0o777 == 0o700
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
        assert json.loads((folder / jid).read_text()) == {"started": 1, "finished": 0, "ansible_job_id": jid}
        for _ in range(1000):  # the supervisor notes the group right after the job's process began
            state = json.loads((folder / f"{jid}.state").read_text())
            if state["pgid"]:
                break
            agent.call("ping")
        assert state["pid"] == int(jid.partition(".")[2]) and state["pgid"] and state["name"] == "holder"
        assert state["limit"] == 99 and state["boot_id"] == agent.hello["boot_id"]
        assert os.getsid(state["pid"]) != os.getsid(agent.hello["pid"])
        now = agent.call("job.status", jids=[jid])["jobs"][jid]
        assert (now["finished"], now["alive"], now["lost"]) == (0, True, False)
    assert wait(agent, jid)[jid]["rc"] == 0
    assert sorted(path.name for path in folder.iterdir()) == [jid, f"{jid}.log", f"{jid}.state"]


def test_the_end_of_a_job_is_pushed(agent: Client, folder: Path) -> None:
    hold = gate(folder)
    jid = start(agent, f"cat {hold}")["ansible_job_id"]
    assert agent.call("job.watch", jids=[jid]) == {}
    hold.write_text("through")
    push = agent.pushed("job", jid=jid)
    assert push["result"]["stdout"] == "through" and push["async_dir"] == str(folder) and push["n"] >= 1


def test_a_job_that_has_ended_is_pushed_at_once(agent: Client, folder: Path) -> None:
    jid = start(agent, "true")["ansible_job_id"]
    wait(agent, jid)
    agent.call("job.watch", jids=[jid])
    assert agent.pushed("job", jid=jid)["result"]["rc"] == 0


def test_a_module_as_a_job(agent: Client, folder: Path) -> None:
    send_module(agent, "ping")
    request = module_request("ping", {"data": "later"})
    jid = agent.call("job.start", run="module", request=request, limit=60)["ansible_job_id"]
    result = wait(agent, jid)[jid]
    assert result["ping"] == "later" and result["finished"] == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("#!/bin/sh\necho junk; echo '{\"a\": 1}'", {"a": 1}),
        (
            "#!/bin/sh\necho '{\"a\": 1}'; echo more",
            {"a": 1, "warnings": ["Module invocation had junk after the JSON data: more"]},
        ),
        ("#!/bin/sh\necho '{}'; echo oops >&2", {"stderr": "oops\n"}),
        ("#!/bin/sh\necho nothing; exit 4", {"failed": True, "data": "nothing\n", "rc": 4, "stderr": ""}),
    ],
)
def test_what_a_module_writes_becomes_its_result(
    agent: Client, folder: Path, source: str, expected: dict[str, Any]
) -> None:
    name, data = digest(source)
    send_blobs(agent, {name: data})
    request = {"module": name, "kind": "want-json", "name": "mine", "args": {"x": 1}}
    jid = agent.call("job.start", request=request)["ansible_job_id"]
    result = wait(agent, jid)[jid]
    assert {key: result.get(key) for key in expected} == expected


def test_a_job_whose_modules_are_missing_is_not_started(own_agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        own_agent.call("job.start", request=module_request("ping"))
    assert caught.value.kind == "missing-blobs"


def test_a_command_that_need_not_or_cannot_run(agent: Client, folder: Path) -> None:
    first = agent.call("job.start", request={"argv": ["true"], "creates": "/etc/passwd"})["ansible_job_id"]
    second = agent.call("job.start", request={"argv": ["no-such-program"]})["ansible_job_id"]
    results = wait(agent, first, second)
    assert results[first]["msg"] == "Did not run command since '/etc/passwd' exists"
    assert results[second]["rc"] == 2 and results[second]["failed"]


def test_ansible_reads_our_jobs(agent: Client, folder: Path) -> None:
    send_module(agent, "async_status")
    hold = gate(folder)
    jid = start(agent, f"cat {hold}; exit 2")["ansible_job_id"]
    said = json.loads(run_module(agent, "async_status", {"jid": jid, "_async_dir": str(folder)})[1])
    assert (said["started"], said["finished"]) == (1, 0)
    hold.write_text("x")
    wait(agent, jid)
    said = json.loads(run_module(agent, "async_status", {"jid": jid, "_async_dir": str(folder)})[1])
    assert (said["started"], said["finished"], said["rc"], said["stdout"]) == (1, 1, 2, "x")


def test_no_log_leaves_no_log(agent: Client, folder: Path) -> None:
    jid = start(agent, "echo secret", no_log=True)["ansible_job_id"]
    wait(agent, jid)
    assert not (folder / f"{jid}.log").exists()


def test_the_log_can_be_followed(agent: Client, folder: Path) -> None:
    hold, ready = gate(folder), gate(folder, "ready")
    jid = start(agent, f"echo one; echo up > {ready}; cat {hold}; echo two")["ansible_job_id"]
    ready.read_text()
    result, data = agent.call_payload("job.log", jid=jid)
    while data != b"one\n":
        result, data = agent.call_payload("job.log", jid=jid)
    assert result["offset"] == 4 and not result["finished"]
    hold.write_text("")
    wait(agent, jid)
    result, data = agent.call_payload("job.log", jid=jid, offset=4)
    assert data == b"two\n" and result == {"offset": 8, "eof": True, "finished": True}


def test_a_time_limit_ends_everything_a_job_started(agent: Client, folder: Path) -> None:
    pids = folder.parent / "pids"
    text = (
        f"echo $$ >> {pids}; setsid sh -c 'echo $$ >> {pids}; exec sleep 1000' & sleep 1000 & echo $! >> {pids}; wait"
    )
    job = start(agent, text, limit=0.5)
    result = wait(agent, job["ansible_job_id"])[job["ansible_job_id"]]
    assert result["failed"] and result["timedout"] and "0.5 seconds" in result["msg"]
    assert result["changed"] is False
    found = [int(word) for word in pids.read_text().split()]
    assert len(found) == 3 and not any(alive(pid) for pid in found)
    wait_gone(job["pid"])


def test_a_cancelled_job_says_so(agent: Client, folder: Path) -> None:
    jid = start(agent, "echo begun; sleep 1000")["ansible_job_id"]
    assert agent.call("job.cancel", jids=[jid]) == {"cancelled": [jid]}
    result = agent.call("job.status", jids=[jid])["jobs"][jid]
    assert result["cancelled"] and result["failed"] and result["finished"] == 1
    assert agent.call("job.cancel", jids=[jid]) == {"cancelled": []}
    assert not (folder / f"{jid}.cancel").exists()


def test_a_job_that_ignores_termination_is_killed_after_the_grace(agent: Client, folder: Path) -> None:
    ready = gate(folder)
    jid = start(agent, f"trap '' TERM; echo up > {ready}; while :; do sleep 1; done")["ansible_job_id"]
    ready.read_text()
    begun = time.monotonic()
    assert agent.call("job.cancel", jids=[jid], grace=0.2) == {"cancelled": [jid]}
    assert 0.15 < time.monotonic() - begun < 2


def test_waiting_for_the_first_of_several(agent: Client, folder: Path) -> None:
    hold = gate(folder)
    slow = start(agent, f"cat {hold}")["ansible_job_id"]
    quick = start(agent, "true")["ansible_job_id"]
    found = wait(agent, slow, quick, **{"for": 1})
    assert (found[slow]["finished"], found[quick]["finished"]) == (0, 1)
    found = wait(agent, slow, timeout=0.05)
    assert found[slow]["finished"] == 0
    hold.write_text("")
    assert wait(agent, slow, quick)[slow]["finished"] == 1


def test_a_wait_can_be_cancelled(agent: Client, folder: Path) -> None:
    hold = gate(folder)
    jid = start(agent, f"cat {hold}")["ansible_job_id"]
    number = agent.send("job.wait", jids=[jid])
    assert agent.call("cancel", target=number) == {"cancelled": True}
    with pytest.raises(Failed) as caught:
        agent.answer(number)
    assert caught.value.kind == "cancelled"
    hold.write_text("")
    wait(agent, jid)


@pytest.mark.parametrize("jid", ["j1.2", "../../etc/passwd", "", ".", "a/b"])
def test_a_job_that_is_not_there(agent: Client, folder: Path, jid: str) -> None:
    result = agent.call("job.status", jids=[jid])["jobs"][jid]
    assert result["msg"] == "could not find job"
    assert (result["failed"], result["started"], result["finished"], result["missing"]) == (True, 1, 1, True)
    assert agent.call("job.cleanup", jids=[jid]) == {"erased": []}


def test_a_job_whose_supervisor_was_killed_is_lost(agent: Client, folder: Path) -> None:
    send_module(agent, "async_status")
    job = start(agent, "exec sleep 1000")  # silent: nobody will read what it writes
    jid = job["ansible_job_id"]
    number = agent.send("job.wait", jids=[jid])
    pgid = None
    while not pgid:
        pgid = json.loads((folder / f"{jid}.state").read_text())["pgid"]
    os.kill(job["pid"], signal.SIGKILL)
    result = agent.answer(number)[0]["jobs"][jid]
    assert (result["lost"], result["failed"], result["finished"]) == (True, True, 1)
    assert result["orphans"] == [pgid]
    assert f"processes of it still run ({pgid}), until they end or the job is cancelled" in result["msg"]
    os.killpg(pgid, signal.SIGKILL)
    wait_gone(pgid)
    assert "orphans" not in agent.call("job.status", jids=[jid])["jobs"][jid]
    assert agent.call("job.cancel", jids=[jid]) == {"cancelled": []}
    said = json.loads(run_module(agent, "async_status", {"jid": jid, "_async_dir": str(folder)})[1])
    assert said["lost"] and said["finished"]


@pytest.mark.parametrize(
    "shell", ["sleep 1000 & sleep 1001", "trap '' TERM; setsid sleep 1000 & while :; do sleep 1; done"]
)
def test_what_a_lost_job_left_behind_can_be_cancelled(agent: Client, folder: Path, shell: str) -> None:
    job = start(agent, f"{shell}; true")
    jid = job["ansible_job_id"]
    while not json.loads((folder / f"{jid}.state").read_text())["pgid"]:
        time.sleep(0.01)
    number = agent.send("job.wait", jids=[jid])
    os.kill(job["pid"], signal.SIGKILL)
    agent.answer(number)
    (listed,) = agent.call("job.list")["jobs"]
    assert listed["lost"] and listed["orphans"]
    assert agent.call("job.cancel", jids=[jid], grace=0.2) == {"cancelled": [jid]}
    for pid in listed["orphans"]:
        wait_gone(pid)
    result = agent.call("job.status", jids=[jid])["jobs"][jid]
    assert (result["lost"], result["cancelled"], result["finished"], "orphans" in result) == (True, True, 1, False)
    assert result["msg"].endswith("it left no result; what was left of it was cancelled")


def test_a_group_that_is_another_ones_by_now_is_left_alone(agent: Client, folder: Path) -> None:
    here = {"boot_id": agent.hello["boot_id"], "hostname": agent.hello["hostname"]}
    fake_job(folder, "j1.1", pid=os.getpid(), start=1, pgid=os.getsid(0), pgid_start=1, **here)
    result = agent.call("job.status", jids=["j1.1"])["jobs"]["j1.1"]
    assert result["lost"] and "orphans" not in result
    fake_job(
        folder, "j2.2", pid=os.getpid(), start=1, pgid=os.getsid(0), pgid_start=None, **{**here, "boot_id": "another"}
    )
    assert "orphans" not in agent.call("job.status", jids=["j2.2"])["jobs"]["j2.2"]


def fake_job(folder: Path, jid: str, **state: Any) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / jid).write_text(json.dumps({"started": 1, "finished": 0, "ansible_job_id": jid}))
    if state:
        (folder / f"{jid}.state").write_text(json.dumps(state))


def test_a_job_from_before_a_restart_is_lost(agent: Client, folder: Path) -> None:
    fake_job(folder, "j1.1", pid=1, start=None, boot_id="another", hostname=agent.hello["hostname"])
    result = agent.call("job.status", jids=["j1.1"])["jobs"]["j1.1"]
    assert result["lost"] and "restarted" in result["msg"]


def test_a_pid_that_was_used_again_is_not_the_supervisor(agent: Client, folder: Path) -> None:
    fake_job(folder, "j1.1", pid=os.getpid(), start=1, boot_id=agent.hello["boot_id"], hostname=agent.hello["hostname"])
    assert agent.call("job.status", jids=["j1.1"])["jobs"]["j1.1"]["lost"]


def test_a_job_of_another_machine_is_left_alone(agent: Client, folder: Path) -> None:
    fake_job(folder, "j1.1", pid=1, start=None, boot_id="another", hostname="another-host")
    result = agent.call("job.status", jids=["j1.1"])["jobs"]["j1.1"]
    assert (result["finished"], result["lost"], result["alive"]) == (0, False, None)


def test_cleanup_removes_all_files(agent: Client, folder: Path) -> None:
    jid = start(agent, "true")["ansible_job_id"]
    wait(agent, jid)
    assert agent.call("job.cleanup", jids=[jid]) == {"erased": [str(folder / jid)]}
    assert list(folder.iterdir()) == []


def test_the_list_of_jobs(agent: Client, folder: Path) -> None:
    assert agent.call("job.list")["jobs"] == []
    jid = start(agent, "exit 1", name="one", limit=5)["ansible_job_id"]
    wait(agent, jid)
    fake_job(folder, "123.45")
    listed = {job["ansible_job_id"]: job for job in agent.call("job.list")["jobs"]}
    assert set(listed) == {jid, "123.45"}
    assert (listed[jid]["name"], listed[jid]["rc"], listed[jid]["finished"], listed[jid]["foreign"]) == (
        "one",
        1,
        1,
        False,
    )
    assert (listed["123.45"]["finished"], listed["123.45"]["foreign"]) == (0, True)


def test_a_list_says_what_jobs_are_and_nothing_of_what_is_hidden(agent: Client, folder: Path) -> None:
    shown = start(agent, "echo word; exit 1", name="shell", title="Say a word")["ansible_job_id"]
    hidden = start(agent, "exit 1", title="Hidden", no_log=True)["ansible_job_id"]
    wait(agent, shown, hidden)
    reply = agent.call("job.list")
    listed = {job["ansible_job_id"]: job for job in reply["jobs"]}
    assert (listed[shown]["title"], listed[shown]["no_log"], listed[shown]["msg"]) == (
        "Say a word",
        False,
        "non-zero return code",
    )
    assert (listed[hidden]["title"], listed[hidden]["no_log"]) == ("Hidden", True)
    assert "msg" not in listed[hidden]
    assert not {"stdout", "cmd"} & set(listed[shown])
    assert 0 <= reply["now"] - listed[shown]["changed_at"] < 60


def test_a_job_whose_supervisor_is_told_to_end_is_lost_not_cancelled(agent: Client, folder: Path) -> None:
    job = start(agent, "sleep 1000")
    os.kill(job["pid"], signal.SIGTERM)
    result = wait(agent, job["ansible_job_id"])[job["ansible_job_id"]]
    assert (result["lost"], result["failed"], "cancelled" in result) == (True, True, False)
    assert "was told to end" in result["msg"]


def test_old_jobs_are_removed(own_agent: Client, tmp_path: Path) -> None:
    folder = tmp_path / "home/async"
    fake_job(folder, "j1.1", pid=1)
    fake_job(folder, "j2.2")
    for jid in ("j1.1", "j2.2"):
        (folder / jid).write_text(json.dumps({"started": 1, "finished": 1}))
        os.utime(folder / jid, (0, 0))
    jid = start(own_agent, "true")["ansible_job_id"]
    wait(own_agent, jid)
    names = {path.name for path in folder.iterdir()}
    assert "j1.1" not in names and "j1.1.state" not in names
    assert {"j2.2", jid} <= names  # ansible-core's own are not weft's to remove


def test_a_job_outlives_its_agent(tmp_path: Path) -> None:
    hold = tmp_path / "gate"
    os.mkfifo(hold)
    first = make(tmp_path / "home")
    jid = start(first, f"cat {hold}; echo done")["ansible_job_id"]
    os.kill(first.hello["pid"], signal.SIGKILL)
    first.hang_up()
    second = make(tmp_path / "home")
    second.call("job.watch", jids=[jid])
    hold.write_text("")
    assert second.pushed("job", jid=jid)["result"]["stdout"] == "done"
    second.close()


def test_a_job_directory_that_cannot_be_made(agent: Client, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed) as caught:
        start(agent, "true", async_dir=str(tmp_path / "file" / "async"))
    path = f"{tmp_path}/file/async"
    assert f"could not create directory: {path} - [Errno 20] Not a directory: '{path}'" in str(caught.value)
    assert (caught.value.kind, caught.value.error["async_dir"]) == ("os", True)


def test_an_id_of_ones_own(agent: Client, folder: Path) -> None:
    job = start(agent, "true", jid="j123")
    assert job["ansible_job_id"] == f"j123.{job['pid']}"
    wait(agent, job["ansible_job_id"])
    with pytest.raises(Failed) as caught:
        start(agent, "true", jid="../j123")
    assert caught.value.kind == "bad-request"


def test_many_watched_jobs(agent: Client, folder: Path) -> None:
    """More than there are descriptors at first.

    Those with a FIFO wait on it, the others cost one look at the directory.
    """
    folder.mkdir(mode=0o700)
    held = []
    state = {"pid": os.getpid(), "start": None, "boot_id": agent.hello["boot_id"], "hostname": agent.hello["hostname"]}
    for number in range(1200):
        fake_job(folder, f"j{number}.1", **state)
        if number < 300:
            os.mkfifo(folder / f"j{number}.1.alive")
            held.append(os.open(folder / f"j{number}.1.alive", os.O_RDWR))
    agent.call("job.watch", jids=[f"j{number}.1" for number in range(1200)])
    ticks = cpu_ticks(agent.hello["pid"])
    for number in (7, 1100):
        done = folder / f"j{number}.1.tmp"
        done.write_text(json.dumps({"started": 1, "finished": 1, "number": number}))
        done.rename(folder / f"j{number}.1")
    os.close(held[7])
    assert agent.pushed("job", jid="j1100.1")["result"]["number"] == 1100
    assert agent.pushed("job", jid="j7.1")["result"]["number"] == 7
    assert cpu_ticks(agent.hello["pid"]) - ticks < 50
    for fd in held[:7] + held[8:]:
        os.close(fd)
    for path in folder.iterdir():
        path.unlink(missing_ok=True)


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


# jobs of ansible-core


@pytest.fixture
def core_job(folder: Path) -> Iterator[Any]:
    """Starts jobs through ansible-core's async_wrapper."""
    started = []

    def run(jid: str, text: str, limit: int = 1) -> str:
        folder.mkdir(mode=0o700, exist_ok=True)
        script = folder.parent / f"module-{jid}"
        script.write_text("#!/bin/sh\n" + text)
        script.chmod(0o700)
        wrapper = str(Path(ansible_root(), "modules", "async_wrapper.py"))
        env = dict(os.environ, ANSIBLE_ASYNC_DIR=str(folder), WEFT_AGENT_TEST=str(os.getpid()))
        command = [sys.executable, "-P", wrapper, jid, str(limit), str(script), "_"]
        said = json.loads(subprocess.run(command, env=env, capture_output=True, check=True).stdout)
        started.append(said["ansible_job_id"])
        return str(said["ansible_job_id"])

    yield run


def test_jobs_of_ansible_core_are_read_and_pushed(agent: Client, folder: Path, core_job: Any) -> None:
    hold = gate(folder)
    jid = core_job("j777001", f'cat {hold} >/dev/null; echo \'{{"word": "done"}}\'')
    now = agent.call("job.status", jids=[jid])["jobs"][jid]
    assert (now["finished"], now["alive"]) == (0, True)
    (listed,) = agent.call("job.list")["jobs"]
    assert (listed["foreign"], listed["limit"], listed["name"]) == (True, 1, "module-j777001")
    assert {"user", "started_at"} <= set(listed)
    agent.call("job.watch", jids=[jid])
    hold.write_text("")
    result = agent.pushed("job", jid=jid)["result"]
    assert result["word"] == "done"
    assert (result["started"], result["finished"], result["ansible_job_id"]) == (1, 1, jid)


def test_a_job_of_ansible_core_can_be_cancelled(agent: Client, folder: Path, core_job: Any) -> None:
    jid = core_job("j777002", "sleep 1000")
    assert agent.call("job.cancel", jids=[jid]) == {"cancelled": [jid]}
    assert agent.call("job.status", jids=[jid])["jobs"][jid]["cancelled"]


def test_a_job_of_ansible_core_whose_processes_are_gone_is_lost(agent: Client, folder: Path) -> None:
    fake_job(folder, "j777003.1")
    now = agent.call("job.status", jids=["j777003.1"])["jobs"]["j777003.1"]
    assert (now["finished"], now["alive"]) == (0, None)  # it may just be starting
    os.utime(folder / "j777003.1", (time.time() - 60,) * 2)
    result = agent.call("job.status", jids=["j777003.1"])["jobs"]["j777003.1"]
    assert result["lost"] and result["finished"] == 1
