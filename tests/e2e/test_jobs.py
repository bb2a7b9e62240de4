"""`async`: jobs that outlive what started them, over real connections."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command import ansible, environment
from tests.support.job_runs import SOON, Site, gate, jid_in, shown, until
from weft.lab import BackgroundProxy, Lab, LabHost

pytestmark = pytest.mark.e2e

MakeProxy = Callable[..., BackgroundProxy]


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(*hosts: LabHost) -> Site:
        folder = tmp_path / str(len(made)) if made else tmp_path  # short: there are sockets in it
        folder.mkdir(exist_ok=True)
        made.append(Site(folder, hosts))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture
def site(make_site: Callable[..., Site], lab: Lab) -> Site:
    return make_site(lab.host("lab1"), lab.host("lab2"))


WAIT = """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: wait
      async_status: {{jid: "{jid}"}}
      register: job
      until: job.finished
      retries: 20
      delay: 1
    - name: show
      debug: {{var: job}}
"""


# -- together with Ansible


def test_weft_waits_for_a_job_that_ansible_started(site: Site) -> None:
    started = ansible(
        "lab1", "-i", "hosts", "-B", "20", "-P", "0", "-m", "shell", "-a", gate("theirs"),
        cwd=site.folder, command="adhoc",
    )  # fmt: skip
    jid = jid_in(started.out)
    (row,) = site.jobs_json("list", jid)["jobs"]
    assert (row["host"], row["what"], row["user"], row["limit"]) == ("lab1", "command", "root", 20)
    assert row["foreign"]
    site.on("lab1", "touch /tmp/theirs")
    waited = site.jobs("wait", jid)
    assert waited.out.startswith(f"lab1 {jid} finished after ")
    ours = site.play(WAIT.format(jid=jid)).result("show")["job"]
    theirs = shown(site.core(WAIT.format(jid=jid)))
    assert set(ours) - {"ansible_facts"} == set(theirs) - {"ansible_facts"}
    assert {key: ours[key] for key in ("rc", "cmd", "start", "end", "changed", "finished", "results_file")} == {
        key: theirs[key] for key in ("rc", "cmd", "start", "end", "changed", "finished", "results_file")
    }


def test_ansible_waits_for_a_job_that_weft_started(site: Site) -> None:
    jid = site.start("lab1", "echo said; sleep 2")
    theirs = shown(site.core(WAIT.format(jid=jid)))
    ours = site.play(WAIT.format(jid=jid)).result("show")["job"]
    assert theirs["stdout"] == "said"
    assert set(ours) - {"ansible_facts"} == set(theirs) - {"ansible_facts"}


POLLED = """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: work
      command: "{{ item }}"
      loop: [echo said, ls /nowhere, nosuchprogram]
      async: 15
      poll: 1
      register: jobs
      ignore_errors: true
    - name: module
      stat: {path: /}
      async: 15
      poll: 1
      register: module
    - name: show
      debug: {var: "jobs.results + [module]"}
"""


def test_polled_results_have_the_keys_that_ansible_gives_them(site: Site) -> None:
    ours = site.play(POLLED).result("show")["jobs.results + [module]"]
    theirs = shown(site.core(POLLED))
    for our, their in zip(ours, theirs, strict=True):
        assert set(our) - {"ansible_facts"} == set(their) - {"warnings", "ansible_facts"}
        for key in ("rc", "msg", "failed", "changed", "started", "finished", "stdout", "stderr", "cmd"):
            assert our.get(key) == their.get(key), key


# -- ends that nobody planned


def test_jobs_live_on_when_weft_is_killed_and_a_second_run_finds_them(site: Site) -> None:
    mark = gate("orphan")
    (site.folder / "long.yml").write_text(
        f"- hosts: lab1\n  gather_facts: false\n  tasks:\n    - shell: {mark}\n      async: 60\n      poll: 1\n"
    )
    run = site.begin("play", "-i", "hosts", "long.yml")
    until(lambda: site.processes("lab1", mark), "the job's start")
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=SOON)
    (job,) = [row for row in site.jobs_json("list")["jobs"] if row["what"] == mark]
    site.on("lab1", "touch /tmp/orphan")
    assert site.jobs_json("wait", job["jid"])["jobs"][0]["result"]["cmd"] == mark


GRANDCHILDREN = """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: too long
      shell: "setsid sleep 61.5 & (sleep 61.5; true) & sleep 61.5"
      async: 1
      poll: 1
      ignore_errors: true
"""


def test_a_job_that_takes_too_long_is_ended_with_all_its_processes(site: Site) -> None:
    events = site.play(GRANDCHILDREN)
    result = events.result("too long")
    assert result["timedout"] is True
    assert result["msg"] == "Timeout exceeded: the job was stopped after its limit of 1 seconds"
    assert events.finished("too long")["status"] == "failed"
    assert events.named("async_ended")[0]["ok"] is False
    assert site.processes("lab1", "sleep 61.5") == []
    assert events.done.seconds < 10


def test_a_job_that_ignores_termination_is_killed(site: Site) -> None:
    jid = site.start("lab1", "trap '' TERM; while :; do sleep 0.3; done", limit=1)
    (job,) = site.jobs_json("wait", jid, code=2)["jobs"]
    assert (job["state"], job["rc"]) == ("timed out", -9)
    assert job["runtime"] < 5


def test_a_job_whose_supervisor_was_killed_is_lost(site: Site) -> None:
    jid = site.start("lab1", "sleep 61.25")
    state = json.loads(site.on("lab1", f"cat /root/.ansible_async/{jid}.state"))
    site.on("lab1", f"kill -9 {state['pid']} {state['pgid']}")
    result = site.play(WAIT.format(jid=jid), code=2).result("wait")
    assert (result["failed"], result["finished"], result["lost"]) == (True, True, True)
    assert "is gone and it left no result" in result["msg"]
    theirs = site.core(WAIT.format(jid=jid).replace("delay: 1", "delay: 1\n      ignore_errors: true"))
    assert shown(theirs)["lost"] is True


def test_waiting_ends_when_the_supervisor_is_killed_meanwhile(site: Site) -> None:
    jid = site.start("lab1", "sleep 61.75")
    waiting = site.begin("jobs", "wait", jid, "-i", "hosts")
    state = json.loads(site.on("lab1", f"cat /root/.ansible_async/{jid}.state"))
    site.on("lab1", f"kill -9 {state['pid']} {state['pgid']}")
    out, err = waiting.communicate(timeout=SOON)
    assert waiting.returncode == 2, err
    assert out.startswith(f"lab1 {jid} lost")


def test_a_job_of_a_host_that_was_rebooted_is_lost(
    make_site: Callable[..., Site], lab: Lab, fresh_host: LabHost
) -> None:
    site = make_site(fresh_host)
    jid = site.start(fresh_host.name, "sleep 60")
    lab.reboot(fresh_host)
    (job,) = site.jobs_json("show", jid)["jobs"]
    assert job["state"] == "lost"
    assert job["result"]["msg"].startswith("The job was lost: ")


def test_a_task_that_polls_a_host_that_reboots_learns_that_the_job_is_lost(
    make_site: Callable[..., Site], lab: Lab, fresh_host: LabHost
) -> None:
    site = make_site(fresh_host)
    (site.folder / "long.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: sleep 60\n      async: 60\n      poll: 1\n"
    )
    run = site.begin("play", "-i", "hosts", "long.yml")
    until(lambda: site.processes(fresh_host.name, "sleep 60"), "the job's start")
    lab.restart(fresh_host)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 2, (out, err)
    assert "The job was lost: the machine was restarted and it left no result" in out + err


# -- as whom, where, with what


BECOME = """
- hosts: lab1
  remote_user: deploy
  gather_facts: false
  vars: {ansible_user: deploy}
  tasks:
    - name: as root
      command: id -un
      become: true
      async: 20
      poll: 0
      register: first
    - name: as alice
      command: id -un
      become: true
      become_user: alice
      async: 20
      poll: 0
      register: second
    - name: as deploy
      command: id -un
      async: 20
      poll: 0
      register: third
    - name: one by one
      async_status: {jid: "{{ item.ansible_job_id }}"}
      register: job
      until: job.finished
      retries: 10
      delay: 1
      loop: "{{ [first, second, third] }}"
    - name: together
      async_status: {jid: "{{ [first, second, third] | map(attribute='ansible_job_id') }}"}
      become: true
      become_user: bob
      register: jobs
      until: jobs.finished
      retries: 10
      delay: 1
    - name: cleanup
      async_status: {jid: "{{ second.ansible_job_id }}", mode: cleanup}
"""


def test_a_job_is_found_by_a_task_that_runs_as_somebody_else(site: Site) -> None:
    events = site.play(BECOME)
    assert [row["stdout"] for row in events.result("one by one")["results"]] == ["root", "alice", "deploy"]
    assert [row["stdout"] for row in events.result("together")["results"]] == ["root", "alice", "deploy"]
    second = events.result("as alice")
    assert second["results_file"].startswith("/home/alice/.ansible_async/")
    assert events.result("cleanup")["erased"] == second["results_file"]
    assert second["ansible_job_id"] not in site.files("lab1", "/home/alice/.ansible_async")


PLACE = """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: start
      command: sleep 1
      async: 20
      poll: 0
      register: job
    - name: wait
      async_status: {jid: "{{ job.ansible_job_id }}"}
      register: status
      until: status.finished
      retries: 10
      delay: 1
"""


def test_the_async_dir_of_a_host_is_a_variable(site: Site) -> None:
    events = site.play(PLACE, "-e", "ansible_async_dir=/var/tmp/own-jobs")
    jid = events.result("start")["ansible_job_id"]
    assert events.result("wait")["results_file"] == f"/var/tmp/own-jobs/{jid}"
    assert jid in site.files("lab1", "/var/tmp/own-jobs")
    listed = site.jobs_json("list", "lab1", "--finished", "-e", "ansible_async_dir=/var/tmp/own-jobs")["jobs"]
    assert [row["async_dir"] for row in listed if row["jid"] == jid] == ["/var/tmp/own-jobs"]


def test_the_async_dir_of_a_run_is_an_environment_variable(site: Site) -> None:
    env = {"ANSIBLE_ASYNC_DIR": "~/elsewhere"}
    events = site.play(PLACE, env=env)
    jid = events.result("start")["ansible_job_id"]
    assert events.result("start")["results_file"] == f"/root/elsewhere/{jid}"
    assert jid in site.jobs("list", "lab1", "--finished", env=env).out
    assert jid not in site.jobs("list", "lab1", "--finished").out


DELEGATED = """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: start
      shell: echo $WHERE in $(hostname)
      environment: {WHERE: made}
      delegate_to: lab2
      async: 20
      poll: 0
      register: job
    - name: wait
      async_status: {jid: "{{ job.ansible_job_id }}"}
      delegate_to: lab2
      register: status
      until: status.finished
      retries: 10
      delay: 1
"""


def test_a_delegated_job_runs_on_the_delegate_with_the_environment_of_the_task(site: Site) -> None:
    events = site.play(DELEGATED)
    assert events.result("wait")["stdout"] == "made in lab2"
    assert events.result("start")["ansible_job_id"] in site.files("lab2")


CHECK = """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: touch
      file: {path: /root/never-made, state: touch}
      async: 20
      poll: 0
      register: made
    - name: run
      command: touch /root/never-made
      async: 20
      poll: 0
"""


def test_check_mode_runs_in_the_foreground_and_changes_nothing(site: Site) -> None:
    events = site.play(CHECK, "--check")
    touched = events.result("touch")
    assert (touched["finished"], touched["changed"]) == (True, True)
    assert events.finished("run")["status"] == "skipped"
    assert site.on("lab1", "ls /root/never-made") == ""


SECRET = "swordfish-4711"
NO_LOG = """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: hidden
      command: {cmd: "sh -c 'cat; sleep 1.5'", stdin: "{{ secret }}"}
      no_log: true
      async: 20
      poll: 0
      register: job
    - name: hidden module
      tempfile: {prefix: "{{ secret }}", path: /root/prefixes}
      no_log: true
      async: 20
      poll: 0
    - name: look while it runs
      shell: |
        for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done
      register: processes
    - name: wait
      async_status: {jid: "{{ job.ansible_job_id }}"}
      no_log: true
      register: status
      until: status.finished
      retries: 10
      delay: 1
    - name: it is in the result
      assert: {that: "status.stdout == secret"}
      no_log: true
"""


def test_what_no_log_hides_is_in_the_result_alone(site: Site) -> None:
    site.on("lab1", "mkdir -p /root/prefixes")
    events = site.play(NO_LOG, "-e", f"secret={SECRET}", "-vvv")
    assert "ansible_job_id" not in events.result("hidden"), "the view of a hidden task does not even have the handle"
    assert SECRET not in events.result("look while it runs")["stdout"]
    assert SECRET not in events.done.out + events.done.err
    holding = site.on("lab1", f"grep -rl {SECRET} /root/.ansible_async").split()
    assert {site.on("lab1", f"stat -c %a {path}").strip() for path in holding} == {"600"}
    assert all("." not in path.removeprefix("/root/.ansible_async/").split(".", 1)[1] for path in holding)
    listed = site.jobs("list", "--finished", "lab1", "--json").out + site.jobs("show", "lab1").out
    assert "hidden" in listed
    assert SECRET not in listed
    assert SECRET not in site.jobs("logs", "lab1").out
    site.on("lab1", "rm -r /root/prefixes")


SKIPPED = """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: some
      command: sleep {{ item }}
      loop: [1, 2, 3]
      when: item != 2
      async: 20
      poll: 0
      register: jobs
    - name: wait
      async_status: {jid: "{{ item.ansible_job_id }}"}
      loop: "{{ jobs.results }}"
      loop_control: {label: "{{ item.item }}"}
      when: item is not skipped
      register: status
      until: status is finished
      retries: 10
      delay: 1
"""


def test_skipped_items_have_no_handle_and_a_wait_passes_them_by(site: Site) -> None:
    events = site.play(SKIPPED)
    rows = events.result("some")["results"]
    assert ["ansible_job_id" in row for row in rows] == [True, False, True]
    assert events.finished("wait")["item_statuses"] == ["changed", "skipped", "changed"]


TOGETHER = """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: three
      command: sleep {{ item }}
      loop: [2, 1, 0.1]
      async: 20
      poll: 0
      register: jobs
    - name: wait
      async_status: {jid: "{{ jobs.results | map(attribute='ansible_job_id') }}"}
      register: status
      until: status.finished
      retries: 4
      delay: 10
"""


def test_a_list_of_ids_waits_for_all_of_them_together(site: Site) -> None:
    events = site.play(TOGETHER)
    result = events.result("wait")
    assert [row["cmd"][1] for row in result["results"]] == ["2", "1", "0.1"]
    assert result["finished"] is True
    assert [event["left"] for event in events.named("retrying")] == [4]
    assert events.done.seconds < 8, "the wait ends with the last job, not with the delay"


LEFT = """
- hosts: lab1
  gather_facts: false
  tasks:
    - name: stays
      command: sleep 6
      async: 20
      poll: 0
    - name: ends
      command: sleep 0
      async: 20
      poll: 0
    - wait_for: {timeout: 1}
"""


def test_the_recap_names_the_jobs_that_still_run_and_the_command_that_waits_for_them(site: Site) -> None:
    done = site.screen(LEFT)
    last = done.out.rstrip().splitlines()[-1]
    assert last.startswith("1 job still runs: lab1 (j")
    command = last.partition("Wait for it: weft ")[2]
    argv = [sys.executable, "-m", "weft", *shlex.split(command)]
    waited = subprocess.run(
        argv, env=environment(site.folder), cwd="/", capture_output=True, text=True, timeout=60, check=True
    )
    assert waited.stdout.startswith(f"lab1 {jid_in(last)} finished after ")
    assert waited.stdout.endswith(": stays\n")


def test_a_link_that_is_cut_while_a_job_is_polled_is_mended(
    make_site: Callable[..., Site], lab: Lab, proxy: MakeProxy
) -> None:
    host = lab.host("lab1")
    way = proxy(host)
    direct, site = make_site(host), make_site(host.through(way.address))
    mark = "3.0119"
    (site.folder / "long.yml").write_text(
        f"- hosts: lab1\n  gather_facts: false\n  tasks:\n    - command: sleep {mark}\n      async: 20\n      poll: 1\n"
    )
    run = site.begin("play", "-i", "hosts", "long.yml")
    until(lambda: direct.processes("lab1", f"sleep {mark}"), "the job's start")
    way.cut()
    out, err = run.communicate(timeout=SOON)
    assert run.returncode == 0, (out, err)
    assert "ASYNC OK on lab1" in out
    assert way.accepted >= 2
