"""Hosts that are not there but behave: a small shell, `ping`, facts, and failures that a test asks for.

Stands on ``fake_session``. ``hosts.host("a").fails("ping", "no")`` and its kin script one host; everything else that a
test needs is in ``FakeHost.answers``.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import string
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.fake_session import Call, FakeHost, FakeSessions
from weft.connection.api import Reply

_WHEN = "2000-01-01 00:00:00.000000"


class Hosts(FakeSessions):
    """Every host has a shell and some modules."""

    def host(self, name: str) -> FakeHost:
        known = name in self._hosts
        host = super().host(name)
        if not known:
            host.answers("command", command)
            host.answers("module", module)
            host.answers("raw", raw)
        return host

    def commands(self, host: str | None = None) -> list[str]:
        """The commands that were run (on a host), in order."""
        return [text_of(call) for call in self.calls if call.op in ("command", "raw") and host in (None, call.host)]

    def overlap(self, op: str = "command") -> int:
        """How many requests of this kind were under way at once, at most. Needs ``latency``."""
        running = most = 0
        for call in self.calls:
            if call.op == op:
                running = sum(1 for other in self.calls if other.op == op and other.at == call.at)
                most = max(most, running)
        return most


def command_gives(host: FakeHost, text: str, *, stdout: Sequence[str] = ("",), rc: int = 0) -> None:
    """From now on this command prints these texts, one after the other; the last again and again."""
    answers = [_finished([text], text, rc, said, "") for said in stdout]
    host.answers("command", *answers, when=lambda call: text_of(call) == text)


def module_fails(host: FakeHost, name: str, message: str, **more: Any) -> None:
    """From now on this module fails on the host."""
    result = {"failed": True, "msg": message, "changed": False, **more}
    host.answers("module", reply(result), when=lambda call: call.arguments["name"] == name)


def module_gives(host: FakeHost, name: str, **result: Any) -> None:
    """From now on this module gives that result on the host."""
    host.answers("module", reply({"changed": False, **result}), when=lambda call: call.arguments["name"] == name)


def reply(result: Mapping[str, Any]) -> Reply:
    """What a module prints."""
    out = json.dumps(result).encode()
    return Reply({"rc": 0, "stdout_len": len(out), "stderr_len": 0}, out)


# -- modules ---------------------------------------------------------------------------------------------------------


def module(call: Call) -> Reply:
    name, args = call.arguments["name"], call.arguments["args"]
    if name == "ping":
        return reply({"changed": False, "ping": args.get("data", "pong")})
    if name == "setup":
        facts = {"ansible_hostname": call.host, "ansible_os_family": "Fake", "ansible_env": {"HOME": "/home/fake"}}
        return reply({"changed": False, "ansible_facts": facts})
    return reply({"changed": not args.get("_ansible_check_mode", False)})


# -- the shell -------------------------------------------------------------------------------------------------------


def text_of(call: Call) -> str:
    arguments = call.arguments
    return arguments.get("shell") or arguments.get("text") or shlex.join(arguments.get("argv") or ())


async def command(call: Call) -> Mapping[str, Any]:
    """`command` and `shell`: echo, true, false, exit, sleep (virtual seconds), env; `;` between them, `>&2` behind."""
    text = text_of(call)
    if call.arguments.get("check"):
        return {"changed": False, "skipped": True, "msg": "Command would have run if not in check mode", "cmd": text}
    rc, out, err = await run(text, call.arguments.get("environment", {}))
    return _finished(call.arguments.get("argv"), text, rc, out, err)


def _finished(argv: Sequence[str] | None, text: str, rc: int, out: str, err: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "changed": True, "rc": rc, "stdout": out.rstrip("\n"), "stderr": err.rstrip("\n"), "msg": "",
        "cmd": argv or text, "start": _WHEN, "end": _WHEN, "delta": "0:00:00.000000",
    }  # fmt: skip
    if rc:
        result.update(failed=True, msg="non-zero return code")
    return result


async def raw(call: Call) -> Reply:
    rc, out, err = await run(text_of(call), call.arguments.get("environment", {}))
    return Reply({"rc": rc, "stdout_len": len(out), "stderr_len": len(err)}, (out + err).encode())


async def run(text: str, environment: Mapping[str, str]) -> tuple[int, str, str]:
    out = err = ""
    rc = 0
    for statement in text.split(";"):
        words = shlex.split(string.Template(statement).safe_substitute(environment))
        to_err = words[-1:] == [">&2"]
        if to_err:
            words.pop()
        rc, said = await _one(words, environment)
        out, err = (out, err + said) if to_err else (out + said, err)
        if words[:1] == ["exit"]:
            break
    return rc, out, err


async def _one(words: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
    if not words:
        return 0, ""
    name, *rest = words
    name = name.rpartition("/")[2]
    if name == "echo":
        return 0, " ".join(rest) + "\n"
    if name == "sleep":
        await asyncio.sleep(float(rest[0]))
    elif name == "env":
        return 0, "".join(f"{key}={value}\n" for key, value in sorted(environment.items()))
    elif name == "exit":
        return int(rest[0]), ""
    return (1 if name == "false" else 0), ""
