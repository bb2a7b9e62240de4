"""The ``command`` and ``raw`` operations: the same results as ansible.builtin.command, without its Python."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from agent_client import Client, Failed, alive, make, run_module, send_module, wait_gone

CHANGING = ("start", "end", "delta", "invocation")


@pytest.fixture(scope="module")
def with_module(agent: Client) -> Client:
    send_module(agent, "command")
    return agent


def real(client: Client, args: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
    """What the real module makes of the same arguments."""
    out = run_module(client, "command", {**args, "_ansible_check_mode": check}, **more)[1]
    result: dict[str, Any] = json.loads(out)
    return result


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "words": ({"argv": ["echo", "a", "b c"]}, {"argv": ["echo", "a", "b c"]}),
    "shell": (
        {"shell": "echo $((1+1)); echo x >&2"},
        {"_raw_params": "echo $((1+1)); echo x >&2", "_uses_shell": True},
    ),
    "failing": ({"shell": "echo no >&2; exit 3"}, {"_raw_params": "echo no >&2; exit 3", "_uses_shell": True}),
    "killed": ({"shell": "kill -9 $$"}, {"_raw_params": "kill -9 $$", "_uses_shell": True}),
    "expansion": ({"argv": ["echo", "$HOME", "~", "${HOME}x", "$nope"]},) * 2,
    "no expansion": ({"argv": ["echo", "$HOME", "~"], "expand_argument_vars": False},) * 2,
    "stdin": ({"argv": ["cat"], "stdin": "text"},) * 2,
    "stdin as it is": ({"argv": ["cat"], "stdin": "text", "stdin_add_newline": False, "strip_empty_ends": False},) * 2,
    "no stdin": ({"argv": ["cat"]},) * 2,
    "ends kept": ({"argv": ["echo", "x\n\n"], "strip_empty_ends": False},) * 2,
    "not utf-8": ({"argv": ["printf", r"\377a\303\251"]},) * 2,
    "chdir": ({"argv": ["pwd"], "chdir": "/usr"},) * 2,
    "chdir expands": ({"argv": ["pwd"], "chdir": "~"},) * 2,
    "chdir nowhere": ({"argv": ["pwd"], "chdir": "/nowhere"},) * 2,
    "chdir file": ({"argv": ["pwd"], "chdir": "/etc/passwd"},) * 2,
    "creates there": ({"argv": ["false"], "creates": "/etc/passwd"},) * 2,
    "creates glob": ({"argv": ["false"], "creates": "/etc/pass*"},) * 2,
    "creates relative": ({"argv": ["false"], "creates": "pass*", "chdir": "/etc"},) * 2,
    "creates not there": ({"argv": ["echo", "x"], "creates": "/nowhere/*"},) * 2,
    "removes there": ({"argv": ["echo", "x"], "removes": "/etc/passwd"},) * 2,
    "removes not there": ({"argv": ["echo", "x"], "removes": "/nowhere"},) * 2,
    "missing program": ({"argv": ["no-such-program", "--password=x", "https://u:secret@h"]},) * 2,
    "missing path": ({"argv": ["/no/such/program"]},) * 2,
    "not executable": ({"argv": ["/etc/passwd"]},) * 2,
    "a directory": ({"argv": ["/etc"]},) * 2,
    "nothing": ({"argv": []},) * 2,
    "executable": (
        {"shell": "echo $0", "executable": "/bin/bash"},
        {"_raw_params": "echo $0", "_uses_shell": True, "executable": "/bin/bash"},
    ),
    "missing shell": (
        {"shell": "echo", "executable": "/bin/nosuch"},
        {"_raw_params": "echo", "_uses_shell": True, "executable": "/bin/nosuch"},
    ),
    "environment": ({"argv": ["env"], "environment": {"ONE": "1", "LANG": "C"}}, {"argv": ["env"]}),
    "bad locale": ({"argv": ["env"], "environment": {"LC_ALL": "xx_XX"}}, {"argv": ["env"]}),
}


@pytest.mark.parametrize("case", CASES)
def test_results_are_those_of_the_module(with_module: Client, case: str) -> None:
    ours, theirs = CASES[case]
    environment = ours.get("environment", {})
    expected = real(with_module, theirs, environment=environment)
    found = with_module.call("command", **ours)
    for result in (expected, found):
        for key in CHANGING:
            if result.get(key) is not None:
                result[key] = "some"
        result.pop("invocation", None)
    if "stdout" in expected and environment:
        expected["stdout"], found["stdout"] = (sorted(r["stdout"].splitlines()) for r in (expected, found))
    assert found == expected


@pytest.mark.parametrize("extra", [{}, {"creates": "/etc/passwd"}, {"creates": "/nowhere"}, {"removes": "/nowhere"}])
def test_check_mode_is_that_of_the_module(with_module: Client, extra: dict[str, Any]) -> None:
    expected = real(with_module, {"argv": ["false"], **extra}, check=True)
    del expected["invocation"]
    assert with_module.call("command", argv=["false"], check=True, **extra) == expected


def test_times_look_like_the_modules(agent: Client) -> None:
    result = agent.call("command", argv=["true"])
    for key in ("start", "end"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?", result[key])
    assert re.fullmatch(r"0:00:\d\d(\.\d{6})?", result["delta"])
    assert result["start"] <= result["end"]


def test_core_results_on_every_python(any_agent: Client) -> None:
    result = any_agent.call("command", shell="printf 'a\\377\\303\\251'; echo e >&2; exit 4", environment={"X": "é"})
    assert (result["rc"], result["stdout"], result["stderr"]) == (4, "a\udcff\u00e9", "e")
    assert result["failed"] is True and result["msg"] == "non-zero return code"
    assert any_agent.call("command", argv=["printenv", "X"], environment={"X": "é\udc80"})["stdout"] == "é\udc80"
    missing = any_agent.call("command", argv=["no-such-program"])
    assert (missing["rc"], missing["msg"]) == (2, "Error executing command.")
    assert "No such file or directory" in missing["exception"]["event"]["chain"]["event"]["msg"]


def test_no_command_at_all(agent: Client) -> None:
    assert agent.call("command")["msg"] == "no command given"


def test_an_executable_that_command_cannot_use_is_warned_about(agent: Client) -> None:
    result = agent.call("command", argv=["true"], executable="/bin/bash")
    assert "'executable' is no longer supported" in result["warnings"][0]


def test_what_the_controller_says_of_the_invocation_is_kept(agent: Client) -> None:
    assert agent.call("command", argv=["true"], invocation={"module_args": {}})["invocation"] == {"module_args": {}}


def test_requests_run_side_by_side(any_agent: Client, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    reader = any_agent.send("command", shell=f"cat {gate}")
    writer = any_agent.send("command", shell=f"echo through > {gate}")
    assert any_agent.answer(writer)[0]["rc"] == 0
    assert any_agent.answer(reader)[0]["stdout"] == "through"


def test_a_program_has_a_session_of_its_own(agent: Client) -> None:
    result = agent.call("command", shell="ps -o sid= -p $$; echo $$")
    session, pid = result["stdout"].split()
    assert session == pid


def test_a_process_left_behind_does_not_hold_the_result_up(agent: Client) -> None:
    result = agent.call("command", shell="sleep 1000 & echo $!; echo done")
    pid, word = result["stdout"].split()
    assert word == "done" and alive(int(pid))
    os.kill(int(pid), 9)


def test_what_a_process_left_behind_writes_soon_is_in_the_result(agent: Client) -> None:
    result = agent.call("command", shell="(sleep 0.2; echo late) & echo early")
    assert result["stdout"] == "early\nlate"


def test_a_time_limit_ends_the_whole_group(any_agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        any_agent.call("command", shell="sleep 1000 & sleep 1000", timeout=0.1)
    assert caught.value.kind == "timeout"
    assert any_agent.call("command", argv=["true"])["rc"] == 0


def test_what_ignores_termination_is_killed(agent: Client, home: Path) -> None:
    ready = home / "ready"
    os.mkfifo(ready)
    text = f"trap '' TERM; echo $$ > {ready}; while :; do sleep 1; done"
    number = agent.send("command", shell=text)
    pid = int(ready.read_text())
    assert agent.call("cancel", target=number, grace=0.1) == {"cancelled": True}
    with pytest.raises(Failed) as caught:
        agent.answer(number)
    assert caught.value.kind == "cancelled"
    wait_gone(pid)


def test_what_a_cancelled_command_started_elsewhere_ends_with_it(agent: Client, tmp_path: Path) -> None:
    """Children's children in sessions of their own, one of which takes no notice of TERM."""
    fifo = tmp_path / "up"
    os.mkfifo(fifo)
    deaf = tmp_path / "deaf.sh"
    deaf.write_text(f"trap '' TERM\necho $$ > {fifo}\nwhile :; do sleep 0.05; done\n")
    number = agent.send("command", shell=f"setsid sh {deaf} & wait")
    pid = int(fifo.read_text())
    assert agent.call("cancel", target=number, grace=0.2) == {"cancelled": True}
    with pytest.raises(Failed) as caught:
        agent.answer(number)
    assert caught.value.kind == "cancelled"
    wait_gone(pid)


def test_cancelling_what_is_not_running(agent: Client) -> None:
    assert agent.call("cancel", target=9999) == {"cancelled": False}


def test_output_beyond_what_a_header_holds(agent: Client) -> None:
    result = agent.call("command", shell="head -c 6000000 /dev/zero | tr '\\0' x")
    assert result["stdout"] == "x" * 6000000


def test_an_agent_whose_output_nobody_reads_goes_on(own_agent: Client) -> None:
    first = own_agent.send("command", shell="head -c 3000000 /dev/zero | tr '\\0' y")
    others = [own_agent.send("command", argv=["echo", str(n)]) for n in range(50)]
    assert [own_agent.answer(n)[0]["stdout"] for n in others] == [str(n) for n in range(50)]
    assert len(own_agent.answer(first)[0]["stdout"]) == 3000000


def test_secrets_on_stdin_are_in_no_command_line(agent: Client, home: Path) -> None:
    gate = home / "secret-gate"
    os.mkfifo(gate)
    number = agent.send("command", shell=f"cat {gate}; cat", stdin="s3cret-word")
    mine = str(agent.hello["pid"])
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                assert b"s3cret-word" not in (entry / "cmdline").read_bytes(), mine
            except OSError:
                continue
    gate.write_text("")
    assert agent.answer(number)[0]["stdout"] == "s3cret-word"


def test_how_many_descriptors_a_program_may_open(any_agent: Client) -> None:
    limits = "ulimit -Sn; ulimit -Hn"
    usual = any_agent.call("command", shell=limits)["stdout"].split()
    assert any_agent.call("command", shell=limits, nofile=99)["stdout"].split() == ["99", usual[1]]
    most = any_agent.call("command", shell=limits, nofile=2**30)["stdout"].split()
    assert most[0] == (usual[1] if usual[1] != "unlimited" else str(2**30))


def test_the_umask_of_a_program(agent: Client) -> None:
    assert agent.call("command", shell="umask", umask="077")["stdout"] == "0077"


def test_raw_text_with_bytes_in_and_out(any_agent: Client) -> None:
    result, payload = any_agent.call_payload("raw", b"\x00\xff", text="cat; echo err >&2; exit 5")
    assert result == {"rc": 5, "stdout_len": 2, "stderr_len": 4}
    assert payload == b"\x00\xfferr\n"


def test_raw_with_another_shell(agent: Client) -> None:
    _, payload = agent.call_payload("raw", text="echo $BASH_VERSION", executable="/bin/bash")
    assert payload.strip()


def test_an_agent_started_with_a_broken_locale_still_runs_commands(tmp_path: Path) -> None:
    client = make(tmp_path / "home")
    client.close()
    env = {"HOME": str(tmp_path), "LC_ALL": "xx_YY.UTF-8", "WEFT_AGENT_TEST": str(os.getpid())}
    client = Client.start(env=env)
    assert client.call("command", shell="echo $LC_ALL")["stdout"] in ("C.utf8", "C.UTF-8", "en_US.utf8", "C")
    assert client.close() == 0
