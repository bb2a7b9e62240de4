"""How commands end: exit codes, messages, no tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import pytest
from cli_runs import run_cli

import weft
from weft.model.errors import LoadError, OptionsError, Unreachable, WeftError
from weft.model.values import Origin


@pytest.mark.parametrize("code", [0, 2, 4])
def test_the_code_of_the_run_is_the_commands(asked, site, code):
    asked.code = code
    assert run_cli("play", site) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WeftError("it broke"), 1),
        (LoadError("it broke"), 4),
        (Unreachable("it broke"), 4),
        (OptionsError("it broke"), 5),
    ],
)
def test_errors_are_one_message_and_a_code(asked, site, capsys, error, code):
    asked.error = error
    assert run_cli("play", site) == code
    assert capsys.readouterr().err == "[ERROR]: it broke\n"


def test_an_error_out_of_a_task_group_is_that_error(asked, site, capsys):
    asked.error = ExceptionGroup("unhandled errors in a TaskGroup", [LoadError("it broke")])
    assert run_cli("play", site) == 4
    assert capsys.readouterr().err == "[ERROR]: it broke\n"


def test_an_error_shows_its_place_and_what_to_do(asked, site, tmp_path, capsys):
    path = str(tmp_path / "site.yml")
    asked.error = LoadError("bad hosts", Origin(path, 1, 3), "Write better ones.")
    assert run_cli("play", site) == 4
    assert capsys.readouterr().err == (
        f"[ERROR]: bad hosts\nOrigin: {path}:1:3\n\n1 - hosts: all\n    ^ column 3\n\nWrite better ones.\n\n"
    )


def test_the_unexpected_has_a_traceback_with_vvv_only(asked, site, capsys):
    asked.error = KeyError("x")
    assert run_cli("play", site) == 250
    said = capsys.readouterr().err
    assert said.startswith("[ERROR]: Unexpected Exception, this is probably a bug: KeyError: 'x'\n")
    assert "Traceback" not in said
    assert run_cli("play", site, "-vvv") == 250
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_ctrl_c(asked, site, capsys):
    asked.error = KeyboardInterrupt()
    assert run_cli("play", site) == 130
    assert "[ERROR]: User interrupted execution\n" in capsys.readouterr().err


def test_wrong_options(capsys):
    assert run_cli("play") == 2
    assert capsys.readouterr().err == (
        "[ERROR]: Missing argument 'PLAYBOOK...'.\n\nUsage: weft play [OPTIONS] PLAYBOOK...\nTry 'weft play --help'.\n"
    )
    assert run_cli("play", "x.yml", "-f", "many") == 2
    assert run_cli("play", "x.yml", "-f", "0") == 2
    assert run_cli("nonsense") == 2


def test_a_playbook_that_is_not_there(asked, tmp_path, capsys):
    assert run_cli("play", "nosuch.yml") == 1
    assert capsys.readouterr().err == "[ERROR]: the playbook: nosuch.yml could not be found\n"
    assert run_cli("play", ".") == 1
    assert "the playbook: . does not appear to be a file" in capsys.readouterr().err


def test_a_setting_that_is_wrong(asked, site, monkeypatch, capsys):
    monkeypatch.setenv("ANSIBLE_FORKS", "many")
    assert run_cli("play", site) == 5
    assert "DEFAULT_FORKS" in capsys.readouterr().err


def test_what_there_is_to_say_of_the_settings_is_said(asked, site, monkeypatch, capsys):
    monkeypatch.setenv("ANSIBLE_PKCS11_PROVIDER", "x")
    assert run_cli("play", site) == 0
    assert "[WARNING]: These settings have no effect in weft: pkcs11_provider" in capsys.readouterr().err


def test_settings_that_go_are_said(asked, site, monkeypatch, capsys):
    monkeypatch.setenv("ANSIBLE_JINJA2_NATIVE", "true")
    assert run_cli("play", site) == 0
    assert (
        "[DEPRECATION WARNING]: DEFAULT_JINJA2_NATIVE option. Reason: This option is no longer used in the Ansible "
        "Core code base.\nAlternatives: Jinja2 native mode is now the default and only option. "
        "This feature will be removed from ansible-core version 2.23.\n"
    ) in capsys.readouterr().err
    monkeypatch.setenv("ANSIBLE_DEPRECATION_WARNINGS", "false")
    assert run_cli("play", site) == 0
    assert "DEPRECATION" not in capsys.readouterr().err


def test_json_keeps_stdout_for_events(asked, site, capsys):
    assert run_cli("play", site, "--json", "--sftp-extra-args", "x") == 0
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == ["warned", "run_finished"]


def test_help_and_version(capsys):
    assert run_cli("--version") == 0
    assert capsys.readouterr().out == "weft 0.1.0\n"
    assert run_cli("--help") == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in ("play", "run", "jobs", "check", "lab"))
    assert run_cli("play", "-h") == 0
    assert "--strict-conflicts" in capsys.readouterr().out


SOURCES = os.path.dirname(os.path.dirname(os.path.abspath(weft.__file__)))


def environment(**more):
    return {**os.environ, "PYTHONPATH": SOURCES, **more}


def python(code, *args, **environ):
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, env=environment(**environ))


def test_the_version_needs_neither_click_nor_the_rest_of_weft():
    code = (
        "import sys; from weft.cli.main import main; main(['--version']);"
        "print([name for name in sys.modules if name.startswith(('click', 'weft.', 'asyncio', 'dataclasses'))])"
    )
    assert python(code).stdout == "weft 0.1.0\n['weft.cli', 'weft.cli.main']\n"


def test_commands_are_imported_when_they_are_used():
    code = (
        "import sys; from weft.cli.main import main; main(['--help']);"
        "print([name for name in sys.modules if name in ('weft.cli.play', 'weft.lab', 'weft.sinks', 'asyncio')])"
    )
    assert python(code).stdout.endswith("\n[]\n")


def test_shells_can_complete_commands_and_options():
    code = "import sys; from weft.cli.main import main; sys.exit(main([]))"
    shown = python(code, _WEFT_COMPLETE="bash_complete", COMP_WORDS="weft pl", COMP_CWORD="1")
    assert shown.stdout == "plain,play\n"
    shown = python(code, _WEFT_COMPLETE="bash_complete", COMP_WORDS="weft play --strict", COMP_CWORD="2")
    assert shown.stdout == "plain,--strict-conflicts\n"


def test_a_reader_that_goes_away_is_no_error():
    code = "import sys; from weft.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = ["bash", "-c", 'set -o pipefail; "$0" -c "$1" play --help | true', sys.executable, code]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, env=environment())
    assert ended.stderr == ""


def test_a_locale_that_is_not_there_or_not_utf8():
    code = "import sys; from weft.cli.main import main; sys.exit(main(['--version']))"
    missing = python(code, LC_ALL="nowhere.UTF-8")
    assert missing.returncode == 1
    assert missing.stderr.startswith("ERROR: Ansible could not initialize the preferred locale: ")
    other = python(code, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert other.returncode == 1
    assert other.stderr.startswith("ERROR: Ansible requires the locale encoding to be UTF-8; Detected ")


def test_commands_have_a_version_too(capsys):
    for command in ("play", "run"):
        assert run_cli(command, "--version") == 0
        assert capsys.readouterr().out == "weft 0.1.0\n"


def test_what_was_put_off_to_the_end_is_done():
    code = (
        "import atexit, sys, threading, time; from weft.cli.main import alone\n"
        "def command():\n"
        "    atexit.register(print, 'at exit')\n"
        "    go = threading.Event()\n"
        "    threading.Thread(target=lambda: (go.wait(), print('a thread'))).start()\n"
        "    threading.Timer(0.01, go.set).start()\n"
        "    sys.stdout.write('a line ')\n"
        "    return 300\n"
        "alone(command)"
    )
    ended = python(code)
    assert (ended.stdout, ended.returncode) == ("a line a thread\nat exit\n", 300 & 0xFF)


@pytest.mark.parametrize(("raised", "code", "shown"), [("3", 3, ""), ("None", 0, ""), ("'no'", 1, "no\n")])
def test_a_command_that_exits_itself(raised, code, shown):
    ended = python(f"import sys; from weft.cli.main import alone; alone(lambda: sys.exit({raised}))")
    assert (ended.returncode, ended.stderr) == (code, shown)


def test_files_that_plugins_left_open_are_written_out():
    code = (
        "import sys, types; from weft.cli.main import alone\n"
        "plugin = sys.modules['weft_plugins_filter_x'] = types.ModuleType('plugin')\n"
        "plugin.notes = open(sys.argv[1], 'w'); plugin.notes.write('seen')\n"
        "alone(lambda: 0)"
    )
    with tempfile.NamedTemporaryFile("r") as notes:
        assert python(code, notes.name).returncode == 0
        assert notes.read() == "seen"


def test_an_ad_hoc_module_of_a_collection_beside_the_playbook_dir(tmp_path):
    modules = tmp_path / "collections" / "ansible_collections" / "ns" / "col" / "plugins" / "modules"
    modules.mkdir(parents=True)
    (modules / "hi.py").write_text('#!/bin/sh\n# WANT_JSON\necho \'{"changed": false, "said": "hi"}\'\n')
    command = [sys.executable, "-m", "weft", "run", "localhost", "--playbook-dir", str(tmp_path), "-m", "ns.col.hi"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment())
    assert (ended.returncode, '"said": "hi"' in ended.stdout) == (0, True), ended
