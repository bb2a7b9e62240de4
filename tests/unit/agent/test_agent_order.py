"""Requests that name another one: begun once that has ended well, refused without a trace where it has not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from agent_client import Client, Failed, make


def behind(client: Client, number: int, text: str, **more: Any) -> int:
    return client.send("command", shell=text, after=number, **more)


def refused(client: Client, number: int) -> bool:
    with pytest.raises(Failed) as failed:
        client.answer(number)
    return failed.value.kind == "not-run"


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def hold(tmp_path: Path) -> Path:
    path = tmp_path / "hold"
    os.mkfifo(path)
    return path


def test_they_run_one_after_the_other(any_agent: Client, tmp_path: Path) -> None:
    said = tmp_path / "said"
    numbers = [any_agent.send("command", shell=f"sleep 0.1; echo 0 >> {said}")]
    for n in range(1, 5):
        numbers.append(behind(any_agent, numbers[-1], f"echo {n} >> {said}; cat {said}"))
    assert any_agent.answer(numbers[-1])[0]["stdout"].split() == list("01234")
    assert [any_agent.answer(number)[0]["rc"] for number in numbers[:-1]] == [0, 0, 0, 0]


def test_what_comes_behind_a_failure_is_refused_without_a_trace(any_agent: Client, tmp_path: Path) -> None:
    said = tmp_path / "said"
    first = any_agent.send("command", shell=f"echo first >> {said}; exit 3")
    second = behind(any_agent, first, f"echo second >> {said}")
    third = behind(any_agent, second, f"echo third >> {said}")
    assert any_agent.answer(first)[0]["rc"] == 3
    assert refused(any_agent, second)
    assert refused(any_agent, third)
    assert refused(any_agent, behind(any_agent, first, f"echo late >> {said}")), "it was over by then"
    assert lines(said) == ["first"]


def test_what_is_over_and_acknowledged_ended_well(any_agent: Client, tmp_path: Path) -> None:
    first = any_agent.send("command", shell="true")
    any_agent.answer(first)
    assert any_agent.answer(behind(any_agent, first, "echo 1"))[0]["stdout"] == "1"
    any_agent.ack(ids=[first])
    assert any_agent.answer(behind(any_agent, first, "echo 2"))[0]["stdout"] == "2"
    assert refused(any_agent, behind(any_agent, any_agent.last + 100, "echo 3")), "nothing of that number ever came"


@pytest.mark.parametrize(
    ("op", "arguments"), [("stat", {}), ("nonsense", {}), ("raw", {"text": "sleep 9", "timeout": 0.1})]
)
def test_an_error_is_no_good_end(agent: Client, op: str, arguments: dict[str, Any]) -> None:
    first = agent.send(op, **arguments)
    second = behind(agent, first, "echo")
    with pytest.raises(Failed):
        agent.answer(first)
    assert refused(agent, second)


def test_output_that_may_be_no_text_is_left_to_the_controller_to_judge(any_agent: Client) -> None:
    first = any_agent.send("command", shell=r"printf '\377'")
    second = behind(any_agent, first, "echo")
    assert any_agent.answer(first)[0]["stdout"] == "\udcff"
    assert refused(any_agent, second)


def test_a_command_that_has_nothing_to_do_ends_well(agent: Client, tmp_path: Path) -> None:
    first = agent.send("command", shell="exit 1", creates=str(tmp_path))
    assert agent.answer(behind(agent, first, "echo on"))[0]["stdout"] == "on"


def test_what_is_looked_at_is_looked_at_when_its_turn_has_come(agent: Client, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    first = agent.send("command", shell=f"sleep 0.2; mkdir {folder}")
    second = behind(agent, first, "pwd", chdir=str(folder))
    assert agent.answer(second)[0]["stdout"] == str(folder)


def test_its_time_counts_from_its_beginning(agent: Client) -> None:
    first = agent.send("command", shell="sleep 1")
    second = behind(agent, first, "sleep 0.1", timeout=0.95)
    header, _ = agent.wait(lambda header: header.get("id") == second)
    assert header["result"]["rc"] == 0
    assert 0.1 <= header["took"] < 0.95
    assert "took" not in agent.wait(lambda header: header.get("id") == first)[0]


def test_revoking_ends_what_has_not_begun(any_agent: Client, tmp_path: Path) -> None:
    gate, said = hold(tmp_path), tmp_path / "said"
    first = any_agent.send("command", shell=f"cat {gate}; echo first >> {said}")
    second = behind(any_agent, first, f"echo second >> {said}")
    third = behind(any_agent, second, f"echo third >> {said}")
    assert any_agent.call("revoke", ids=[first, third, 4711]) == {}
    assert refused(any_agent, third)
    gate.write_text("")
    assert any_agent.answer(first)[0]["rc"] == 0
    assert any_agent.answer(second)[0]["rc"] == 0
    assert lines(said) == ["first", "second"]


def test_cancelling_from_behind_begins_nothing(agent: Client, tmp_path: Path) -> None:
    said = tmp_path / "said"
    first = agent.send("command", shell="sleep 30")
    second = behind(agent, first, f"echo second >> {said}")
    assert agent.call("cancel", target=second) == {"cancelled": True}
    assert agent.call("cancel", target=first) == {"cancelled": True}
    assert refused(agent, second)
    with pytest.raises(Failed, match="cancelled"):
        agent.answer(first)
    assert lines(said) == []


def test_an_agent_that_is_left_begins_nothing_more(tmp_path: Path) -> None:
    client, said = make(tmp_path / "home"), tmp_path / "said"
    first = client.send("command", shell=f"sleep 0.3; echo first >> {said}")
    behind(client, first, f"echo second >> {said}")
    client.call("ping")
    client.hang_up()
    assert lines(said) == ["first"], "what runs is finished, as ever"


def test_nothing_begins_while_there_is_no_link(tmp_path: Path) -> None:
    client, said, gate = make(tmp_path / "home"), tmp_path / "said", hold(tmp_path)
    socket = client.call("configure", linger=30)["socket"]
    first = client.send("command", shell=f"cat {gate}; echo first >> {said}")
    second = behind(client, first, f"echo second >> {said}")
    third = behind(client, second, f"echo third >> {said}")
    client.call("ping")
    assert client.process.stdin and client.process.stdout
    client.process.stdin.close()
    client.process.stdout.close()
    gate.write_text("")
    again = Client.rejoin(socket, client.hello["token"])
    again.last = client.last
    # the agent has seen the new link, and has had the time to begin
    again.call("command", shell="sleep 0.3")
    assert lines(said) == ["first"]
    assert again.call("resume", ids=[first, second, third, 99]) == {"unknown": [99]}
    assert [again.answer(number)[0]["rc"] for number in (first, second, third)] == [0, 0, 0]
    assert lines(said) == ["first", "second", "third"]
    assert again.close() == 0
    assert client.process.wait(20) == 0
