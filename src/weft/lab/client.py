"""A lab as its users hold it: synchronous, one object, every call answered by the lab's supervisor."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import weakref
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from weft.lab import available, places, processes
from weft.lab.errors import LabError
from weft.lab.hosts import HostOptions, HostStatus, Kind, LabHost, inventory_text
from weft.lab.launch import python_command, python_environment

if TYPE_CHECKING:
    from weft.lab.proxy import Proxy

_LAB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")
_ANSWER_SECONDS = 120.0
_END_SECONDS = 60.0

Hosts = LabHost | str


class Lab:
    """Throwaway hosts. Without ``detached`` they live no longer than this object or its process.

    ``kind``: the best that this machine can have, unless told. ``base``: where labs keep their folders.
    Every method raises LabError when the lab isn't up or the supervisor can't do what it is asked.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        kind: Kind | None = None,
        detached: bool = False,
        base: Path | None = None,
    ) -> None:
        self.name = name or (places.DEFAULT_NAME if detached else f"{os.getpid()}-{secrets.token_hex(3)}")
        if not _LAB_NAME.fullmatch(self.name):
            raise LabError(f"'{self.name}' can't be a lab's name")
        self._base = base or places.base_folder()
        self._kind = kind
        self._detached = detached
        self._folder: places.Folder | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._let_go: weakref.finalize[[int], Lab] | None = None

    @staticmethod
    def best_available() -> available.Availability:
        """The kind of lab this machine can have, and why."""
        return available.best_available()

    @staticmethod
    def running(base: Path | None = None) -> tuple[str, ...]:
        """The names of the labs that are up, whoever holds them."""
        return tuple(places.running(base or places.base_folder()))

    @classmethod
    def attach(cls, name: str = places.DEFAULT_NAME, *, base: Path | None = None) -> Lab:
        """The lab of that name that is up already, to use it or to end it."""
        lab = cls(name, detached=True, base=base)
        if lab.name not in cls.running(lab._base):
            raise LabError(f"no lab named {name} is up", hint="`weft lab up` makes one")
        lab._folder = places.Folder(lab._base / name)
        settings = json.loads(lab._folder.settings.read_text())
        lab._kind = Kind(settings["kind"])
        lab._detached = settings["detached"]
        return lab

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    # ---------------------------------------------------------------- up and down

    def up(
        self, count: int = 3, *, name_prefix: str = "lab", options: HostOptions | None = None
    ) -> tuple[LabHost, ...]:
        """So many more hosts, named by prefix and number, in the inventory group ``name_prefix``; each sshd listens."""
        return self._add([], count, name_prefix, options)

    def add_host(self, name: str, *, group: str = "lab", options: HostOptions | None = None) -> LabHost:
        """One more host."""
        return self._add([name], 1, group, options)[0]

    def remove(self, host: Hosts) -> None:
        """End a host and forget it."""
        self._ask("remove", host)

    def down(self) -> None:
        """End all hosts and the lab. When it returns nothing of it is left. Does nothing if it isn't up."""
        folder, self._folder = self._folder, None
        if folder is not None:
            self._end(folder)
        if self._let_go is not None:
            self._let_go()
        if self._process is not None:
            self._process.wait(_END_SECONDS)
            self._process = None

    # ---------------------------------------------------------------- what there is

    @property
    def kind(self) -> Kind:
        if self._kind is None:
            self._kind = available.best_available().kind
        return self._kind

    @property
    def detached(self) -> bool:
        """Whether it outlives the process that made it."""
        return self._detached

    @property
    def folder(self) -> Path:
        """Where the lab keeps keys and known hosts while it is up."""
        return self._up().path

    @property
    def hosts(self) -> tuple[LabHost, ...]:
        return tuple(status.host for status in self.status())

    def host(self, name: str) -> LabHost:
        return self._status_of(name).host

    def status(self) -> tuple[HostStatus, ...]:
        """How each host is now, in the order they were made."""
        return tuple(HostStatus.from_json(item) for item in self._request({"op": "status"}))

    def state(self, host: Hosts) -> str:
        """booting | up | frozen | rebooting | off | failed."""
        return self._status_of(host).state

    def boot_id(self, host: Hosts) -> str | None:
        """The boot id that the host shows; None while it is off, or where it is the machine's."""
        return self._status_of(host).boot_id

    def pids(self, host: Hosts) -> tuple[int, ...]:
        """The host's processes as this machine counts, its init first."""
        init = self._status_of(host).pid
        return () if init is None else (init, *processes.descendants(init))

    def path(self, host: Hosts, inside: str) -> Path:
        """Where this machine sees a file of the host. Holds until the host's next boot."""
        if self.kind is not Kind.NAMESPACES:
            return Path(inside)
        init = self._status_of(host).pid
        if init is None:
            raise LabError(f"{_name(host)} is off: its files can't be seen")
        return Path(f"/proc/{init}/root") / inside.lstrip("/")

    def inventory_text(self) -> str:
        """An INI inventory of all hosts."""
        return inventory_text(self.hosts)

    # ---------------------------------------------------------------- trouble

    def kill(self, *hosts: Hosts) -> None:
        """SIGKILL to all processes at once; the host stays off."""
        self._ask("kill", *hosts)

    def start(self, *hosts: Hosts) -> None:
        """Boot hosts that are off; waits until sshd listens."""
        self._ask("start", *hosts)

    def restart(self, *hosts: Hosts) -> None:
        """A power cycle: kill, and boot at once."""
        self._ask("restart", *hosts)

    def reboot(self, *hosts: Hosts, wait: bool = True) -> None:
        """An orderly reboot, as by the command; takes its ``boot_delay``. ``wait``: until sshd listens again."""
        self._request({"op": "reboot", "hosts": [_name(host) for host in hosts], "wait": wait})

    def freeze(self, *hosts: Hosts) -> None:
        """Stop all processes where they are: connections stay, nothing answers."""
        self._ask("freeze", *hosts)

    def thaw(self, *hosts: Hosts) -> None:
        self._ask("thaw", *hosts)

    def fill_disk(self, host: Hosts) -> int:
        """Leave room for no byte and no file where the homes are (needs ``home_size``); returns the bytes written."""
        written: list[int] = self._ask("fill", host)
        return written[0]

    def free_disk(self, host: Hosts) -> None:
        """Take back what ``fill_disk`` wrote."""
        self._ask("free", host)

    def proxy(self, host: Hosts, *, delay: float = 0.0) -> Proxy:
        """A proxy, not started yet, in front of a host. ``delay``: seconds each way."""
        from weft.lab.proxy import Proxy

        found = host if isinstance(host, LabHost) else self.host(host)
        return Proxy(found.address, found.port, listen=places.proxy_address(found.address), delay=delay)

    # ---------------------------------------------------------------- the supervisor

    def _add(self, names: Sequence[str], count: int, group: str, options: HostOptions | None) -> tuple[LabHost, ...]:
        if count < 1:
            raise LabError(f"{count} hosts: there must be at least one")
        fresh = self._folder is None
        if fresh:
            self._launch()
        request = {"op": "add", "names": list(names), "count": count, "group": group}
        try:
            found = self._request({**request, "options": asdict(options or HostOptions())}, _ANSWER_SECONDS + count)
        except BaseException:
            if fresh:
                self.down()
            raise
        return tuple(LabHost.from_json(item) for item in found)

    def _launch(self) -> None:
        kind = self.kind
        folder, lock = places.create(self._base, self.name)
        folder.settings.write_text(json.dumps({"kind": kind.value, "detached": self._detached}))
        ours: int | None = None
        stdin: int = subprocess.DEVNULL
        if not self._detached:
            stdin, ours = os.pipe()
            self._let_go = weakref.finalize(self, os.close, ours)
        try:
            with places.open_socket(folder, listen=True) as listener, open(folder.log, "wb") as log:
                ownership = "detached" if self._detached else "owned"
                fds = (listener.fileno(), lock)
                self._process = subprocess.Popen(
                    [
                        *python_command("weft.lab.supervisor"),
                        *(str(folder.path), kind.value, *map(str, fds), ownership),
                    ],
                    pass_fds=fds,
                    stdin=stdin,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=python_environment(),
                    start_new_session=True,
                )
        finally:
            os.close(lock)
            if stdin >= 0:
                os.close(stdin)
        self._folder = folder
        if self._detached:
            self._process.wait(_END_SECONDS)  # it has forked
            self._process = None

    def _end(self, folder: places.Folder) -> None:
        """Tell the supervisor to end, and wait until it has: its end closes the connection."""
        try:
            with places.open_socket(folder, listen=False) as connection:
                connection.settimeout(_END_SECONDS)
                connection.sendall(b'{"op": "down"}\n')
                while connection.recv(4096):
                    pass
        except (FileNotFoundError, ConnectionError):
            pass  # it is gone already
        except TimeoutError:
            raise LabError(f"the supervisor of lab {folder.name} does not end: see {folder.log}") from None
        with contextlib.suppress(OSError):
            places.sweep(self._base)  # if it was killed, it left its folder

    def _ask(self, op: str, *hosts: Hosts) -> Any:
        return self._request({"op": op, "hosts": [_name(host) for host in hosts]})

    def _request(self, request: dict[str, Any], seconds: float = _ANSWER_SECONDS) -> Any:
        folder = self._up()
        try:
            with places.open_socket(folder, listen=False) as connection, connection.makefile("rb") as answers:
                connection.settimeout(seconds)
                connection.sendall(json.dumps(request).encode() + b"\n")
                line = answers.readline()
        except (FileNotFoundError, ConnectionError):
            line = b""
        except TimeoutError:
            raise LabError(f"the lab does not answer `{request['op']}` within {seconds:g} s") from None
        if not line:
            raise LabError(f"lab {folder.name} is gone{_last_words(folder)}")
        answer = json.loads(line)
        if "error" in answer:
            raise LabError(answer["error"], hint=answer["hint"])
        return answer["result"]

    def _status_of(self, host: Hosts) -> HostStatus:
        name = _name(host)
        for status in self.status():
            if status.host.name == name:
                return status
        raise LabError(f"no host {name} in lab {self.name}")

    def _up(self) -> places.Folder:
        if self._folder is None:
            raise LabError("the lab isn't up")
        return self._folder


def _name(host: Hosts) -> str:
    return host.name if isinstance(host, LabHost) else host


def _last_words(folder: places.Folder) -> str:
    with contextlib.suppress(OSError):
        said = folder.log.read_text(errors="replace").strip()
        if said:
            return ": " + said.splitlines()[-1]
    return ""
