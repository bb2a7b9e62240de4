"""How lab hosts look from outside: inventory, options, a client's command line, `weft lab` where no lab is up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from weft.lab import HostOptions, Kind, Lab, LabError, LabHost, inventory_text
from weft.lab.cli import lab as lab_group
from weft.lab.hosts import HostStatus, check_name

WEB = LabHost(
    name="web1",
    group="web",
    kind=Kind.NAMESPACES,
    address="127.77.0.1",
    private_key_file="/lab/id_ed25519",
    known_hosts_file="/lab/known_hosts",
)


def test_an_inventory_line_says_how_to_reach_the_host() -> None:
    assert inventory_text([WEB]) == (
        "[web]\n"
        "web1 ansible_host=127.77.0.1 ansible_port=22 ansible_user=root "
        "ansible_ssh_private_key_file=/lab/id_ed25519 "
        "ansible_ssh_common_args='-o UserKnownHostsFile=/lab/known_hosts -o IdentitiesOnly=yes'\n"
    )


def test_hosts_are_grouped_by_prefix() -> None:
    text = inventory_text(
        [LabHost(name=name, group=group, kind=Kind.LOCAL) for name, group in [("a1", "a"), ("b1", "b"), ("a2", "a")]]
    )
    assert [line.split()[0] for line in text.splitlines() if line] == ["[a]", "a1", "a2", "[b]", "b1"]


def test_a_local_host_runs_with_the_controllers_python() -> None:
    text = inventory_text([LabHost(name="lab1", group="lab", kind=Kind.LOCAL)])
    assert "lab1 ansible_connection=local ansible_python_interpreter='{{ ansible_playbook_python }}'" in text


def test_a_client_needs_no_configuration_of_the_users() -> None:
    argv = WEB.ssh_argv("id", user="deploy")
    assert argv[:3] == ["ssh", "-F", "none"]
    assert argv[-4:] == ["-l", "deploy", "127.77.0.1", "id"]


def test_a_host_behind_a_proxy_differs_in_address_and_port_only() -> None:
    assert WEB.through(("127.78.0.1", 4711)).variables() == {
        **WEB.variables(),
        "ansible_host": "127.78.0.1",
        "ansible_port": 4711,
    }


def test_host_and_status_survive_json() -> None:
    status = HostStatus(host=WEB, state="up", pid=7, boot_id="b", boots=1)
    assert HostStatus.from_json(json.loads(json.dumps(status.as_json()))) == status


@pytest.mark.parametrize("name", ["", "-a", "a_b", "a.b", "x" * 63, "a/b"])
def test_names_that_are_no_host_names_are_refused(name: str) -> None:
    with pytest.raises(LabError, match="can't be a host name"):
        check_name(name)


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(LabError, match="boot_delay"):
        HostOptions(boot_delay=-1)
    with pytest.raises(LabError, match="home_size"):
        HostOptions(home_size=10)


def test_a_lab_that_is_not_up_says_so(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="isn't up"):
        Lab(base=tmp_path).status()
    with pytest.raises(LabError, match="no lab named default is up"):
        Lab.attach(base=tmp_path)


def test_the_command_line_shows_a_message_not_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    result = CliRunner().invoke(lab_group, ["status"])
    assert result.exit_code == 1
    assert "no lab named default is up\n`weft lab up` makes one" in result.output


def test_sizes_on_the_command_line_have_units() -> None:
    result = CliRunner().invoke(lab_group, ["up", "--home-size", "1x"])
    assert result.exit_code == 2
    assert "'1x' is not a size such as 200k or 1M" in result.output
