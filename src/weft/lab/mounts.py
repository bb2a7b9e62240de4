"""What a host's init mounts at each boot, as a list of steps that it carries out blindly.

All paths are relative to the host's folder; ``root/`` in it becomes the host's root. The overlay's lower side is this
machine's root without the file systems mounted in it: neither /proc nor /sys nor a separate /tmp shine through.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from weft.lab.layer import LIBRARY
from weft.lab.syscalls import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REMOUNT

#: One step: ("mount", source, target, type, flags, data) | ("dir", path, mode) | ("file", path) | ("link", to, path).
Step = tuple[str | int, ...]

#: Where interpreters live in root's home; all else of it is hidden from the hosts.
HOME_TOOLS = (".pyenv", ".local/share/uv", ".asdf", "miniconda3")

#: Parts of a system that may be file systems of their own.
SEPARATE = ("/usr", "/usr/local", "/opt", "/var", "/var/lib", "/nix", "/srv")

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_READ_ONLY_PROC = ("sys", "sysrq-trigger", "irq", "bus", "fs")


@dataclass(frozen=True, slots=True)
class Extra:
    """A folder of this machine that needs an overlay of its own."""

    lower: str  # on this machine
    inside: str  # in the host
    folder: str  # of its upper and work folders, in the host's folder


def extras(*, with_tools: bool) -> list[Extra]:
    """The extra overlays for this machine. ``with_tools``: with the interpreters in root's home."""
    home = "/root"
    found = [path for path in SEPARATE if os.path.ismount(path)]
    if with_tools:
        found += [path for name in HOME_TOOLS if os.path.isdir(path := os.path.join(home, name))]
    return [Extra(path, path, f"extra/{number}") for number, path in enumerate(found)]


def steps(overlays: Iterable[Extra], *, readonly_home: bool, systemctl: str | None) -> list[Step]:
    """Everything from an empty ``root/`` to a root that can be pivoted to. ``systemctl``: the machine's own, if any."""
    return [
        _overlay("/", "root", "."),
        *_fresh(),
        *_own_folders(),
        *(step for extra in overlays for step in _extra(extra)),
        *(_read_only(path) for path in ("root/root", "root/home") if readonly_home),
        *_devices(),
        *_kernel(),
        *_power(systemctl),
    ]


def _overlay(lower: str, target: str, folder: str) -> Step:
    # redirect_dir: folders of the machine can be renamed, as on a real disk
    data = f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work,index=off,redirect_dir=on"
    return ("mount", "overlay", target, "overlay", 0, data)


def _fresh() -> list[Step]:
    """What is empty after each boot."""
    return [
        ("mount", "tmpfs", "root/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"),
        ("mount", "tmpfs", "root/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"),
        ("dir", "root/run/sshd", 0o755),
        ("dir", "root/run/lock", 0o1777),
        ("dir", "root/run/weft-lab", 0o700),
    ]


def _own_folders() -> list[Step]:
    """What outlives a reboot and has nothing of the machine's in it."""
    return [
        _bind("home/root", "root/root"),
        _bind("home/users", "root/home"),
        _bind("ssh", "root/etc/ssh"),
        _bind("var_tmp", "root/var/tmp"),
    ]


def _extra(extra: Extra) -> list[Step]:
    target = f"root{extra.inside}"
    return [("dir", target, 0o755), _overlay(extra.lower, target, extra.folder)]


def _devices() -> list[Step]:
    made: list[Step] = [("mount", "tmpfs", "root/dev", "tmpfs", MS_NOSUID, "mode=0755")]
    for name in _DEVICES:
        made += [("file", f"root/dev/{name}"), _bind(f"/dev/{name}", f"root/dev/{name}")]
    return [
        *made,
        ("dir", "root/dev/pts", 0o755),
        (
            "mount",
            "devpts",
            "root/dev/pts",
            "devpts",
            MS_NOSUID | MS_NOEXEC,
            "newinstance,ptmxmode=0666,mode=0620,gid=5",
        ),
        ("dir", "root/dev/shm", 0o1777),
        ("mount", "tmpfs", "root/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"),
        ("link", "pts/ptmx", "root/dev/ptmx"),
        ("link", "/proc/self/fd", "root/dev/fd"),
        *(("link", f"/proc/self/fd/{number}", f"root/dev/{name}") for number, name in enumerate(_STREAMS)),
    ]


_STREAMS = ("stdin", "stdout", "stderr")


def _kernel() -> list[Step]:
    """/proc and /sys. What there belongs to the whole machine is read-only: a play on a lab host must not tune it."""
    made: list[Step] = [("mount", "proc", "root/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "")]
    for name in _READ_ONLY_PROC:
        if os.path.exists(f"/proc/{name}"):
            path = f"root/proc/{name}"
            made += [_bind(path, path), _read_only(path)]
    return [
        *made,
        _bind("boot_id", "root/proc/sys/kernel/random/boot_id"),
        _read_only("root/proc/sys/kernel/random/boot_id"),
        _bind("/sys", "root/sys"),
        _read_only("root/sys"),
    ]


def _power(systemctl: str | None) -> list[Step]:
    """The machine's own systemctl, for all that the lab's script in its place doesn't do itself."""
    if systemctl is None:
        return []
    inside = f"root{LIBRARY}/systemctl"
    return [("dir", f"root{LIBRARY}", 0o755), ("file", inside), _bind(systemctl, inside)]


def _bind(source: str, target: str) -> Step:
    return ("mount", source, target, "", MS_BIND, "")


def _read_only(target: str) -> Step:
    return ("mount", "none", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY, "")
