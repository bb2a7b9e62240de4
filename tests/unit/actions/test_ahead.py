"""A run knows before it starts whether it will go over SSH."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.actions.ahead import will_use_ssh
from weft.config.settings import load as load_settings
from weft.events.bus import Bus
from weft.model.run_options import RunOptions
from weft.parts import Parts

WEB = "web1\nweb2\n"
COMMAND = "- {hosts: all, gather_facts: no, tasks: [command: id]}"


def expects_ssh(folder: Path, text: str, hosts: str = WEB, **environ: str) -> bool:
    (folder / "play.yml").write_text(text)
    (folder / "hosts").write_text(hosts)
    inventory = {"inventory": (str(folder / "hosts"),)}
    settings = load_settings(environ, str(folder), overrides=inventory)
    parts = Parts(RunOptions(playbooks=(str(folder / "play.yml"),)), settings, Bus())
    plays = parts.load(str(folder / "play.yml")).plays
    return will_use_ssh(plays, parts.variables.inventory, settings)


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
