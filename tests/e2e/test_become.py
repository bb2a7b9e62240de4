"""Becoming another user: by sudo and su, with passwords and without, for commands, modules, files and jobs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.job_runs import Events, Site
from tests.support.terminal import at_a_terminal
from tests.support.trouble import assert_no_traceback, tasks, write_inventory
from weft.lab import Lab, LabHost

pytestmark = pytest.mark.e2e

PASSWORD = "wonderland"


@pytest.fixture
def site(tmp_path: Path, lab: Lab) -> Site:
    """One host under the names of the users who log in there."""
    host = lab.host("lab1")
    site = Site(tmp_path, [host])
    users = ("root", "deploy", "alice", "bob")
    write_inventory(tmp_path / "hosts", {user: {**host.variables(), "ansible_user": user} for user in users})
    return site


def why(run: Events, task: str, host: str | None = None) -> str:
    finished = run.finished(task, host)
    assert finished["status"] in ("failed", "unreachable"), finished
    return str(finished["result"]["msg"])


def test_users_become_others_with_sudo(site: Site, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("from the controller\n")
    play = tasks(
        "{name: who, command: whoami}",
        "{name: home, shell: 'echo $HOME; cd; pwd'}",
        "{name: raw, raw: whoami}",
        "{name: script, script: who.sh}",
        "{name: module, file: {path: '/tmp/of-{{ inventory_hostname }}', state: touch, mode: '0600'}}",
        "{name: copy, copy: {src: data, dest: '/tmp/copy-{{ inventory_hostname }}', mode: '0600'}}",
        "{name: template, template: {src: data, dest: '/tmp/template-{{ inventory_hostname }}', mode: '0600'}}",
        "{name: stat, stat: {path: '/tmp/copy-{{ inventory_hostname }}'}}",
        "{name: facts, setup: {gather_subset: '!all,!min,user'}}",
        "{name: job, command: whoami, async: 10, poll: 1}",
        "{name: other, command: whoami, become_user: bob}",
        "{name: no one, command: whoami, become: false}",
        "{name: fetch, fetch: {src: '/tmp/copy-{{ inventory_hostname }}', dest: fetched/, flat: false}}",
        "{name: clean, file: {path: '/tmp/{{ item }}-{{ inventory_hostname }}', state: absent}, "
        "loop: [of, copy, template]}",
        hosts='root:deploy:alice\n  become: true\n  become_user: "{{ to }}"',
    )
    (tmp_path / "who.sh").write_text("#!/bin/sh\nwhoami\n")
    with (tmp_path / "hosts").open("a") as file:
        file.write(f"[all:vars]\nto=alice\n[own]\nalice\n[own:vars]\nto=root\nansible_become_password={PASSWORD}\n")
    run = site.play(play)
    for login, to, home in (
        ("root", "alice", "/home/alice"),
        ("deploy", "alice", "/home/alice"),
        ("alice", "root", "/root"),
    ):
        assert run.result("who", login)["stdout"] == to
        assert run.result("home", login)["stdout_lines"] == [home, home]
        assert run.result("raw", login)["stdout"].strip() == to
        assert run.result("script", login)["stdout"].strip() == to
        assert run.result("module", login)["owner"] == to
        assert run.result("copy", login)["owner"] == to
        assert run.result("template", login)["owner"] == to
        assert run.result("stat", login)["stat"]["pw_name"] == to
        assert run.result("facts", login)["ansible_facts"]["ansible_user_id"] == to
        assert run.result("job", login)["stdout"] == to
        assert run.result("other", login)["stdout"] == "bob"
        assert run.result("no one", login)["stdout"] == login
        fetched = tmp_path / "fetched" / login / "tmp" / f"copy-{login}"
        assert fetched.read_text() == "from the controller\n"
    assert run.done.err == ""


PASSWORDS = tasks(
    "{name: none, command: whoami, ignore_errors: true}",
    "{name: wrong, command: whoami, ignore_errors: true, vars: {ansible_become_password: looking-glass}}",
    f"{{name: right, command: whoami, vars: {{ansible_become_password: {PASSWORD}}}}}",
    f"{{name: right module, setup: {{gather_subset: '!all,!min,user'}}, vars: {{ansible_become_pass: {PASSWORD}}}}}",
    f"{{name: vault, command: whoami, vars: {{ansible_sudo_pass: {PASSWORD}}}}}",
    "{name: after, command: whoami, become: false}",
    hosts="alice\n  become: true",
)


def test_passwords_that_are_missing_or_wrong_fail_the_task_and_say_so(site: Site) -> None:
    run = site.play(PASSWORDS)
    assert "Missing sudo password" in why(run, "none")
    assert "Incorrect sudo password" in why(run, "wrong")
    assert run.result("right")["stdout"] == "root"
    assert run.result("vault")["stdout"] == "root"
    assert run.result("right module")["ansible_facts"]["ansible_user_id"] == "root"
    assert run.result("after")["stdout"] == "alice"
    assert PASSWORD not in run.done.out
    done = site.screen(tasks("command: whoami", hosts="alice\n  become: true"), "-vvv", code=2)
    assert "Missing sudo password" in done.out
    assert_no_traceback(done)


def test_who_may_not_use_sudo_fails_with_what_sudo_says(site: Site) -> None:
    play = tasks(
        "{name: none, command: whoami, ignore_errors: true}",
        "{name: given, command: whoami, vars: {ansible_become_password: anything}, ignore_errors: true}",
        "{name: nobody, command: whoami, become_user: nosuchuser, ignore_errors: true}",
        hosts="bob:deploy\n  become: true",
    )
    run = site.play(play)
    assert "password" in why(run, "none", "bob")
    assert "Incorrect sudo password" in why(run, "given", "bob")
    assert "nosuchuser" in why(run, "nobody", "deploy")
    assert run.result("none", "deploy")["stdout"] == "root"
    assert run.result("given", "deploy")["stdout"] == "root"


def test_the_password_can_be_asked_for_or_come_from_a_file(site: Site, tmp_path: Path) -> None:
    play = tasks("{name: who, command: whoami}", hosts="alice")
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    run = site.play(play, "-b", "--become-password-file", "password")
    assert run.result("who")["stdout"] == "root"
    done = at_a_terminal(
        [sys.executable, "-m", "weft", "play", "-i", "hosts", "play.yml", "-b", "-K"],
        cwd=tmp_path, asked="BECOME password: ", answer=PASSWORD,
    )  # fmt: skip
    assert done.code == 0, done
    assert "changed: [alice]" in done.out
    assert PASSWORD not in done.out


def test_su_takes_the_password_of_the_other_user(site: Site) -> None:
    play = tasks(
        f"{{name: right, command: whoami, vars: {{ansible_become_password: {PASSWORD}}}}}",
        f"{{name: module, setup: {{gather_subset: '!all,!min,user'}}, vars: {{ansible_su_pass: {PASSWORD}}}}}",
        f"{{name: copy, copy: {{content: x, dest: /tmp/by-su}}, vars: {{ansible_become_pass: {PASSWORD}}}}}",
        f"{{name: remove, file: {{path: /tmp/by-su, state: absent}}, vars: {{ansible_become_pass: {PASSWORD}}}}}",
        "{name: wrong, command: whoami, vars: {ansible_become_password: x}, ignore_errors: true}",
        "{name: none, command: whoami, ignore_errors: true}",
        hosts="bob\n  become: true\n  become_method: su\n  become_user: alice",
    )
    run = site.play(play)
    assert run.result("right")["stdout"] == "alice"
    assert run.result("module")["ansible_facts"]["ansible_user_id"] == "alice"
    assert run.result("copy")["owner"] == "alice"
    assert "Incorrect su password" in why(run, "wrong")
    assert "su password" in why(run, "none") or "Authentication" in why(run, "none")
    by_root = tasks(
        "{name: who, command: whoami}", hosts="root\n  become: true\n  become_method: su\n  become_user: bob"
    )
    assert site.play(by_root).result("who")["stdout"] == "bob"


def test_delegated_tasks_become_on_the_host_they_are_delegated_to(site: Site, tmp_path: Path, lab: Lab) -> None:
    with (tmp_path / "hosts").open("a") as file:
        other: LabHost = lab.host("lab2")
        file.write("other " + " ".join(f"{k}='{v}'" for k, v in other.variables().items()) + "\n")
    play = tasks(
        "{name: there, shell: 'whoami; cat /etc/hostname', delegate_to: other, become: true, become_user: alice}",
        "{name: password, shell: whoami, delegate_to: alice, become: true}",
        "{name: copy, copy: {content: x, dest: /tmp/delegated}, delegate_to: other, become: true, become_user: bob}",
        "{name: remove, file: {path: /tmp/delegated, state: absent}, delegate_to: other, become: true, "
        "become_user: bob}",
        hosts="deploy",
    )
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "alice.yml").write_text(f"ansible_become_password: {PASSWORD}\n")
    run = site.play(play)
    assert run.result("there")["stdout_lines"] == ["alice", "lab2"]
    assert run.result("password")["stdout"] == "root"
    assert run.result("copy")["owner"] == "bob"


def test_a_job_that_one_user_started_is_found_as_another(site: Site) -> None:
    play = tasks(
        "{name: start, shell: 'sleep 0.5; whoami', async: 20, poll: 0, become: true, become_user: alice, "
        "register: job}",
        "{name: check, async_status: {jid: '{{ job.ansible_job_id }}'}, register: end, until: end.finished, "
        "retries: 20, delay: 1}",
        "{name: check as root, async_status: {jid: '{{ job.ansible_job_id }}'}, become: true}",
        hosts="deploy",
    )
    run = site.play(play)
    assert run.result("check")["stdout"] == "alice"
    assert run.result("check as root")["stdout"] == "alice"
