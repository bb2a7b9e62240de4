"""`weft.play` from a program: awaited, or event by event."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from weft.events import RunFinished, TaskFinished
from weft.model.errors import LoadError

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: greet
      debug:
        msg: "{{ greeting }} {{ inventory_hostname }}"
"""


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    path = tmp_path / "site.yml"
    path.write_text(PLAYBOOK)
    return path


async def test_awaiting_a_run_gives_its_exit_code_and_recap(playbook: Path) -> None:
    finished = await weft.play(playbook, inventory="one,two", extra_vars={"greeting": "hello"})
    assert finished.exit_code == 0
    assert {host: recap.ok for host, recap in finished.recap.items()} == {"one": 1, "two": 1}


async def test_events_come_in_order_while_the_run_goes_on(playbook: Path) -> None:
    messages = []
    async with weft.play(playbook, inventory="one,", extra_vars={"greeting": "{{ 'hi' }}"}) as run:
        async for event in run:
            if isinstance(event, TaskFinished):
                messages.append(event.result["msg"])
            last = event
    assert messages == ["hi one"]
    assert isinstance(last, RunFinished)
    assert run.exit_code == 0


async def test_a_host_that_fails_is_told_by_the_exit_code(playbook: Path) -> None:
    finished = await weft.play(playbook, inventory="one,")
    assert finished.exit_code == 2
    assert finished.recap["one"].failed == 1


async def test_what_can_not_be_loaded_raises(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("- hosts: all\n  tasks:\n    - nonsense: 1\n")
    with pytest.raises(LoadError, match="nonsense"):
        await weft.play(broken, inventory="one,")


async def test_leaving_early_cancels_the_run(playbook: Path) -> None:
    async with weft.play(playbook, inventory="one,", extra_vars={"greeting": "hello"}) as run:
        pass
    with pytest.raises(BaseException):  # noqa: B017
        run.result()
