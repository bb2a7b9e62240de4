"""What OpenSSH needs for a lab: sshd's configuration, keys, known hosts, and where its programs are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from weft.lab.errors import LabError
from weft.lab.hosts import LabHost
from weft.lab.places import proxy_address

_SYSTEM_PATH = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class SshdConfig:
    """What differs between the sshds of a lab."""

    address: str
    port: int
    host_key: str
    authorized_keys: str
    pid_file: str
    banner: str | None = None
    passwords: bool = False
    penalties: bool = False  # this sshd knows PerSourcePenalties (OpenSSH 9.8)

    def text(self) -> str:
        """sshd_config(5). ``UsePAM no`` and ``StrictModes no``: it must work in any home and without PAM's services."""
        lines = [
            f"ListenAddress {self.address}",
            f"Port {self.port}",
            f"HostKey {self.host_key}",
            f"PidFile {self.pid_file}",
            f"AuthorizedKeysFile {self.authorized_keys}",
            "PubkeyAuthentication yes",
            f"PasswordAuthentication {'yes' if self.passwords else 'no'}",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin yes",
            "UsePAM no",
            "UseDNS no",
            "StrictModes no",
            "MaxStartups 1000",
            "MaxSessions 1000",
            "MaxAuthTries 20",
            "PrintMotd no",
            "PrintLastLog no",
            "AcceptEnv LANG LC_*",
            "Subsystem sftp internal-sftp",
        ]
        if self.banner:
            lines.append(f"Banner {self.banner}")
        if self.penalties:
            lines.append("PerSourcePenalties no")
        return "\n".join(lines) + "\n"


def find_program(name: str) -> str | None:
    """The path of a program that may be in a directory which is only in root's PATH."""
    return shutil.which(name, path=os.environ.get("PATH", "") + os.pathsep + _SYSTEM_PATH)


def knows_penalties() -> bool:
    """Whether sshd has PerSourcePenalties, which would shut out 127.0.0.1 after a few refused logins."""
    ssh = find_program("ssh")
    if ssh is None:
        return False
    said = subprocess.run([ssh, "-V"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stderr
    return version_of(said) >= (9, 8)


def version_of(said: str) -> tuple[int, int]:
    """OpenSSH's version in what ``ssh -V`` says; (0, 0) if it isn't there."""
    found = re.search(r"OpenSSH\w*_(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def make_keys(paths: Sequence[Path], comment: str) -> None:
    """An ed25519 key pair at each path, all made side by side. Raises LabError."""
    keygen = find_program("ssh-keygen")
    if keygen is None:
        raise LabError("ssh-keygen isn't installed", hint="apt-get install openssh-client, or your system's equivalent")
    running = [
        subprocess.Popen(
            [keygen, "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for path in paths
    ]
    said = [process.communicate()[1] for process in running]
    failed = [text.strip() for process, text in zip(running, said, strict=True) if process.returncode != 0]
    if failed:
        raise LabError(f"ssh-keygen failed: {failed[0]}")


def known_hosts_text(keys: Iterable[tuple[LabHost, str]]) -> str:
    """known_hosts lines: each host's key under its address, under its name, and at any port of its proxies' address."""
    return "".join(f"{','.join(_patterns(host))} {' '.join(key.split()[:2])}\n" for host, key in keys)


def _patterns(host: LabHost) -> list[str]:
    beside = proxy_address(host.address)
    patterns = [host.name, f"[{host.name}]:*", _with_port(host.address, host.port)]
    if beside != host.address:
        patterns += [beside, f"[{beside}]:*"]
    return patterns


def _with_port(address: str, port: int) -> str:
    return address if port == 22 else f"[{address}]:{port}"
