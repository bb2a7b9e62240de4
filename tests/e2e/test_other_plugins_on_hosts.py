"""Other people's action plugins on hosts that weft reaches itself, and connections that only ansible-core has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.job_runs import Site
from tests.support.trouble import tasks, write_inventory
from weft.lab import Lab

pytestmark = pytest.mark.e2e

INSPECT = """
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        folder = self._make_tmp_path()
        sent = self._connection._shell.join_path(folder, "sent")
        self._transfer_data(sent, "from the controller")
        self._connection.fetch_file(sent, self._task.args["back"])
        shell = self._low_level_execute_command(f"id -un; cat {sent}; exit 3")
        stat = self._execute_module("stat", {"path": sent}, task_vars=task_vars)
        self._remove_tmp_path(folder)
        return {**result, "status": shell["rc"], "said": shell["stdout_lines"], "owner": stat["stat"]["pw_name"]}
"""

CONNECTION = '''
"""The same way, under a name of its own."""
from ansible.plugins.connection.ssh import DOCUMENTATION as SSH
from ansible.plugins.connection.ssh import Connection as Ssh

DOCUMENTATION = SSH.replace("name: ssh", "name: detour")


class Connection(Ssh):
    transport = "detour"
'''


@pytest.fixture
def site(tmp_path: Path, lab: Lab) -> Site:
    host = lab.host("lab1")
    site = Site(tmp_path, [host])
    write_inventory(
        tmp_path / "hosts", {user: {**host.variables(), "ansible_user": user} for user in ("root", "deploy")}
    )
    return site


def test_an_action_plugin_works_through_the_session_as_whoever_it_is_to_be(site: Site, tmp_path: Path) -> None:
    (tmp_path / "action_plugins").mkdir()
    (tmp_path / "action_plugins" / "inspect.py").write_text(INSPECT)
    run = site.play(
        tasks(
            "{name: plain, inspect: {back: '{{ playbook_dir }}/{{ inventory_hostname }}'}}",
            "{name: became, inspect: {back: '{{ playbook_dir }}/{{ inventory_hostname }}'}, become: yes, become_user: alice}",
        )
    )
    for user in ("root", "deploy"):
        plain, became = run.result("plain", user), run.result("became", user)
        assert (plain["status"], plain["owner"], plain["said"]) == (3, user, [user, "from the controller"])
        assert (became["status"], became["owner"], became["said"]) == (3, "alice", ["alice", "from the controller"])
        assert (tmp_path / user).read_text() == "from the controller"


def test_a_connection_plugin_of_others_reaches_a_host(site: Site, tmp_path: Path) -> None:
    (tmp_path / "connection_plugins").mkdir()
    (tmp_path / "connection_plugins" / "detour.py").write_text(CONNECTION)
    run = site.play(
        tasks(
            "{name: who, command: id -un}",
            "{name: became, command: id -un, become: yes}",
            hosts="deploy\n  connection: detour\n  vars: {ansible_ssh_args: '-o ControlMaster=no'}",
        )
    )
    assert run.result("who")["stdout"] == "deploy"
    assert run.result("became")["stdout"] == "root"
