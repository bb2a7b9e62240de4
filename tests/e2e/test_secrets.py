"""What is secret stays secret: in events, on the screen, in logs, in files here and on hosts, and in process lists."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.job_runs import Site, until
from tests.support.trouble import assert_no_traceback, write_inventory
from weft.lab import Lab, LabHost

pytestmark = pytest.mark.e2e

MakeHost = Callable[..., LabHost]

VAULTED = "vaulted-5ecret"
LOGIN = "wonderland"  # alice's
HIDDEN = "hidden-5ecret"
SECRETS = (VAULTED, LOGIN, HIDDEN)

VAULT = """vaulted: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  39336364386336343166653434333530386662646530663962623435353335343032323938323234
  6165653965363331623039333933316133363862393230300a353562316264656666353233373063
  31623637636130326262666130363034656637623131363039393231326633396534366662666662
  3035346630303865630a626131343561653532333064393338666631643733326664623233613936
  3535
"""

# its parameter is secret by itself, without no_log on the task
MODULE = """#!/usr/bin/python
import time
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"token": {"no_log": True}, "seconds": {"type": "float", "default": 0.0}})
time.sleep(module.params["seconds"])
if module.params["token"].startswith("bad"):
    module.fail_json(msg="refused " + module.params["token"])
module.exit_json(changed=True, echoed="token is " + module.params["token"])
"""

PLAY = """
- hosts: all
  gather_facts: false
  become: true
  vars_files: [vault.yml, hidden.yml]
  tasks:
    - {name: token, token: {token: "{{ vaulted }}", seconds: 0.5}}
    - {name: bad token, token: {token: "bad {{ hidden }}"}, ignore_errors: true}
    - {name: token job, token: {token: "{{ vaulted }}", seconds: 0.5}, async: 20, poll: 1}
    - name: shell
      shell: 'cat; echo $GIVEN; echo {{ hidden }} >&2'
      args: {stdin: "{{ vaulted }}"}
      environment: {GIVEN: "{{ hidden }}"}
      no_log: true
      register: said
    - {name: fails, shell: "exit 1 # {{ hidden }}", no_log: true, ignore_errors: true}
    - {name: undefined, debug: {msg: "{{ hidden ~ nothing }}"}, no_log: true, ignore_errors: true}
    - {name: loop, shell: "true # {{ item }}", loop: ["{{ vaulted }}", "{{ hidden }}"], no_log: true}
    - {name: job, shell: "cat", args: {stdin: "{{ vaulted }}"}, async: 20, poll: 0, no_log: true, register: job}
    - name: wait
      async_status: {jid: "{{ job.ansible_job_id }}"}
      register: end
      until: end.finished
      retries: 20
      delay: 1
      no_log: true
    - {name: copy, copy: {content: "{{ vaulted }}", dest: /root/secret, mode: "0600"}, no_log: true, diff: true}
    - {name: template, template: {src: t.j2, dest: /root/templated, mode: "0600"}, no_log: true, diff: true}
    - {name: remove, file: {path: "/root/{{ item }}", state: absent}, loop: [secret, templated]}
    - {name: fact, set_fact: {mine: "{{ vaulted }}"}, no_log: true}
    - name: it was right
      assert:
        that:
          - said.stdout_lines == [vaulted, hidden]
          - end.stdout == vaulted
          - mine == vaulted
        quiet: true
      no_log: true
"""


class Watcher(threading.Thread):
    """Looks at the command lines of all processes, here and on lab hosts, for secrets."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.found: set[str] = set()
        self.looks = 0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.05):
            self.looks += 1
            for pid in filter(str.isdigit, os.listdir("/proc")):
                self._look(pid)

    def _look(self, pid: str) -> None:
        try:
            line = Path("/proc", pid, "cmdline").read_bytes()
        except OSError:
            return
        for secret in (VAULTED, LOGIN):  # HIDDEN stands in command lines because the play puts it there
            if secret.encode() in line and b"true # " not in line:
                self.found.add(line.replace(b"\0", b" ").decode("utf-8", "replace"))

    def stop(self) -> None:
        self._over.set()
        self.join()


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    watching = Watcher()
    watching.start()
    yield watching
    watching.stop()


@pytest.fixture
def site(tmp_path: Path, make_host: MakeHost) -> Site:
    """Alice logs in with her password and becomes root with it."""
    host = make_host(password_login=True)
    site = Site(tmp_path, [host])
    known = f"-o UserKnownHostsFile={host.known_hosts_file}"
    where = {"ansible_host": host.address, "ansible_port": host.port, "ansible_user": "alice"}
    passwords = {"ansible_password": LOGIN, "ansible_become_password": LOGIN}
    write_inventory(tmp_path / "hosts", {host.name: {**where, **passwords, "ansible_ssh_common_args": known}})
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "token.py").write_text(MODULE)
    (tmp_path / "vault.yml").write_text(VAULT)
    (tmp_path / "hidden.yml").write_text(f"hidden: {HIDDEN}\n")
    (tmp_path / "t.j2").write_text("{{ vaulted }}{{ hidden }}\n")
    (tmp_path / "password").write_text("open-sesame\n")
    (tmp_path / "play.yml").write_text(PLAY)
    return site


def containing(folder: Path, newer_than: float) -> dict[str, list[str]]:
    """Files changed since then in which there is a secret, with their modes' last three digits."""
    found: dict[str, list[str]] = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".pyenv", "proc", "sys")]
        for name in files:
            path = Path(place, name)
            try:
                status = path.lstat()
                if not stat.S_ISREG(status.st_mode) or status.st_mtime < newer_than:
                    continue
                data = path.read_bytes()
            except OSError:
                continue
            secrets = [secret for secret in SECRETS if secret.encode() in data]
            if secrets:
                found[f"{path.relative_to(folder)} {status.st_mode & 0o777:03o}"] = secrets
    return found


def test_no_secret_is_shown_or_kept(site: Site, tmp_path: Path, lab: Lab, watcher: Watcher) -> None:
    began = time.time() - 1
    env = {"ANSIBLE_LOG_PATH": str(tmp_path / "run.log"), "ANSIBLE_KEEP_REMOTE_FILES": "0"}
    arguments = ("--vault-password-file", "password", "-D", "-vvvv")
    told = site.play(PLAY, *arguments, env=env)
    shown = site.screen(PLAY, *arguments, env=env)
    watcher.stop()
    (host,) = site.hosts
    assert watcher.looks > 10
    assert watcher.found == set()
    for secret in SECRETS:
        for name, text in {"events": told.done.out, "screen": shown.out, "errors": told.done.err + shown.err}.items():
            lines = [line[:3000] for line in text.splitlines() if secret in line]
            assert lines == [], (name, secret)
        assert secret not in (tmp_path / "run.log").read_text(), secret
    assert "output has been hidden" in shown.out
    assert told.result("token")["echoed"] == "token is ********"
    assert told.result("bad token")["msg"] == "refused ********"
    inputs = {"hosts", "hidden.yml"}
    here = {name for name in containing(tmp_path, began) if name.split()[0] not in inputs}
    assert here == set(), here
    for folder in ("/root", "/home", "/tmp", "/var/tmp", "/var/log", "/run"):
        there = containing(lab.path(host, folder), began)
        jobs = {name for name in there if name.startswith((".ansible_async/", "alice/.ansible_async/"))}
        assert set(there) - jobs == set(), there
        assert all(name.endswith(" 600") for name in jobs), there
        assert not any(".log" in name or ".state" in name for name in jobs), there
    assert_no_traceback(shown)


def open_to_others(folder: Path) -> list[str]:
    """What anybody but its owner may read or write below a folder, itself included."""
    found = []
    for path in (folder, *folder.rglob("*")):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & 0o077:
            found.append(f"{path} {mode & 0o777:03o}")
    return found


def test_what_weft_writes_is_for_its_user_alone(site: Site, tmp_path: Path, lab: Lab) -> None:
    (host,) = site.hosts
    play = PLAY + (
        "    - {name: stays, shell: 'echo out; sleep 6', async: 30, poll: 0}\n"
        "    - {name: alice's, shell: 'echo out; sleep 6', async: 30, poll: 0, become: false}\n"
        "    - {name: facts, setup: {gather_subset: '!all'}, become: false}\n"
    )
    facts = tmp_path / "facts"
    env = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(facts)}
    umask = os.umask(0)
    try:
        (tmp_path / ".cache").mkdir(mode=0o755)
        site.play(play, "--vault-password-file", "password", env=env)
    finally:
        os.umask(umask)
    assert facts.stat().st_mode & 0o777 == 0o700
    assert open_to_others(tmp_path / ".cache" / "weft") == []
    # ansible-core makes ~/.ansible itself when it is imported
    assert [found for path in (tmp_path / ".ansible").glob("*") for found in open_to_others(path)] == []
    until(lambda: not list(lab.path(host, "/root/.ansible/tmp").glob("*")))
    for home in ("/root", "/home/alice"):
        for folder in (".ansible/weft", ".ansible_async"):
            path = lab.path(host, f"{home}/{folder}")
            assert path.exists(), path
            assert open_to_others(path) == []
