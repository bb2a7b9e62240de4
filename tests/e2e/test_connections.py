"""Ways to a host: passwords, jump hosts, host keys, ssh_config, the OpenSSH client where it is needed, and local."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.job_runs import Site
from tests.support.terminal import at_a_terminal
from tests.support.trouble import Ways, tasks, unreachable, write_inventory
from weft.lab import Lab, LabHost

pytestmark = pytest.mark.e2e

MakeHost = Callable[..., LabHost]

WHO = tasks("{name: who, shell: 'whoami; cat /etc/hostname'}")


def bare(host: LabHost, **more: object) -> dict[str, object]:
    """How to reach it, but for host keys and options."""
    return {
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": host.private_key_file,
        **more,
    }


def use_options(folder: Path, text: str) -> str:
    """An argument for ssh that reads this file and nothing of the user's own configuration."""
    path = folder / "ssh_config"
    path.write_text(text)
    return f"-F {path}"


# -- who one is


def test_passwords_log_in_and_wrong_ones_are_refused(tmp_path: Path, make_host: MakeHost) -> None:
    host = make_host(password_login=True)
    site = Site(tmp_path, [host])
    ways = {**host.variables(), "ansible_user": "alice"}
    del ways["ansible_ssh_private_key_file"]
    write_inventory(
        tmp_path / "hosts",
        {
            "right": {**ways, "ansible_password": "wonderland"},
            "openssh": {**ways, "ansible_ssh_pass": "wonderland", "ansible_ssh_extra_args": "-o RemoteCommand=none"},
            "wrong": {**ways, "ansible_ssh_password": "looking-glass"},
            "none": ways,
        },
    )
    run = site.play(WHO, code=4)
    assert run.result("who", "right")["stdout_lines"] == ["alice", host.name]
    assert run.result("who", "openssh")["stdout_lines"] == ["alice", host.name]
    why = unreachable(run)
    assert set(why) == {"wrong", "none"}
    assert "Permission denied" in why["wrong"]
    assert "Permission denied" in why["none"]
    for secret in ("wonderland", "looking-glass"):
        assert secret not in run.done.out + run.done.err
    typed = at_a_terminal(
        [sys.executable, "-m", "weft", "play", "-i", "hosts", "play.yml", "-l", "none", "-k"],
        cwd=tmp_path, asked="SSH password: ", answer="wonderland",
    )  # fmt: skip
    assert typed.code == 0, typed
    assert "wonderland" not in typed.out


def test_variables_options_and_keywords_say_where_a_host_is(tmp_path: Path, lab: Lab) -> None:
    host = lab.host("lab1")
    site = Site(tmp_path, [host])
    known = " ".join(f"-o {option}" for option in host.ssh_options)
    write_inventory(
        tmp_path / "hosts",
        {
            "all-variables": {**bare(host, ansible_ssh_common_args=known), "ansible_user": "deploy"},
            "ssh-variables": {
                "ansible_ssh_host": host.address,
                "ansible_ssh_port": host.port,
                "ansible_ssh_user": "bob",
                "ansible_ssh_private_key_file": host.private_key_file,
                "ansible_ssh_common_args": known,
            },
            host.address: {},
        },
    )
    play = tasks("{name: who, command: whoami}", "{name: keyword, command: whoami, remote_user: alice}")
    arguments = ["-u", "alice", "--private-key", host.private_key_file, "--ssh-common-args", known]
    env = {"ANSIBLE_REMOTE_PORT": str(host.port)}
    run = site.play(play, *arguments, env=env)
    assert run.result("who", "all-variables")["stdout"] == "deploy"
    assert run.result("who", "ssh-variables")["stdout"] == "bob"
    assert run.result("who", host.address)["stdout"] == "alice"
    assert run.result("keyword", "all-variables")["stdout"] == "deploy"


def test_what_is_no_place_is_told_as_such(tmp_path: Path) -> None:
    site = Site(tmp_path, [])
    wrong: Ways = {
        "name": {"ansible_host": "nosuch.invalid"},
        "port": {"ansible_host": "127.0.0.1", "ansible_port": 99999},
    }
    write_inventory(tmp_path / "hosts", wrong)
    why = unreachable(site.play(WHO, code=4))
    assert "Could not resolve hostname nosuch.invalid" in why["name"]
    assert "Bad port '99999'." in why["port"]


# -- host keys


def test_host_keys_are_checked_as_ssh_checks_them(tmp_path: Path, lab: Lab) -> None:
    first = lab.host("lab1")
    site = Site(tmp_path, [first])
    place = f"[{first.address}]:{first.port}"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    other_key = (tmp_path / "other.pub").read_text().split()[:2]
    changed, learnt = tmp_path / "changed", tmp_path / "learnt"
    name = place if first.port != 22 else first.address
    changed.write_text(f"{name} {' '.join(other_key)}\n")
    numbers = itertools.count()

    def args(file: Path | None, *options: str) -> str:
        known = file or tmp_path / f"empty{next(numbers)}"
        if file is None:
            known.touch()
        common = (f"UserKnownHostsFile={known}", "GlobalKnownHostsFile=none")
        return " ".join(f"-o {option}" for option in (*common, *options))

    write_inventory(
        tmp_path / "hosts",
        {
            "unknown": bare(first, ansible_ssh_common_args=args(None)),
            "unknown-no": bare(first, ansible_ssh_common_args=args(None, "StrictHostKeyChecking=no")),
            "unknown-unchecked": bare(first, ansible_ssh_common_args=args(None), ansible_host_key_checking="false"),
            "accept-new": bare(first, ansible_ssh_common_args=args(learnt, "StrictHostKeyChecking=accept-new")),
            "changed": bare(first, ansible_ssh_common_args=args(changed)),
            "changed-new": bare(first, ansible_ssh_common_args=args(changed, "StrictHostKeyChecking=accept-new")),
            "yes": bare(first, ansible_ssh_common_args=args(None, "StrictHostKeyChecking=yes")),
        },
    )
    before = changed.read_text()
    run = site.play(WHO, code=4, env={"ANSIBLE_SSH_ARGS": ""})
    why = unreachable(run)
    assert set(why) == {"unknown", "changed", "changed-new", "yes"}, why
    for host in why:
        assert "Host key verification failed" in why[host], why
    for host in ("changed", "changed-new"):
        assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in why[host].upper(), why
    assert changed.read_text() == before
    assert learnt.read_text().split()[0].startswith((name, "|1|"))
    assert learnt.stat().st_mode & 0o777 == 0o600
    again = site.play(WHO, "-l", "accept-new")
    assert again.result("who", "accept-new")["stdout_lines"] == ["root", first.name]
    assert len(learnt.read_text().splitlines()) == 1


# -- ssh_config and jumps


def test_ssh_config_says_how_to_reach_a_name(tmp_path: Path, lab: Lab) -> None:
    first, second, third = (lab.host(f"lab{number}") for number in (1, 2, 3))
    site = Site(tmp_path, [first])
    common = f"""
Host *
    IdentityFile {first.private_key_file}
    IdentitiesOnly yes
    UserKnownHostsFile {first.known_hosts_file}
    ControlMaster auto
"""

    def at(host: LabHost, user: str) -> str:
        return f"    HostName {host.address}\n    Port {host.port}\n    User {user}\n"

    arguments = use_options(
        tmp_path,
        f"Host web\n{at(first, 'deploy')}Host jump\n{at(second, 'alice')}"
        f"Host inner\n{at(third, 'bob')}    ProxyJump jump\n"
        f"Host piped\n{at(third, 'bob')}    ProxyCommand ssh -F {tmp_path}/ssh_config -W %h:%p jump\n"
        f"Match originalhost matched exec true\n{at(first, 'alice')}{common}",
    )
    write_inventory(tmp_path / "hosts", {name: {} for name in ("web", "inner", "piped", "matched")})
    with (tmp_path / "hosts").open("a") as file:
        file.write(
            f"by-args ansible_host={third.address} ansible_port={third.port} ansible_user=bob "
            f"ansible_ssh_extra_args='-J alice@jump'\n"
        )
    play = tasks(
        "{name: who, shell: 'whoami; cat /etc/hostname; echo ${SSH_CONNECTION%% *}'}",
    )
    run = site.play(play, env={"ANSIBLE_SSH_COMMON_ARGS": arguments})
    said = {host: run.result("who", host)["stdout_lines"] for host in ("web", "inner", "piped", "matched", "by-args")}
    assert said["web"][:2] == ["deploy", "lab1"]
    assert said["matched"][:2] == ["alice", "lab1"]
    for host in ("inner", "piped", "by-args"):
        assert said[host][:2] == ["bob", "lab3"], host
    gone = site.play(WHO, "-l", "inner", "--ssh-extra-args=-J nowhere.invalid", code=4,
                     env={"ANSIBLE_SSH_COMMON_ARGS": arguments})  # fmt: skip
    assert "nowhere.invalid" in unreachable(gone)["inner"]


def test_the_openssh_client_takes_over_where_it_is_needed_and_the_run_says_so(tmp_path: Path, lab: Lab) -> None:
    hosts = [lab.host("lab1"), lab.host("lab2")]
    site = Site(tmp_path, hosts)
    play = tasks(
        "{name: who, shell: 'whoami; cat /etc/hostname'}",
        "{name: module, setup: {gather_subset: '!all,!min,user'}}",
        "{name: copy, copy: {content: x, dest: /tmp/by-openssh}}",
        "{name: become, command: whoami, become: true, become_user: alice}",
        "{name: remove, file: {path: /tmp/by-openssh, state: absent}}",
    )
    done = site.screen(play, "--ssh-extra-args=-o Tunnel=no -o LocalCommand=true -o PermitLocalCommand=yes")
    said = done.out + done.err
    assert said.count("is reached with the OpenSSH client, one process a session: ") == 1, said
    assert "PermitLocalCommand" in said or "permitlocalcommand" in said
    assert sum(line.startswith(("lab1 : ok=5", "lab2 : ok=5")) for line in done.lines) == 2, done
    refused = site.screen(play, "--ssh-extra-args=-o PermitLocalCommand=yes -o LocalCommand=true -o Port=1", "-l", "lab1",
                          "-e", "ansible_port=1", code=4)  # fmt: skip
    assert "UNREACHABLE!" in refused.out
    assert "Connection refused" in refused.out


# -- local


def test_local_runs_here_without_ssh(tmp_path: Path) -> None:
    site = Site(tmp_path, [])
    (tmp_path / "hosts").write_text(
        "here ansible_connection=local\nthere ansible_connection=local ansible_user=nobody\n"
    )
    play = tasks(
        "{name: command, shell: 'whoami; pwd'}",
        "{name: module, setup: {gather_subset: '!all,!min,env'}}",
        "{name: copy, copy: {content: '{{ inventory_hostname }}', dest: '{{ playbook_dir }}/{{ inventory_hostname }}'}}",
        "{name: raw, raw: whoami}",
        "{name: become, command: whoami, become: true, become_user: nobody, when: inventory_hostname == 'here'}",
    )
    run = site.play(play, env={"PATH": os.environ["PATH"], "ONLY_HERE": "yes"})
    for host in ("here", "there"):
        assert run.result("command", host)["stdout_lines"][0] == "root"
        assert run.result("module", host)["ansible_facts"]["ansible_env"]["ONLY_HERE"] == "yes"
        assert (tmp_path / host).read_text() == host
    assert run.result("become", "here")["stdout"] == "nobody"
    by_keyword = site.play(tasks("{name: who, command: whoami}", hosts="localhost\n  connection: local"))
    assert (
        by_keyword.result("who")["stdout"] == subprocess.run(["whoami"], capture_output=True, text=True).stdout.strip()
    )
