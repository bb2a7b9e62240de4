"""Where settings come from, which of several places counts, and what a bad value is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.config.options import BECOME_OPTIONS, COLORS, HOME, OPTIONS, PLUGIN_PATHS
from weft.config.settings import load
from weft.model.errors import OptionsError
from weft.model.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    return tmp_path


def settings(home: Path, cfg: str | None = None, overrides: dict | None = None, **env: str) -> Settings:
    if cfg is not None:
        (home / "work" / "ansible.cfg").write_text(cfg)
    return load({"HOME": str(home / "home"), **env}, str(home / "work"), overrides=overrides)


def test_defaults_are_ansibles(home: Path) -> None:
    found = settings(home)
    assert (found.forks, found.gathering, found.timeout, found.run_tags) == (5, "implicit", 10, ("all",))
    assert found.roles_path == (f"{home}/home/.ansible/roles", "/usr/share/ansible/roles", "/etc/ansible/roles")
    assert found.plugin_paths["filter"][0] == f"{home}/home/.ansible/plugins/filter"
    assert found.colors["ok"] == "green"
    assert found.config_file is None or not found.config_file.startswith(str(home))


def test_every_option_has_a_field() -> None:
    fields = set(Settings.__struct_fields__)
    assert {option.field for option in (*OPTIONS, HOME)} <= fields


def test_the_environment_beats_the_file_and_the_command_line_both(home: Path) -> None:
    cfg = "[defaults]\nforks = 7\ntimeout = 20\n[privilege_escalation]\nbecome = yes\n"
    found = settings(home, cfg, ANSIBLE_FORKS="9")
    assert (found.forks, found.timeout, found.become) == (9, 20, True)
    assert found.origin["forks"] == "env: ANSIBLE_FORKS"
    assert found.origin["timeout"] == f"{home}/work/ansible.cfg"
    assert settings(home, cfg, {"forks": 50}, ANSIBLE_FORKS="9").forks == 50


def test_what_ansible_will_not_have_any_more_is_noted_where_it_is_set(home: Path) -> None:
    assert settings(home).deprecated == ()
    cfg = "[defaults]\nansible_managed = by hand\n[selinux]\nlibvirt_lxc_noseclabel = no\n"
    found = settings(home, cfg, ANSIBLE_JINJA2_NATIVE="yes").deprecated
    assert found == ("DEFAULT_JINJA2_NATIVE", "DEFAULT_LIBVIRT_LXC_NOSECLABEL", "DEFAULT_MANAGED_STR")


def test_the_more_special_place_wins(home: Path) -> None:
    cfg = "[defaults]\ntimeout=1\nhost_key_checking=true\n[ssh_connection]\ntimeout=2\nhost_key_checking=false\n"
    found = settings(home, cfg)
    assert (found.timeout, found.host_key_checking) == (2, False)
    assert settings(home, cfg, ANSIBLE_TIMEOUT="3", ANSIBLE_SSH_TIMEOUT="4").timeout == 4


@pytest.mark.parametrize("name", ["ANSIBLE_REMOTE_TEMP", "ANSIBLE_REMOTE_TMP"])
def test_remote_tmp_has_two_names(home: Path, name: str) -> None:
    assert settings(home, **{name: "/var/tmp/x"}).remote_tmp == "/var/tmp/x"


def test_paths_of_a_file_are_relative_to_it_those_of_variables_to_the_working_folder(home: Path) -> None:
    cfg = "[defaults]\nroles_path = roles:~/mine:{{CWD}}/there:$SHARED/r\ninventory = hosts, /x/y\n"
    (home / "conf").mkdir()
    (home / "conf" / "my.cfg").write_text(cfg)
    env = {"ANSIBLE_CONFIG": str(home / "conf" / "my.cfg"), "SHARED": "/shared", "ANSIBLE_LIBRARY": "lib"}
    found = settings(home, **env)
    assert found.roles_path == (f"{home}/conf/roles", f"{home}/home/mine", f"{home}/work/there", "/shared/r")
    assert found.inventory == (f"{home}/conf/hosts", "/x/y")
    assert found.library == (f"{home}/work/lib",)


def test_ansible_home_moves_what_is_below_it(home: Path) -> None:
    found = settings(home, ANSIBLE_HOME="/srv/ansible", ANSIBLE_LOG_PATH="{{ANSIBLE_HOME}}/log")
    assert found.collections_path == ("/srv/ansible/collections", "/usr/share/ansible/collections")
    assert found.local_tmp == "/srv/ansible/tmp"
    assert found.log_path == "/srv/ansible/log"


def test_ansible_config_may_name_a_folder(home: Path) -> None:
    (home / "ansible.cfg").write_text("[defaults]\nforks=3\n")
    assert settings(home, ANSIBLE_CONFIG=str(home)).forks == 3


def test_a_config_file_that_is_not_there_is_passed_by(home: Path) -> None:
    (home / "home" / ".ansible.cfg").write_text("[defaults]\nforks=4\n")
    found = settings(home, ANSIBLE_CONFIG="nonexistent.cfg")
    assert (found.forks, found.config_file) == (4, f"{home}/home/.ansible.cfg")


def test_a_file_in_a_world_writable_folder_does_not_count(home: Path) -> None:
    (home / "work").chmod(0o777)
    found = settings(home, "[defaults]\nforks=99\n")
    assert found.forks == 5
    assert "world writable directory" in found.warnings[0]
    named = settings(home, ANSIBLE_CONFIG=str(home / "work" / "ansible.cfg"))
    assert (named.forks, named.warnings) == (99, ())


def test_comments_and_quotes_in_the_file(home: Path) -> None:
    cfg = "[defaults]\n# a comment\nremote_user = 'bob'  ; inline\ncallbacks_enabled = 'a', \"b\" ,c\n"
    found = settings(home, cfg)
    assert (found.remote_user, found.callbacks_enabled) == ("bob", ("a", "b", "c"))


def test_percent_signs_are_text(home: Path) -> None:
    cfg = "[ssh_connection]\nssh_args = -o ControlPath=~/.ssh/%r@%h:%p\n"
    assert settings(home, cfg).ssh_args == "-o ControlPath=~/.ssh/%r@%h:%p"


@pytest.mark.parametrize(
    ("text", "value"), [("yes", True), ("On", True), ("1", True), ("T", True), ("no", False), ("maybe", False)]
)
def test_booleans(home: Path, text: str, value: bool) -> None:
    assert settings(home, ANSIBLE_NO_LOG=text).no_log is value


def test_an_empty_variable_means_not_set(home: Path) -> None:
    assert settings(home, "[defaults]\ntimeout=33\n", ANSIBLE_TIMEOUT="").timeout == 10


def test_a_bad_number_names_the_setting_and_its_place(home: Path) -> None:
    with pytest.raises(OptionsError, match="Config 'DEFAULT_TIMEOUT' from 'env: ANSIBLE_TIMEOUT' has an invalid value"):
        settings(home, ANSIBLE_TIMEOUT="lola")
    with pytest.raises(OptionsError, match=f"Config 'DEFAULT_FORKS' from '{home}/work/ansible.cfg'.*: '2.5'"):
        settings(home, "[defaults]\nforks = 2.5\n")


def test_a_word_that_is_none_of_the_choices(home: Path) -> None:
    with pytest.raises(OptionsError, match="Invalid value 'sometimes' for config 'DEFAULT_GATHERING'") as caught:
        settings(home, ANSIBLE_GATHERING="sometimes")
    assert caught.value.hint == "Valid values are: implicit, explicit, smart"
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("cfg", ["forks=3\n", "[defaults]\nforks=1\nforks=2\n"])
def test_a_broken_file(home: Path, cfg: str) -> None:
    with pytest.raises(OptionsError, match="Error reading config file"):
        settings(home, cfg)


def test_what_cannot_be_honoured_is_said_once(home: Path) -> None:
    cfg = "[defaults]\nmodule_ignore_exts = .pyc\ncollections_scan_sys_path = true\nnocows = 1\n"
    said: list[str] = []
    (home / "work" / "ansible.cfg").write_text(cfg)
    env = {"HOME": str(home / "home"), "ANSIBLE_SSH_AGENT": "auto"}
    load(env, str(home / "work"), warn=said.append)
    assert len(said) == 1
    assert "MODULE_IGNORE_EXTS" in said[0]
    assert "SSH_AGENT (env: ANSIBLE_SSH_AGENT)" in said[0]
    assert "SCAN_SYS_PATH" not in said[0]


def test_options_of_one_become_method(home: Path) -> None:
    cfg = "[sudo_become_plugin]\nuser = deploy\nflags = -H\n"
    found = settings(home, cfg, ANSIBLE_SUDO_FLAGS="-n", ANSIBLE_SU_PASS="secret")
    assert found.become_options == {"sudo": {"user": "deploy", "flags": "-n"}, "su": {"password": "secret"}}
    assert "secret" not in repr(found)
    assert set(BECOME_OPTIONS) == {"sudo", "su", "runas"}


def test_plugin_folders_and_colours(home: Path) -> None:
    cfg = "[defaults]\nfilter_plugins = f1:f2\ndoc_fragment_plugins = d\n[colors]\nok = blue\n"
    found = settings(home, cfg, ANSIBLE_COLOR_ERROR="bright red")
    assert found.plugin_paths["filter"] == (f"{home}/work/f1", f"{home}/work/f2")
    assert found.plugin_paths["doc_fragments"] == (f"{home}/work/d",)
    assert (found.colors["ok"], found.colors["error"], found.colors["changed"]) == (
        "blue",
        "bright red",
        COLORS["changed"],
    )
    assert set(PLUGIN_PATHS) == set(found.plugin_paths)


def test_tags_and_the_jsonfile_cache(home: Path) -> None:
    cfg = "[tags]\nrun = a, b\nskip=c\n[defaults]\nfact_caching = jsonfile\nfact_caching_connection = facts\n"
    found = settings(home, cfg)
    assert (found.run_tags, found.skip_tags) == (("a", "b"), ("c",))
    assert found.fact_caching_connection == f"{home}/work/facts"


def test_a_told_config_file_must_be_there(home: Path) -> None:
    with pytest.raises(OptionsError, match="can't be read"):
        load({}, str(home), config_file="nope.cfg")


def test_an_unknown_override_is_a_mistake_of_the_program(home: Path) -> None:
    with pytest.raises(TypeError, match="forkz"):
        settings(home, overrides={"forkz": 1})
