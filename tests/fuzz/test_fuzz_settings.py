"""ansible.cfg, ANSIBLE_* variables and the command line with anything in them."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
from fuzz_kit import SCALARS, nearly_bytes, tries, values, words, yaml_of
from hypothesis import given
from hypothesis import strategies as st

from weft.cli.extra_vars import parse as parse_extra
from weft.cli.main import main
from weft.config.options import OPTIONS
from weft.config.settings import load
from weft.config.yaml import load_yaml
from weft.events.bus import Bus
from weft.model.errors import WeftError
from weft.playbook.splitter import parse_kv, split_args

CONFIG = (
    """\
[defaults]
inventory = hosts, ./other
forks=10 ; remark
timeout = 30
roles_path = roles:~/roles
callbacks_enabled = profile_tasks, timer
stdout_callback = default
vault_identity_list = dev@x, prod@prompt
[privilege_escalation]
become = yes
[ssh_connection]
ssh_args = -o ControlMaster=auto -o 'X=%(y)s'
pipelining=True
[colors]
ok = green
""",
)
VARIABLES = sorted({name for option in OPTIONS for name in option.env})
CODES = {0, 1, 2, 4, 5, 130}


@tries(48)
@given(data=nearly_bytes(CONFIG))
def test_settings_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "ansible.cfg"
    path.write_bytes(data)
    try:
        load({}, str(tmp_path), str(path))
    except WeftError:
        pass


@tries(60)
@given(env=st.dictionaries(st.sampled_from(VARIABLES), words, min_size=1, max_size=3))
def test_settings_in_the_environment(tmp_path: Path, env: dict[str, str]) -> None:
    try:
        load(env, str(tmp_path))
    except WeftError:
        pass


OPTION_WORDS = (
    "-i", "-e", "-l", "-t", "--skip-tags", "-f", "-u", "-c", "-T", "-b", "-K", "-k", "-M", "-v", "-vvv", "-C",
    "-D", "-J",
    "--vault-id", "--vault-password-file", "--list-tasks", "--list-hosts", "--list-tags", "--syntax-check", "--step",
    "--start-at-task", "--become-method", "--private-key", "--parallel", "--parallel=2", "--json", "--profile",
    "--flush-cache",
    "--ssh-common-args", "--force-handlers", "-h", "--", "-", "site.yml", "gone.yml", "hosts", "-m", "-a", "-B",
    "-P", "-o",
    "-e@vars.yml", "-e{", "-ea=b", "--forks=x", "--timeout=-1", "-i,", "-l@gone", "all", "localhost,", "--help",
    "--version",
)  # fmt: skip


@pytest.fixture
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line would start ends at once; a question finds nobody."""

    async def run(*_: Any) -> int:
        return 0

    module: Any = types.ModuleType("weft.run")
    module.run_playbooks = module.run_adhoc = module.jobs_command = run
    module.check_playbooks = lambda options, settings: []
    module.list_playbooks = lambda options, settings, bus: "" if isinstance(bus, Bus) else None
    module.decrypter = lambda options, settings: lambda data, origin: data
    monkeypatch.setitem(sys.modules, "weft.run", module)
    monkeypatch.setattr("getpass.getpass", lambda *_: "typed")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.yml").write_text("- hosts: all\n")
    (tmp_path / "vars.yml").write_text("a: 1\n")
    (tmp_path / "hosts").write_text("a\n")


@tries(60)
@given(
    command=st.sampled_from(["play", "play", "play", "run", "run", "check", "jobs", "nonsense"]),
    arguments=st.lists(st.one_of(st.sampled_from(OPTION_WORDS), st.sampled_from(SCALARS), words), max_size=7),
)
@pytest.mark.usefixtures("nothing_runs")
def test_command_lines(capsys: pytest.CaptureFixture[str], command: str, arguments: list[str]) -> None:
    arguments = [word.replace("\0", "") for word in arguments]  # no program is ever given one
    code = main([command, *arguments])
    said = capsys.readouterr()
    assert code in CODES, said
    assert "this is probably a bug" not in said.err, said


@tries(40)
@given(text=st.one_of(words, values().map(yaml_of), st.tuples(words, words).map("=".join), st.just("@gone")))
def test_extra_variables(text: str) -> None:
    try:
        parse_extra([text])
    except WeftError:
        pass


YAML = (
    """\
a: &x [1, 2.5, yes, null, 2020-01-01, 0o17, !vault "x", !unsafe '{{ y }}']
b: *x
c: {<<: {d: 1}, e: "f\\u00e9"}
? [complex, key]
: |
  block
  text
f: >-
  folded
g: !!set {a, b}
h: !!binary aGVsbG8=
i: 'single'
""",
)


@tries(120)
@given(data=nearly_bytes(YAML))
def test_yaml(data: bytes) -> None:
    try:
        load_yaml(data, "test.yml")
    except WeftError:
        pass


KEY_VALUES = (
    "a=b",
    "a='b c'",
    'a="b c" d=e',
    "free text a=b",
    "a={{ x | y('z') }}",
    "{% if a %}b=c{% endif %}",
    "a=\\",
    "=",
    "a==b",
)


@tries(80)
@given(
    text=st.one_of(nearly_bytes(KEY_VALUES).map(lambda data: data.decode("utf-8", "replace")), words), raw=st.booleans()
)
def test_arguments_in_one_line(text: str, raw: bool) -> None:
    for read in (lambda: parse_kv(text, raw=raw), lambda: split_args(text, None)):
        try:
            read()
        except WeftError:
            pass
