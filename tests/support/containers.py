"""A real container for tests: podman over a root of our own, with this machine's /usr in it, and no network."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60.0  # seconds for one podman command
NAME = "weft-test"
_RUNTIMES = ((), ("--runtime", "runc"), ("--runtime", "crun"))  # one of them may know this machine's cgroups
_FILES = {
    "passwd": "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n",
    "group": "root:x:0:\nalice:x:1000:\n",
    "shadow": "root:*:19000::::::\nalice:*:19000::::::\n",
    "pam.d/su": "auth sufficient pam_rootok.so\naccount sufficient pam_permit.so\nsession sufficient pam_permit.so\n",
}


class NoContainer(Exception):
    """There can be none here; says why."""


@dataclass(frozen=True)
class Container:
    """One that runs. ``arguments`` come before podman's command, wherever it is called."""

    arguments: tuple[str, ...]
    root: Path

    def variables(self) -> dict[str, str]:
        """How weft reaches it."""
        return {
            "ansible_connection": "containers.podman.podman",
            "ansible_host": NAME,
            "ansible_podman_extra_args": shlex.join(self.arguments),
        }

    def run(self, *command: str) -> str:
        """What podman prints. Raises CalledProcessError."""
        return _podman(*self.arguments, *command).stdout


@contextmanager
def container(folder: Path) -> Iterator[Container]:
    """Raises NoContainer."""
    if shutil.which("podman") is None:
        raise NoContainer("podman is not installed")
    if os.geteuid() != 0 or not Path("/usr/bin/python3").exists() or not Path("/bin").is_symlink():
        raise NoContainer("needs root, /usr/bin/python3 and a merged /usr")
    root = _make_root(folder / "root")
    places = ("--root", str(folder / "storage"), "--runroot", str(folder / "run"), "--storage-driver", "vfs")
    made = Container((*places, *_start(places, root)), root)
    try:
        yield made
    finally:
        made.run("rm", "--force", "--time", "0", NAME)


def _start(places: tuple[str, ...], root: Path) -> tuple[str, ...]:
    """Run it with the first runtime that can; returns the arguments that choose that."""
    limits = ("--ulimit", "nofile=1024:4096", "--ulimit", "nproc=1024:1024")
    wanted = ("run", "--detach", "--name", NAME, "--network", "none", *limits, "--volume", "/usr:/usr:ro")
    reasons = []
    for runtime in _RUNTIMES:
        try:
            _podman(*places, *runtime, *wanted, "--rootfs", str(root), "sleep", "600")
        except subprocess.CalledProcessError as error:
            reasons.append(error.stderr.strip())
            subprocess.run(
                ["podman", *places, "rm", "--force", NAME], capture_output=True, timeout=PATIENCE, check=False
            )
        else:
            return runtime
    raise NoContainer(f"podman can't run a container: {' / '.join(reasons)}")


def _podman(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=True)


def _make_root(root: Path) -> Path:
    for name in ("etc/pam.d", "tmp", "root", "home/alice", "proc", "sys", "dev", "run", "usr"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name, text in _FILES.items():
        (root / "etc" / name).write_text(text)
    (root / "tmp").chmod(0o1777)
    os.chown(root / "home/alice", 1000, 1000)
    return root
