"""The floor: the least that must be done over SSH, without any tool.

One asyncssh connection a host, one shell behind it, and for each task one line in and one line out:

- ``commands``: COUNT times a program is run and its status read;
- ``jobs``: four one-second sleeps side by side, and one line when the last has ended;
- ``batches``: the same with sleeps 1..7, three at a time;
- ``flock``: one connection, to the first host, and ten channels on it that each take the lock for 0.1 s.

Run as ``python -m bench.floor MODE HOSTS.json COUNT``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncssh

_BATCHES = ((1, 2, 3), (4, 5, 6), (7,))


def connect(host: dict[str, Any]) -> Any:
    return asyncssh.connect(
        host["address"],
        port=host["port"],
        username=host["user"],
        client_keys=[host["key"]],
        known_hosts=host["known_hosts"],
        agent_path=None,
        config=[],
    )


async def say(connection: Any, lines: Sequence[str]) -> None:
    """Each line once the one before has been answered with a status of 0."""
    async with connection.create_process("/bin/sh", encoding="utf-8") as shell:
        for line in lines:
            shell.stdin.write(f"{line}; echo $?\n")
            status = await shell.stdout.readline()
            if status.strip() != "0":
                raise RuntimeError(f"{line}: {status!r}")
        shell.stdin.write_eof()


async def one_host(host: dict[str, Any], lines: Sequence[str]) -> None:
    async with connect(host) as connection:
        await say(connection, lines)


async def on_delegate(hosts: list[dict[str, Any]]) -> None:
    async with connect(hosts[0]) as connection:
        line = "flock /tmp/weft-bench.lock sleep 0.1"
        await asyncio.gather(*(say(connection, [line]) for _ in hosts))


def lines_of(mode: str, count: int) -> list[str]:
    if mode == "commands":
        return ["/bin/true"] * count
    batches: Sequence[Sequence[int]] = ((1, 1, 1, 1),) if mode == "jobs" else _BATCHES
    return ["".join(f"sleep {seconds} & " for seconds in batch) + "wait" for batch in batches]


async def main(mode: str, hosts: list[dict[str, Any]], count: int) -> None:
    if mode == "flock":
        await on_delegate(hosts)
    else:
        await asyncio.gather(*(one_host(host, lines_of(mode, count)) for host in hosts))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3])))
