"""Programs that templates run, and their end with the run."""

from __future__ import annotations

import threading

import pytest

from weft.content.programs import Interrupted, Programs


def test_the_output_of_a_command(tmp_path):
    assert Programs().output("pwd; exit 3", str(tmp_path)) == (3, f"{tmp_path}\n".encode())


def test_interrupting_ends_what_runs_with_all_that_it_started(tmp_path):
    programs, raised = Programs(), []

    def run():
        try:
            # the pipe stays open as long as any of them lives
            programs.output("echo > started; sleep 300 | sleep 300", str(tmp_path))
        except Interrupted:
            raised.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    while not (tmp_path / "started").exists():
        thread.join(0.01)
    while thread.is_alive():
        programs.interrupt()  # the shell may have been between two programs
        thread.join(0.05)
    assert raised == [True]


def test_nothing_starts_after_an_interruption(tmp_path):
    programs = Programs()
    programs.interrupt()
    with pytest.raises(Interrupted):
        programs.output("echo > started", str(tmp_path))
    assert not list(tmp_path.iterdir())
