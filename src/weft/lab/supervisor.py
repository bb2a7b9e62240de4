"""The process that holds a lab: it makes the hosts, carries out orders, and takes everything along when it ends.

Started by ``client.Lab`` with the lab's folder, the descriptors of its lock and its listening socket, and, unless the
lab is detached, the reading end of a pipe as stdin whose other end only the owner has. The mounts of the hosts live in
its mount namespace and theirs, the hosts' files on a tmpfs there: when it dies, even of SIGKILL, they are gone.

Requests and answers are JSON lines: ``{"op": ..., ...}``, then ``{"result": ...}`` or ``{"error": ..., "hint": ...}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.lab import places, sshd, syscalls
from weft.lab.bodies import Body, Contained, Plain
from weft.lab.errors import LabError
from weft.lab.hosts import HostOptions, Kind, LabHost, check_name
from weft.lab.machine import Machine

_BOOTS_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
_SSH_PORTS = (22, *range(2222, 2322))

Request = Mapping[str, Any]


class Supervisor:
    """The owner of all that a lab is made of."""

    def __init__(self, folder: places.Folder, kind: Kind) -> None:
        self._folder = folder
        self._kind = kind
        self._hosts: dict[str, LabHost] = {}  # in the order they were made
        self._machines: dict[str, Machine] = {}
        self._addresses = places.Addresses()
        self._reserved_ports: dict[str, socket.socket] = {}
        self._port: int | None = None
        self._boots_at_once = asyncio.Semaphore(_BOOTS_AT_ONCE)
        self._stop = asyncio.Event()
        self._penalties = False
        self._key = ""
        self._operations: dict[str, Callable[[Request], Awaitable[Any]]] = {
            "add": self._add,
            "remove": lambda request: self._remove(self._names(request)),
            "start": lambda request: self._each(request, Machine.start),
            "kill": lambda request: self._each(request, Machine.kill),
            "restart": lambda request: self._each(request, Machine.restart),
            "reboot": self._reboot,
            "freeze": lambda request: self._each(request, Machine.freeze),
            "thaw": lambda request: self._each(request, Machine.thaw),
            "fill": lambda request: self._disk(request, Contained.fill),
            "free": lambda request: self._disk(request, Contained.free),
            "status": self._status,
            "down": self._down,
        }

    # ---------------------------------------------------------------- life

    async def serve(self, listener: socket.socket, owner: int | None) -> None:
        """Until ``down``, a signal, or the end of the owner (``owner``: a descriptor that then reports its end)."""
        self._prepare()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        if owner is not None:
            loop.add_reader(owner, self._stop.set)
        server = await asyncio.start_unix_server(self._client, sock=listener)
        try:
            await self._stop.wait()
        finally:
            server.close()
            if owner is not None:
                loop.remove_reader(owner)
            await self._tear_down()

    def _prepare(self) -> None:
        """What the hosts share."""
        self._folder.hosts.mkdir()
        if self._kind is Kind.NAMESPACES:
            syscalls.unshare(syscalls.CLONE_NEWNS)
            syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
            syscalls.mount("tmpfs", str(self._folder.hosts), "tmpfs", data="size=75%,mode=0700")
        if self._kind is not Kind.LOCAL:
            sshd.make_keys([self._folder.private_key], "weft-lab")
            self._key = self._folder.private_key.with_suffix(".pub").read_text()
            self._penalties = sshd.knows_penalties()

    async def _tear_down(self) -> None:
        done = await asyncio.gather(*(machine.remove() for machine in self._machines.values()), return_exceptions=True)
        for problem in done:
            if isinstance(problem, BaseException):
                print(f"while ending a host: {problem!r}", file=sys.stderr)
        if self._kind is Kind.NAMESPACES:
            with contextlib.suppress(OSError):
                syscalls.umount(str(self._folder.hosts))
        shutil.rmtree(self._folder.path, ignore_errors=True)

    # ---------------------------------------------------------------- requests

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            while line := await reader.readline():
                answer = await self._answer(json.loads(line))
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()

    async def _answer(self, request: Request) -> dict[str, Any]:
        try:
            return {"result": await self._operations[request["op"]](request)}
        except LabError as error:
            return {"error": error.message, "hint": error.hint}
        except Exception as error:
            return {"error": f"the lab's supervisor failed: {error!r}", "hint": None}

    async def _add(self, request: Request) -> list[dict[str, Any]]:
        options = HostOptions(**request["options"])
        names = self._new_names(request)
        if self._kind is not Kind.NAMESPACES and options.special():
            raise LabError(
                f"{', '.join(options.special())}: not with {self._kind.value} hosts, only with namespaces (root needed)"
            )
        hosts = [self._new_host(name, request["group"], options) for name in names]
        self._hosts.update((host.name, host) for host in hosts)
        if self._kind is not Kind.LOCAL:
            try:
                await self._make(hosts)
            except BaseException:
                await self._remove([host.name for host in hosts])
                raise
        return [host.as_json() for host in hosts]

    async def _make(self, hosts: Sequence[LabHost]) -> None:
        keys = [self._folder.hosts / host.name / "ssh" / "host_key" for host in hosts]
        for key in keys:
            key.parent.mkdir(parents=True)
        sshd.make_keys(keys, "weft-lab-host")
        for host in hosts:
            self._machines[host.name] = Machine(self._body(host), self._boots_at_once)
        self._write_known_hosts()
        starts = []
        for host in hosts:
            machine = self._machines[host.name]
            machine.body.make()
            starts.append(asyncio.create_task(machine.start()))
            await asyncio.sleep(0)  # it boots while the next one is made
        await _all(starts)

    async def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            machine = self._machines.pop(name, None)
            if machine is not None:
                await machine.remove()
            host = self._hosts.pop(name)
            if self._kind is Kind.NAMESPACES:
                self._addresses.give_back(host.address)
            elif name in self._reserved_ports:
                self._reserved_ports.pop(name).close()
        if self._kind is not Kind.LOCAL:
            self._write_known_hosts()

    async def _reboot(self, request: Request) -> None:
        await self._each(request, lambda machine: machine.reboot(wait=bool(request["wait"])))

    async def _disk(self, request: Request, change: Callable[[Contained], Any]) -> Any:
        results = []
        for machine in self._chosen(request):
            if not isinstance(machine.body, Contained):
                raise LabError(f"{machine.host.name} is a {self._kind.value} host: it has no disk of its own")
            results.append(change(machine.body))
        return results

    async def _status(self, request: Request) -> list[dict[str, Any]]:
        found = []
        for name, host in self._hosts.items():
            machine = self._machines.get(name)
            if machine is not None:
                found.append(machine.status().as_json())
            else:
                local = {"state": "up", "pid": None, "boot_id": None, "boots": 0, "message": ""}
                found.append({"host": host.as_json(), **local})
        return found

    async def _down(self, request: Request) -> None:
        """The answer is for form; the client waits for the end of this process."""
        self._stop.set()

    async def _each(self, request: Request, order: Callable[[Machine], Awaitable[None]]) -> None:
        await _all([order(machine) for machine in self._chosen(request)])

    # ---------------------------------------------------------------- hosts

    def _names(self, request: Request) -> list[str]:
        unknown = [name for name in request["hosts"] if name not in self._hosts]
        if unknown:
            known = ", ".join(self._hosts) or "none"
            raise LabError(f"no host {', '.join(unknown)} in this lab; there are: {known}")
        return list(request["hosts"])

    def _chosen(self, request: Request) -> list[Machine]:
        names = self._names(request)
        if self._kind is Kind.LOCAL:
            raise LabError("local hosts have no processes of their own: there is nothing to kill, freeze or boot")
        return [self._machines[name] for name in names]

    def _new_names(self, request: Request) -> list[str]:
        names: list[str] = list(request["names"])
        for name in names:
            check_name(name)
        taken = [name for name in names if name in self._hosts]
        if taken:
            raise LabError(f"there is already a host {taken[0]} in this lab")
        prefix, number = request["group"], 1
        while len(names) < request["count"]:
            name = f"{prefix}{number}"
            if name not in self._hosts:
                names.append(check_name(name))
            number += 1
        return names

    def _new_host(self, name: str, group: str, options: HostOptions) -> LabHost:
        if self._kind is Kind.LOCAL:
            return LabHost(name=name, group=group, kind=self._kind, options=options)
        address, port = self._new_address(name)
        return LabHost(
            name=name,
            group=group,
            kind=self._kind,
            address=address,
            port=port,
            user="root" if self._kind is Kind.NAMESPACES else pwd.getpwuid(os.getuid()).pw_name,
            private_key_file=str(self._folder.private_key),
            known_hosts_file=str(self._folder.known_hosts),
            options=options,
        )

    def _new_address(self, name: str) -> tuple[str, int]:
        if self._kind is Kind.PLAIN:
            return "127.0.0.1", self._reserve_port(name)
        address = self._addresses.take()
        if self._port is None:
            # a server of the machine's own may hold port 22 of all addresses
            self._port = next((port for port in _SSH_PORTS if places.can_bind(address, port)), None)
            if self._port is None:
                raise LabError(f"no port of {address} can be listened at")
        return address, self._port

    def _reserve_port(self, name: str) -> int:
        """A port that no lab has and nobody listens at; it stays this host's over reboots."""
        for port in places.PORTS:
            held = places.reserve(f"port-{port}")
            if held is None:
                continue
            if places.can_bind("127.0.0.1", port):
                self._reserved_ports[name] = held
                return port
            held.close()
        raise LabError("no free port for another host")

    def _body(self, host: LabHost) -> Body:
        folder = self._folder.hosts / host.name
        if self._kind is Kind.PLAIN:
            return Plain(host, folder, key=self._key, penalties=self._penalties)
        neighbours = [(other.name, other.address) for other in self._hosts.values()]
        return Contained(host, folder, key=self._key, penalties=self._penalties, neighbours=neighbours)

    def _write_known_hosts(self) -> None:
        def key_of(host: LabHost) -> str:
            return (self._folder.hosts / host.name / "ssh" / "host_key.pub").read_text()

        text = sshd.known_hosts_text((machine.host, key_of(machine.host)) for machine in self._machines.values())
        temporary = self._folder.known_hosts.with_suffix(".new")
        temporary.write_text(text)
        temporary.replace(self._folder.known_hosts)


async def _all(orders: Sequence[Awaitable[None]]) -> None:
    """All orders side by side and to their ends; then the first problem, if there was one."""
    for problem in await asyncio.gather(*orders, return_exceptions=True):
        if isinstance(problem, BaseException):
            raise problem


def main(argv: Sequence[str]) -> None:
    """``argv``: the lab's folder, its kind, the descriptors of socket and lock, ``owned`` or ``detached``."""
    path, kind, listener_fd, lock_fd, ownership = argv[1:]
    if ownership == "detached" and os.fork():
        os._exit(0)  # so that it is nobody's child
    for fd in (int(listener_fd), int(lock_fd)):
        os.set_inheritable(fd, False)
    os.umask(0o022)
    supervisor_socket = socket.socket(fileno=int(listener_fd))
    asyncio.run(_serve(places.Folder(Path(path)), Kind(kind), supervisor_socket, 0 if ownership == "owned" else None))


async def _serve(folder: places.Folder, kind: Kind, listener: socket.socket, owner: int | None) -> None:
    try:
        await Supervisor(folder, kind).serve(listener, owner)
    except OSError as error:
        print(error, file=sys.stderr)
        shutil.rmtree(folder.path, ignore_errors=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main(sys.argv)
