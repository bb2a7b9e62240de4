"""The floor: the least that must be done over SSH, without any tool.

For ``commands``: one asyncssh connection a host, one shell behind it, and for each task one line in and one line out.
Run as ``python -m bench.floor INVENTORY.json COUNT``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncssh


async def one_host(host: dict[str, Any], count: int) -> None:
    """Connect, then ``count`` times run a program and read its status."""
    async with (
        asyncssh.connect(
            host["address"],
            port=host["port"],
            username=host["user"],
            client_keys=[host["key"]],
            known_hosts=host["known_hosts"],
            agent_path=None,
            config=[],
        ) as connection,
        connection.create_process("/bin/sh", encoding="utf-8") as shell,
    ):
        for _ in range(count):
            shell.stdin.write("/bin/true; echo $?\n")
            status = await shell.stdout.readline()
            if status.strip() != "0":
                raise RuntimeError(f"{host['address']}: {status!r}")
        shell.stdin.write_eof()


async def main(hosts: list[dict[str, Any]], count: int) -> None:
    await asyncio.gather(*(one_host(host, count) for host in hosts))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2])))
