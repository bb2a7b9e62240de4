"""pause, wait_for_connection and reboot: what takes time, on a clock that doesn't."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from action_kit import Stage, stage
from virtual_clock import run

from weft.actions import REGISTRY
from weft.model.errors import TaskFailed, WeftError

_FACTS = {"ansible_distribution": "Debian", "ansible_distribution_version": "12.1", "ansible_os_family": "Debian"}
_SETUP = {"op": "module", "name": "setup", "result": {"ansible_facts": _FACTS}}


def perform(scene: Stage, action: str) -> tuple[dict[str, Any], float]:
    return run(REGISTRY[f"ansible.builtin.{action}"](scene.context))


class TestPause:
    def pause(self, folder: Path, args: dict[str, Any], answers: list[str | None], interactive: bool = True) -> Stage:
        scene = stage("pause", args, folder=folder)
        scene.prompter.answers = answers
        scene.prompter.interactive = interactive
        return scene

    def test_waits_its_seconds_where_nobody_is(self, tmp_path: Path) -> None:
        scene = self.pause(tmp_path, {"seconds": 90}, [], interactive=False)
        result, passed = perform(scene, "pause")
        assert passed == pytest.approx(90)
        assert result["delta"] == 90
        assert result["stdout"] == "Paused for 90.0 seconds"
        assert [event.text for event in scene.events] == [
            "Pausing for 90 seconds",
        ]

    def test_minutes_are_told_as_minutes(self, tmp_path: Path) -> None:
        result, passed = perform(self.pause(tmp_path, {"minutes": 2}, [], interactive=False), "pause")
        assert (passed, result["stdout"], result["delta"]) == (pytest.approx(120), "Paused for 2.0 minutes", 120)

    def test_less_than_a_second_is_one(self, tmp_path: Path) -> None:
        _, passed = perform(self.pause(tmp_path, {"seconds": 0}, [], interactive=False), "pause")
        assert passed == pytest.approx(1)

    def test_without_a_time_and_without_a_terminal_it_goes_on(self, tmp_path: Path) -> None:
        result, passed = perform(self.pause(tmp_path, {}, [], interactive=False), "pause")
        assert passed == 0
        assert result["warnings"] == ["Not waiting for response to prompt as stdin is not interactive"]

    def test_what_is_typed_is_the_result(self, tmp_path: Path) -> None:
        scene = self.pause(tmp_path, {"prompt": "Name?"}, ["joe"])
        result, _ = perform(scene, "pause")
        assert result["user_input"] == "joe"
        assert scene.prompter.asked == ["[pause]\nName?:"]

    def test_hidden_answers_are_announced_as_such(self, tmp_path: Path) -> None:
        scene = self.pause(tmp_path, {"echo": False}, [""])
        result, _ = perform(scene, "pause")
        assert scene.prompter.asked == ["[pause]\nPress enter to continue, Ctrl+C to interrupt (output is hidden):"]
        assert result["echo"] is False

    def test_with_a_time_nothing_typed_counts(self, tmp_path: Path) -> None:
        scene = self.pause(tmp_path, {"seconds": 5}, ["x"])
        result, _ = perform(scene, "pause")
        assert result["user_input"] == ""
        assert scene.prompter.asked == ["(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)\r"]

    def test_ctrl_c_then_c_goes_on(self, tmp_path: Path) -> None:
        result, _ = perform(self.pause(tmp_path, {"seconds": 5}, [None, ""]), "pause")
        assert result["rc"] == 0

    def test_ctrl_c_then_a_aborts(self, tmp_path: Path) -> None:
        with pytest.raises(WeftError, match="user requested abort!"):
            perform(self.pause(tmp_path, {"seconds": 5}, [None, None]), "pause")

    def test_times_exclude_each_other(self, tmp_path: Path) -> None:
        with pytest.raises(TaskFailed, match=r"parameters are mutually exclusive: minutes\|seconds"):
            perform(self.pause(tmp_path, {"seconds": 5, "minutes": 1}, []), "pause")

    def test_a_time_that_is_no_number(self, tmp_path: Path) -> None:
        with pytest.raises(TaskFailed, match="argument 'seconds' is of type str and we were unable to convert to int"):
            perform(self.pause(tmp_path, {"seconds": "x"}, []), "pause")


class TestWaitForConnection:
    def test_waits_until_the_host_is_there(self, tmp_path: Path) -> None:
        scene = stage("wait_for_connection", {"delay": 10, "sleep": 3}, folder=tmp_path)
        scene.sessions.refuse = 4
        result, passed = perform(scene, "wait_for_connection")
        assert passed == pytest.approx(22)
        assert result == {"elapsed": 22}
        assert scene.sessions.resets == 4

    def test_gives_up_after_its_time(self, tmp_path: Path) -> None:
        scene = stage("wait_for_connection", {"timeout": 60}, folder=tmp_path)
        scene.sessions.refuse = 1000
        result, passed = perform(scene, "wait_for_connection")
        assert passed == pytest.approx(60)
        assert result["failed"] and result["elapsed"] == 60
        assert result["msg"] == "timed out waiting for ping module test: no route to host"


class TestReboot:
    def test_waits_for_another_boot(self, tmp_path: Path) -> None:
        replies: list[dict[str, Any]] = [
            _SETUP,
            {"op": "raw", "stdout": "b1\n"},
            {"op": "module", "name": "find", "result": {"files": [{"path": "/sbin/shutdown"}]}},
            {"op": "raw", "unreachable": True},
            {"op": "raw", "stdout": "b1\n"},
            {"op": "raw", "unreachable": True},
            {"op": "raw", "stdout": "b2\n"},
            {"op": "raw", "rc": 1, "stderr": "not yet"},
            {"op": "raw", "stdout": "root\n"},
        ]
        scene = stage("reboot", {"post_reboot_delay": 30, "msg": "back soon"}, folder=tmp_path, replies=replies)
        result, passed = perform(scene, "reboot")
        assert result["rebooted"] and result["changed"] and result["elapsed"] == int(passed)
        assert 34 < passed < 40  # 30, then 1 and 2 and 1 with a little on top of each
        said = [request["text"] for request in scene.session.requests if request["op"] == "raw"]
        assert said[1] == '/sbin/shutdown -r 0 "back soon"'
        assert said[-1] == "whoami"
        assert scene.sessions.resets == 1

    def test_a_host_that_stays_away(self, tmp_path: Path) -> None:
        replies: list[dict[str, Any]] = [_SETUP, {"op": "raw", "stdout": "b1\n"}, {"op": "raw"}]
        replies += [{"op": "raw", "unreachable": True} for _ in range(40)]
        args = {"reboot_command": "/sbin/reboot", "reboot_timeout": 100}
        scene = stage("reboot", args, folder=tmp_path, replies=replies)
        result, passed = perform(scene, "reboot")
        assert result["failed"] and result["rebooted"]
        assert result["msg"] == "Timed out waiting for last boot time check (timeout=100)"
        assert 100 <= passed < 114

    def test_delay_in_whole_minutes(self, tmp_path: Path) -> None:
        replies: list[dict[str, Any]] = [
            _SETUP,
            {"op": "raw", "stdout": "b1\n"},
            {"op": "module", "name": "find", "result": {"files": [{"path": "/sbin/shutdown"}]}},
            {"op": "raw", "rc": 1},
        ]
        scene = stage("reboot", {"pre_reboot_delay": 150}, folder=tmp_path, replies=replies)
        perform(scene, "reboot")
        assert scene.session.requests[-1]["text"] == '/sbin/shutdown -r 2 "Reboot initiated by Ansible"'
