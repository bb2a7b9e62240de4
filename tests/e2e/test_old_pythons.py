"""Hosts with every Python that the agent runs on: its own work on all, modules of the release that runs there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.command import weft
from tests.support.job_runs import Events, Site
from tests.support.trouble import tasks, write_inventory
from weft.lab import Lab

pytestmark = pytest.mark.e2e

VERSIONS = ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
FOLDERS = (
    Path("/root/.pyenv/versions"),
    Path("/opt/python"),
    Path("/usr/local/python"),
    Path("/usr"),
    Path("/usr/local"),
)
OLD = {"2.7": "2.16", "3.6": "2.16", "3.7": "2.17"}  # the last release whose modules run there
FOR_MODULES = (*OLD, "3.8", "3.13")
WORD = "w\xf6rd-\u2713"


def interpreter(name: str) -> str | None:
    """One of that version, where this machine has it."""
    for folder in FOLDERS:
        places = [*sorted(folder.glob(f"{name}.*/bin/python")), folder / "bin" / f"python{name}"]
        for path in places:
            if path.exists():
                return str(path)
    return None


FOUND = {name: path for name in VERSIONS if (path := interpreter(name))}


def version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split("."))


def found(*names: str) -> list[object]:
    """Parameters; those that this machine lacks are skipped, and say so."""
    missing = pytest.mark.skip(reason="this machine has no such Python")
    return [pytest.param(name, marks=() if name in FOUND else missing) for name in names]


def site_of(folder: Path, lab: Lab, names: Iterable[str]) -> Site:
    """One host under many names, each with another interpreter."""
    host = lab.host("lab1")
    site = Site(folder, [host])
    site.on("lab1", "chmod go+x /root")  # to interpreters that are below it, for whom one becomes
    pythons = {f"py{name}": FOUND[name] for name in names if name in FOUND}
    ways = {host_name: {**host.variables(), "ansible_python_interpreter": path} for host_name, path in pythons.items()}
    write_inventory(folder / "hosts", ways)
    return site


PLAY = (
    tasks(
        "{name: command, command: 'echo {{ word }}'}",
        "{name: chdir, command: pwd, args: {chdir: /usr}}",
        "{name: shell, shell: 'echo $WORD; echo err >&2; exit 3', environment: {WORD: '{{ word }}'}, ignore_errors: true}",
        "{name: bytes, shell: 'printf \"\\\\377\\\\376\"', ignore_errors: true}",
        "{name: raw, raw: 'echo {{ word }}'}",
        "{name: script, script: say.sh one}",
        "{name: ping, ping: {data: '{{ word }}'}}",
        "{name: module, stat: {path: /}, ignore_errors: true}",
        "{name: start, shell: 'sleep 0.4; echo {{ word }}', async: 30, poll: 0, register: job}",
        "{name: end, async_status: {jid: '{{ job.ansible_job_id }}'}, register: end, until: end.finished, retries: 30}",
        "{name: polled, command: 'echo {{ word }}', async: 30, poll: 1}",
        "{name: hangs, command: sleep 60, timeout: 1, ignore_errors: true}",
        "{name: fetch, fetch: {src: /etc/hostname, dest: 'fetched-{{ inventory_hostname }}', flat: true}}",
        "{name: become, command: whoami, become: true, become_user: alice}",
        "{name: last, command: echo still}",
    )
    + f'  vars: {{word: "{WORD}"}}\n'
)

MODULES = (
    tasks(
        "{name: folder, file: {path: '{{ place }}', state: directory, mode: '0750', owner: alice}}",
        "{name: copy, copy: {src: data, dest: '{{ place }}/data'}}",
        "{name: template, template: {src: page.j2, dest: '{{ place }}/page'}}",
        "{name: line, lineinfile: {path: '{{ place }}/page', line: 'last {{ word }}'}}",
        "{name: again, lineinfile: {path: '{{ place }}/page', line: 'last {{ word }}'}}",
        "{name: stat, stat: {path: '{{ place }}/page'}}",
        "{name: command, command: 'cat {{ place }}/page'}",
        "{name: setup, setup: {gather_subset: '!all,!min,python,user'}}",
        "{name: user, user: {name: 'py{{ number }}', comment: '{{ word }}', create_home: false}}",
        "{name: cron, cron: {name: tidy, minute: 5, job: 'echo {{ number }}', user: root, cron_file: 'py{{ number }}'}}",
        "{name: table, slurp: {src: '/etc/cron.d/py{{ number }}'}}",
        "{name: as alice, setup: {gather_subset: '!all,!min,user'}, become: true, become_user: alice}",
        "{name: own, mine: {word: '{{ word }}'}}",
        "{name: start, mine: {word: later, pause: 0.3}, async: 30, poll: 0, register: job}",
        "{name: end, async_status: {jid: '{{ job.ansible_job_id }}'}, register: end, until: end.finished, retries: 30}",
        "{name: bad, file: {path: /tmp, state: nonsense}, ignore_errors: true}",
        "{name: check, file: {path: '{{ place }}/page', state: absent}, check_mode: true}",
        "{name: user gone, user: {name: 'py{{ number }}', state: absent}}",
        "{name: folder gone, file: {path: '{{ place }}', state: absent}}",
    )
    + f'  vars: {{word: "{WORD}", place: "/tmp/{{{{ inventory_hostname }}}}", number: "{{{{ inventory_hostname[2:] | replace(\'.\', \'\') }}}}"}}\n'
)
OWN_MODULE = """
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_native
from ansible.module_utils.words import shout
import sys, time

def main():
    module = AnsibleModule({'word': {'type': 'str'}, 'pause': {'type': 'float', 'default': 0.0}})
    time.sleep(module.params['pause'])
    module.exit_json(said=shout(module.params['word']), python=list(sys.version_info[:2]), told=module.ansible_version)

main()
"""
OWN_UTILS = "def shout(word):\n    return word + '!'\n"


@pytest.fixture(scope="module")
def run(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Events:
    """No release was added."""
    folder = tmp_path_factory.mktemp("pythons")
    site = site_of(folder, lab, VERSIONS)
    (folder / "say.sh").write_text("#!/bin/sh\necho script $1\n")
    return site.play(PLAY)


@pytest.fixture(scope="module")
def with_content(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Events:
    """Releases for all of them were added."""
    folder = tmp_path_factory.mktemp("content")
    site = site_of(folder, lab, FOR_MODULES)
    added = weft("content", "add", "ansible-core==2.16.*", "2.17", cwd=folder)
    if added.code:
        pytest.skip(f"no older release can be had here: {added.err.strip()}")
    site.on("lab1", "mkdir -p /etc/cron.d /usr/bin; command -v crontab || ln -s /bin/true /usr/bin/crontab")
    (folder / "data").write_bytes(bytes(range(256)) * 300)
    (folder / "page.j2").write_text("{{ inventory_hostname }} {{ word }}\n")
    for path, text in (("library/mine.py", OWN_MODULE), ("module_utils/words.py", OWN_UTILS)):
        (folder / path).parent.mkdir()
        (folder / path).write_text(text)
    return site.play(MODULES)


@pytest.mark.parametrize("name", found(*VERSIONS))
def test_the_agent_does_its_work_on_every_python(run: Events, name: str) -> None:
    host = f"py{name}"
    assert run.result("command", host)["stdout"] == WORD
    assert run.result("chdir", host)["stdout"] == "/usr"
    shell = run.result("shell", host)
    assert (shell["stdout"], shell["stderr"], shell["rc"]) == (WORD, "err", 3)
    assert "Refusing to deserialize an invalid UTF8 string value." in run.result("bytes", host)["msg"]
    assert run.result("raw", host)["stdout"].strip() == WORD
    assert run.result("script", host)["stdout"].strip() == "script one"
    assert run.result("ping", host)["ping"] == WORD
    assert run.result("end", host)["stdout"] == WORD
    assert run.result("polled", host)["stdout"] == WORD
    assert "Timed out after 1 second(s)." in str(run.result("hangs", host))
    assert run.finished("fetch", host)["status"] == "changed"
    assert run.result("become", host)["stdout"] == "alice"
    assert run.result("last", host)["stdout"] == "still"


@pytest.mark.parametrize("name", found(*OLD))
def test_a_host_whose_python_is_too_old_for_modules_says_what_to_do(run: Events, name: str) -> None:
    finished = run.finished("module", f"py{name}")
    assert finished["status"] == "failed"
    said = finished["result"]["msg"]
    assert "need Python 3.8 or later" in said and f" has {name}." in said
    assert said.endswith(f"weft content add 'ansible-core=={OLD[name]}.*'")
    assert "Traceback" not in said and "SyntaxError" not in said


@pytest.mark.parametrize("name", found(*FOR_MODULES))
def test_modules_run_on_every_python_once_their_release_is_there(with_content: Events, name: str) -> None:
    host, run = f"py{name}", with_content
    changed = ("folder", "copy", "template", "line", "user", "cron", "check", "user gone", "folder gone")
    assert {task: run.finished(task, host)["status"] for task in (*changed, "again")} == {
        **dict.fromkeys(changed, "changed"), "again": "ok",
    }  # fmt: skip
    assert run.result("stat", host)["stat"]["size"] == len(f"{host} {WORD}\nlast {WORD}\n".encode())
    assert run.result("command", host)["stdout_lines"] == [f"{host} {WORD}", f"last {WORD}"]
    facts = run.result("setup", host)["ansible_facts"]
    python = facts["ansible_python"]["version"]
    assert ((python["major"], python["minor"]), facts["ansible_user_id"]) == (version(name), "root")
    assert run.result("as alice", host)["ansible_facts"]["ansible_user_id"] == "alice"
    own = run.result("own", host)
    assert (own["said"], tuple(own["python"])) == (f"{WORD}!", version(name))
    assert own["told"].startswith(OLD.get(name, "2.19"))
    assert run.result("end", host)["said"] == "later!"
    assert "value of state must be one of" in run.result("bad", host)["msg"]


def test_which_hosts_get_an_older_release_is_said_once(with_content: Events) -> None:
    said = [event["message"] for event in with_content.named("warned") if "get the modules of" in event["message"]]
    expected = [
        f"Hosts with Python {name} get the modules of ansible-core {OLD[name]}." for name in OLD if name in FOUND
    ]
    assert sorted(line[: len(expected[0])] for line in said) == expected
