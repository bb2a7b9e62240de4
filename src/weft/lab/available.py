"""What kind of lab this machine can have, found out by trying."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from weft.lab import sshd
from weft.lab.hosts import Kind
from weft.lab.launch import python_command, python_environment

INSTALL_SSHD = "install openssh-server (apt-get install openssh-server, or your system's equivalent) for real SSH hosts"


@dataclass(frozen=True, slots=True)
class Availability:
    """The best kind of lab here, a sentence that says why, and what else a user should know."""

    kind: Kind
    message: str
    notes: tuple[str, ...] = ()


def best_available() -> Availability:
    """Tries from the best kind down. Takes about 50 ms; leaves nothing behind."""
    if not sys.platform.startswith("linux"):
        return Availability(Kind.LOCAL, f"lab hosts need Linux, this is {sys.platform}: local hosts instead")
    for program, hint in (("sshd", INSTALL_SSHD), ("ssh-keygen", "install openssh-client")):
        if sshd.find_program(program) is None:
            return Availability(Kind.LOCAL, f"{program} isn't installed: local hosts instead; {hint}")
    if os.geteuid() != 0:
        return _plain("not root")
    problem = _try_namespaces()
    if problem is not None:
        return _plain(problem)
    return Availability(Kind.NAMESPACES, "hosts with root, processes, users and boots of their own", _notes())


def _plain(reason: str) -> Availability:
    return Availability(
        Kind.PLAIN,
        f"{reason}: each host is an sshd of your own on a port of 127.0.0.1; they share this machine's files, your "
        "account with its home, and its boot id",
    )


def _notes() -> tuple[str, ...]:
    if sshd.find_program("sudo") is None:
        return ("sudo isn't installed on this machine, so become with sudo fails on the lab's hosts (install sudo)",)
    return ()


def _try_namespaces() -> str | None:
    """None if a host's namespaces and overlay can be had; what went wrong otherwise."""
    with tempfile.TemporaryDirectory(prefix="weft-lab-") as folder:
        done = subprocess.run(
            [*python_command("weft.lab.available"), folder],
            env=python_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode == 0:
        return None
    return "no namespaces or overlay here (" + (done.stderr.strip().splitlines() or ["no reason given"])[-1] + ")"


def _probe(folder: str) -> None:
    """In a process of its own: what the supervisor and a host's init do first. Raises OSError."""
    from weft.lab import syscalls

    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC)
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    os.chdir(folder)
    syscalls.mount("tmpfs", ".", "tmpfs", data="mode=0700")
    os.chdir(folder)
    for name in ("upper", "work", "root"):
        Path(name).mkdir()
    syscalls.mount(
        "overlay", "root", "overlay", data="lowerdir=/,upperdir=upper,workdir=work,index=off,redirect_dir=on"
    )


if __name__ == "__main__":
    try:
        _probe(sys.argv[1])
    except OSError as error:
        sys.exit(str(error))
