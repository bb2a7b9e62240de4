"""What `weft play` and `weft run` make of their options."""

from __future__ import annotations

import getpass
import os
import sys

import pytest
from cli_runs import run_cli

from weft.model.values import Trusted


def play(asked, site, *args):
    assert run_cli("play", site, *args) == asked.code
    return asked.settings, asked.options


def test_without_options_the_settings_hold(asked, site, capsys):
    settings, options = play(asked, site)
    assert asked.calls == ["run_playbooks"]
    assert (settings.forks, settings.run_tags, settings.become, settings.verbosity) == (5, ("all",), False, 0)
    assert (options.playbooks, options.limit, options.parallel, options.adhoc) == (("site.yml",), None, None, None)
    assert "PLAY RECAP" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "field", "value"),
    [
        (("-f", "9"), "forks", 9),
        (("--forks=9",), "forks", 9),
        (("-c", "local"), "transport", "local"),
        (("-u", "me"), "remote_user", "me"),
        (("-T", "3"), "timeout", 3),
        (("-b",), "become", True),
        (("--become-method", "su"), "become_method", "su"),
        (("--become-user", "db"), "become_user", "db"),
        (("-C",), "check", True),
        (("-D",), "diff", True),
        (("-CD",), "diff", True),
        (("--force-handlers",), "force_handlers", True),
        (("--ssh-common-args", "-o X=y"), "ssh_common_args", "-o X=y"),
        (("--ssh-extra-args=-v",), "ssh_extra_args", "-v"),
        (("-t", "a,b", "--tags", "c", "-t", "a"), "run_tags", ("a", "b", "c")),
        (("--skip-tags", "a, b"), "skip_tags", ("a", "b")),
        (("-vvv", "-v"), "verbosity", 4),
        (("-i", "h1,h2", "-i", "h3,"), "inventory", ("h1,h2", "h3,")),
        (("--list-tags",), "run_tags", ("never", "all")),
    ],
)
def test_options_that_are_settings(asked, site, args, field, value):
    settings, _ = play(asked, site, *args)
    assert getattr(settings, field) == value


@pytest.mark.parametrize(
    ("args", "field", "value"),
    [
        (("-l", "web"), "limit", "web"),
        (("--start-at-task", "x"), "start_at_task", "x"),
        (("--step",), "step", True),
        (("--flush-cache",), "flush_cache", True),
        (("--profile",), "profile", True),
        (("--strict-conflicts",), "strict_conflicts", True),
        (("--parallel",), "parallel", 0),
        (("--parallel=3",), "parallel", 3),
        (("--vault-id", "a@x", "--vault-id", "y"), "vault_ids", ("a@x", "y")),
    ],
)
def test_options_of_a_run(asked, site, args, field, value):
    _, options = play(asked, site, *args)
    assert getattr(options, field) == value


def test_paths_are_made_absolute(asked, site, tmp_path):
    settings, options = play(
        asked, site, "-i", "hosts", "--private-key", "~/key", "-M", "mods:more", "--vault-password-file", "vp"
    )
    assert settings.inventory == (str(tmp_path / "hosts"),)
    assert settings.private_key_file == str(tmp_path / "key")
    assert settings.library[:2] == (str(tmp_path / "mods"), str(tmp_path / "more"))
    assert options.vault_ids == (f"default@{tmp_path / 'vp'}",)


def test_the_origin_of_a_setting_says_command_line(asked, site):
    settings, _ = play(asked, site, "-f", "9")
    assert settings.origin["forks"] == "command line"


def test_settings_come_from_the_config_file_and_tags_add_up(asked, site, tmp_path):
    (tmp_path / "ansible.cfg").write_text("[defaults]\nforks = 7\nverbosity = 1\n[tags]\nrun = a\nskip = x\n")
    settings, _ = play(asked, site, "-t", "b", "--skip-tags", "y", "-v")
    assert (settings.forks, settings.verbosity) == (7, 2)
    assert (settings.run_tags, settings.skip_tags) == (("a", "b"), ("x", "y"))


def test_extra_variables(asked, site, tmp_path):
    (tmp_path / "vars.yml").write_text("c: {d: 1}\ne: '{{ a }}'\n")
    _, options = play(
        asked, site, "-e", "a=1 b='x y'", "-e", '{"a": 2, "l": [true]}', "-e", "@vars.yml", "-e", "", "-e", "c=3"
    )
    assert options.extra_vars == {"a": 2, "b": "x y", "l": [True], "e": "{{ a }}", "c": "3"}
    assert isinstance(options.extra_vars["b"], Trusted)
    assert options.extra_vars["b"].origin.path == "<CLI option '-e'>"
    assert options.extra_vars["e"].origin.path == str(tmp_path / "vars.yml")


def test_extra_variables_are_merged_where_the_settings_say_so(asked, site, tmp_path):
    args = ("-e", '{"a": {"b": 1, "c": {"d": 1}}}', "-e", '{"a": {"c": {"e": 2}}}')
    assert play(asked, site, *args)[1].extra_vars == {"a": {"c": {"e": 2}}}
    (tmp_path / "ansible.cfg").write_text("[defaults]\nhash_behaviour = merge\n")
    assert play(asked, site, *args)[1].extra_vars == {"a": {"b": 1, "c": {"d": 1, "e": 2}}}


def test_words_that_set_no_variable_are_warned_of(asked, site, capsys):
    play(asked, site, "-e", "a=1 stray")
    assert "[WARNING]: 'stray' is not of the form key=value" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "Invalid extra vars data supplied. '[1, 2]' could not be made into a dictionary"),
        ("/etc/vars.yml", "Please prepend extra_vars filename '/etc/vars.yml' with '@'"),
        ("./vars.yml", "Please prepend extra_vars filename './vars.yml' with '@'"),
    ],
)
def test_extra_variables_that_are_none(asked, site, capsys, text, message):
    assert run_cli("play", site, "-e", text) == 5
    assert f"[ERROR]: {message}\nOrigin: <CLI option '-e'>\n" in capsys.readouterr().err
    assert asked.calls == []


def test_options_may_be_shortened_as_long_as_they_are_clear(asked, site, capsys):
    settings, options = play(asked, site, "--fork", "3", "--start", "--tags", "--become-m=su")
    assert (settings.forks, options.start_at_task, settings.become_method) == (3, "--tags", "su")
    assert run_cli("play", site, "--list") == 2
    said = capsys.readouterr().err
    assert "No such option" in said
    assert "--list" in said


def test_values_that_look_like_options_stay_as_they_are(asked, site):
    settings, options = play(asked, site, "--ssh-extra-args", "--fork", "-vl", "--par")
    assert (settings.ssh_extra_args, settings.verbosity, options.limit) == ("--fork", 1, "--par")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["-o"], "The '-o' argument"),
        (["-om", "ping"], "The '-o' argument"),
        (["--one-l"], "The '--one-line' argument"),
        (["-ttree"], "The '-t' argument"),
        (["--tree=x"], "The '--tree' argument"),
        (["--inventory-f", "hosts"], "The '--inventory-file' argument"),
    ],
)
def test_options_that_ansible_core_is_going_to_remove_are_warned_of(asked, capsys, args, told):
    assert run_cli("run", "web", "-a", "id", *args) == 0
    said = capsys.readouterr().err
    removal = "is deprecated. This feature will be removed from ansible-core version 2.23. Use"
    assert f"[DEPRECATION WARNING]: {told} {removal} " in said
    assert " instead.\n" in said
    assert said.count("[DEPRECATION WARNING]") == 1


def test_other_options_are_not(asked, site, capsys):
    play(asked, site, "-t", "some", "-i", "hosts", "--inventory=more", "-e", "--inventory-file=x", "--", site)
    assert "DEPRECATION" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--sftp-extra-args", "--scp-extra-args"])
def test_options_without_effect_say_so(asked, site, capsys, option):
    play(asked, site, option, "-l 1")
    assert f"[WARNING]: {option} has no effect" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--list-hosts", "--list-tasks", "--list-tags", "--syntax-check"])
def test_listings_print_and_ask_for_no_password(asked, site, capsys, option):
    assert run_cli("play", site, option, "-k", "-K") == 0
    assert asked.calls == ["list_playbooks"]
    assert capsys.readouterr().out == "\nplaybook: site.yml\n"


class TestPasswords:
    @pytest.fixture(autouse=True)
    def typed(self, monkeypatch):
        self.prompts = []
        self.answers = {"SSH password: ": "s3", "Vault password: ": "v"}

        def answer(prompt):
            self.prompts.append(prompt)
            return self.answers.get(prompt, "")

        monkeypatch.setattr(getpass, "getpass", answer)

    def test_the_become_password_is_the_connections_unless_typed(self, asked, site):
        _, options = play(asked, site, "-k", "-K")
        assert self.prompts == ["SSH password: ", "BECOME password[defaults to SSH password]: "]
        assert (options.passwords.connection, options.passwords.become) == ("s3", "s3")

    def test_the_become_password_alone(self, asked, site):
        self.answers["BECOME password: "] = "b"
        _, options = play(asked, site, "-K")
        assert (options.passwords.connection, options.passwords.become) == (None, "b")

    def test_the_prompt_may_name_the_method(self, asked, site, monkeypatch):
        monkeypatch.setenv("ANSIBLE_AGNOSTIC_BECOME_PROMPT", "no")
        play(asked, site, "-K", "--become-method", "su")
        assert self.prompts == ["SU password: "]

    def test_vault_passwords(self, asked, site):
        self.answers["Vault password (dev): "] = "d"
        _, options = play(asked, site, "--vault-id", "dev@prompt", "-J")
        assert self.prompts == ["Vault password (dev): ", "Vault password: "]
        assert options.passwords.vault == {"dev": "d", "default": "v"}
        assert options.vault_ids == ("dev@prompt", "default@prompt_ask_vault_pass")

    def test_an_empty_vault_password_is_refused(self, asked, site, capsys):
        assert run_cli("play", site, "--vault-id", "prompt") == 1
        assert "Invalid vault password was provided from prompt" in capsys.readouterr().err

    def test_passwords_from_files_and_scripts(self, asked, site, tmp_path):
        (tmp_path / "plain").write_text("pw\n")
        script = tmp_path / "script"
        script.write_text("#!/bin/sh\necho from-script\n")
        script.chmod(0o700)
        _, options = play(asked, site, "--conn-pass-file", "plain", "--become-pass-file", "script")
        assert (options.passwords.connection, options.passwords.become) == ("pw", "from-script")
        assert "pw" not in repr(options)

    @pytest.mark.parametrize(
        ("content", "mode", "message"),
        [
            ("", 0o600, "Empty password was provided from file"),
            ("#!/bin/sh\necho oops >&2; exit 3\n", 0o700, "returned an error (rc=3): oops"),
            ("#!/no/such/shell\n", 0o700, "If this is not a script, remove the executable bit"),
            (None, 0, "was not found"),
        ],
    )
    def test_files_without_a_password(self, asked, site, tmp_path, capsys, content, mode, message):
        if content is not None:
            (tmp_path / "f").write_text(content)
            (tmp_path / "f").chmod(mode)
        assert run_cli("play", site, "--connection-password-file", "f") == 1
        assert message in capsys.readouterr().err

    def test_a_password_on_stdin(self, asked, site, monkeypatch, tmp_path):
        (tmp_path / "in").write_text("piped\n")
        with open(tmp_path / "in") as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            _, options = play(asked, site, "--connection-password-file", "-")
        assert options.passwords.connection == "piped"

    def test_asking_and_reading_exclude_each_other(self, asked, site, capsys):
        assert run_cli("play", site, "-k", "--connection-password-file", "x") == 5
        assert "not allowed with argument -k/--ask-pass" in capsys.readouterr().err


class TestAdHoc:
    def run(self, asked, *args):
        assert run_cli("run", "web", *args) == 0
        assert asked.calls == ["run_adhoc"]
        return asked.settings, asked.options.adhoc

    def test_a_module_and_its_arguments(self, asked):
        settings, adhoc = self.run(asked, "-m", "ping", "-a", "data=x", "-f", "2", "--task-timeout", "7")
        assert (adhoc.pattern, adhoc.module, adhoc.args, adhoc.task_timeout) == ("web", "ping", "data=x", 7)
        assert settings.forks == 2

    def test_a_job(self, asked):
        adhoc = self.run(asked, "-a", "sleep 10", "-B", "15", "-P", "0")[1]
        assert (adhoc.module, adhoc.background, adhoc.poll) == ("command", 15, 0)

    def test_output_options(self, asked, tmp_path):
        adhoc = self.run(asked, "-m", "ping", "-o", "-t", "tree", "--playbook-dir", "pb")[1]
        assert (adhoc.one_line, adhoc.tree, adhoc.basedir) == (True, "tree", str(tmp_path / "pb"))

    def test_a_command_without_arguments(self, asked, capsys):
        assert run_cli("run", "web") == 5
        assert "[ERROR]: No argument passed to command module\n" in capsys.readouterr().err
        assert run_cli("run", "site.yml") == 5
        assert "(did you mean to run weft play?)" in capsys.readouterr().err

    def test_an_action_that_needs_a_playbook(self, asked):
        assert run_cli("run", "web", "-m", "import_playbook", "-a", "x.yml") == 5

    def test_listing_hosts_needs_no_module(self, asked, capsys):
        asked.text = "  hosts (1):\n    web1"
        assert run_cli("run", "web", "--list-hosts") == 0
        assert capsys.readouterr().out == "  hosts (1):\n    web1\n"


class TestJobs:
    def test_without_a_command_it_lists(self, asked):
        assert run_cli("jobs") == 0
        assert (asked.request.action, asked.request.pattern, asked.request.jids) == ("list", "all", ())

    def test_hosts_and_ids(self, asked):
        assert (
            run_cli("jobs", "wait", "lab1,lab2", "j12.34", "--for", "any", "--wait-timeout", "2.5", "-l", "lab1") == 0
        )
        request = asked.request
        assert (request.action, request.pattern, request.jids) == ("wait", "lab1,lab2", ("j12.34",))
        assert (request.wait_for, request.timeout, asked.options.limit) == ("any", 2.5, "lab1")

    def test_a_pattern_alone_lists_that_pattern(self, asked):
        assert run_cli("jobs", "-i", "h1,", "web", "--finished", "--json") == 0
        assert (asked.request.pattern, asked.request.finished, asked.request.json) == ("web", True, True)
        assert asked.options.json is False

    def test_following_a_log_and_cleaning_up(self, asked):
        run_cli("jobs", "logs", "-f", "j1.2")
        assert (asked.request.follow, asked.request.jids) == (True, ("j1.2",))
        run_cli("jobs", "cleanup", "--older-than", "60")
        assert (asked.request.action, asked.request.older_than) == ("cleanup", 60.0)

    def test_waiting_for_nonsense(self, asked, capsys):
        assert run_cli("jobs", "wait", "--for", "some") == 2
        assert "it is all, any or a number" in capsys.readouterr().err


def test_check_looks_at_each_playbook(asked, site, capsys):
    assert run_cli("check", site, site) == 0
    assert asked.calls == ["check_playbooks"]
    assert asked.options.playbooks == (site, site)
    assert asked.options.syntax_check, "no passwords are asked for"
    assert capsys.readouterr().out == "site.yml: nothing wrong\n" * 2


def test_resume_is_not_there_yet(asked, site, capsys):
    assert run_cli("play", site, "--resume", "r1") == 5
    assert "--resume is not available yet" in capsys.readouterr().err


def test_playbooks_in_collections_are_left_to_the_loader(asked):
    assert run_cli("play", "ns.coll.site") == 0
    assert asked.options.playbooks == ("ns.coll.site",)


def test_the_working_directory_stays(asked, site, tmp_path):
    play(asked, site)
    assert os.getcwd() == str(tmp_path)
