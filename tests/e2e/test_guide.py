"""Every playbook of a well-known guide to `async`, as its readers type it, with the outputs that it shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.command import Done, inventory, weft
from weft.lab import Lab, LabHost

pytestmark = pytest.mark.e2e

GUIDE = Path(__file__).parent / "guide"
HOST = "docker-server"


@pytest.fixture
def folder(tmp_path: Path, lab: Lab) -> Path:
    """The guide's playbooks with an inventory that has its host."""
    shutil.copytree(GUIDE, tmp_path, dirs_exist_ok=True)
    inventory(tmp_path / "hosts", {HOST: lab.host("lab1")})
    return tmp_path


def play(folder: Path, name: str, *arguments: str, code: int = 0) -> Done:
    done = weft("play", "-i", "hosts", name, *arguments, cwd=folder)
    assert done.code == code, done
    return done


def recap(ok: int, changed: int, failed: int = 0, host: str = HOST) -> str:
    return f"{host} : ok={ok} changed={changed} unreachable=0 failed={failed} skipped=0 rescued=0 ignored=0"


def retries(lines: list[str], name: str) -> list[int]:
    """The numbers of retries left, as they were announced."""
    pattern = re.compile(rf"FAILED - RETRYING: \[{HOST}\]: {re.escape(name)} \((\d+) retries left\)\.")
    return [int(found[1]) for line in lines if (found := pattern.match(line))]


def without_retries(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith("FAILED - RETRYING")]


def test_a_long_task_is_polled_and_its_end_is_announced(folder: Path) -> None:
    done = play(folder, "poll.yml", "--profile")
    polls = [line for line in done.lines if line.startswith("ASYNC POLL")]
    assert polls == [f"ASYNC POLL on {HOST}: jid=JID started=1 finished=0"] * len(polls)
    assert 3 <= len(polls) <= 5
    assert f"ASYNC OK on {HOST}: jid=JID" in done.lines
    assert f"changed: [{HOST}]" in done.lines
    assert recap(1, 1) in done.lines
    assert re.search(r"^task 1 - run for 10s, .* -+ 1\d\.\d\ds$", done.out, re.MULTILINE)
    assert done.seconds >= 10


def test_fire_and_forget_does_not_wait(folder: Path) -> None:
    done = play(folder, "forget.yml")
    assert done.lines[:4] == [f"PLAY [{HOST}] ***", "TASK [task 1] ***", f"changed: [{HOST}]", "PLAY RECAP ***"]
    assert done.lines[4] == recap(1, 1)
    assert "1 job still runs" in done.out
    assert "weft jobs wait" in done.out


def test_the_registered_handle_names_the_job(folder: Path) -> None:
    done = play(folder, "handle.yml")
    shown = json.loads(done.out[done.out.index("=> {") + 3 : done.out.index("\n}\n") + 2])["msg"]
    assert re.fullmatch(r"j\d+\.\d+", shown["ansible_job_id"])
    assert shown["results_file"] == f"/root/.ansible_async/{shown['ansible_job_id']}"
    assert shown["changed"] is True
    assert not shown["failed"]
    assert (shown["started"], shown["finished"]) == (True, False)
    assert recap(2, 1) in done.lines


def test_async_status_with_until_waits_for_the_job(folder: Path) -> None:
    done = play(folder, "wait.yml")
    name = "Task 4 - wait for async task"
    assert retries(done.lines, name) == [10, 9, 8]
    assert without_retries(done.lines) == [
        f"PLAY [{HOST}] ***",
        "TASK [task 1 - background task] ***",
        f"changed: [{HOST}]",
        "TASK [task 2] ***",
        f"ok: [{HOST}] => {{",
        ' "msg": "task 2"',
        "}",
        "TASK [task 3] ***",
        f"ok: [{HOST}] => {{",
        ' "msg": "task 3"',
        "}",
        f"TASK [{name}] ***",
        f"changed: [{HOST}]",
        "TASK [task 5] ***",
        f"ok: [{HOST}] => {{",
        ' "msg": "task 4"',
        "}",
        "PLAY RECAP ***",
        recap(5, 2),
    ]


def test_the_registered_variable_never_updates_itself(folder: Path) -> None:
    done = play(folder, "wrong_wait.yml", "-vv", code=2)
    assert (
        len(re.findall(r"FAILED - RETRYING: \[docker-server\]: task 2 \(\d retries left\)\.Result was:", done.out)) == 5
    )
    assert f"fatal: [{HOST}]: FAILED! => {{" in done.lines
    assert recap(1, 1, failed=1) in done.lines
    assert done.seconds >= 10


def test_another_playbook_waits_for_the_job_of_the_first(folder: Path) -> None:
    first = play(folder, "first_playbook.yml")
    assert recap(2, 1) in first.lines
    jid = re.search(r'"msg": "(j\d+\.\d+)"', first.out)
    assert jid
    second = play(folder, "second_playbook.yml", "-e", f"wanted={jid[1]}")
    left = retries(second.lines, "wait for async task executed from another playbook")
    assert left == list(range(10, 10 - len(left), -1))
    assert 2 <= len(left) <= 5
    assert without_retries(second.lines) == [
        f"PLAY [{HOST}] ***",
        "TASK [wait for async task executed from another playbook] ***",
        f"changed: [{HOST}]",
        "TASK [finished waiting] ***",
        f"ok: [{HOST}] => {{",
        ' "msg": "Finished waiting for async task"',
        "}",
        "PLAY RECAP ***",
        recap(2, 1),
    ]


def test_a_job_that_was_cleaned_up_is_not_found(folder: Path) -> None:
    done = play(folder, "cleanup.yml", code=2)
    assert "TASK [Cleanup async task] ***" in done.lines
    fatal = json.loads(re.search(r"FAILED! => (\{.*\})$", done.out, re.MULTILINE)[1])  # type: ignore[index]
    assert fatal["msg"] == "could not find job"
    assert fatal["attempts"] == 1
    assert fatal["started"] == fatal["finished"] == 1
    assert fatal["stdout_lines"] == []
    assert recap(2, 1, failed=1) in done.lines


def test_ad_hoc_in_the_background_and_its_status(folder: Path) -> None:
    started = weft(
        "run", HOST, "-i", "hosts", "-B", "15", "-P", "0", "-m", "ansible.builtin.command", "-a", "sleep 2", cwd=folder
    )
    assert started.code == 0, started
    assert started.lines[0] == f"{HOST} | CHANGED => {{"
    handle = json.loads(started.out[started.out.index("{") : started.out.rindex("}") + 1])
    assert handle["changed"] is True
    assert not handle["finished"]
    assert handle["started"]
    jid = handle["ansible_job_id"]
    for _ in range(30):
        status = weft("run", HOST, "-i", "hosts", "-m", "async_status", "-a", f"jid={jid}", cwd=folder)
        assert status.code == 0, status
        result = json.loads(status.out[status.out.index("{") : status.out.rindex("}") + 1])
        if result["finished"]:
            break
    assert status.lines[0] == f"{HOST} | CHANGED => {{"
    assert result["cmd"] == ["sleep", "2"]
    assert result["rc"] == 0
    assert result["results_file"] == handle["results_file"]
    assert {"start", "end", "delta", "stdout", "stdout_lines", "stderr", "stderr_lines", "msg"} <= set(result)


def test_async_inside_blocks_and_included_files(folder: Path) -> None:
    done = play(folder, "in_block.yml")
    assert done.lines.count(f"ASYNC OK on {HOST}: jid=JID") == 2
    assert f"included: {folder}/some-task.yml for {HOST}" in done.lines
    assert recap(3, 2) in done.lines


def test_waiting_for_two_jobs_in_a_list(folder: Path) -> None:
    done = play(folder, "several.yml")
    left = retries(done.lines, "wait for async task 1 & 2 before doing task 3")
    second = left.index(10, 1)
    for part in (left[:second], left[second:]):
        assert part == list(range(10, 10 - len(part), -1))
    assert 4 <= second <= 6
    assert without_retries(done.lines) == [
        f"PLAY [{HOST}] ***",
        "TASK [Gathering Facts] ***",
        f"ok: [{HOST}]",
        "TASK [Task 1] ***",
        f"changed: [{HOST}]",
        "TASK [Task 2] ***",
        f"changed: [{HOST}]",
        "TASK [wait for async task 1 & 2 before doing task 3] ***",
        f"changed: [{HOST}] => (item=...)",
        f"changed: [{HOST}] => (item=...)",
        "TASK [Task 3] ***",
        f"ok: [{HOST}] => {{",
        ' "msg": "Last Task"',
        "}",
        "PLAY RECAP ***",
        recap(5, 3),
    ]


def test_a_loop_of_jobs_and_the_wait_for_all(folder: Path) -> None:
    done = play(folder, "loop.yml")
    assert without_retries(done.lines)[3:] == [
        "TASK [ansible.builtin.command] ***",
        *[f"changed: [{HOST}] => (item=...)"] * 4,
        "TASK [wait for async tasks] ***",
        *[f"changed: [{HOST}] => (item=...)"] * 4,
        "TASK [Task finish] ***",
        f"ok: [{HOST}] => {{",
        ' "msg": "Playbook Finished"',
        "}",
        "PLAY RECAP ***",
        recap(4, 2),
    ]


def test_jobs_in_batches_of_three(folder: Path) -> None:
    done = play(folder, "batches.yml")
    included = [line for line in done.lines if line.startswith("included:")]
    assert included == [f"included: {folder}/batch-task.yml for {HOST} => (item=...)"] * 3
    assert [line for line in done.out.splitlines() if line.startswith("included:")] == [
        f"included: {folder}/batch-task.yml for {HOST} => (item={items})" for items in ([1, 2, 3], [4, 5, 6], [7])
    ]
    banners = [line for line in done.lines if line.startswith("TASK")]
    assert banners == [
        "TASK [Gathering Facts] ***",
        "TASK [Run in batches of 3] ***",
        *["TASK [ansible.builtin.command] ***", "TASK [wait for async tasks] ***"] * 3,
        "TASK [Task finish] ***",
    ]
    assert "The loop variable 'item' is already in use." in done.err
    assert recap(11, 6) in done.lines
    assert done.seconds >= 16


def test_a_host_really_reboots(folder: Path, lab: Lab, fresh_host: LabHost) -> None:
    before = lab.boot_id(fresh_host)
    inventory(folder / "hosts", {"dev": fresh_host})
    done = play(folder, "reboot.yml")
    assert lab.boot_id(fresh_host) != before
    assert done.lines == [
        "PLAY [dev] ***",
        "TASK [Gathering Facts] ***",
        "ok: [dev]",
        "TASK [restart host & wait for restart to finish] ***",
        "changed: [dev]",
        "TASK [debug] ***" if "TASK [debug] ***" in done.lines else "TASK [ansible.builtin.debug] ***",
        "ok: [dev] => {",
        ' "msg": "Server Restarted"',
        "}",
        "PLAY RECAP ***",
        recap(3, 1, host="dev"),
    ]


def test_rebooting_by_shell_and_waiting_for_the_connection(folder: Path, lab: Lab, fresh_host: LabHost) -> None:
    before = lab.boot_id(fresh_host)
    inventory(folder / "hosts", {"dev": fresh_host})
    done = play(folder, "reboot_by_shell.yml")
    assert lab.boot_id(fresh_host) != before
    assert recap(4, 1, host="dev") in done.lines


ONLY_ONE = """#!/bin/sh
mkdir /root/inside || exit 1
sleep 0.1
rmdir /root/inside
"""


def test_a_delegated_command_under_flock_runs_one_at_a_time(folder: Path, lab: Lab) -> None:
    host = lab.host("lab1")
    put = host.ssh_argv("cat > /root/only-one && chmod +x /root/only-one")
    subprocess.run(put, input=ONLY_ONE, text=True, check=True)
    inventory(folder / "hosts", {HOST: host, "second": lab.host("lab2"), "third": lab.host("lab3")})
    done = play(folder, "flock.yml")
    for name in (HOST, "second", "third"):
        assert recap(1, 1, host=name) in done.lines
    assert f"changed: [second -> {HOST}({host.address})]" in done.lines
