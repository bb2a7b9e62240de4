"""A run knows before it starts whether it will go over SSH, or through ansible-core's own plugins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from weft.actions.ahead import will_use_other_connections, will_use_plugins, will_use_ssh, will_use_ssh_later
from weft.config.settings import load as load_settings
from weft.events.bus import Bus
from weft.model.nodes import Play
from weft.model.run_options import RunOptions
from weft.parts import Parts

WEB = "web1\nweb2\n"
COMMAND = "- {hosts: all, gather_facts: no, tasks: [command: id]}"


def loaded(folder: Path, text: str, hosts: str = WEB, **environ: str) -> tuple[Sequence[Play], Parts]:
    (folder / "play.yml").write_text(text)
    (folder / "hosts").write_text(hosts)
    inventory = {"inventory": (str(folder / "hosts"),)}
    settings = load_settings(environ, str(folder), overrides=inventory)
    parts = Parts(RunOptions(playbooks=(str(folder / "play.yml"),)), settings, Bus())
    return parts.load(str(folder / "play.yml")).plays, parts


def expects_ssh(folder: Path, text: str, hosts: str = WEB, **environ: str) -> bool:
    plays, parts = loaded(folder, text, hosts, **environ)
    return will_use_ssh(plays, parts.variables.inventory, parts.settings)


def expects_others(folder: Path, text: str, hosts: str = WEB, **environ: str) -> bool:
    plays, parts = loaded(folder, text, hosts, **environ)
    return will_use_other_connections(plays, parts.variables.inventory, parts.settings)


@pytest.mark.parametrize(
    ("text", "later"),
    [
        (COMMAND, False),
        ("- {hosts: localhost, tasks: [command: id]}", False),
        ("- {hosts: localhost, tasks: [command: id]}\n" + COMMAND, True),
        (COMMAND + "\n" + COMMAND, False),
    ],
)
def test_what_this_machine_does_first_leaves_time_to_import(tmp_path: Path, text: str, later: bool) -> None:
    plays, parts = loaded(tmp_path, text)
    assert will_use_ssh_later(plays, parts.variables.inventory, parts.settings) is later


@pytest.mark.parametrize(
    "text",
    [
        COMMAND,
        "- {hosts: web1, tasks: [debug: msg=hi]}",  # facts are gathered
        "- {hosts: all, gather_facts: no, tasks: [{block: [debug: msg=hi, {block: [ping: {}]}]}]}",
        "- {hosts: all, gather_facts: no, tasks: [include_tasks: more.yml]}",
        "- {hosts: localhost, gather_facts: no, tasks: [debug: msg=hi]}\n" + COMMAND,
    ],
)
def test_plays_that_need_their_hosts_do(tmp_path: Path, text: str) -> None:
    assert expects_ssh(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "- {hosts: all, gather_facts: no, tasks: [debug: msg=hi, {set_fact: {a: 1}}, {assert: {that: 1 == 1}}]}",
        "- {hosts: localhost, tasks: [command: id]}",
        "- {hosts: all, connection: local, tasks: [command: id]}",
        "- {hosts: all, gather_facts: no, tasks: [{command: id, connection: local}]}",
    ],
)
def test_plays_that_stay_here_do_not(tmp_path: Path, text: str) -> None:
    assert not expects_ssh(tmp_path, text)


@pytest.mark.parametrize(
    "hosts",
    ["localhost\n", "web1 ansible_connection=local\n", "[all]\nc1\n[all:vars]\nansible_connection=docker\n", ""],
)
def test_nor_do_inventories_of_other_hosts(tmp_path: Path, hosts: str) -> None:
    assert not expects_ssh(tmp_path, COMMAND, hosts)


def test_nor_does_another_transport(tmp_path: Path) -> None:
    assert not expects_ssh(tmp_path, COMMAND, ANSIBLE_TRANSPORT="local")


WINDOWS = "web1\n[win]\nw1\n[win:vars]\nansible_connection=winrm\n"


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("- {hosts: all, gather_facts: no, tasks: [win_ping: ]}", WINDOWS),
        ("- {hosts: 'web1,win', gather_facts: no, tasks: [ping: ]}", WINDOWS),
        ("- {hosts: [w1], tasks: [debug: ]}", WINDOWS),  # facts are gathered
        ("- {hosts: web1, gather_facts: no, tasks: [ping: ]}", "web1\n[all:vars]\nansible_connection=winrm\n"),
        ("- {hosts: web1, connection: network_cli, gather_facts: no, tasks: [ping: ]}", WEB),
        ("- {hosts: web1, gather_facts: no, tasks: [{block: [{ping: , connection: winrm}]}]}", WEB),
        ("- {hosts: web1, gather_facts: no, tasks: [{ping: , vars: {ansible_connection: winrm}}]}", WEB),
        ("- {hosts: web1, gather_facts: no, vars: {ansible_connection: winrm}, tasks: [ping: ]}", WEB),
    ],
)
def test_plays_that_go_to_hosts_in_a_way_that_only_ansible_core_has(tmp_path: Path, text: str, hosts: str) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "win_ping.ps1").write_text("")
    assert expects_others(tmp_path, text, hosts)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("- {hosts: web1, gather_facts: no, tasks: [ping: ]}", WINDOWS),
        ("- {hosts: all, gather_facts: no, tasks: [debug: ]}", WINDOWS),
        ("- {hosts: all, gather_facts: no, tasks: [ping: ]}", WEB),
        ("- {hosts: all, connection: '{{ way }}', gather_facts: no, tasks: [ping: ]}", WEB),
        ("- {hosts: all, connection: docker, gather_facts: no, tasks: [ping: ]}", WEB),
    ],
)
def test_plays_that_do_not(tmp_path: Path, text: str, hosts: str) -> None:
    assert not expects_others(tmp_path, text, hosts)


def test_a_transport_that_only_ansible_core_has(tmp_path: Path) -> None:
    assert expects_others(tmp_path, COMMAND, ANSIBLE_TRANSPORT="winrm")
    assert not expects_others(tmp_path, "- {hosts: localhost, tasks: [command: id]}", ANSIBLE_TRANSPORT="winrm")


@pytest.mark.parametrize(("task", "expected"), [("shout: ", True), ("block: [{shout: }]", True), ("debug: ", False)])
def test_plays_with_somebodys_action_plugins(tmp_path: Path, task: str, expected: bool) -> None:
    (tmp_path / "action_plugins").mkdir()
    (tmp_path / "action_plugins" / "shout.py").write_text("class ActionModule: pass\n")
    plays, parts = loaded(tmp_path, f"- {{hosts: all, gather_facts: no, tasks: [{{{task}}}]}}")
    assert will_use_plugins(plays, parts.find_action) is expected
