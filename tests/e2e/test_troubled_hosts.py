"""Hosts that misbehave: each fails or is unreachable with its reason, and the others go on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.job_runs import Site
from tests.support.trouble import Ways, assert_no_traceback, tasks, unreachable, write_inventory
from weft.lab import BackgroundProxy, Lab, LabHost

pytestmark = pytest.mark.e2e

MakeHost = Callable[..., LabHost]
MakeProxy = Callable[..., BackgroundProxy]


# -- reaching it


def test_hosts_that_cannot_be_reached_leave_the_others_alone(tmp_path: Path, lab: Lab, proxy: MakeProxy) -> None:
    good = lab.host("lab1")
    site = Site(tmp_path, [good])
    refuses, stalls = proxy(good), proxy(good)
    refuses.refuse()
    stalls.stall()
    other_key = tmp_path / "other_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other_key)], check=True)
    ways: Ways = {
        "good": good.variables(),
        "refuses": good.through(refuses.address).variables(),
        "stalls": {**good.through(stalls.address).variables(), "ansible_ssh_timeout": 1},
        "keyless": {**good.variables(), "ansible_ssh_private_key_file": str(other_key)},
        "nobody": {**good.variables(), "ansible_user": "nosuchuser"},
        "no-key-file": {**good.variables(), "ansible_ssh_private_key_file": "/nowhere/key"},
    }
    write_inventory(tmp_path / "hosts", ways)
    text = tasks("{name: first, command: echo one}", "{name: second, command: echo two}")
    run = site.play(text, code=4)
    why = unreachable(run)
    assert set(why) == set(ways) - {"good"}
    assert "Connection refused" in why["refuses"]
    assert "timed out" in why["stalls"].lower()
    for name in ("keyless", "nobody", "no-key-file"):
        assert why[name].count("Permission denied") == 1, why
    assert run.result("first", "good")["stdout"] == "one"
    assert run.result("second", "good")["stdout"] == "two"
    assert run.done.seconds < 50
    assert run.done.err == ""
    done = site.screen(text, code=4)
    assert "fatal: [refuses]: UNREACHABLE! => " in done.out
    assert any(line.startswith("refuses : ok=0 changed=0 unreachable=1") for line in done.lines), done
    assert_no_traceback(done)


def test_ignore_unreachable_and_a_failed_host_give_the_exit_codes_of_ansible(
    tmp_path: Path, lab: Lab, proxy: MakeProxy
) -> None:
    good = lab.host("lab1")
    gate = proxy(good)
    gate.refuse()
    site = Site(tmp_path, [good])
    write_inventory(tmp_path / "hosts", {"good": good.variables(), "gone": good.through(gate.address).variables()})
    failing = "{name: fails, command: 'false', when: inventory_hostname == 'good'}"
    reach = "{name: reach, command: echo here, ignore_unreachable: true}"
    assert unreachable(site.play(tasks(reach), code=0))
    site.play(tasks(failing), code=2)
    site.play(tasks(failing, "{name: reach, command: echo here}"), code=4)
    site.play(tasks("{name: reach, command: echo here}", failing), code=4)


# -- what it is like


NO_PYTHON = tasks(
    "{name: raw, raw: 'echo $((6 * 7))'}",
    "{name: script, script: said.sh one}",
    "{name: command, command: echo no, ignore_errors: true}",
    "{name: copy, copy: {content: x, dest: /tmp/x}, ignore_errors: true}",
    "{name: setup, setup: {}, ignore_errors: true}",
    "{name: job, command: sleep 1, async: 5, poll: 1, ignore_errors: true}",
    "{name: last, raw: echo still here}",
)


def test_a_host_without_python_runs_raw_and_script_and_says_why_it_runs_nothing_else(
    tmp_path: Path, make_host: MakeHost
) -> None:
    host = make_host(no_python=True)
    (tmp_path / "said.sh").write_text('#!/bin/sh\necho "script $1"\n')
    run = Site(tmp_path, [host]).play(NO_PYTHON)
    assert run.result("raw")["stdout"].strip() == "42"
    assert run.result("script")["stdout"].strip() == "script one"
    assert run.result("last")["stdout"].strip() == "still here"
    for name in ("command", "copy", "setup", "job"):
        finished = run.finished(name)
        assert finished["status"] == "failed", finished
        assert "The module interpreter '/usr/bin/python3' was not found." in finished["result"]["msg"], finished
    said = Site(tmp_path, [host]).screen(tasks("{name: command, command: echo no}"), code=2)
    assert "Tried: python3" in said.out + said.err, said
    assert_no_traceback(said)


def test_an_interpreter_that_is_not_there_is_named_with_those_that_are(tmp_path: Path, lab_host: LabHost) -> None:
    site = Site(tmp_path, [lab_host])
    done = site.screen(tasks("command: echo no"), "-e", "ansible_python_interpreter=/nowhere/python9", code=2)
    assert "The module interpreter '/nowhere/python9' was not found." in done.out + done.err
    assert "The host has: " in done.out + done.err
    not_python = site.screen(tasks("command: echo no"), "-e", "ansible_python_interpreter=/bin/false", code=2)
    assert "/bin/false" in not_python.out + not_python.err
    assert_no_traceback(not_python)


def test_a_full_disk_and_a_home_that_cannot_be_written_fail_only_what_writes_there(
    tmp_path: Path, lab: Lab, make_host: MakeHost
) -> None:
    full, readonly = make_host(home_size=8 << 20), make_host(readonly_home=True)
    lab.fill_disk(full)
    site = Site(tmp_path, [full, readonly])
    (tmp_path / "data").write_text("x" * 100_000)
    run = site.play(
        tasks(
            "{name: command, command: echo works}",
            "{name: module, stat: {path: /etc/passwd}}",
            "{name: real module, ansible.builtin.getent: {database: passwd, key: root}}",
            "{name: elsewhere, copy: {src: data, dest: /tmp/data}}",
            "{name: home, copy: {src: data, dest: /root/data}, ignore_errors: true}",
            "{name: job, command: sleep 0, async: 5, poll: 1, ignore_errors: true}",
            "{name: elsewhere job, command: echo job, async: 5, poll: 1, environment: {}, "
            "vars: {ansible_async_dir: /tmp/jobs}}",
            "{name: last, command: echo still}",
        )
    )
    for host, reason in ((full.name, "No space left on device"), (readonly.name, "Read-only file system")):
        assert run.result("command", host)["stdout"] == "works"
        assert run.finished("module", host)["status"] == "ok"
        assert run.finished("real module", host)["status"] == "ok"
        assert run.finished("elsewhere", host)["status"] == "changed"
        assert run.result("elsewhere job", host)["stdout"] == "job"
        assert run.result("last", host)["stdout"] == "still"
        for name in ("home", "job"):
            finished = run.finished(name, host)
            assert finished["status"] == "failed", finished
            msg = finished["result"]["msg"]
            assert reason in msg or (name == "home" and msg == "Destination /root not writable"), msg
    assert run.done.err == ""


def test_what_a_login_prints_gets_into_no_result(tmp_path: Path, make_host: MakeHost) -> None:
    host = make_host(banner=True)
    site = Site(tmp_path, [host])
    site.on(host.name, "echo 'echo noise from bashrc {' >> /root/.bashrc; echo 'echo noise' >> /root/.profile")
    (tmp_path / "data").write_text("data\n")
    run = site.play(
        tasks(
            "{name: command, command: echo clean}",
            "{name: shell, shell: echo clean}",
            "{name: raw, raw: echo clean}",
            "{name: module, ansible.builtin.getent: {database: passwd, key: root}}",
            "{name: copy, copy: {src: data, dest: /root/data}}",
            "{name: job, command: echo clean, async: 5, poll: 1}",
            "{name: deploy, command: echo clean, become: true, become_user: alice}",
        )
    )
    for name in ("command", "shell", "raw", "job", "deploy"):
        assert run.result(name)["stdout"].strip() == "clean", run.result(name)
    assert site.on(host.name, "cat /root/data").endswith("data\n")


# -- modules that misbehave

LIBRARY = {
    "junk_only": "import os\nprint('this is no JSON', flush=True)\nos._exit(0)",
    "junk_around": "import atexit\nprint('before')\natexit.register(print, 'after')\n"
    "AnsibleModule({}).exit_json(msg='found')",
    "silent": "import os\nos._exit(0)",
    "forgetful": "pass",
    "dies": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "segfaults": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
    "kills_parent": "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(0.2)\n"
    "AnsibleModule({}).exit_json(msg='survived')",
    "hangs": "import time\ntime.sleep(600)",
    "raises": "raise RuntimeError('went wrong here')",
    "exits": "import sys\nsys.exit(3)",
    "not_python": "def (:",
}
HEADER = "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n"


def test_modules_that_misbehave_fail_with_the_reason_and_the_host_goes_on(tmp_path: Path, lab: Lab) -> None:
    host = lab.host("lab1")
    (tmp_path / "library").mkdir()
    for name, body in LIBRARY.items():
        (tmp_path / "library" / f"{name}.py").write_text(HEADER + body + "\n")
    lines = [
        f"{{name: {name}, {name}: {{}}, ignore_errors: true, timeout: {2 if name == 'hangs' else 60}}}"
        for name in LIBRARY
    ]
    both = [line for name in LIBRARY for line in (lines.pop(0), f"{{name: after {name}, stat: {{path: /}}}}")]
    site = Site(tmp_path, [host, lab.host("lab2")])
    run = site.play(tasks(*both, hosts="lab1:lab2"))
    for name in LIBRARY:
        assert run.result(f"after {name}", "lab1")["stat"]["isdir"] is True
        finished = run.finished(name, "lab2")
        assert finished["status"] == ("ok" if name in ("junk_around",) else "failed") or name == "kills_parent", (
            finished
        )
    said = {name: str(run.result(name, "lab1")) for name in LIBRARY}
    assert "No start of json char found" in said["junk_only"]
    assert "this is no JSON" in said["junk_only"]
    assert "did not handle its own exit" in said["forgetful"]
    assert "found" in said["junk_around"]
    assert "137" in said["dies"]
    assert "139" in said["segfaults"]
    assert "the process that runs modules died" in said["kills_parent"] or "survived" in said["kills_parent"]
    assert "Timed out after 2 second(s)." in said["hangs"]
    assert "went wrong here" in said["raises"]
    assert run.result("exits", "lab1")["rc"] == 3
    assert "SyntaxError" in said["not_python"] or "invalid syntax" in said["not_python"]
    assert site.processes("lab1", "hangs") == []
    assert run.done.seconds < 50
