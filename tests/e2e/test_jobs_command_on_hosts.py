"""`weft jobs`: background jobs of an inventory, looked at and dealt with from the outside."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command import weft
from tests.support.job_runs import JID, SOON, Site, gate, until
from weft.lab import Lab, LabHost

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(tmp_path: Path, lab: Lab) -> Iterator[Site]:
    """Two hosts without any jobs, before and after."""
    site = Site(tmp_path, [lab.host("lab1"), lab.host("lab2")])
    for host in site.hosts:
        site.on(host, "rm -rf /root/.ansible_async")
    yield site
    site.close()
    site.jobs("cancel", "all")


def rows(table: str) -> list[list[str]]:
    """A table's cells, but for the header."""
    return [line.split() for line in table.splitlines()[1:]]


def test_a_table_of_what_runs(site: Site) -> None:
    assert site.jobs().out == "No jobs run.\n"
    first = site.start("lab1", "sleep 30.5")
    second = site.start("lab2", "exit 3")
    until(lambda: "failed" in site.jobs("list", "lab2", "--finished").out)
    running = site.jobs("list")
    assert running.out.splitlines()[0].split() == ["HOST", "JID", "STATE", "AGE", "RUNTIME", "USER", "WHAT"]
    assert [row[:3] + row[5:] for row in rows(running.out)] == [["lab1", first, "running", "root", "sleep", "30.5"]]
    every = site.jobs("list", "--finished")
    assert [row[:5] for row in rows(every.out)][1][:3] == ["lab2", second, "failed"]
    assert "failed (rc 3)" in every.out
    assert [row[0] for row in rows(site.jobs("list", "--finished", "lab2").out)] == ["lab2"]
    assert [row[1] for row in rows(site.jobs("list", first, second).out)] == [first, second]


def test_the_name_of_the_task_says_what_a_job_is(site: Site) -> None:
    site.screen(
        "- hosts: lab1\n  gather_facts: false\n  vars: {what: house}\n  tasks:\n"
        "    - name: Build the {{ what }}\n      command: sleep 30.25\n      async: 40\n      poll: 0\n"
    )
    assert site.jobs_json("list")["jobs"][0]["what"] == "Build the house"


def test_everything_known_of_a_job(site: Site) -> None:
    jid = site.start("lab1", "echo said; exit 4")
    until(lambda: "failed" in site.jobs("list", jid).out)
    out = site.jobs("show", jid).out
    assert out.startswith(f"lab1 {jid}\n  state:      failed (rc 4)\n  what:       echo said; exit 4\n")
    assert f"file:       /root/.ansible_async/{jid}\n  started by: weft\n" in out
    assert '"stdout": "said"' in out


def test_json_is_one_document(site: Site) -> None:
    jid = site.start("lab1", "sleep 30.75", limit=40)
    document = site.jobs_json("list")
    (job,) = document["jobs"]
    assert document["errors"] == {}
    assert set(job) == {
        "host", "jid", "async_dir", "state", "what", "user", "started_at", "ended_at", "age", "runtime", "limit",
        "rc", "foreign", "orphans",
    }  # fmt: skip
    assert (job["host"], job["jid"], job["state"], job["limit"]) == ("lab1", jid, "running", 40)
    assert 0 <= job["age"] < 30
    assert job["ended_at"] is None


def test_a_host_that_cannot_be_reached_is_one_line_on_stderr(tmp_path: Path, lab: Lab) -> None:
    (tmp_path / "hosts").write_text("")
    site = Site(tmp_path, [lab.host("lab1")])
    with (tmp_path / "hosts").open("a") as file:
        file.write("nobody ansible_host=127.77.99.99 ansible_port=1 ansible_connection=ssh\n")
    jid = site.start("lab1", "sleep 0")
    done = site.jobs("list", "--finished", code=4)
    assert jid in done.out
    assert done.err.startswith("nobody: unreachable: ")
    assert done.err.count("\n") == 1
    document = site.jobs_json("list", code=4)
    assert list(document["errors"]) == ["nobody"]


def test_waiting_for_all_or_for_any(site: Site) -> None:
    slow, quick = site.start("lab1", gate("slow"), limit=60), site.start("lab2", gate("quick"), limit=60)
    site.on("lab2", "touch /tmp/quick")
    done = site.jobs("wait", "--for", "any", slow, quick)
    assert [line.split()[:3] for line in done.out.splitlines()] == [["lab2", quick, "finished"]]
    site.on("lab1", "touch /tmp/slow")
    done = site.jobs("wait", slow, quick)
    assert sorted(line.split()[:3] for line in done.out.splitlines()) == [
        ["lab1", slow, "finished"],
        ["lab2", quick, "finished"],
    ]
    assert site.jobs("wait").out == "No jobs run.\n"


def test_waiting_says_by_its_exit_code_how_it_ended(site: Site) -> None:
    failing, long = site.start("lab1", "exit 1"), site.start("lab1", "sleep 30.125")
    assert "failed (rc 1)" in site.jobs("wait", failing, code=2).out
    done = site.jobs("wait", long, "--wait-timeout", "0.5", code=2)
    assert done.out == ""
    assert done.err == "1 job still runs after 0.5 seconds\n"


def test_a_job_that_is_not_there(site: Site) -> None:
    done = site.jobs("wait", "j1.1", code=2)
    assert done.err == "j1.1: could not find job\n"


def test_what_jobs_have_printed(site: Site) -> None:
    one = site.start("lab1", "echo one; sleep 0.3; echo error >&2; sleep 0.3; printf rest")
    two = site.start("lab2", "printf 'a\\nb'")
    site.jobs("wait", one, two)
    assert site.jobs("logs", one).out == "one\nerror\nrest"
    out = site.jobs("logs", one, two).out
    assert out == f"lab1/{one}: one\nlab1/{one}: error\nlab1/{one}: rest\nlab2/{two}: a\nlab2/{two}: b\n"
    logs = {row["jid"]: row["log"] for row in site.jobs_json("logs")["jobs"]}
    assert logs == {one: "one\nerror\nrest", two: "a\nb"}


def test_following_the_output_of_jobs_until_they_end(site: Site) -> None:
    jid = site.start("lab1", f"echo first; {gate('open')}; echo second")
    following = site.begin("jobs", "logs", "-f", jid, "-i", "hosts")
    assert following.stdout is not None
    assert following.stdout.readline() == "first\n"
    site.on("lab1", "touch /tmp/open")
    out, err = following.communicate(timeout=SOON)
    assert (out, following.returncode) == ("second\n", 0), err


def test_what_a_job_of_ansible_printed(site: Site) -> None:
    jid = "j123.456"
    text = '{"changed": true, "cmd": ["echo"], "rc": 0, "stdout": "said", "stderr": "", "failed": false}'
    site.on("lab1", f"mkdir -p /root/.ansible_async; echo '{text}' > /root/.ansible_async/{jid}")
    assert site.jobs("logs", jid).out == "said\n"
    assert site.jobs_json("list", jid)["jobs"][0]["what"] == "echo"


def test_jobs_are_cancelled_with_their_processes(site: Site) -> None:
    jid = site.start("lab1", "setsid sleep 62.5 & sleep 62.5")
    site.start("lab2", "sleep 62.5")
    done = site.jobs("cancel", jid)
    assert [row[:3] for row in rows(done.out)] == [["lab1", jid, "cancelled"]]
    assert site.processes("lab1", "sleep 62.5") == []
    assert site.processes("lab2", "sleep 62.5") != []
    assert [row[0] for row in rows(site.jobs("cancel", "lab2").out)] == ["lab2"]
    refused = weft("jobs", "cancel", "-i", "hosts", cwd=site.folder)
    assert (refused.code, refused.out) == (5, "")


def test_ended_jobs_are_cleared_away(site: Site) -> None:
    ended, runs = site.start("lab1", "true"), site.start("lab1", "sleep 30.0625")
    site.jobs("wait", ended)
    assert site.jobs("cleanup", "--older-than", "3600").out == "0 jobs removed.\n"
    assert site.jobs("cleanup").out == "1 job removed.\n"
    left = site.files("lab1")
    assert not any(name.startswith(ended) for name in left)
    assert runs in left


def test_interrupting_a_wait_leaves_the_job_alone(site: Site) -> None:
    jid = site.start("lab1", "sleep 30.375")
    agents = len(site.processes("lab1", "import zlib"))
    waiting = site.begin("jobs", "wait", "-i", "hosts")
    until(lambda: len(site.processes("lab1", "import zlib")) > agents, "the agent's start")
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=SOON)
    assert waiting.returncode == 130, (out, err)
    assert (out, err) == ("", "\n[ERROR]: User interrupted execution\n")
    assert [row["state"] for row in site.jobs_json("list", jid)["jobs"]] == ["running"]


def test_as_another_user(site: Site) -> None:
    done = weft(
        "run", "lab1", "-i", "hosts", "-b", "--become-user", "alice", "-B", "30", "-P", "0", "-a", "sleep 30.875",
        cwd=site.folder,
    )  # fmt: skip
    (jid,) = JID.findall(done.out)[:1]
    assert jid not in site.jobs("list", "lab1").out
    (job,) = site.jobs_json("list", "lab1", "-b", "--become-user", "alice")["jobs"]
    assert (job["jid"], job["user"]) == (jid, "alice")
    site.jobs("cancel", jid, "-b", "--become-user", "alice")


def test_a_host_without_python(tmp_path: Path, make_host: Callable[..., LabHost]) -> None:
    host = make_host(no_python=True)
    done = Site(tmp_path, [host]).jobs("list", code=2)
    assert done.out == ""
    assert done.err.startswith(f"{host.name}: The module interpreter ")
    assert done.err.count("\n") == 1
