"""What a host is made of, by kind: its folder, and how its first process is started and killed.

Runs in the supervisor. Comes after ``layer``, ``mounts`` and ``sshd``, which say what goes into it; before ``machine``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import uuid
from pathlib import Path

from weft.lab import host_init, layer, mounts, processes, sshd, syscalls
from weft.lab.errors import LabError
from weft.lab.hosts import LabHost
from weft.lab.launch import python_command, python_environment

_CHUNK = 64 * 1024
_MOST_FILES = 2000  # on a small disk


class Body:
    """What a machine is made of: its folder, and how its first process is started."""

    def __init__(self, host: LabHost, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self.boot_id: str | None = None

    def make(self) -> None:
        """Everything that has to be there before the first boot, but keys."""

    def start(self, link: socket.socket) -> int:
        """Start the host's first process with ``link`` as its descriptor 3; returns its pid."""
        raise NotImplementedError

    def kill(self, pid: int) -> None:
        raise NotImplementedError

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _spawn(self, spec: dict[str, object], link: socket.socket) -> int:
        path = self.folder / "spec.json"
        path.write_text(json.dumps(spec))
        command = [*python_command(host_init.__name__), str(path)]
        console = str(self.folder / "console.log")
        return os.posix_spawn(
            command[0],
            command,
            python_environment(),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, console, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, link.fileno(), host_init.LINK_FD),
            ],
            setsid=True,
        )


class Contained(Body):
    """Kind.NAMESPACES."""

    def __init__(
        self, host: LabHost, folder: Path, *, key: str, penalties: bool, neighbours: list[tuple[str, str]]
    ) -> None:
        super().__init__(host, folder)
        self._key = key
        self._penalties = penalties
        self._neighbours = neighbours
        self._home = folder / "home"
        self._overlays = mounts.extras(with_tools=not host.options.no_python)
        self._namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def make(self) -> None:
        for name in ("upper", "work", "root", "home", "var_tmp"):
            (self.folder / name).mkdir()
        (self.folder / "var_tmp").chmod(0o1777)
        options = self.host.options
        if options.home_size is not None:
            syscalls.mount(
                "tmpfs", str(self._home), "tmpfs", data=f"size={options.home_size},nr_inodes={_MOST_FILES},mode=0755"
            )
        machine_accounts = layer.Accounts.of_this_machine()
        users = machine_accounts.free_ids(layer.USERS)
        upper = self.folder / "upper"
        accounts = machine_accounts.with_users(users)
        layer.write_files(upper, layer.host_files(self.host.name, accounts, self._neighbours))
        layer.write_homes(self._home, users, noisy=options.banner)
        if options.no_python:
            layer.hide_interpreters(upper)
        for extra in self._overlays:
            for name in ("upper", "work"):
                (self.folder / extra.folder / name).mkdir(parents=True)
            shutil.copymode(extra.lower, self.folder / extra.folder / "upper")
        self._write_ssh()

    def _write_ssh(self) -> None:
        """/etc/ssh of the host; its host key is already there."""
        config = sshd.SshdConfig(
            address=self.host.address,
            port=self.host.port,
            host_key="/etc/ssh/host_key",
            authorized_keys="/etc/ssh/authorized_keys",
            pid_file="/run/sshd.pid",
            banner=layer.BANNER_FILE if self.host.options.banner else None,
            passwords=self.host.options.password_login,
            penalties=self._penalties,
        )
        folder = self.folder / "ssh"
        (folder / "sshd_config").write_text(config.text())
        (folder / "authorized_keys").write_text(self._key)
        (folder / "banner").write_text(layer.BANNER)

    def start(self, link: socket.socket) -> int:
        self.boot_id = str(uuid.uuid4())
        (self.folder / "boot_id").write_text(f"{self.boot_id}\n")
        spec: dict[str, object] = {
            "kind": self.host.kind.value,
            "name": self.host.name,
            "outer_pid_namespace": os.readlink("/proc/self/ns/pid"),
            "steps": mounts.steps(
                self._overlays,
                readonly_home=self.host.options.readonly_home,
                systemctl=sshd.find_program("systemctl"),
            ),
            "control": layer.CONTROL,
            "sshd": os.path.realpath(sshd.find_program("sshd") or "/usr/sbin/sshd"),
            "sshd_config": "/etc/ssh/sshd_config",
            "sshd_log": "/var/log/sshd.log",
            "pid_file": "/run/sshd.pid",
        }
        # what this process starts next is process 1 of a new namespace; afterwards it is as before
        syscalls.unshare(syscalls.CLONE_NEWPID)
        try:
            return self._spawn(spec, link)
        finally:
            syscalls.setns(self._namespace, syscalls.CLONE_NEWPID)

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)  # the kernel takes the rest of the namespace along

    def fill(self) -> int:
        """Leave room for neither a byte nor a new file where the homes are; returns the bytes written."""
        ballast = self._ballast()
        ballast.mkdir(exist_ok=True)
        written = 0
        with contextlib.suppress(OSError), open(ballast / "bytes", "ab", buffering=0) as file:
            for size in (_CHUNK, 512, 1):
                with contextlib.suppress(OSError):
                    while count := file.write(b"\0" * size):
                        written += count
        with contextlib.suppress(OSError):
            for number in range(_MOST_FILES):
                (ballast / f"{number}").touch()
        return written

    def free(self) -> None:
        shutil.rmtree(self._ballast(), ignore_errors=True)

    def remove(self) -> None:
        os.close(self._namespace)
        if self.host.options.home_size is not None:
            with contextlib.suppress(OSError):
                syscalls.umount(str(self._home))
        super().remove()

    def _ballast(self) -> Path:
        if self.host.options.home_size is None:
            raise LabError(f"{self.host.name} has no small disk: it needs the option home_size")
        return self._home / ".ballast"


class Plain(Body):
    """Kind.PLAIN: an sshd with the user's own account."""

    def __init__(self, host: LabHost, folder: Path, *, key: str, penalties: bool) -> None:
        super().__init__(host, folder)
        self._key = key
        self._penalties = penalties

    def make(self) -> None:
        ssh = self.folder / "ssh"
        config = sshd.SshdConfig(
            address=self.host.address,
            port=self.host.port,
            host_key=str(ssh / "host_key"),
            authorized_keys=str(ssh / "authorized_keys"),
            pid_file=str(self.folder / "sshd.pid"),
            penalties=self._penalties,
        )
        (ssh / "sshd_config").write_text(config.text())
        (ssh / "authorized_keys").write_text(self._key)
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd wants it; a system's own service makes it, too

    def start(self, link: socket.socket) -> int:
        spec: dict[str, object] = {
            "kind": self.host.kind.value,
            "name": self.host.name,
            "sshd": sshd.find_program("sshd"),
            "sshd_config": str(self.folder / "ssh" / "sshd_config"),
            "sshd_log": str(self.folder / "sshd.log"),
            "pid_file": str(self.folder / "sshd.pid"),
        }
        return self._spawn(spec, link)

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)  # it must not start sshd again
        processes.kill_below(pid)
        os.kill(pid, signal.SIGKILL)
