"""`weft shims`: ansible's commands by name."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from cli_runs import run_cli

from weft.cli import dropin, shims

NAMES = {*dropin.OWN, *dropin.CORE}


@pytest.fixture
def folder(tmp_path, capsys):
    place = tmp_path / "bin"
    assert run_cli("shims", str(place)) == 0
    assert f"export PATH={place}:$PATH" in capsys.readouterr().out
    return place


def call(folder, name, *args):
    argv = [str(folder / name), *args]
    # the tests' own copy of weft, whatever is installed
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, cwd=folder)


def test_every_command_can_be_run(folder):
    assert {path.name for path in folder.iterdir()} == NAMES
    assert all(os.access(path, os.X_OK) for path in folder.iterdir())


def test_ansible_playbook_plays(folder):
    (folder / "site.yml").write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=played\n")
    done = call(folder, "ansible-playbook", "site.yml")
    assert done.returncode == 0
    assert '"msg": "played"' in done.stdout


def test_ansible_runs_a_module(folder):
    done = call(folder, "ansible", "localhost", "-m", "debug", "-a", "msg=ran")
    assert done.returncode == 0
    assert 'localhost | SUCCESS => {\n    "msg": "ran"\n}' in done.stdout


def test_the_other_commands_are_ansible_cores(folder):
    done = call(folder, "ansible-config", "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("ansible-config [core 2.")


def test_versions_say_what_other_tools_look_for(folder):
    lines = call(folder, "ansible-playbook", "--version").stdout.splitlines()
    assert lines[0].startswith("ansible-playbook [core 2.")
    assert f"  executable location = {folder}/ansible-playbook" in lines
    assert lines[-1].startswith("  played by = weft ")


@pytest.mark.parametrize("args", [[], ["--no-such-option"]])
def test_a_wrong_command_line_ends_as_argparse_has_it(args, capsys):
    assert dropin.main("ansible-playbook", args) == 2
    assert "Usage: ansible-playbook [OPTIONS] PLAYBOOK..." in capsys.readouterr().err


def test_commands_that_weft_did_not_make_stay(tmp_path, capsys):
    place = tmp_path / "bin"
    place.mkdir()
    (place / "ansible").write_text("#!/bin/sh\n")
    assert run_cli("shims", str(place)) == 5
    assert "has ansible already, which weft did not make" in capsys.readouterr().err
    assert [path.name for path in place.iterdir()] == ["ansible"]
    assert run_cli("shims", "--force", str(place)) == 0
    assert {path.name for path in place.iterdir()} == NAMES


def test_they_can_be_made_again_and_removed(folder):
    (folder / "mine").write_text("")
    assert run_cli("shims", str(folder)) == 0
    assert run_cli("shims", "--remove", str(folder)) == 0
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_a_python_that_a_first_line_cannot_name_is_started_by_sh(tmp_path, monkeypatch):
    python = tmp_path / "a folder" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    text = shims.script("ansible-vault")
    assert text.startswith("#!/bin/sh\n")
    compile(text, "ansible-vault", "exec")
    monkeypatch.undo()
    command = tmp_path / "ansible-vault"
    command.write_text(text)
    command.chmod(0o755)
    done = call(tmp_path, "ansible-vault", "--version")
    assert (done.returncode, done.stdout[:19]) == (0, "ansible-vault [core")
