"""JSON lines, the log file, ad hoc views, JUnit, colours, and how they are chosen."""

from __future__ import annotations

import io
import json
import os
import re
from xml.etree import ElementTree

import pytest
from msgspec.structs import fields
from sink_events import banner, ended, item, play, show, started, task

from weft.events import types as ev
from weft.model.outcome import Status
from weft.model.run_options import AdHoc, RunOptions
from weft.model.settings import Settings
from weft.model.values import Origin, Trusted, Written
from weft.sinks import CallbackBroke, Streams, build, flush
from weft.sinks.json_lines import event_name
from weft.sinks.style import Palette, escape_code
from weft.sinks.tee import Tee

JSON = RunOptions(json=True)


def records(*events):
    return [json.loads(line) for line in show(*events, options=JSON).stdout.splitlines()]


class TestJsonLines:
    def test_one_event_a_line_with_its_fields(self):
        first, second = records(
            ev.RunStarted(playbooks=("a.yml",), run_id="r1", at=1.5),
            ended(task("a", args={Trusted("x"): 1}), Status.CHANGED, {"rc": 0}, at=2.0, duration=0.5),
        )
        assert first == {
            "event": "run_started",
            "schema": 1,
            "at": 1.5,
            "playbooks": ["a.yml"],
            "check_mode": False,
            "run_id": "r1",
        }
        assert second["event"] == "task_finished"
        assert second["status"] == "changed"
        assert second["result"] == {"rc": 0}
        assert second["task"]["name"] == "a"
        assert second["task"]["origin"] == {"path": "/site/play.yml", "line": 4, "column": 7}

    def test_every_kind_of_event_has_a_line(self):
        kinds = [kind for kind in vars(ev).values() if isinstance(kind, type) and issubclass(kind, ev.Event)]
        for kind in kinds:
            event = kind(**{entry.name: _sample(entry.name) for entry in fields(kind) if entry.name != "at"})
            assert records(event)[0]["event"] == event_name(kind)
        assert event_name(ev.NoHostsMatched) == "no_hosts_matched"

    def test_what_json_has_no_form_for_is_text(self):
        odd = {"lone": "\udc80", "set": {1}, (1, 2): object, "place": Origin("x"), "nested": [{None: Status.OK}]}
        result = records(ended(task(), Status.OK, odd))[0]["result"]
        assert result["lone"] == "?"
        assert result["set"] == [1]
        assert result["(1, 2)"] == "<class 'object'>"
        assert result["nested"] == [{"None": "ok"}]

    def test_nothing_else_is_on_stdout(self):
        options = RunOptions(json=True, profile=True)
        shown = show(started(task()), ev.Warned(message="w"), options=options, callbacks_enabled=("profile_roles",))
        assert [json.loads(line)["event"] for line in shown.stdout.splitlines()] == ["task_started", "warned"]
        assert shown.stderr == ""


def _sample(name: str):
    samples = {
        "play": play(), "task": task(), "error": ev.ErrorInfo(message="m"), "status": Status.OK, "result": {},
        "recap": {"h1": ev.HostRecap()}, "custom_stats": {}, "jobs_left": (), "hosts": ("h1",), "origin": None,
    }  # fmt: skip
    return samples.get(name, "x")


class TestLogFile:
    def test_what_the_screen_shows_without_colours_with_time_process_user_and_level(self, tmp_path):
        log = tmp_path / "ansible.log"
        info = task()
        show(
            started(info),
            ended(info, Status.FAILED, {"msg": "no"}, error=ev.ErrorInfo(message="Task failed: no")),
            ev.Warned(message="Hm."),
            ev.RunFinished(recap={"h1": ev.HostRecap(failed=1)}),
            log_path=str(log),
            force_color=True,
        )
        lines = log.read_text().splitlines()
        prefix = rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}} p={os.getpid()} u=\S+ n=ansible "
        wanted = [
            r"INFO\| TASK \[t\] \*+",
            r"ERROR\| \[ERROR\]: Task failed: no",
            r"",
            r'INFO\| fatal: \[h1\]: FAILED! => {"msg": "no"}',
            r"WARNING\| \[WARNING\]: Hm.",
            r"",
            r"INFO\| PLAY RECAP \*+",
            r"INFO\| h1 +: ok=0 .*",
        ]
        assert len(lines) == len(wanted)
        for line, pattern in zip(lines, wanted, strict=True):
            assert re.fullmatch(prefix + pattern if pattern else "", line), line

    def test_it_may_be_more_verbose_than_the_screen(self, tmp_path):
        log = tmp_path / "ansible.log"
        shown = show(ev.Message(text="x", verbosity=3), log_path=str(log), log_verbosity=3)
        assert shown.stdout == ""
        assert log.read_text().endswith("INFO| x\n")

    def test_a_path_that_cannot_be_written_is_said_and_the_run_goes_on(self, tmp_path):
        assert show(ev.Message(text="x"), log_path=str(tmp_path)).stderr == (
            f"[WARNING]: DEFAULT_LOG_PATH can not be a directory '{tmp_path}', aborting\n"
        )
        missing = tmp_path / "no" / "x.log"
        assert "is not writeable and we cannot create it, aborting" in show(log_path=str(missing)).stderr

    def test_with_json_the_log_still_reads_like_the_screen(self, tmp_path):
        log = tmp_path / "ansible.log"
        shown = show(ev.Message(text="x"), options=JSON, log_path=str(log))
        assert json.loads(shown.stdout)["text"] == "x"
        assert log.read_text().endswith("INFO| x\n")


def adhoc(*events, one_line=False, tree=None, **settings):
    return show(*events, options=RunOptions(adhoc=AdHoc(pattern="all", one_line=one_line, tree=tree)), **settings)


class TestAdHoc:
    @pytest.mark.parametrize("action", ["command", "ansible.builtin.shell", "raw"])
    def test_a_command_shows_what_it_printed(self, action):
        result = {"rc": 0, "stdout": "uid=0(root)", "stderr": "", "msg": "", "changed": True}
        shown = adhoc(started(task(action=action)), ended(task(action=action), Status.CHANGED, result))
        assert shown.stdout == "h1 | CHANGED | rc=0 >>\nuid=0(root)\n"

    def test_a_command_that_failed(self):
        result = {"rc": 1, "stdout": "", "stderr": "oh", "msg": "non-zero return code", "failed": True}
        error = ev.ErrorInfo(message="Task failed: Module failed: non-zero return code")
        shown = adhoc(ended(task(), Status.FAILED, result, error=error))
        assert shown.stdout == (
            "[ERROR]: Task failed: Module failed: non-zero return code\nh1 | FAILED | rc=1 >>\nohnon-zero return code\n"
        )

    def test_other_modules_show_their_result(self):
        shown = adhoc(ended(task(action="ping"), Status.OK, {"ping": "pong", "changed": False, "failed": False}))
        assert shown.stdout == 'h1 | SUCCESS => {\n    "changed": false,\n    "ping": "pong"\n}\n'
        failed = adhoc(ended(task(action="fail"), Status.FAILED, {"msg": "no", "changed": False}))
        assert failed.stdout == 'h1 | FAILED! => {\n    "changed": false,\n    "msg": "no"\n}\n'

    def test_a_job_shows_its_handle(self):
        result = {"ansible_job_id": "j1.2", "changed": True, "finished": False, "started": True}
        shown = adhoc(ended(task(), Status.CHANGED, result))
        assert shown.stdout.startswith('h1 | CHANGED => {\n    "ansible_job_id": "j1.2",\n')

    def test_unreachable_and_skipped_hosts(self):
        shown = adhoc(
            ended(task(), Status.UNREACHABLE, {"msg": "no", "unreachable": True}), ended(task(), Status.SKIPPED, {})
        )
        assert shown.stdout == ('h1 | UNREACHABLE! => {\n    "msg": "no",\n    "unreachable": true\n}\nh1 | SKIPPED\n')

    def test_a_diff_comes_first(self):
        diff = {"before": "", "after": "x\n"}
        shown = adhoc(ended(task(action="copy"), Status.CHANGED, {"changed": True}, diff=(diff,)))
        assert shown.stdout == '--- before\n+++ after\n@@ -0,0 +1 @@\n+x\n\nh1 | CHANGED => {\n    "changed": true\n}\n'

    def test_one_line(self):
        command = {"rc": 0, "stdout": "a\nb", "stderr": "e\r", "changed": True}
        assert adhoc(ended(task(), Status.CHANGED, command), one_line=True).stdout == (
            "h1 | CHANGED | rc=0 | (stdout) a\\nb (stderr) e\\r\n"
        )
        assert adhoc(
            ended(task(action="ping"), Status.OK, {"ping": "pong", "changed": False}), one_line=True
        ).stdout == ('h1 | SUCCESS => {"changed": false,"ping": "pong"}\n')
        shown = adhoc(ended(task(), Status.FAILED, {"rc": 1, "stdout": ""}), one_line=True).stdout
        assert shown == 'h1 | FAILED | rc=1 | (stdout) \nh1 | FAILED! => {"rc": 1,"stdout": ""}\n'
        assert (
            adhoc(ended(task(), Status.UNREACHABLE, {"msg": "no"}), one_line=True).stdout == "h1 | UNREACHABLE!: no\n"
        )

    def test_one_line_tells_of_the_traceback_that_there_is_none(self):
        failed = ended(task(action="fail"), Status.FAILED, {"msg": "no", "changed": False})
        said = "An exception occurred during task execution."
        assert adhoc(failed, one_line=True).stdout == (
            f"{said} To see the full traceback, use -vvv. The error was: (traceback unavailable)\n"
            'h1 | FAILED! => {"changed": false,"msg": "no"}\n'
        )
        assert adhoc(failed, one_line=True, verbosity=3).stdout.startswith(
            f"{said} The full traceback is:\n(traceback unavailable)\n"
        )
        error = ev.ErrorInfo(message="no", traceback="Traceback:\n  x\nOops: no\n")
        traced = ended(task(action="fail"), Status.FAILED, {"msg": "no"}, error=error)
        shown = adhoc(traced, one_line=True, display_traceback=("error",))
        assert shown.stdout.splitlines()[0].endswith("The error was: Oops: no")

    @pytest.mark.parametrize("one_line", [True, False])
    def test_that_no_host_is_meant(self, one_line):
        told = adhoc(ev.NoHostsMatched(play=play()), one_line=one_line).stderr
        assert told.startswith("[WARNING]: No hosts matched, nothing to do\n")

    def test_what_a_task_of_the_command_line_is_stands_at_its_place(self):
        place = Written("<adhoc 'ping' task>", text="{'action': 'ping'}")
        shown = adhoc(ended(task(action="ping"), Status.FAILED, {}, error=ev.ErrorInfo(message="No.", origin=place)))
        assert shown.stdout.startswith("[ERROR]: No.\nOrigin: <adhoc 'ping' task>\n\n{'action': 'ping'}\n\n")

    def test_views_that_ansible_core_is_going_to_remove_are_warned_of(self, tmp_path):
        begun = ev.PlayStarted(play=play())
        removal = "callback plugin is deprecated. This feature will be removed from ansible-core version 2.23."
        assert f"[DEPRECATION WARNING]: The oneline {removal}\n" in adhoc(begun, one_line=True).stderr
        assert f"[DEPRECATION WARNING]: The tree {removal}\n" in adhoc(begun, tree=str(tmp_path)).stderr
        assert adhoc(begun).stderr == ""

    async def test_tree(self, tmp_path):
        folder = tmp_path / "tree"
        options = RunOptions(adhoc=AdHoc(pattern="all", tree=str(folder)))
        views = build(options, Settings(), Streams(io.StringIO(), io.StringIO()), {})
        for sink in views.sinks:
            sink.handle(ended(task(action="ping"), Status.OK, {"ping": "pong", "changed": False}))
            await sink.close()
        views.close()
        assert (folder / "h1").read_text() == '{"changed": false, "ping": "pong"}'


class TestJUnit:
    async def report(self, tmp_path, *events, **environ):
        settings = Settings(callbacks_enabled=("junit",))
        streams = Streams(io.StringIO(), io.StringIO())
        views = build(RunOptions(), settings, streams, {"JUNIT_OUTPUT_DIR": str(tmp_path), **environ})
        run = (
            ev.PlaybookStarted(path="/site/play.yml"),
            ev.PlayStarted(play=play()),
            *events,
            ev.RunFinished(recap={}),
        )
        for event in run:
            for sink in views.sinks:
                sink.handle(event)
        for sink in views.sinks:
            await sink.close()
        views.close()
        (path,) = tmp_path.glob("play-*.xml")
        return ElementTree.parse(path).getroot()

    async def test_a_case_for_each_task_on_each_host(self, tmp_path):
        one, two, three = task("one", args={"a": 1}), task("two"), task("three")
        root = await self.report(
            tmp_path,
            started(one, at=10.0),
            ended(one, Status.OK, {"rc": 0}, at=12.0),
            started(two, at=20.0),
            ended(two, Status.FAILED, {"msg": "no\x00"}, at=21.0),
            ended(two, Status.FAILED, {"msg": "no"}, at=21.0, host="h2", error=ev.ErrorInfo(message="Task failed: no")),
            started(three, at=30.0),
            ended(three, Status.SKIPPED, {"skip_reason": "why not"}, at=30.5),
            ev.TaskCancelled(task=three, host="h2", at=31.0),
        )
        suite = root[0]
        assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors")) == (
            "play",
            "5",
            "1",
            "1",
        )
        cases = list(suite)
        assert cases[0].get("name") == "[h1] web: one a=1"
        assert cases[0].get("classname") == "/site/play.yml:4"
        assert float(cases[0].get("time")) == 2.0
        assert cases[0].findtext("system-out") == '{\n"rc": 0\n}'
        assert cases[1].find("failure").get("message") == "no\ufffd"
        assert cases[2].find("error").get("message") == "Task failed: no"
        assert cases[3].findtext("skipped") == "why not"
        assert (cases[4].findtext("skipped"), float(cases[4].get("time"))) == ("cancelled", 1.0)

    async def test_expected_and_toggled_failures_and_changes(self, tmp_path):
        expected, toggled, changed = task("EXPECTED FAILURE a"), task("TOGGLE RESULT b"), task("c")
        root = await self.report(
            tmp_path,
            *(started(info) for info in (expected, toggled, changed)),
            ended(expected, Status.FAILED, {"msg": "no"}),
            ended(toggled, Status.OK, {}),
            ended(changed, Status.CHANGED, {}),
            JUNIT_FAIL_ON_CHANGE="true",
        )
        assert [case.find("failure") is not None for case in root[0]] == [False, True, True]

    async def test_ignored_failures_pass_unless_told_otherwise(self, tmp_path):
        info = task("a")
        events = (started(info), ended(info, Status.FAILED, {"msg": "no"}, ignored=True))
        assert (await self.report(tmp_path, *events)).get("failures") == "0"
        other = tmp_path / "other"
        assert (await self.report(other, *events, JUNIT_FAIL_ON_IGNORE="true")).get("failures") == "1"

    async def test_class_names_relative_to_a_folder(self, tmp_path):
        info = task("a")
        environ = {
            "JUNIT_TASK_RELATIVE_PATH": "/elsewhere",
            "JUNIT_REPLACE_OUT_OF_TREE_PATH": "out-of-tree:",
            "JUNIT_TASK_CLASS": "true",
        }
        root = await self.report(tmp_path, started(info), ended(info, Status.OK, {}), **environ)
        assert root[0][0].get("classname") == "out-of-tree:play"

    async def test_includes_and_prefixes(self, tmp_path):
        include, other = task("TEST inc", "include_tasks"), task("other")
        root = await self.report(
            tmp_path,
            started(include),
            ev.Included(path="/a.yml", hosts=("h1",), task=include),
            ev.Included(path="/b.yml", hosts=("h1",), task=include),
            ended(include, Status.OK, {}),
            started(other),
            ended(other, Status.OK, {}),
            JUNIT_TEST_CASE_PREFIX="TEST",
        )
        (case,) = root[0]
        assert case.findtext("system-out") == "/a.yml (hosts: h1)\n/b.yml (hosts: h1)"


class TestColours:
    def test_each_line_of_a_text_is_coloured_by_itself(self):
        assert Palette(True).paint("a\nb", "ok") == "\033[0;32ma\033[0m\n\033[0;32mb\033[0m"

    def test_lines_have_the_colour_of_what_happened(self):
        info = task()
        shown = show(started(info), ended(info, Status.CHANGED), force_color=True).stdout
        assert shown == banner("TASK [t]") + "\033[0;33mchanged: [h1]\033[0m\n"

    def test_settings_change_colours(self):
        info = task()
        shown = show(ended(info, Status.OK), force_color=True, colors={"ok": "color208"}).stdout
        assert "\033[38;5;208mok: [h1]\033[0m\n" in shown

    def test_colour_names(self):
        assert escape_code("rgb520") == "38;5;208"
        assert escape_code("gray12") == "38;5;244"
        assert escape_code("bright purple") == "1;35"
        assert escape_code("mauve") is None

    def test_none_where_it_is_no_terminal_or_they_are_refused(self, monkeypatch):
        monkeypatch.setenv("TERM", "xterm")
        assert "\033" not in show(ended(task(), Status.OK)).stdout
        assert "\033" not in show(ended(task(), Status.OK), terminal=True, nocolor=True).stdout


class TestChoice:
    def names(self, options=None, **settings):
        views = build(options or RunOptions(), Settings(**settings), Streams(io.StringIO(), io.StringIO()), {})
        views.close()
        return [type(sink).__name__ for sink in views.sinks]

    def test_the_classic_view_is_the_default(self):
        assert self.names() == ["Classic"]
        assert self.names(stdout_callback="ansible.builtin.default") == ["Classic"]

    def test_other_built_in_views(self):
        assert self.names(stdout_callback="minimal") == ["Minimal"]
        assert self.names(stdout_callback="oneline") == ["OneLine"]

    def test_a_view_that_is_not_there_ends_the_command(self):
        with pytest.raises(CallbackBroke, match="Could not load"):
            self.names(stdout_callback="nobodys.views.nonesuch")

    def test_ad_hoc_commands_are_minimal_unless_told_otherwise(self):
        options = RunOptions(adhoc=AdHoc(pattern="all"))
        assert self.names(options, stdout_callback="oneline", callbacks_enabled=("timer",)) == ["Minimal"]
        shown = self.names(options, stdout_callback="oneline", callbacks_enabled=("timer",), bin_ansible_callbacks=True)
        assert shown == ["OneLine", "RunTime"]

    def test_extras_come_once_and_after_the_screens_own(self):
        options = RunOptions(profile=True)
        names = self.names(options, callbacks_enabled=("ansible.posix.profile_tasks", "junit", "default"))
        assert names == ["Classic", "TaskTimes", "JUnit", "RunTime"]


def test_flushing_before_a_prompt_brings_everything_out():
    stdout = io.StringIO()
    views = build(RunOptions(), Settings(), Streams(stdout, io.StringIO()), {})
    tee = Tee(*views.sinks)
    tee.handle(ev.Message(text="a"))
    flush((tee,))
    assert stdout.getvalue() == "a\n"
    views.close()


class TestTee:
    def test_a_view_that_breaks_is_named_to_the_others_and_left_out(self):
        seen = []

        class Good:
            def handle(self, event):
                seen.append(event)

            async def close(self):
                pass

        class Bad(Good):
            def handle(self, event):
                raise RuntimeError("oops")

        tee = Tee(Bad(), Good())
        tee.handle(ev.Message(text="a"))
        tee.handle(ev.Message(text="b"))
        assert [getattr(event, "text", getattr(event, "message", "")) for event in seen] == [
            "The view Bad is left out from here on, it failed: oops",
            "a",
            "b",
        ]


def test_an_item_of_a_view_that_shows_none_is_no_error():
    assert adhoc(item(task(loop=True), 1)).stdout == ""
